"""Williams squares: exact balance within a square, for every number of names, and of listeners who share one."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from mushra_app.session.squares import drawn_rows, rota, williams

NAMES = tuple("abcdefghijklmno")


def positions(rows: list[tuple[str, ...]]) -> Counter:
    return Counter((place, name) for row in rows for place, name in enumerate(row))


def neighbours(rows: list[tuple[str, ...]]) -> Counter:
    return Counter(pair for row in rows for pair in itertools.pairwise(row))


def faults(rows: list[tuple[str, ...]], names: tuple[str, ...]) -> list[str]:
    """What is uneven: the balance counted anew here, not by the code under test."""
    places, pairs = positions(rows), neighbours(rows)
    found = []
    if {places[p, n] for p in range(len(names)) for n in names} != {len(rows) // len(names)}:
        found.append("positions")
    if {pairs[pair] for pair in itertools.permutations(names, 2)} != {len(rows) // len(names)}:
        found.append("carry-over")
    return found


def test_a_row_is_as_williams_wrote_it() -> None:
    assert williams(6)[0] == (0, 1, 5, 2, 4, 3)
    assert williams(1) == [(0,)] and williams(2) == [(0, 1), (1, 0)]
    assert len(williams(7)) == 14 and len(williams(8)) == 8


@pytest.mark.parametrize("count", range(2, 16))
@pytest.mark.parametrize("seed", range(10))
def test_a_square_is_exactly_balanced_for_position_and_carry_over(count: int, seed: int) -> None:
    names = NAMES[:count]
    rows = drawn_rows(names, random.Random(seed))
    assert all(sorted(row) == list(names) for row in rows)
    assert faults(rows, names) == []
    half = rows[:count]
    assert set(positions(half).values()) == {1}, "the first square of a pair is a Latin one by itself"


@pytest.mark.parametrize("count", range(3, 13))
def test_no_row_begins_with_what_the_last_one_ended_with(count: int) -> None:
    for seed in range(50):
        rows = drawn_rows(NAMES[:count], random.Random(seed))
        assert all(before[-1] != after[0] for before, after in zip(rows, rows[1:] + rows[:1], strict=True))


def test_the_check_of_balance_sees_planted_faults() -> None:
    names = NAMES[:6]
    rows = drawn_rows(names, random.Random(1))
    cyclic = [names[shift:] + names[:shift] for shift in range(6)]
    swapped = [(rows[0][1], rows[0][0], *rows[0][2:]), *rows[1:]]
    assert faults(cyclic, names) == ["carry-over"], "a Latin square that is none of Williams'"
    assert faults(swapped, names) == ["positions", "carry-over"], "two sounds exchanged on one page"
    assert faults([*rows[:-1], rows[0]], names) == ["positions", "carry-over"], "one row heard twice"
    odd = [tuple(NAMES[number] for number in row) for row in williams(5)[:5]]
    assert faults(odd, NAMES[:5]) == ["carry-over"], "half of an odd pair"


@pytest.mark.parametrize("count", [2, 3, 5, 8, 9])
@pytest.mark.parametrize("turns", [1, 3, 4, 8])
def test_listeners_go_on_where_the_one_before_stopped_until_squares_are_full(count: int, turns: int) -> None:
    names, rows = NAMES[:count], len(williams(count))
    heard = [
        row
        for listener in range(3 * rows)
        for row in itertools.islice(rota(names, turns, listener=listener, seed="s"), turns)
    ]
    for begun in range(0, len(heard), rows):
        assert faults(heard[begun : begun + rows], names) == []


def test_labels_are_drawn_anew_with_every_round_of_listeners_and_with_every_seed() -> None:
    first = [next(rota(NAMES[:6], 4, listener=listener, seed="s")) for listener in range(0, 300, 3)]
    assert len(set(first)) > 80
    assert len({next(rota(NAMES[:6], 4, listener=0, seed=str(seed))) for seed in range(100)}) > 80
    assert first[0] == next(rota(NAMES[:6][::-1], 4, listener=0, seed="s"))

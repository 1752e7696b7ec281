"""Williams squares: orders in which everything stands everywhere equally often, and follows everything equally often.

Task: give orders of names that are balanced for position and for first-order carry-over. A Latin square has each name
once in every row and once at every position; Williams' squares also have every ordered pair of neighbours equally
often. One square does it for an even number of names, a square and its mirror for an odd one.

Conventions: rows are tuples; ``turns`` is how many rows one listener takes; listeners count from 0.
References: E. J. Williams (1949), Experimental designs balanced for the estimation of residual effects of treatments,
Australian Journal of Scientific Research A 2, 149-168, doi:10.1071/CH9490149.
Defines: ``williams``, ``drawn_rows``, ``rota``.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence

TRIES = 200
"""For rows that follow each other without a repetition; about one draw in three has none, so that 200 always do."""


def williams(count: int) -> list[tuple[int, ...]]:
    """The rows for ``count`` names: ``count`` of them, or twice as many where that is odd and above one.

    Every number stands ``rows / count`` times at each position and ``rows / count`` times right before each other one.

    >>> williams(4)
    [(0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1)]
    """
    first = [(place + 1) // 2 * (1 if place % 2 else -1) % count for place in range(count)]
    square = [tuple((number + shift) % count for number in first) for shift in range(count)]
    return square + [row[::-1] for row in square] if count % 2 and count > 1 else square


def drawn_rows(names: Sequence[str], draw: random.Random) -> list[tuple[str, ...]]:
    """The rows of a Williams square with its names and rows in drawn order; of a pair the one square, then the other.

    Where it can be had, no row begins with what the row before it ends with, the first one following the last.
    """
    labels = draw.sample(list(names), len(names))
    rows = [tuple(labels[number] for number in row) for row in williams(len(names))]
    halves = [rows[: len(names)], rows[len(names) :]]
    for _ in range(TRIES):
        rows = [row for half in halves for row in draw.sample(half, len(half))]
        if all(before[-1] != after[0] for before, after in zip(rows, rows[1:] + rows[:1], strict=True)):
            break
    return rows


def rota(names: Sequence[str], turns: int, *, listener: int, seed: str) -> Iterator[tuple[str, ...]]:
    """The rows of one listener, without end; the next listener goes on where this one stops after ``turns`` rows.

    Whenever the listeners' rows fill whole squares, everything is balanced exactly, and the labels are drawn anew. So
    any rows in a row are as even as they can be, of one listener and over listeners.

    Parameters
    ----------
    names : what is ordered; at least one.
    turns : how many rows each listener takes, the same for all of them.
    listener : how many listeners came before.
    seed : what the labels are drawn from, the same for all listeners.
    """
    rows = len(williams(len(names)))
    listeners = rows // math.gcd(rows, turns)
    drawn = drawn_rows(sorted(names), random.Random(f"{seed} {listener // listeners}"))
    return itertools.islice(itertools.cycle(drawn), listener * turns % rows, None)

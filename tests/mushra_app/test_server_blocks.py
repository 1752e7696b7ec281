"""Incomplete pages: balanced and connected as claimed, counted here, from the blocks and from the plans themselves."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mushra_app.design_cli import design as command
from mushra_app.session import blocks, concurrence, planning
from mushra_app.session.design import Design, PlannedTrial, plan

Pages = Sequence[frozenset]
KNOWN = [
    *((7, 3, 1), (13, 4, 1), (9, 3, 1), (10, 4, 2), (6, 3, 2), (8, 4, 3), (9, 4, 3), (11, 5, 2), (16, 4, 1)),
    *((16, 6, 2), (10, 5, 4), (12, 6, 5), (15, 3, 1), (15, 7, 3), (19, 9, 4), (10, 3, 2), (13, 3, 1), (14, 7, 6)),
    *((7, 4, 2), (9, 6, 5), (10, 6, 5), (13, 9, 6), (16, 10, 6), (16, 8, 7)),  # complements, and 16 choose 8 by halves
    *((5, 2, 1), (5, 4, 3), (6, 4, 6), (4, 2, 1)),  # all combinations
]
"""v, k and lambda of balanced incomplete block designs, as the books list them."""


def times(pages: Iterable[frozenset]) -> Counter:
    return Counter(name for page in pages for name in page)


def meetings(pages: Iterable[frozenset]) -> Counter:
    return Counter(pair for page in pages for pair in itertools.combinations(sorted(page), 2))


def faults(pages: Pages, systems: Sequence, per_page: int, concurrence: int) -> list[str]:
    """Why these blocks are no balanced incomplete block design of that kind; empty where they are one."""
    found = [] if {len(page) for page in pages} == {per_page} else ["block size"]
    replications, pairs = times(pages), meetings(pages)
    if len({replications[one] for one in systems}) != 1:
        found.append("replications")
    if {pairs[pair] for pair in itertools.combinations(systems, 2)} != {concurrence}:
        found.append("concurrences")
    return found


def spread(counts: Counter, cells: Iterable) -> int:
    found = [counts[cell] for cell in cells]
    return max(found) - min(found)


def is_connected(pages: Pages, systems: Sequence) -> bool:
    """By walking from page to page."""
    reached, left = {systems[0]}, list(pages)
    while touching := [page for page in left if page & reached]:
        reached |= frozenset().union(*touching)
        left = [page for page in left if page not in touching]
    return reached == set(systems)


@pytest.mark.parametrize(("systems", "per_page", "lamda"), KNOWN)
def test_known_designs_are_exactly_balanced_and_a_listener_with_that_many_pages_gets_one(
    systems: int, per_page: int, lamda: int
) -> None:
    count = lamda * systems * (systems - 1) // (per_page * (per_page - 1))
    found = blocks.known_design(systems, per_page, count)
    assert len(found) == count and faults(found, range(systems), per_page, lamda) == []
    assert blocks.known_design(systems, per_page, count - 1) == ()
    assert faults(blocks.row(systems, per_page, 2 * count), range(systems), per_page, 2 * lamda) == []


def test_every_family_is_among_the_known_ones() -> None:
    assert set(blocks.FAMILIES) <= {(systems, per_page) for systems, per_page, _ in KNOWN}


def test_planted_faults_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = list(blocks.known_design(7, 3, 7))
    assert faults(right, range(7), 3, 1) == []
    assert faults([*right[:-1], right[0]], range(7), 3, 1) == ["replications", "concurrences"], "a block twice"
    assert faults(right[:-1], range(7), 3, 1) == ["replications", "concurrences"], "a block lost"
    monkeypatch.setitem(blocks.FAMILIES, (7, 3), (7, ((0, 1, 4),)))
    assert faults(blocks.known_design(7, 3, 7), range(7), 3, 1) == ["concurrences"], "a start block shifted in part"
    monkeypatch.setitem(blocks.FAMILIES, (9, 3), (9, ((0, 1, 3), (0, 4, 8))))
    assert faults(blocks.known_design(9, 3, 18), range(9), 3, 1) == ["concurrences"], "another modulus"


def check_shape(systems: int, per_page: int, pages: int) -> None:
    """All that is claimed of listeners with so many pages, for twice as many listeners as there are systems."""
    names, items = [f"s{n:02d}" for n in range(systems)], [f"i{n}" for n in range(pages)]
    total, cells, pairs = Counter(), Counter(), Counter()
    for listener in range(2 * systems):
        own = blocks.subsets(names, per_page, items, listener=listener, seed="s")
        heard = [frozenset(own[item]) for item in items]
        assert all(len(page) == per_page == len(own[item]) for item, page in zip(items, heard, strict=True))
        assert spread(times(heard), names) <= 1, "over one listener's pages"
        assert is_connected(heard, names) == blocks.linkable(systems, per_page, pages), "by one listener's pages"
        total.update(times(heard))
        pairs.update(meetings(heard))
        cells.update((item, name) for item in items for name in own[item])
        assert spread(total, names) <= 1, f"over {listener + 1} listeners"
        if (listener + 1) % systems == 0:
            assert {cells[cell] for cell in itertools.product(items, names)} == {per_page * (listener + 1) // systems}
        if listener + 1 == systems and pages >= 5:
            assert spread(pairs, itertools.combinations(names, 2)) <= MOST_UNEVEN, "pairs over v listeners"


MOST_UNEVEN = 2
"""Of concurrences over v listeners, from 5 pages on; fewer pages can't hold all distances on the circle."""
SMALL = [(systems, per_page) for systems in range(3, 9) for per_page in range(2, systems)]


@pytest.mark.parametrize(("systems", "per_page"), [*SMALL, (12, 5), (14, 9), (20, 6)])
def test_replications_items_pairs_and_links_of_small_shapes(systems: int, per_page: int) -> None:
    check_shape(systems, per_page, 6)


@given(st.integers(3, 20), st.integers(2, 10), st.integers(1, 12))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_any_shape_keeps_what_is_claimed(systems: int, per_page: int, pages: int) -> None:
    check_shape(systems, min(per_page, systems - 1), pages)


@pytest.mark.proof
@pytest.mark.parametrize("systems", range(3, 21))
def test_every_shape_keeps_what_is_claimed(systems: int) -> None:
    for per_page in range(2, min(10, systems - 1) + 1):
        for pages in (1, 2, 3, 5, 8, 12, 20):
            check_shape(systems, per_page, pages)


def test_the_checks_see_a_row_that_is_dealt_like_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consecutive numbers are replicated equally and met unequally, and three pages of them may not hang together."""
    dealt = {pages: [frozenset((page * 3 + n) % 7 for n in range(3)) for page in range(pages)] for pages in (3, 6)}
    monkeypatch.setattr(blocks, "row", lambda systems, per_page, pages: tuple(dealt[pages]))
    with pytest.raises(AssertionError, match="pairs over v listeners"):
        check_shape(7, 3, 6)
    with pytest.raises(AssertionError, match="by one listener's pages"):
        check_shape(7, 3, 3)


def test_the_checks_see_listeners_who_all_begin_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "shift", lambda systems, places, listener: listener)
    with pytest.raises(AssertionError, match="over 2 listeners"):
        check_shape(12, 5, 8)


def design_for(systems: int, per_page: int, items: int, **more) -> Design:
    names = tuple(f"s{n:02d}" for n in range(systems))
    common = {"overall": ("low", "mid", "reference"), "clean": ("low", "reference")}
    songs = tuple(f"item {number}" for number in range(items))
    asked = {
        "attributes": ("overall",),
        "training": (),
        "test": songs,
        "hidden": {(attribute, song): (*common[attribute], *names) for attribute in common for song in songs},
        "systems": frozenset(names),
        "systems_per_page": per_page,
    }
    return Design(**(asked | more))


def systems_of(trial: PlannedTrial) -> frozenset[str]:
    return frozenset(name for name in trial.order if name.startswith("s"))


def test_replicates_and_attributes_keep_the_subset_and_every_page_has_reference_and_anchors() -> None:
    asked = design_for(
        11, 4, 7, attributes=("overall", "clean"), replicates=1, training=("item 0", "item 1"), sessions=2,
        attention_checks=1, attention=("reference", "low"),
    )  # fmt: skip
    for one in planning.planned(asked, 12, 4):
        common = {"overall": {"low", "mid", "reference"}, "clean": {"low", "reference"}}
        pages = [trial for trial in one if trial.block != "attention"]
        for trial in pages:
            assert set(trial.order) - systems_of(trial) == common[trial.attribute]
            assert len(systems_of(trial)) == 4 and len(trial.order) == len(set(trial.order))
        chosen = {(trial.block, trial.item): systems_of(trial) for trial in pages}
        assert all(systems_of(trial) == chosen[trial.block, trial.item] for trial in pages)
        assert max(Counter((trial.item, trial.order) for trial in pages).values()) == 1, "no order twice"
        lengths = {trial.attribute: len(trial.order) for trial in pages}
        assert all(len(trial.order) == lengths[trial.attribute] for trial in one), "an attention check looks the same"


def test_reference_and_anchors_stand_everywhere_equally_often_in_full_squares() -> None:
    plans = planning.planned(design_for(9, 3, 8), 9, 2)  # six sounds, 72 pages: twelve squares
    places = Counter((place, name) for order in planning.pages_of(plans, "overall") for place, name in enumerate(order))
    assert {places[place, name] for place in range(6) for name in ("low", "mid", "reference")} == {12}
    assert {sum(places[place, f"s{n:02d}"] for n in range(9)) for place in range(6)} == {36}, "systems as a whole"


def test_no_position_tells_a_system_and_none_is_heard_more_often_at_any_place_in_the_queue() -> None:
    """For the 1st and the 4th listener over 1500 studies; chi-square, 99.99 % points of 29 and 5 degrees of freedom."""
    for listener in (0, 3):
        places, heard = Counter(), Counter()
        for seed in range(1500):
            asked = replace(design_for(6, 2, 5), listener=listener, shared=seed)
            order = plan(asked, seed + 9999)[1].order
            places.update((place, name) for place, name in enumerate(order) if name.startswith("s"))
            heard.update(name for name in order if name.startswith("s"))
        assert len(places) == 30 and sum((count - 100) ** 2 / 100 for count in places.values()) < 66.2
        assert sum((count - 500) ** 2 / 500 for count in heard.values()) < 25.8


def test_as_many_systems_as_there_are_change_no_plan() -> None:
    whole = design_for(6, 6, 5, replicates=1)
    assert planning.planned(whole, 4, 3) == planning.planned(replace(whole, systems_per_page=None), 4, 3)
    assert concurrence.blocks_of(whole, planning.planned(whole, 4, 3), "overall") is None


def test_sampled_items_keep_everything_but_the_balance_of_items() -> None:
    plans = planning.planned(design_for(8, 3, 12, per_listener=6), 16, 1)
    own = [[systems_of(trial) for trial in one] for one in plans]
    for listeners in range(1, 17):
        assert spread(times(page for one in own[:listeners] for page in one), [f"s{n:02d}" for n in range(8)]) <= 1


@pytest.mark.parametrize(
    ("systems", "per_page", "items"), [(7, 3, 7), (13, 4, 13), (9, 3, 12), (10, 4, 15), (12, 5, 8)]
)
def test_what_is_counted_is_what_is_there(systems: int, per_page: int, items: int) -> None:
    asked = design_for(systems, per_page, items)
    plans = planning.planned(asked, 5, 8)
    found = concurrence.blocks_of(asked, plans, "overall")
    assert found is not None
    names, pages = sorted(asked.systems), [systems_of(trial) for one in plans for trial in one]
    for said, counts, cells in (
        (found.replications, times(pages), names),
        (found.concurrences, meetings(pages), list(itertools.combinations(names, 2))),
        (
            found.with_items,
            Counter((trial.item, name) for one in plans for trial in one for name in systems_of(trial)),
            list(itertools.product(asked.test, names)),
        ),
    ):
        values = [counts[cell] for cell in cells]
        assert (said.smallest, said.largest) == (min(values), max(values))
        assert said.expected == pytest.approx(sum(values) / len(values))
    assert len(found.groups) == 1 and found.linking == 5
    bound = concurrence.most_efficient(systems, per_page)
    assert (concurrence.efficiency(pages, names) == bound) == ((systems, per_page) != (12, 5))


@pytest.mark.parametrize("seed", range(5))
def test_the_efficiency_factor_is_the_harmonic_mean_of_the_eigenvalues(seed: int) -> None:
    draw = np.random.default_rng(seed)
    names = [f"s{n}" for n in range(7)]
    pages = [frozenset(str(name) for name in draw.choice(names, 3, replace=False)) for _ in range(15)]
    incidence = np.array([[name in page for page in pages] for name in names], float)
    r = incidence.sum(axis=1)
    information = np.diag(r) - incidence @ incidence.T / 3
    canonical = np.sort(np.linalg.eigvalsh(information / np.sqrt(np.outer(r, r))))[1:]
    assert float(concurrence.efficiency(pages, names)) == pytest.approx(6 / (1 / canonical).sum())
    assert concurrence.efficiency(pages, names) <= concurrence.most_efficient(7, 3) == Fraction(7, 9)


def test_pages_that_link_nothing_have_no_efficiency_and_are_said_in_groups() -> None:
    apart = [frozenset("ab"), frozenset("bc"), frozenset("de")]
    assert concurrence.efficiency(apart, "abcdef") == 0
    assert sorted(map(sorted, concurrence.linked(apart, "abcdef"))) == [["a", "b", "c"], ["d", "e"], ["f"]]


def toml(systems: int, per_page: int, items: int) -> str:
    return "\n".join(
        [
            '[experiment]\nname = "many"\ntitle = "Many"\n[[attributes]]\nname = "overall"\nquestion = "How good?"',
            *(f'[[items]]\nsong = "song {n}"\nexcerpt = {{ start_s = 0, length_s = 10 }}' for n in range(items)),
            *(f'[[systems]]\nname = "s{n:02d}"\nkind = "repet"' for n in range(systems)),
            *(f'[[anchors]]\nkind = "lowpass"\ncutoff_hz = {cutoff}' for cutoff in (3500, 7000)),
            f"[test]\nsystems_per_page = {per_page}\n",
        ]
    )


def test_the_command_prints_the_proof_and_tells_machines(tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(toml(12, 5, 8))
    text = CliRunner().invoke(command, [str(file), "--listeners", "12"]).output
    assert "overall: 5 of 12 systems on a page" in text and "Efficiency factor E = 0.872" in text
    assert "The pages of all listeners link all systems. Those of 12 of 12 listeners do so by themselves." in text
    assert "overall: sounds on a page, always there" in text and "overall: sounds on a page, systems" in text
    assert len([line for line in text.splitlines() if line.startswith("song ")]) == 16
    told = json.loads(CliRunner().invoke(command, [str(file), "--listeners", "12", "--format", "json"]).output)
    (found,) = told["blocks"]
    assert found["replications"] == {"smallest": 40, "largest": 40, "expected": 40.0}
    assert found["with_items"] == {"smallest": 5, "largest": 5, "expected": 5.0}
    assert found["own_replications"]["largest"] == 4 and found["by_item"]["song 3"]["s07"] == 5
    assert told["listeners"][0]["seconds"] == {"1": 8 * 8 * 10 * 2.5}, "eight sounds on each of eight pages"


def test_pages_that_cannot_link_all_systems_are_said(tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(toml(12, 2, 5))
    one = CliRunner().invoke(command, [str(file), "--listeners", "1"]).output
    assert "The systems fall into 7 groups that no page links, but for reference and anchors: " in one
    assert "Those of 0 of 1 listeners do so by themselves: 5 pages of 2 can't link 12." in one
    many = CliRunner().invoke(command, [str(file), "--listeners", "12"]).output
    assert "The pages of all listeners link all systems. Those of 0 of 12" in many

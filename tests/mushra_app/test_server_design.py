"""The plan of a session: what it must hold, and that its orders are balanced over many seeds."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from mushra_app.design import Design, plan

CONDITIONS = ("a", "b", "c", "d", "e")
DESIGN = Design(
    attributes=("overall", "vocals"),
    training=("warm",),
    test=("one", "two", "three", "warm"),
    hidden=dict.fromkeys(("warm", "one", "two", "three"), CONDITIONS),
    replicates=1,
)


def test_training_comes_first_and_every_item_in_every_attribute_and_round() -> None:
    trials = plan(DESIGN, 1)
    assert [trial.block for trial in trials] == ["training"] * 2 + ["test"] * 16
    test = Counter((trial.attribute, trial.item, trial.replicate) for trial in trials if trial.block == "test")
    assert len(test) == 16 and set(test.values()) == {1}
    assert all(sorted(trial.order) == list(CONDITIONS) for trial in trials)


def test_an_attribute_is_one_block() -> None:
    asked = [trial.attribute for trial in plan(DESIGN, 5) if trial.block == "test"]
    assert asked == [asked[0]] * 8 + [asked[-1]] * 8


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert plan(DESIGN, 7) == plan(DESIGN, 7)
    assert plan(DESIGN, 7) != plan(DESIGN, 8)


@pytest.mark.parametrize("seed", range(50))
def test_no_item_follows_itself_and_none_repeats_an_order(seed: int) -> None:
    two = replace(DESIGN, training=("warm", "cold"), hidden={**DESIGN.hidden, "cold": CONDITIONS})
    trials = plan(two, seed)
    assert all(first.item != second.item for first, second in itertools.pairwise(trials))
    orders = Counter((trial.item, trial.order) for trial in trials)
    assert max(orders.values()) == 1


def test_a_single_item_with_two_sounds_still_gets_its_plan() -> None:
    small = Design(("overall",), (), ("one",), {"one": ("a", "b")}, replicates=3)
    assert len(plan(small, 1)) == 4


def test_the_least_heard_items_are_drawn_and_ties_by_lot() -> None:
    sampled = replace(DESIGN, per_listener=2, seen={"one": 3, "two": 1, "three": 2, "warm": 1}, replicates=0)
    assert {trial.item for trial in plan(sampled, 3) if trial.block == "test"} == {"two", "warm"}
    tied = replace(sampled, seen={})
    assert len({frozenset(t.item for t in plan(tied, seed) if t.block == "test") for seed in range(60)}) == 6


def test_conditions_and_items_are_balanced_over_positions() -> None:
    """Chi-square against uniform, 2000 sessions; 99.99 % points of 16 and 9 degrees of freedom."""
    places, firsts = Counter(), Counter()
    for seed in range(2000):
        trial = plan(replace(DESIGN, training=()), seed)[0]
        firsts[trial.item] += 1
        places.update(enumerate(trial.order))
    expected = 2000 / len(CONDITIONS)
    assert sum((places[p, c] - expected) ** 2 / expected for p in range(5) for c in CONDITIONS) < 43.0
    assert sum((firsts[item] - 500) ** 2 / 500 for item in DESIGN.test) < 21.1

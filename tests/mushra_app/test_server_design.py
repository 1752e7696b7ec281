"""The plan of a session: what it must hold, and that its orders are balanced over many seeds."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from mushra_app.session.design import Design, plan

CONDITIONS = ("a", "b", "c", "d", "e")
DESIGN = Design(
    attributes=("overall", "vocals"),
    training=("warm",),
    test=("one", "two", "three", "warm"),
    hidden=dict.fromkeys(itertools.product(("overall", "vocals"), ("warm", "one", "two", "three")), CONDITIONS),
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
    assert asked == ["overall"] * 8 + ["vocals"] * 8


def test_the_first_attribute_is_asked_first_and_the_others_in_every_order() -> None:
    four = ("overall", "a", "b", "c")
    hidden = dict.fromkeys(itertools.product(four, DESIGN.test), CONDITIONS)
    design = replace(DESIGN, attributes=four, hidden=hidden, replicates=0)
    asked = {tuple(dict.fromkeys(t.attribute for t in plan(design, s) if t.block == "test")) for s in range(100)}
    assert asked == {("overall", *others) for others in itertools.permutations("abc")}


def test_each_attribute_has_its_own_anchors() -> None:
    hidden = {key: CONDITIONS if key[0] == "overall" else CONDITIONS[:3] for key in DESIGN.hidden}
    for trial in plan(replace(DESIGN, hidden=hidden), 2):
        assert sorted(trial.order) == list(CONDITIONS if trial.attribute == "overall" else CONDITIONS[:3])


def test_several_sessions_share_the_items_and_train_once() -> None:
    six = ("one", "two", "three", "four", "five")
    hidden = dict.fromkeys(itertools.product(DESIGN.attributes, ("warm", *six)), CONDITIONS)
    trials = plan(replace(DESIGN, test=six, hidden=hidden, sessions=2), 9)
    assert [trial.part for trial in trials] == sorted(trial.part for trial in trials)
    assert {trial.part for trial in trials if trial.block == "training"} == {1}
    heard = {part: {t.item for t in trials if (t.part, t.block) == (part, "test")} for part in (1, 2)}
    assert (len(heard[1]), len(heard[2])) == (3, 2) and heard[1] | heard[2] == set(six)
    assert {(t.attribute, t.replicate) for t in trials if (t.part, t.block) == (2, "test")} == {
        (attribute, turn) for attribute in DESIGN.attributes for turn in (0, 1)
    }


@pytest.mark.parametrize("seed", range(30))
def test_attention_checks_hide_the_reference_among_copies_and_never_come_first(seed: int) -> None:
    design = replace(DESIGN, sessions=2, attention_checks=2, attention=("a", "e"))
    trials = plan(design, seed)
    for part in (1, 2):
        own = [trial for trial in trials if trial.part == part and trial.block != "training"]
        checks = [trial for trial in own if trial.block == "attention"]
        assert len(checks) == 2 and own[0].block == "test"
        assert all(sorted(check.order) == ["a", "e", "e", "e", "e"] for check in checks)
        assert all(own[own.index(check) - 1].attribute == check.attribute for check in checks)
    without = plan(replace(DESIGN, sessions=2), seed)
    assert sum(trial.block == "test" for trial in trials) == sum(trial.block == "test" for trial in without)


def test_an_attention_check_stands_anywhere_and_its_reference_too() -> None:
    design = replace(DESIGN, training=(), replicates=0, attention_checks=1, attention=("a", "e"))
    places, slots = Counter(), Counter()
    for seed in range(400):
        trials = plan(design, seed)
        place = next(i for i, trial in enumerate(trials) if trial.block == "attention")
        places[place] += 1
        slots[trials[place].order.index("a")] += 1
    assert set(places) == set(range(1, 9)) and min(places.values()) > 20
    assert set(slots) == set(range(5)) and min(slots.values()) > 40


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert plan(DESIGN, 7) == plan(DESIGN, 7)
    assert plan(DESIGN, 7) != plan(DESIGN, 8)


@pytest.mark.parametrize("seed", range(50))
def test_no_item_follows_itself_and_none_repeats_an_order(seed: int) -> None:
    two = replace(
        DESIGN,
        training=("warm", "cold"),
        hidden={**DESIGN.hidden, ("overall", "cold"): CONDITIONS, ("vocals", "cold"): CONDITIONS},
    )
    trials = plan(two, seed)
    assert all(first.item != second.item for first, second in itertools.pairwise(trials))
    orders = Counter((trial.item, trial.order) for trial in trials)
    assert max(orders.values()) == 1


def test_a_single_item_with_two_sounds_still_gets_its_plan() -> None:
    small = Design(("overall",), (), ("one",), {("overall", "one"): ("a", "b")}, replicates=3)
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

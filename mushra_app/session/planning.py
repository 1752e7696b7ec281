"""The plan of a whole test before anybody listens: what its file asks of N listeners, and how balanced it is.

Task: make a ``Design`` from an experiment file, draw the listeners that would come, and count. The plan is the one of
an enrolment, but for seeds: those of real sessions are drawn when people come. Systems that turn out not to run when
the set is built are left out there and counted here.

Conventions: training and attention checks are in the plan and in its time, and never in the balance, because neither
is analysed. Neighbours are what stands next to each other on a page from left to right (a listener may still go through
them in another order), or follows each other in a round of items. Times in seconds.
Defines: ``design_of``, ``planned``; ``Spread``, ``Balance``, ``balance_of``, ``balance_among``; ``pages_of``,
``rounds_of``; ``heard_by``, ``groups_of``; ``seconds_of``, ``FACTOR``.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mushra_app.session.design import Design, PlannedTrial, plan
from stimuli.experiment import REFERENCE, Experiment

FACTOR = 2.5
"""How often a listener hears each hidden sound through on a page: this project's convention, not a measurement."""

Plan = Sequence[PlannedTrial]


def design_of(experiment: Experiment) -> Design:
    """What sessions of an experiment are drawn from, as far as its file can say."""
    test = experiment.test
    items = [(key, item.use) for item in experiment.items for key in item.keys]
    return Design(
        attributes=tuple(attribute.name for attribute in experiment.attributes),
        training=tuple(key for key, use in items if use in ("training", "both")),
        test=tuple(key for key, use in items if use in ("test", "both")),
        hidden={
            (attribute.name, key): tuple(sorted(experiment.conditions_of(attribute.name)))
            for attribute in experiment.attributes
            for key, _ in items
        },
        per_listener=None if test.items_per_listener == "all" else test.items_per_listener,
        replicates=test.replicates,
        sessions=test.sessions,
        attention_checks=test.attention_checks,
        attention=(REFERENCE, experiment.lowest_anchor or ""),
        systems=frozenset(system.name for system in experiment.systems),
        systems_per_page=None if test.systems_per_page == "all" else test.systems_per_page,
    )


def planned(design: Design, listeners: int, seed: int) -> list[Plan]:
    """The plans of that many listeners, one after the other, each with a seed of its own drawn from ``seed``."""
    draw = random.Random(seed)
    seeds = [draw.getrandbits(63) for _ in range(listeners)]
    plans: list[Plan] = []
    heard: Counter[str] = Counter()
    for listener, own in enumerate(seeds):
        one = plan(replace(design, listener=listener, shared=seeds[0], seen=heard), own)
        heard.update({trial.item for trial in one if trial.block == "test"})
        plans.append(one)
    return plans


@dataclass(frozen=True)
class Spread:
    """Smallest and largest of some counts, and what each of them would be if all were equal."""

    smallest: int
    largest: int
    expected: float


def spread_of(counts: Mapping[Hashable, int], cells: Sequence[Hashable]) -> Spread:
    """The spread of counts over all cells, those that never occurred too; zeros where there is no cell."""
    found = [counts.get(cell, 0) for cell in cells]
    return Spread(min(found, default=0), max(found, default=0), sum(found) / len(found) if found else 0.0)


@dataclass(frozen=True)
class Balance:
    """How even some orders of the same names are.

    ``positions``: how often each name stood at each position. ``neighbours``: how often each stood right after each
    other one (first-order carry-over).
    """

    what: str
    orders: int
    names: tuple[str, ...]
    positions: Spread
    neighbours: Spread


def balance_of(what: str, orders: Iterable[Sequence[str]]) -> list[Balance]:
    """The balance of orders: one for every set of names among them."""
    sets: dict[tuple[str, ...], list[Sequence[str]]] = {}
    for order in orders:
        sets.setdefault(tuple(sorted(order)), []).append(order)
    return [balance_among(what, alike, names) for names, alike in sets.items()]


def balance_among(what: str, orders: Sequence[Sequence[str]], names: tuple[str, ...]) -> Balance:
    """The balance of those names in orders of one length that may hold others too."""
    return Balance(
        what,
        len(orders),
        names,
        spread_of(
            Counter((place, name) for order in orders for place, name in enumerate(order)),
            list(itertools.product(range(len(orders[0])), names)),
        ),
        spread_of(
            Counter(pair for order in orders for pair in itertools.pairwise(order)),
            list(itertools.permutations(names, 2)),
        ),
    )


def pages_of(plans: Sequence[Plan], attribute: str) -> list[tuple[str, ...]]:
    """The orders of the sounds on all test pages of an attribute."""
    return [trial.order for one in plans for trial in one if (trial.block, trial.attribute) == ("test", attribute)]


def rounds_of(plans: Sequence[Plan], attribute: str) -> list[tuple[str, ...]]:
    """The orders of the items in all test rounds of an attribute."""
    found: dict[tuple[int, int, int], list[str]] = {}
    for listener, one in enumerate(plans):
        for trial in one:
            if (trial.block, trial.attribute) == ("test", attribute):
                found.setdefault((listener, trial.part, trial.replicate), []).append(trial.item)
    return [tuple(items) for items in found.values()]


def heard_by(design: Design, plans: Sequence[Plan]) -> dict[str, int]:
    """For every item of the test, how many listeners have it in theirs."""
    counts = Counter(item for one in plans for item in {trial.item for trial in one if trial.block == "test"})
    return {item: counts[item] for item in design.test}


def groups_of(design: Design, plans: Sequence[Plan]) -> list[frozenset[str]]:
    """Items that hang together by listeners who heard them: the connected components of the listener-item graph.

    One group: all listeners and items can be compared. More: ratings of one say nothing about another's. Items that
    nobody heard are groups of their own.
    """
    groups = [frozenset([item]) for item in design.test]
    for one in plans:
        heard = {trial.item for trial in one if trial.block == "test"}
        touched = [group for group in groups if group & heard]
        groups = [group for group in groups if not group & heard] + [frozenset().union(*touched)]
    return groups


def seconds_of(experiment: Experiment, one: Plan, factor: float = FACTOR) -> dict[int, float]:
    """Seconds that a listener's trials take, by session: of each, hidden sounds × excerpt length × ``factor``.

    Reading, questions, setting up, breaks and hearing the open reference again are not counted.
    """
    length_s = {key: item.excerpt.length_s for item in experiment.items for key in item.keys}
    total = dict.fromkeys(sorted({trial.part for trial in one}), 0.0)
    for trial in one:
        total[trial.part] += len(trial.order) * length_s[trial.item] * factor
    return total

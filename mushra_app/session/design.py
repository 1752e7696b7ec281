"""Who hears what, in which order: pure functions of a seed that is stored with the session.

Task: draw the plan of one listener, over all their sessions. Training comes first (items with use training or both),
then the test (items with use test or both), one block of trials per attribute. The first attribute is asked first, as
written (BS.1534-3, clause 6); every other order is drawn: of the further attributes, of the items within a block, of
the sounds on a page (clause 3: random order within and between sessions). Replicates are whole further rounds through
the items, and no item follows itself where that can be avoided; an item that comes again shows its sounds in another
order. With several sessions the test's items are dealt out to them, and each session asks all attributes of its items.

An attention check looks like any other page: one of the session's items, with the reference once and copies of the
lowest anchor in all other places. Whoever listens rates the reference above them.

Conventions: items, attributes and conditions are names; positions count from 1 elsewhere, orders are tuples.
Defines: ``Design``, ``PlannedTrial``, ``plan``, ``least_seen``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Design:
    """What a listener's plan is drawn from.

    ``hidden`` names the rated conditions of an attribute and an item; ``per_listener`` of the test's items are heard
    (``None``: all), the least heard so far first, as counted in ``seen``. ``attention_checks`` of each session are
    made of the two conditions ``attention``: the reference and the lowest anchor.
    """

    attributes: tuple[str, ...]
    training: tuple[str, ...]
    test: tuple[str, ...]
    hidden: Mapping[tuple[str, str], tuple[str, ...]]
    per_listener: int | None = None
    replicates: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    sessions: int = 1
    attention_checks: int = 0
    attention: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class PlannedTrial:
    """One page of session ``part``: ``order`` are the hidden conditions as they stand on it, the first one leftmost."""

    part: int
    block: str
    attribute: str
    item: str
    replicate: int
    order: tuple[str, ...]


def plan(design: Design, seed: int) -> list[PlannedTrial]:
    """The trials of one listener in the order in which they are heard, session after session.

    Parameters
    ----------
    design : what to draw from.
    seed : any whole number; the same seed and design give the same plan.
    """
    draw = random.Random(seed)
    attributes = (design.attributes[0], *shuffled(design.attributes[1:], draw))
    test = least_seen(design.test, design.seen, design.per_listener or len(design.test), draw)
    trials: list[PlannedTrial] = []
    used: dict[str, set[tuple[str, ...]]] = {}
    for part in range(1, design.sessions + 1):
        items = test[part - 1 :: design.sessions]
        rounds = [("training", attribute, design.training, 0) for attribute in attributes if part == 1]
        rounds += [
            ("test", attribute, items, turn) for attribute in attributes for turn in range(design.replicates + 1)
        ]
        begun = len(trials)
        for block, attribute, heard, turn in rounds:
            for item in shuffled(heard, draw, not_first=trials[-1].item if trials else None):
                order = _new_order(design.hidden[attribute, item], used.setdefault(item, set()), draw)
                trials.append(PlannedTrial(part, block, attribute, item, turn, order))
        for _ in range(design.attention_checks):
            _insert_attention_check(trials, begun, design.attention, draw)
    return trials


def least_seen(items: Sequence[str], seen: Mapping[str, int], count: int, draw: random.Random) -> list[str]:
    """``count`` of the items, those first that were heard least so far; ties are drawn."""
    return sorted(shuffled(items, draw), key=lambda item: seen.get(item, 0))[:count]


def shuffled(names: Sequence[str], draw: random.Random, *, not_first: str | None = None) -> list[str]:
    """The names in a drawn order; ``not_first`` does not come first where there is another name."""
    drawn = list(names)
    draw.shuffle(drawn)
    while len(drawn) > 1 and drawn[0] == not_first:
        draw.shuffle(drawn)
    return drawn


def _insert_attention_check(
    trials: list[PlannedTrial], begun: int, attention: tuple[str, str], draw: random.Random
) -> None:
    """After one of this session's test trials, never before the first: with that trial's question, another item."""
    places = [place for place in range(begun, len(trials)) if trials[place].block == "test"]
    place = draw.choice(places)
    before = trials[place]
    others = sorted({trials[other].item for other in places} - {trial.item for trial in trials[place : place + 2]})
    reference, anchor = attention
    order = shuffled((reference, *[anchor] * (len(before.order) - 1)), draw)
    item = draw.choice(others or [before.item])
    trials.insert(place + 1, PlannedTrial(before.part, "attention", before.attribute, item, 0, tuple(order)))


def _new_order(names: Sequence[str], used: set[tuple[str, ...]], draw: random.Random) -> tuple[str, ...]:
    """A drawn order that is not in ``used``, unless all of them are; remembers it there."""
    order = tuple(shuffled(names, draw))
    while order in used and len(used) < math.factorial(len(names)):
        order = tuple(shuffled(names, draw))
    used.add(order)
    return order

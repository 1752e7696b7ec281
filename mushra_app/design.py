"""Who hears what, in which order: pure functions of a seed that is stored with the session.

Task: draw the plan of one session. Training comes first (items with use training or both), then the test
(items with use test or both), one block of trials per attribute. Every order is drawn: of the attributes, of
the items within a block, of the sounds on a page (BS.1534-3, clause 3: random order within and between
sessions). Replicates are whole further rounds through the items, and no item follows itself where that can
be avoided; an item that comes again shows its sounds in another order.

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
    """What a session is drawn from.

    ``hidden`` names the rated conditions of every item; ``per_listener`` of the test's items are heard
    (``None``: all), the least heard so far first, as counted in ``seen``.
    """

    attributes: tuple[str, ...]
    training: tuple[str, ...]
    test: tuple[str, ...]
    hidden: Mapping[str, tuple[str, ...]]
    per_listener: int | None = None
    replicates: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedTrial:
    """One page: ``order`` are the hidden conditions as they stand on it, the first one leftmost."""

    block: str
    attribute: str
    item: str
    replicate: int
    order: tuple[str, ...]


def plan(design: Design, seed: int) -> list[PlannedTrial]:
    """The trials of one session in the order in which they are heard.

    Parameters
    ----------
    design : what to draw from.
    seed : any whole number; the same seed and design give the same plan.
    """
    draw = random.Random(seed)
    attributes = shuffled(design.attributes, draw)
    test = least_seen(design.test, design.seen, design.per_listener or len(design.test), draw)
    rounds = [("training", attribute, design.training, 0) for attribute in attributes]
    rounds += [("test", attribute, test, turn) for attribute in attributes for turn in range(design.replicates + 1)]
    trials: list[PlannedTrial] = []
    used: dict[str, set[tuple[str, ...]]] = {}
    for block, attribute, items, turn in rounds:
        for item in shuffled(items, draw, not_first=trials[-1].item if trials else None):
            order = _new_order(design.hidden[item], used.setdefault(item, set()), draw)
            trials.append(PlannedTrial(block, attribute, item, turn, order))
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


def _new_order(names: Sequence[str], used: set[tuple[str, ...]], draw: random.Random) -> tuple[str, ...]:
    """A drawn order that is not in ``used``, unless all of them are; remembers it there."""
    order = tuple(shuffled(names, draw))
    while order in used and len(used) < math.factorial(len(names)):
        order = tuple(shuffled(names, draw))
    used.add(order)
    return order

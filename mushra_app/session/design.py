"""Who hears what, in which order: pure functions of a seed that is stored with the session.

Task: draw the plan of one listener, over all their sessions. Training comes first (items with use training or both),
then the test (items with use test or both), one block of trials per attribute. The first attribute is asked first, as
written (BS.1534-3, clause 6); every other order is drawn: of the further attributes, of the items within a block, of
the sounds on a page (clause 3: random order within and between sessions). Replicates are whole further rounds through
the items. With several sessions the test's items are dealt out to them, and each session asks all attributes of its
items.

The sounds on the pages of an attribute, and the items of its rounds, stand in rows of Williams squares, which listeners
share: each goes on where the one before stopped (``mushra_app.session.squares``). Names and rows are drawn from
``Design.shared``, which is as random as a session's own seed, so that in any session every condition may stand anywhere
with equal chance, and no position tells a role. The order of three and more attributes is drawn by the own seed alone:
in step with the squares an attribute would meet the same rows again and again. Their pages are balanced all the same,
the items of their rounds nearly. Three demands win over the balance, where they collide:

* no item follows itself, where that can be avoided, because a sound just rated is remembered. Rows of a square follow
  each other without that; where training meets the test, two items of the training change parts. Only after a training
  of one item, after an attention check, and with two items is a round heard backwards (a row of the same squares, but
  not the one whose turn it was);
* an item that comes again shows its sounds in another order: pages of a round exchange their rows, which costs nothing,
  and where no exchange helps an order is drawn from outside of the square, because a recognised page is not blind;
* items that are sampled, or dealt out to sessions, are other ones for every listener: their rounds are squares of the
  listener's own, and their positions are balanced over listeners by chance alone. Sounds on pages still share theirs.

Where not all systems fit on a page, each page has a balanced subset of them (``mushra_app.session.blocks``), beside the
hidden reference and all anchors of its attribute. An item keeps its subset in every round and for every attribute, so
that replicates show reliability and attributes can be held against each other; training has subsets of its own. Such
pages take their orders from squares too: of reference, anchors and as many places for systems, so that a page's row is
drawn before it is known which systems fill it.

An attention check looks like any other page: one of the session's items, with the reference once and copies of the
lowest anchor in all other places. Whoever listens rates the reference above them. It takes no row of any square.

Conventions: items, attributes and conditions are names; positions count from 1 elsewhere, orders are tuples.
Defines: ``Design``, ``PlannedTrial``, ``plan``, ``least_seen``.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mushra_app.session.blocks import subsets
from mushra_app.session.squares import rota


@dataclass(frozen=True)
class Design:
    """What a listener's plan is drawn from.

    ``hidden`` names the rated conditions of an attribute and an item; ``per_listener`` of the test's items are heard
    (``None``: all), the least heard so far first, as counted in ``seen``. ``attention_checks`` of each session are
    made of the two conditions ``attention``: the reference and the lowest anchor. ``listener`` counts who enrolled
    before, and ``shared`` is the first one's seed, out of which the squares of all are drawn (``None``: the own one).
    ``systems_per_page`` of the ``systems`` among the rated conditions stand on a page (``None``: all).
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
    listener: int = 0
    shared: int | None = None
    systems: frozenset[str] = frozenset()
    systems_per_page: int | None = None

    def systems_of(self, attribute: str, item: str) -> tuple[str, ...]:
        """The systems that are rated for an attribute and an item, on whichever pages they stand."""
        return tuple(name for name in self.hidden[attribute, item] if name in self.systems)

    def places_of(self, attribute: str, item: str) -> tuple[str, ...]:
        """What a page is laid out for: the rated conditions; where not all systems fit, places for those that do."""
        names, systems = self.hidden[attribute, item], self.systems_of(attribute, item)
        if self.systems_per_page is None or len(systems) <= self.systems_per_page:
            return names
        places = (f"place {number}" for number in range(1, self.systems_per_page + 1))  # no name holds a space
        return (*(name for name in names if name not in self.systems), *places)

    @property
    def items_are_shared(self) -> bool:
        """Whether every listener hears all of the test's items in every round."""
        return self.sessions == 1 and self.per_listener in (None, len(self.test))


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
    squares = _Squares(design, seed, {"training": tuple(design.training), "test": tuple(test)})
    trials: list[PlannedTrial] = []
    used: dict[str, set[tuple[str, ...]]] = {}
    for part in range(1, design.sessions + 1):
        items = test[part - 1 :: design.sessions]
        trained = attributes if part == 1 and design.training else ()
        rounds = [("training", attribute, 0) for attribute in trained]
        rounds += [("test", attribute, turn) for attribute in attributes for turn in range(design.replicates + 1)]
        rows = [squares.items(block, items if block == "test" else design.training) for block, _, _ in rounds]
        rows = _apart(rows, trainings=len(trained), before=trials[-1].item if trials else None)
        begun = len(trials)
        for (block, attribute, turn), row in zip(rounds, rows, strict=True):
            orders = _other_orders(row, [squares.order(block, attribute, item) for item in row], used, draw)
            trials += [
                PlannedTrial(part, block, attribute, item, turn, squares.filled(block, attribute, item, order))
                for item, order in zip(row, orders, strict=True)
            ]
        for _ in range(design.attention_checks):
            _insert_attention_check(trials, begun, design.attention, draw)
    return trials


def least_seen(items: Sequence[str], seen: Mapping[str, int], count: int, draw: random.Random) -> list[str]:
    """``count`` of the items, those first that were heard least so far; ties are drawn."""
    return sorted(shuffled(items, draw), key=lambda item: seen.get(item, 0))[:count]


def shuffled(names: Sequence[str], draw: random.Random) -> list[str]:
    """The names in a drawn order."""
    return draw.sample(list(names), len(names))


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


class _Squares:
    """The squares that one listener's rounds and pages take their rows from."""

    def __init__(self, design: Design, seed: int, heard: Mapping[str, tuple[str, ...]]) -> None:
        self._design, self._own, self._heard = design, seed, heard
        self._shared = seed if design.shared is None else design.shared
        self._alike: dict[tuple[str, str], Counter[tuple[str, ...]]] = {}
        """How many items' pages are laid out for the same places."""
        self._rotas: dict[tuple[str, ...], Iterator[tuple[str, ...]]] = {}
        self._subsets: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def items(self, block: str, heard: Sequence[str]) -> tuple[str, ...]:
        """The items of the next round, in order; a square of the listener's own where others hear other items.

        All attributes take the rows of one square in turn, because no row begins with what the row before it ends with.
        """
        everybody = block == "training" or self._design.items_are_shared
        return self._next("items", block, "", heard, self._rounds(block), everybody=everybody)

    def order(self, block: str, attribute: str, item: str) -> tuple[str, ...]:
        """The places of the next page."""
        names = self._design.places_of(attribute, item)
        if (block, attribute) not in self._alike:
            self._alike[block, attribute] = Counter(
                self._design.places_of(attribute, other) for other in self._heard[block]
            )
        alike = self._alike[block, attribute][names]
        return self._next("page", block, attribute, names, alike * self._rounds(block), everybody=True)

    def filled(self, block: str, attribute: str, item: str, order: tuple[str, ...]) -> tuple[str, ...]:
        """The conditions of a page with that order of its places."""
        names = self._design.hidden[attribute, item]
        places = [place for place in self._design.places_of(attribute, item) if place not in names]
        if not places:
            return order
        systems = self._design.systems_of(attribute, item)
        key = (block, *systems)
        if key not in self._subsets:
            heard = set(self._heard[block])
            listed = self._design.training if block == "training" else self._design.test
            alike = [one for one in listed if one in heard and self._design.systems_of(attribute, one) == systems]
            self._subsets[key] = subsets(
                systems, len(places), alike, listener=self._design.listener, seed=f"{self._shared} systems {key}"
            )
        parts = dict(zip(places, self._subsets[key][item], strict=True))
        return tuple(parts.get(name, name) for name in order)

    def _rounds(self, block: str) -> int:
        return 1 if block == "training" else self._design.replicates + 1

    def _next(
        self, what: str, block: str, attribute: str, names: Sequence[str], turns: int, *, everybody: bool
    ) -> tuple[str, ...]:
        key = (what, block, attribute, *sorted(names))
        if key not in self._rotas:
            seed, listener = (self._shared, self._design.listener) if everybody else (self._own, 0)
            self._rotas[key] = rota(names, turns, listener=listener, seed=f"{seed} {key}")
        return next(self._rotas[key])


def _apart(rows: list[tuple[str, ...]], *, trainings: int, before: str | None) -> list[tuple[str, ...]]:
    """The rounds of a session, none of them beginning with the item heard last; ``trainings`` of them come first.

    Two items of the training change their parts in all of it, so that the test's rows can stay; else a row is turned.
    """
    training = _turned(rows[:trainings], before)
    if training and training[-1][-1] == rows[trainings][0]:
        last, other = training[-1][-1], training[-1][0]
        parts = {last: other, other: last}
        training = [tuple(parts.get(item, item) for item in row) for row in training]
    return training + _turned(rows[trainings:], training[-1][-1] if training else before)


def _turned(rows: Sequence[tuple[str, ...]], before: str | None) -> list[tuple[str, ...]]:
    """The rows, those backwards that would begin with what was last."""
    turned: list[tuple[str, ...]] = []
    for row in rows:
        turned.append(row[::-1] if row[0] == before else row)
        before = turned[-1][-1]
    return turned


def _other_orders(
    items: Sequence[str], rows: list[tuple[str, ...]], used: dict[str, set[tuple[str, ...]]], draw: random.Random
) -> list[tuple[str, ...]]:
    """The rows, exchanged among a round's pages so that no item gets an order twice; remembers them in ``used``."""
    orders = list(rows)
    seen = [used.setdefault(item, set()) for item in items]
    for here, order in enumerate(orders):
        if order not in seen[here] or _all_used(order, seen[here]):
            continue
        for there, other in enumerate(orders):
            if sorted(other) == sorted(order) and other not in seen[here] and orders[here] not in seen[there]:
                orders[here], orders[there] = other, orders[here]
                break
        else:
            orders[here] = _new_order(order, seen[here], draw)
    for known, order in zip(seen, orders, strict=True):
        known.add(order)
    return orders


def _new_order(names: Sequence[str], used: set[tuple[str, ...]], draw: random.Random) -> tuple[str, ...]:
    """A drawn order that is not in ``used``, where not all of them are."""
    order = tuple(shuffled(names, draw))
    while order in used:
        order = tuple(shuffled(names, draw))
    return order


def _all_used(names: Sequence[str], used: set[tuple[str, ...]]) -> bool:
    """Whether no order of these names is left."""
    return sum(sorted(one) == sorted(names) for one in used) == math.factorial(len(names))

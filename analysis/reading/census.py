"""What ratings are like before anything is made of them: how complete, and what can be compared with what at all.

Nothing is changed or left out here; what is unusual is counted and said in a sentence each. Thresholds are the eye's,
not the standard's: a condition is *heard on few items* where it was rated on fewer than half of the attribute's items
or on fewer than five, a listener has *few ratings* with fewer than half of what the middle listener has, and two
systems are *confounded* with their items where no item, or with their listeners and pages where no page, held both.

Conventions: a frame of rated rows as in ``mushra_app.ratings``; sentences name the attribute where there are several.
Defines: ``Census``, ``Confounded``, ``census``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.reading.ratings import PAGE
from analysis.study import Study

FEWEST_ITEMS = 5
"""Items that BS.1534-3, clause 7, wants at least."""
NAMED = 5
"""Names that a sentence spells out before it says how many more there are."""


class Confounded(NamedTuple):
    """Two systems that were never rated on one item, or never on one page (``by``: "item" or "page")."""

    attribute: str
    first: str
    second: str
    by: str


@dataclass(frozen=True)
class Census:
    """Counts of one study's ratings.

    ``holes``: listener x item x condition cells without a rating, where the listener rated the item and others the
    condition on it; systems that a page left out by design are none.
    ``replicated``: cells rated more than once. ``listeners_in_several_sessions`` and
    ``incomplete_listeners`` (who did not rate all items of an attribute) are counted, the others are named.
    """

    ratings: int
    listeners: int
    items: int
    conditions: int
    holes: int
    replicated: int
    listeners_in_several_sessions: int
    incomplete_listeners: int
    unheard: tuple[str, ...]
    on_few_items: tuple[str, ...]
    with_few_ratings: tuple[str, ...]
    confounded: tuple[Confounded, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """The same of one attribute."""

    replicated: int
    holes: int
    incomplete: frozenset[str]
    on_few_items: dict[str, int]
    items: int
    with_few_ratings: dict[str, int]
    middle: float
    confounded: tuple[Confounded, ...]


def census(frame: pd.DataFrame, study: Study) -> Census:
    """Count what the rated rows of a study are like.

    Parameters
    ----------
    frame : rated rows, of one attribute or several; rows without a rating are passed over.
    study : says which conditions are systems, and which should be there.
    """
    rated = frame[frame["rating"].notna()]
    parts = {str(name): _part(str(name), own, study) for name, own in rated.groupby("attribute", sort=False)}
    sessions = rated[rated["session"] != ""].groupby("listener")["session"].nunique() if "session" in rated else None
    several = int((sessions > 1).sum()) if sessions is not None else 0
    heard = set(rated["condition"].unique())
    unheard = tuple(name for name in study.roles if name not in heard)
    incomplete = frozenset[str]().union(*(part.incomplete for part in parts.values()))
    head = _head(rated, several, unheard)
    return Census(
        ratings=len(rated),
        listeners=int(rated["listener"].nunique()),
        items=int(rated["item"].nunique()),
        conditions=int(rated["condition"].nunique()),
        holes=sum(part.holes for part in parts.values()),
        replicated=sum(part.replicated for part in parts.values()),
        listeners_in_several_sessions=several,
        incomplete_listeners=len(incomplete),
        unheard=unheard,
        on_few_items=tuple(dict.fromkeys(name for part in parts.values() for name in part.on_few_items)),
        with_few_ratings=tuple(dict.fromkeys(name for part in parts.values() for name in part.with_few_ratings)),
        confounded=tuple(pair for part in parts.values() for pair in part.confounded),
        sentences=(
            *head,
            *(
                f"{name}: {sentence}" if len(parts) > 1 else sentence
                for name, part in parts.items()
                for sentence in _sentences(part)
            ),
        ),
    )


def _part(attribute: str, rated: pd.DataFrame, study: Study) -> _Part:
    cells = rated.groupby(["listener", "item", "condition"]).size()
    sounds = cells.reset_index()[["listener", "item", "condition"]]
    per_item = _expected(sounds, study)
    blocks = sounds.groupby(["listener", "item"]).size()
    items_of = sounds.groupby("listener")["item"].nunique()
    items_of_condition = sounds.groupby("condition")["item"].nunique()
    few = items_of_condition[(2 * items_of_condition < len(per_item)) | (items_of_condition < FEWEST_ITEMS)]
    counts = rated.groupby("listener").size()
    scarce = counts[2 * counts < counts.median()]
    return _Part(
        replicated=int((cells > 1).sum()),
        holes=int((per_item.reindex(blocks.index.get_level_values("item")).to_numpy() - blocks.to_numpy()).sum()),
        incomplete=frozenset(map(str, items_of.index[items_of < len(per_item)])),
        on_few_items={str(name): int(number) for name, number in few.items()},
        items=len(per_item),
        with_few_ratings={str(name): int(number) for name, number in scarce.items()},
        middle=float(counts.median()),
        confounded=tuple(_confounded(attribute, rated, study.systems)),
    )


def _expected(sounds: pd.DataFrame, study: Study) -> pd.Series:
    """How many conditions a listener is to have rated on each item, a page of which may show some systems only."""
    on_item = sounds.drop_duplicates(["item", "condition"])
    systems = on_item["condition"].isin(study.systems).groupby(on_item["item"]).sum()
    return on_item.groupby("item").size() - systems + systems.clip(upper=study.systems_on_page)


def _confounded(attribute: str, rated: pd.DataFrame, systems: Sequence[str]) -> list[Confounded]:
    """Pairs of systems that no page held, in the order of the study; "item" where no item did either."""
    there = set(rated["condition"].unique())
    heard = [name for name in systems if name in there]
    own = rated[rated["condition"].isin(heard)]
    together = {by: _together(own, keys, heard) for by, keys in (("item", ["item"]), ("page", PAGE))}
    return [
        Confounded(attribute, heard[a], heard[b], "page" if together["item"][a, b] else "item")
        for a, b in itertools.combinations(range(len(heard)), 2)
        if not together["page"][a, b]
    ]


def _together(own: pd.DataFrame, keys: list[str], heard: Sequence[str]) -> np.ndarray:
    """On how many items, or pages, two systems were both rated; systems x systems."""
    place = own.groupby(keys).ngroup().to_numpy()
    there = np.zeros((int(place.max(initial=-1)) + 1, len(heard)))
    there[place, pd.Index(heard).get_indexer(pd.Index(own["condition"]))] = 1
    return there.T @ there


def _head(rated: pd.DataFrame, several: int, unheard: tuple[str, ...]) -> list[str]:
    found = [
        f"{_of(rated['listener'].nunique(), 'listener')} rated {_of(rated['condition'].nunique(), 'condition')} of "
        f"{_of(rated['item'].nunique(), 'item')}: {_of(len(rated), 'rating')}."
    ]
    if several:
        found.append(f"{_of(several, 'listener')} rated in more than one session.")
    if unheard:
        found.append(f"Nobody rated {_named(unheard)}: nothing can be said of {'it' if len(unheard) == 1 else 'them'}.")
    return found


def _sentences(part: _Part) -> list[str]:
    found = []
    if part.replicated:
        found.append(f"{_of(part.replicated, 'cell')} of listener, item and condition hold more than one rating.")
    if part.incomplete:
        found.append(
            f"{_of(len(part.incomplete), 'listener')} did not rate all {part.items} items: blocks are incomplete, and "
            "a listener's mean is over the items that were theirs."
        )
    if part.holes:
        found.append(
            f"{_of(part.holes, 'rating')} of a condition that others rated on the same item "
            f"{'is' if part.holes == 1 else 'are'} missing."
        )
    if part.on_few_items:
        told = [f"{name} ({number})" for name, number in part.on_few_items.items()]
        found.append(
            f"Rated on few of the {_of(part.items, 'item')}: {_named(told)}; what holds there may not elsewhere."
        )
    if part.with_few_ratings:
        told = [f"{name} ({number})" for name, number in part.with_few_ratings.items()]
        found.append(f"Few ratings, where the middle listener gave {part.middle:g}: {_named(told)}.")
    return found + _told(part.confounded)


def _told(confounded: Sequence[Confounded]) -> list[str]:
    found = []
    for by, sentence in (
        ("item", "No item was rated with both {}: their difference can't be told from that of their items."),
        (
            "page",
            "No listener rated both {} on one page: their difference can't be told from that of pages and listeners.",
        ),
    ):
        pairs = [f"{pair.first} and {pair.second}" for pair in confounded if pair.by == by]
        if pairs:
            found.append(f"Confounded: {sentence.format(_named(pairs, '; nor both '))}")
    return found


def _named(names: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(names[:NAMED]) + more


def _of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

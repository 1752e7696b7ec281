"""Incomplete pages, counted: whether plans that were drawn are as balanced and as connected as they claim to be.

Task: read the plans of listeners, and nothing of how they were drawn, and say of the systems of an attribute in the
terms of incomplete block designs: replications r, concurrences lambda, counts of each system with each item, the groups
that pages link, and the efficiency factor. Blocks are the pages of the test; a replicate of a page is no further block.

Conventions: systems are names; counts as ``Spread``. The efficiency factor E is the harmonic mean of the canonical
efficiency factors, the eigenvalues of R^-1/2 (R - N N' / k) R^-1/2 but for the one that is always 0: how much of the
information that complete pages of the same ratings would hold on differences of systems is within pages here, with
systems alone counted. Reference and anchors, which stand on every page, add to it and link all systems in any case.
No design of v systems in blocks of k can have more than v (k - 1) / (k (v - 1)), which is a balanced one's.
References: J. A. John and E. R. Williams (1995), Cyclic and Computer Generated Designs, 2nd ed., Chapman and Hall,
chapters 1 and 2; F. Yates (1936), Annals of Eugenics 7, 121-140, doi:10.1111/j.1469-1809.1936.tb02134.x.
Defines: ``Blocks``, ``blocks_of``, ``efficiency``, ``most_efficient``, ``linked``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mushra_app.session.design import Design, PlannedTrial
from mushra_app.session.planning import Plan, Spread, spread_of

Page = frozenset[str]


@dataclass(frozen=True)
class Blocks:
    """What was counted of an attribute's incomplete pages.

    ``own_replications`` and ``own_concurrences`` are the most uneven ones of single listeners. ``linking`` of the
    ``listeners`` have pages that link all systems by themselves; ``groups`` are what the pages of all listeners link.
    """

    attribute: str
    listeners: int
    systems: int
    per_page: int
    pages: int
    pages_per_listener: int
    replications: Spread
    own_replications: Spread
    concurrences: Spread
    own_concurrences: Spread
    with_items: Spread
    by_item: Mapping[str, Mapping[str, int]]
    efficiency: float
    most_efficient: float
    groups: tuple[tuple[str, ...], ...]
    linking: int


def blocks_of(design: Design, plans: Sequence[Plan], attribute: str) -> Blocks | None:
    """What the plans hold of an attribute's pages; None where every page has all systems."""
    per_page = design.systems_per_page
    systems = sorted({name for item in design.test for name in design.systems_of(attribute, item)})
    if per_page is None or per_page >= len(systems):
        return None
    own = [[(trial.item, frozenset(trial.order) & design.systems) for trial in _pages(one, attribute)] for one in plans]
    heard: Counter[Hashable] = Counter((item, name) for one in own for item, page in one for name in page)
    pages = [page for one in own for _, page in one]
    groups = linked(pages, systems)
    return Blocks(
        attribute=attribute,
        listeners=len(plans),
        systems=len(systems),
        per_page=per_page,
        pages=len(pages),
        pages_per_listener=len(own[0]),
        replications=_replications(pages, systems),
        own_replications=_widest(_replications([page for _, page in one], systems) for one in own),
        concurrences=_concurrences(pages, systems),
        own_concurrences=_widest(_concurrences([page for _, page in one], systems) for one in own),
        with_items=spread_of(heard, list(itertools.product(design.test, systems))),
        by_item={item: {name: heard[item, name] for name in systems} for item in design.test},
        efficiency=float(efficiency(pages, systems)),
        most_efficient=float(most_efficient(len(systems), per_page)),
        groups=tuple(tuple(sorted(group)) for group in groups),
        linking=sum(len(linked([page for _, page in one], systems)) == 1 for one in own),
    )


def linked(pages: Iterable[Page], systems: Sequence[str]) -> list[Page]:
    """The groups of systems that hang together by pages; a system that stood on none is a group of its own."""
    groups = [frozenset([name]) for name in systems]
    for page in pages:
        touched = [group for group in groups if group & page]
        groups = [group for group in groups if not group & page] + [frozenset().union(*touched)]
    return groups


def efficiency(pages: Sequence[Page], systems: Sequence[str]) -> Fraction:
    """The efficiency factor, exactly; 0 where pages do not link all systems, so that some differences are not told.

    With M = R^-1 (R - N N' / k) + 1 r' / sum(r), whose eigenvalues are the canonical efficiency factors and one 1,
    the sum of the factors' inverses is the trace of M's inverse less 1.

    Parameters
    ----------
    pages : of one size, at least two systems.
    systems : all of them.
    """
    if len(linked(pages, systems)) > 1:
        return Fraction(0)
    size, times = len(pages[0]), Counter(name for page in pages for name in page)
    met = Counter(pair for page in pages for pair in itertools.product(page, page))
    whole = sum(times.values())
    matrix = [
        [
            Fraction(one == other) - Fraction(met[one, other], size * times[one]) + Fraction(times[other], whole)
            for other in systems
        ]
        for one in systems
    ]
    return Fraction(len(systems) - 1) / (_trace_of_inverse(matrix) - 1)


def most_efficient(systems: int, per_page: int) -> Fraction:
    """The efficiency factor of a balanced incomplete block design, which no other design of that size exceeds."""
    return Fraction(systems * (per_page - 1), per_page * (systems - 1))


def _pages(one: Plan, attribute: str) -> list[PlannedTrial]:
    return [trial for trial in one if (trial.block, trial.attribute, trial.replicate) == ("test", attribute, 0)]


def _replications(pages: Sequence[Page], systems: Sequence[str]) -> Spread:
    return spread_of(Counter(name for page in pages for name in page), list(systems))


def _concurrences(pages: Sequence[Page], systems: Sequence[str]) -> Spread:
    met: Counter[Hashable] = Counter(pair for page in pages for pair in itertools.combinations(sorted(page), 2))
    return spread_of(met, list(itertools.combinations(systems, 2)))


def _widest(spreads: Iterable[Spread]) -> Spread:
    """The most uneven one."""
    return max(spreads, key=lambda spread: spread.largest - spread.smallest)


def _trace_of_inverse(matrix: list[list[Fraction]]) -> Fraction:
    """By elimination of a matrix that has an inverse, and of the unit matrix beside it."""
    size = len(matrix)
    rows = [[*line, *(Fraction(place == here) for place in range(size))] for here, line in enumerate(matrix)]
    for step in range(size):
        pivot = next(line for line in range(step, size) if rows[line][step])
        rows[step], rows[pivot] = rows[pivot], rows[step]
        head = rows[step][step]
        rows[step] = [value / head for value in rows[step]]
        for line in range(size):
            if line != step and (factor := rows[line][step]):
                rows[line] = [value - factor * above for value, above in zip(rows[line], rows[step], strict=True)]
    return sum((rows[place][size + place] for place in range(size)), Fraction(0))

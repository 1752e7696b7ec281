"""Incomplete blocks: which systems stand on a page, where not all of them fit on one.

Task: give every page of every listener its subset of the systems, so that systems can be compared although no page
holds them all. What is wanted, in the words of the field (v systems, blocks of k, n pages of a listener):

* equal replication r: over a listener's pages, and over any number of listeners, the systems' counts differ by at
  most 1;
* equal concurrence lambda: each pair of systems meets on equally many pages, over the pages of v listeners as evenly
  as the search below finds, which is exactly wherever a balanced incomplete block design is known or found;
* each system with each item equally often: exactly, over every v listeners;
* connectedness: a listener's own pages link all systems wherever n (k - 1) >= v - 1, which no fewer pages can.

With one page for each listener replications are equal all the same, and pairs only over many rounds of v listeners.

How. A *row* is the n blocks of one listener, with systems as numbers 0 .. v-1. The next listener gets the same row with
every number raised by a shift modulo v, so that a row's balance is every listener's, and over v listeners each block
of the row goes once around the circle (a cyclic design, whose concurrences depend on the distance on the circle alone).
A row is put together from whole copies of a balanced incomplete block design where a small one is known (difference
families, their complements, all combinations). What is left over is searched for: exchanges of two systems between two
blocks keep both the block size and the replications, and simulated annealing takes those that even out the concurrences
of the row and of its v shifts together, and that keep the row connected.

Conventions: listeners count from 0. All is a function of its arguments: the search is seeded with v, k and n, and
draws by ``random()`` alone, whose sequence Python keeps from release to release.
References: F. Yates (1936), Incomplete randomized blocks, Annals of Eugenics 7, 121-140,
doi:10.1111/j.1469-1809.1936.tb02134.x; R. C. Bose (1939), On the construction of balanced incomplete block designs,
Annals of Eugenics 9, 353-399, doi:10.1111/j.1469-1809.1939.tb02219.x (differences, and start blocks with a number that
stays); J. A. John and E. R. Williams (1995), Cyclic and Computer Generated Designs, 2nd ed., Chapman and Hall.
Defines: ``subsets``, ``row``, ``shift``, ``known_design``, ``developed``, ``linkable``.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
import random
from collections.abc import Iterable, Sequence

Block = frozenset[int]

FAMILIES: dict[tuple[int, int], tuple[int, tuple[tuple[int, ...], ...]]] = {
    (6, 3): (5, ((0, 1, 2), (0, 2, 5))),
    (7, 3): (7, ((0, 1, 3),)),
    (8, 4): (7, ((0, 1, 2, 4), (0, 1, 3, 7))),
    (9, 3): (8, ((0, 1, 3), (0, 4, 8))),
    (9, 4): (9, ((0, 1, 2, 4), (0, 1, 4, 6))),
    (10, 3): (9, ((0, 1, 2), (0, 2, 5), (0, 3, 6), (0, 4, 9))),
    (10, 4): (5, ((0, 1, 2, 5), (0, 2, 7, 8), (0, 6, 7, 9))),
    (10, 5): (9, ((0, 1, 2, 3, 5), (0, 1, 4, 6, 9))),
    (11, 5): (11, ((1, 3, 4, 5, 9),)),
    (12, 6): (11, ((0, 1, 2, 3, 5, 6), (0, 1, 4, 6, 8, 11))),
    (13, 3): (13, ((0, 1, 4), (0, 2, 7))),
    (13, 4): (13, ((0, 1, 3, 9),)),
    (14, 7): (13, ((0, 1, 2, 3, 4, 7, 9), (0, 1, 3, 5, 6, 9, 13))),
    (15, 3): (15, ((0, 1, 4), (0, 2, 8), (0, 5, 10))),
    (15, 7): (15, ((0, 1, 2, 4, 5, 8, 10),)),
    (16, 4): (15, ((0, 1, 3, 7), (0, 5, 10, 15))),
    (16, 6): (8, ((0, 1, 2, 4, 8, 11), (0, 3, 8, 12, 13, 14))),
    (16, 8): (15, ((0, 1, 2, 3, 4, 5, 9, 11), (0, 1, 3, 6, 8, 11, 12, 15))),
    (19, 9): (19, ((1, 4, 5, 6, 7, 9, 11, 16, 17),)),
}
"""Balanced incomplete block designs as start blocks that are developed modulo a number (see ``developed``); the start
blocks were found by exhaustion, but for the difference sets of one block."""
WEIGHTS = (1, 3)
"""Of evenness over listeners against evenness within one, tried in turn: the first finds what can be perfect."""
STEPS = 2000
"""Of one search: about a tenth of a second, once for each v, k and n of a process."""
HOTTEST = 1.5


def subsets(
    systems: Sequence[str], per_page: int, items: Sequence[str], *, listener: int, seed: str
) -> dict[str, tuple[str, ...]]:
    """For each of one listener's items, the systems that stand on its page, in the order of their names.

    After every v listeners names and items get other numbers by lot, because all is even then, and what the search
    had to leave uneven shall not fall on the same systems again.

    Parameters
    ----------
    systems : all of them, more than ``per_page``.
    per_page : how many of them stand on a page; at least 1.
    items : what the listener hears, in the same order for everybody where all hear the same.
    listener : how many listeners came before.
    seed : what the numbers are drawn from, the same for all listeners.
    """
    count = len(systems)
    draw = random.Random(f"{seed} {listener // count}")
    names = draw.sample(sorted(systems), count)
    blocks = draw.sample(row(count, per_page, len(items)), len(items))
    raised = shift(count, per_page * len(items), listener)
    return {
        item: tuple(sorted(names[(number + raised) % count] for number in block))
        for item, block in zip(items, blocks, strict=True)
    }


def shift(systems: int, places: int, listener: int) -> int:
    """By how much a listener's row is raised; over every v listeners each shift comes once.

    ``places`` of a row that do not fill whole rounds of the systems go to its first numbers, 0 .. e-1; each listener
    begins where the one before ended, so that the replications over all of them never differ by more than 1. Where
    that would come back to where it began too early, all is even, and it goes on one number higher.
    """
    extra = places % systems
    early = systems // math.gcd(extra, systems)
    return (listener * extra + listener // early) % systems


def linkable(systems: int, per_page: int, pages: int) -> bool:
    """Whether so many pages can link all systems: each page after the first must share one and brings k - 1 others."""
    return pages * (per_page - 1) >= systems - 1


@functools.lru_cache(maxsize=256)
def row(systems: int, per_page: int, pages: int) -> tuple[Block, ...]:
    """The blocks of one listener: replications within 1, the larger ones those of the first numbers; connected."""
    design = known_design(systems, per_page, pages)
    copies, left = divmod(pages, len(design)) if design else (0, pages)
    if copies and left == 1:  # a block by itself has none to exchange with
        copies, left = copies - 1, left + len(design)
    return design * copies + (_searched(systems, per_page, left) if left else ())


def known_design(systems: int, per_page: int, most: int) -> tuple[Block, ...]:
    """A balanced incomplete block design of at most so many blocks, or nothing."""
    if math.comb(systems, per_page) <= most:
        return tuple(map(frozenset, itertools.combinations(range(systems), per_page)))
    if (systems, per_page) in FAMILIES:
        modulus, starts = FAMILIES[systems, per_page]
        found = tuple(block for start in starts for block in developed(start, modulus, systems))
        return found if len(found) <= most else ()
    if (systems, systems - per_page) in FAMILIES:  # what the blocks of a balanced design leave out is balanced too
        return tuple(frozenset(range(systems)) - block for block in known_design(systems, systems - per_page, most))
    return ()


def developed(start: Sequence[int], modulus: int, systems: int) -> tuple[Block, ...]:
    """A start block raised again and again until it comes back.

    The numbers stand in runs as long as the modulus, and each goes around in its own run; a last run that is shorter
    stays where it is.

    >>> [sorted(block) for block in developed((0, 2, 4), 4, 5)]
    [[0, 2, 4], [1, 3, 4]]
    """
    whole = systems - systems % modulus
    blocks = (
        frozenset(one - one % modulus + (one + raised) % modulus if one < whole else one for one in start)
        for raised in range(modulus)
    )
    return tuple(dict.fromkeys(blocks))


def _searched(systems: int, per_page: int, pages: int) -> tuple[Block, ...]:
    """The first row that can't be better, or else the one in which listeners weigh more."""
    found: tuple[Block, ...] = ()
    for weight in WEIGHTS:
        search = _Search(systems, per_page, pages, weight)
        found = search.best()
        if search.is_perfect:
            break
    return found


class _Search:
    """Simulated annealing over rows of equal block size and fixed replications.

    The cost is the sum of squared concurrences of the row's pairs, and ``weight`` times that of squared sums of them
    over each distance on the circle (of half the circle twice, because it has half as many pairs): least where all
    are equal.
    """

    def __init__(self, systems: int, per_page: int, pages: int, weight: int) -> None:
        self._systems, self._per_page, self._pages = systems, per_page, pages
        # Dealt like cards: equal replications, and what is left over goes to the first numbers.
        self._blocks = [{(page * per_page + place) % systems for place in range(per_page)} for page in range(pages)]
        self._met = [[0] * systems for _ in range(systems)]
        self._weights = [weight * (2 if 2 * far == systems else 1) for far in range(1, systems // 2 + 1)]
        self._apart = [0] * len(self._weights)
        self._cost = 0
        self.is_perfect = False
        for block in self._blocks:
            for one in sorted(block):
                self._meet(one, [other for other in block if other < one], 1)

    def best(self) -> tuple[Block, ...]:
        """The best row that was met: connected first, then of least cost."""
        draw = random.Random(f"{self._systems} {self._per_page} {self._pages}").random
        pieces, least = self._pieces(), self._least()
        key, found = (pieces, self._cost), [frozenset(block) for block in self._blocks]
        for step in range(STEPS):
            if key == least:
                break
            here, there = int(draw() * self._pages), int(draw() * self._pages)
            gone, come = (sorted(self._blocks[a] - self._blocks[b]) for a, b in ((here, there), (there, here)))
            if not gone:
                continue
            out, into, before = gone[int(draw() * len(gone))], come[int(draw() * len(come))], self._cost
            self._exchange(here, there, out, into)
            heat = HOTTEST * (1 - step / STEPS)
            taken = self._cost <= before or draw() < math.exp((before - self._cost) / heat)
            if not taken or (now := self._pieces()) > pieces:
                self._exchange(here, there, into, out)
                continue
            pieces = now
            if (pieces, self._cost) < key:
                key, found = (pieces, self._cost), [frozenset(block) for block in self._blocks]
        self.is_perfect = key == least
        return tuple(found)

    def _exchange(self, here: int, there: int, gone: int, come: int) -> None:
        """Move the system ``gone`` from one block to another, and ``come`` back for it."""
        for block, out, into in ((self._blocks[here], gone, come), (self._blocks[there], come, gone)):
            block.remove(out)
            self._meet(out, block, -1)
            self._meet(into, block, 1)
            block.add(into)

    def _meet(self, one: int, others: Iterable[int], sign: int) -> None:
        """A system comes to others on a page (1), or leaves them (-1)."""
        for other in others:
            met, distance = self._met[one][other], abs(one - other)
            place = min(distance, self._systems - distance) - 1
            self._cost += 1 + 2 * sign * met + self._weights[place] * (1 + 2 * sign * self._apart[place])
            self._met[one][other] = self._met[other][one] = met + sign
            self._apart[place] += sign

    def _pieces(self) -> int:
        """Into how many pieces the systems fall that no chain of pages links."""
        pieces: list[set[int]] = []
        for block in self._blocks:
            touched = [piece for piece in pieces if piece & block]
            pieces = [piece for piece in pieces if not piece & block] + [block.union(*touched)]
        return len(pieces) + self._systems - sum(map(len, pieces))

    def _least(self) -> tuple[int, int]:
        """What no row can be better than, so that the search may stop there."""
        meetings = self._pages * math.comb(self._per_page, 2)
        pieces = max(1, self._systems - self._pages * (self._per_page - 1))
        pairs = [1] * math.comb(self._systems, 2)
        return pieces, _least_squares(meetings, pairs) + _least_squares(meetings, self._weights)


def _least_squares(total: int, weights: Sequence[int]) -> int:
    """The least weighted sum of squares of whole numbers with that sum: each one goes where it adds least."""
    steps, cost = [(weight, weight) for weight in weights], 0
    for _ in range(total):
        added, weight = steps[0]
        cost += added
        heapq.heapreplace(steps, (added + 2 * weight, weight))
    return cost

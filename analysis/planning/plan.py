"""A plan: what was asked of it, and what comes out, as rows and sentences.

Conventions: points of the scale; sentences are complete. Defines: ``Asked``, ``Plan``, ``work_out``, ``grid``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.statistics.planning import power
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.power import Claim
from analysis.statistics.planning.trials import Trials

MOST = 1000
"""Listeners or items beyond which nobody plans: a search ends there."""


@dataclass(frozen=True)
class Asked:
    """What is to be planned.

    ``source``: where the components are from. ``base``: the test as far as it is settled, whose counts of listeners
    and items the conclusion is about. ``difference``: a true difference that must not be missed; ``margin``: points
    within which two systems count as equally good.
    """

    components: Components
    source: str
    base: Trials
    counts: tuple[Trials, ...]
    claim: Claim = power.ONE_IN_GENERAL
    power: float = 0.8
    difference: float | None = None
    margin: float | None = None


@dataclass(frozen=True)
class Plan:
    """What comes out: a row for each pair of counts (as ``power.table``), and what it means in sentences."""

    asked: Asked
    rows: pd.DataFrame
    conclusion: tuple[str, ...]
    notes: tuple[str, ...]


def grid(base: Trials, listeners: Sequence[int], items: Sequence[int]) -> tuple[Trials, ...]:
    """The same test with all pairs of counts, by listeners, then items."""
    return tuple(
        power.with_items(dataclasses.replace(base, listeners=people), pieces)
        for people in sorted(set(listeners))
        for pieces in sorted(set(items))
    )


def work_out(asked: Asked) -> Plan:
    """Compute the table and say what it means."""
    rows = power.table(asked.components, asked.counts, power=asked.power, claim=asked.claim)
    if asked.margin is not None:
        rows["equivalence_power"] = [
            power.equivalence_power(asked.components, own, asked.margin, claim=asked.claim) for own in asked.counts
        ]
    conclusion = [_headline(asked), _what_pays(asked)]
    conclusion += [_on_difference(asked, asked.difference)] if asked.difference is not None else []
    conclusion += [_on_margin(asked, asked.margin)] if asked.margin is not None else []
    return Plan(asked, rows, tuple(conclusion), tuple(_notes(asked)))


def _headline(asked: Asked) -> str:
    least = power.smallest_difference(asked.components, asked.base, power=asked.power, claim=asked.claim)
    about = "items in general" if asked.claim.inference == "items in general" else "exactly these items"
    return (
        f"With {_counts(asked.base)} the smallest difference found with {100 * asked.power:.3g} % power is {least:.1f} "
        f"points ({about})." + (" No two ratings differ by so much." if least > 100 else "")
    )


def _what_pays(asked: Asked) -> str:
    base = asked.base
    people, pieces = power.half_more(base.listeners), power.half_more(base.items)
    (row,) = power.table(asked.components, [base], power=asked.power, claim=asked.claim).to_dict("records")
    by_listeners, by_items = row["more_listeners"], row["more_items"]
    more = "more listeners pay" if by_listeners < by_items else "more items pay"
    pays = "both pay alike" if abs(by_listeners - by_items) < 0.05 else more
    return (
        f"Half as many listeners again ({people}) would find {by_listeners:.1f} points, half as many items again "
        f"({pieces}) {by_items:.1f}: {pays}."
    )


def _on_difference(asked: Asked, difference: float) -> str:
    chance = power.power(asked.components, asked.base, difference, claim=asked.claim)
    told = f"A difference of {difference:g} points is found with a power of {100 * chance:.0f} %"
    if chance >= asked.power:
        return f"{told}: the plan suffices."

    def enough(trials: Trials) -> bool:
        return power.power(asked.components, trials, difference, claim=asked.claim) >= asked.power

    return f"{told}: the plan does not suffice; {_what_would(asked, enough)}."


def _on_margin(asked: Asked, margin: float) -> str:
    chance = power.equivalence_power(asked.components, asked.base, margin, claim=asked.claim)
    told = f"Two truly equal systems are found equivalent within {margin:g} points with a power of {100 * chance:.0f} %"
    if chance >= asked.power:
        return f"{told}: the plan suffices for that."
    least = power.smallest_margin(asked.components, asked.base, power=asked.power, claim=asked.claim)

    def enough(trials: Trials) -> bool:
        return power.equivalence_power(asked.components, trials, margin, claim=asked.claim) >= asked.power

    return (
        f"{told}; {100 * asked.power:.3g} % takes a margin of {least:.1f} points; for {margin:g}, "
        f"{_what_would(asked, enough)}."
    )


def _what_would(asked: Asked, enough: Callable[[Trials], bool]) -> str:
    """How many listeners, or how many items, would be enough with the other count as it is."""
    base = asked.base
    people = _first(lambda count: enough(dataclasses.replace(base, listeners=count)), base.listeners)
    pieces = _first(lambda count: enough(power.with_items(base, count)), base.items)
    ways = [f"{people:d} listeners with {base.items:d} items"] if people else []
    ways += [f"{pieces:d} items with {base.listeners:d} listeners"] if pieces else []
    if not ways:
        return f"neither more listeners alone would do nor more items alone (up to {MOST})"
    would = f"{' or '.join(ways)} would do"
    if len(ways) == 2:
        return would
    return f"{would}, and no number of listeners alone" if pieces else f"{would}, and no number of items alone"


def _first(enough: Callable[[int], bool], least: int) -> int | None:
    """The smallest count that is enough, by halving: more never finds less."""
    low, high = least, MOST
    if low >= high or not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _notes(asked: Asked) -> list[str]:
    base, found = asked.base, []
    if asked.claim.contrasts > 1:
        found.append(
            f"{asked.claim.contrasts} contrasts are tested together: the figures are for the first and strictest step "
            f"of Holm's procedure, at {100 * asked.claim.alpha:.2g} %."
        )
    if base.per_page is not None and base.per_page < base.systems:
        found.append(
            f"Each page holds {base.per_page} of {base.systems} systems, so that two given systems meet on "
            f"{_percent(base.share_together)} of the pages."
        )
    if base.per_listener is not None and base.per_listener < base.items:
        found.append(f"Each listener hears {base.per_listener} of the {base.items} items.")
    if base.targets > 1:
        found.append(f"A contrast is on one of {base.targets} targets, and rests on {base.items_of_target} items.")
    if base.replicates:
        found.append(
            "Replicates are counted as if the whole residual were new each time: the figures are the best case."
        )
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _counts(trials: Trials) -> str:
    return f"{trials.listeners} listeners and {trials.items} items"

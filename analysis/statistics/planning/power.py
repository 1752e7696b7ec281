"""What a test of given counts can find: smallest difference and power, in closed form.

The difference of two systems has the variance a + b + c: a of listener × condition over the listeners, b of item ×
condition over the items, c of the residual over the pages where both stood. Its degrees of freedom are Satterthwaite's
for three mean squares (1946, doi:10.2307/3002019), and a difference is found with the wanted power where it reaches
t(1 - alpha/2, df) + t(power, df) standard errors. That is the mixed model of the two systems alone, by which the
primary analysis tests a contrast.

For *these items* it is Student's t over listener means: b is no part of the variance, as the items are no sample, and
df are the listeners less one. Wilcoxon's test needs about 2 % more.

With incomplete blocks in which few pages hold both systems, the primary analysis is of all their ratings: pages that
hold one of the two help as far as they can be compared over pages, by the residual against residual and listener × item
together. Replicates divide the whole residual, though what a listener
hears anew each time is only part of it: with replicates the figures are the best case.

Conventions: two-sided tests; points. Defines: ``Claim``, ``Inference``, ``standard_error``, ``smallest_difference``,
``power``, ``smallest_margin``, ``equivalence_power``, ``table``, ``half_more``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.mixed.primary import FEWEST_SHARED
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.trials import Trials

Inference = Literal["items in general", "these items"]


@dataclass(frozen=True)
class Claim:
    """What is to be claimed: about which items, and how many contrasts are tested at 5 % together.

    With several, figures are those of a contrast that has to pass the first step of Holm's procedure, alpha over their
    number: what is found there is found whatever the others do.
    """

    inference: Inference = "items in general"
    contrasts: int = 1

    def __post_init__(self) -> None:
        if self.contrasts < 1:
            raise AnalysisError(f"contrasts: found {self.contrasts}; expected 1 at least")

    @property
    def alpha(self) -> float:
        """Level of one test."""
        return 0.05 / self.contrasts


ONE_IN_GENERAL = Claim()


def standard_error(
    components: Components, trials: Trials, inference: Inference = "items in general"
) -> tuple[float, float]:
    """Standard error of the difference of two systems, in points, and its degrees of freedom."""
    listeners, items = trials.listeners, trials.items_of_target
    pages = listeners * items * trials.share_heard * _effective_share(components, trials)
    a = 2 * components.listener_condition**2 / listeners
    b = 2 * components.item_condition**2 / items
    c = 2 * components.residual**2 / (pages * trials.presentations)
    if inference == "these items":
        if a + c == 0:
            raise AnalysisError("these items, with listener_condition and residual 0: every difference would be found")
        return math.sqrt(a + c), listeners - 1.0
    # Complete ratings have (listeners - 1)(items - 1) for the last one, which is this.
    of_listeners, of_items, of_both = listeners - 1, items - 1, max(pages - listeners - items + 1, 1)
    spread = (a + c) ** 2 / of_listeners + (b + c) ** 2 / of_items + c**2 / of_both
    return math.sqrt(a + b + c), (a + b + c) ** 2 / spread


def smallest_difference(
    components: Components, trials: Trials, *, power: float = 0.8, claim: Claim = ONE_IN_GENERAL
) -> float:
    """Smallest true difference of two systems that is found with this power, in points.

    It can pass 100: then no difference on the scale is found with that power.
    """
    _check_power(power)
    error, df = standard_error(components, trials, claim.inference)
    return float((stats.t.ppf(1 - claim.alpha / 2, df) + stats.t.ppf(power, df)) * error)


def power(components: Components, trials: Trials, difference: float, *, claim: Claim = ONE_IN_GENERAL) -> float:
    """Chance (0 to 1) that a true difference of so many points is found; the inverse of ``smallest_difference``.

    Where it is 0.8 or more, a noncentral t distribution says the same within 0.02 (from 10 listeners and 5 items on).
    """
    error, df = standard_error(components, trials, claim.inference)
    return float(stats.t.cdf(abs(difference) / error - stats.t.ppf(1 - claim.alpha / 2, df), df))


def smallest_margin(
    components: Components, trials: Trials, *, power: float = 0.8, claim: Claim = ONE_IN_GENERAL
) -> float:
    """Smallest margin within which two truly equal systems are found equivalent with this power, in points."""
    _check_power(power)
    error, df = standard_error(components, trials, claim.inference)
    return float((stats.t.ppf(1 - claim.alpha, df) + stats.t.ppf((1 + power) / 2, df)) * error)


def equivalence_power(
    components: Components,
    trials: Trials,
    margin: float,
    *,
    difference: float = 0.0,
    claim: Claim = ONE_IN_GENERAL,
) -> float:
    """Chance (0 to 1) that two systems are found equivalent by two one-sided tests.

    Parameters
    ----------
    margin : in points; above 0.
    difference : their true difference in points.
    """
    if not margin > 0:
        raise AnalysisError(f"margin: found {margin}; expected points above 0")
    error, df = standard_error(components, trials, claim.inference)
    quantile = stats.t.ppf(1 - claim.alpha, df)
    below, above = ((margin + sign * difference) / error - quantile for sign in (-1, 1))
    return float(max(0.0, stats.t.cdf(below, df) + stats.t.cdf(above, df) - 1))


def table(
    components: Components,
    counts: Sequence[Trials],
    *,
    power: float = 0.8,
    claim: Claim = ONE_IN_GENERAL,
) -> pd.DataFrame:
    """Smallest differences for several counts.

    Returns
    -------
    DataFrame
        One row for each: listeners, items, standard_error, df, difference, more_listeners and more_items (the smallest
        difference with half as many again, rounded up); points but the counts and df.
    """
    rows = []
    for own in counts:
        error, df = standard_error(components, own, claim.inference)
        others = {
            "difference": own,
            "more_listeners": dataclasses.replace(own, listeners=half_more(own.listeners)),
            "more_items": with_items(own, half_more(own.items)),
        }
        found = {
            name: smallest_difference(components, other, power=power, claim=claim) for name, other in others.items()
        }
        rows.append({"listeners": own.listeners, "items": own.items, "standard_error": error, "df": df, **found})
    return pd.DataFrame(rows)


def half_more(count: int) -> int:
    """Half as many again, rounded up."""
    return count + -(-count // 2)


def with_items(trials: Trials, items: int) -> Trials:
    """The same test with another number of items; each listener hears the same share of them, rounded up."""
    heard = None if trials.per_listener is None else math.ceil(items * trials.share_heard - 1e-9)
    return dataclasses.replace(trials, items=items, per_listener=heard)


def _effective_share(components: Components, trials: Trials) -> float:
    """Share of pages that count: those with both systems; where they are few, also those with one, for their part."""
    apart = trials.share_shown - trials.share_together
    if trials.share_together >= FEWEST_SHARED * (trials.share_together + 2 * apart):
        return trials.share_together
    within, between = components.residual**2, components.residual**2 + components.listener_item**2
    return trials.share_together + (apart * within / between if between else 0.0)


def _check_power(power: float) -> None:
    if not 0.5 <= power < 1:
        raise AnalysisError(f"power: found {power}; expected 0.5 to less than 1, such as 0.8")

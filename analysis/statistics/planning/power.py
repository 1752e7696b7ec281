"""What a test of given counts can find: smallest difference and power, in closed form.

The difference of two systems has the variance a + b + c: a of listener × condition over the listeners, b of item ×
condition over the items, c of the residual over the pages where both stood. Its degrees of freedom are Satterthwaite's
for three mean squares (1946, doi:10.2307/3002019), and a difference is found with the wanted power where it reaches
t(1 - alpha/2, df) + t(power, df) standard errors. That is the mixed model of the two systems alone, by which the
primary analysis tests a contrast.

For *these items* it is Student's t over listener means: b is no part of the variance, as the items are no sample, and
df are the listeners less one. Wilcoxon's test needs about 2 % more.

With incomplete blocks pages that hold one system of the two help as far as they can be compared over pages: by the
residual against residual and listener × item together. Replicates divide the whole residual, though what a listener
hears anew each time is only part of it: with replicates the figures are the best case.

Conventions: two-sided tests at 5 %, before any adjustment for several contrasts; points. Defines: ``Inference``,
``standard_error``, ``smallest_difference``, ``power``, ``smallest_margin``, ``equivalence_power``, ``table``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.planning.components import Components
from analysis.statistics.planning.trials import Trials

Inference = Literal["items in general", "these items"]
ALPHA = 0.05


def standard_error(
    components: Components, trials: Trials, *, inference: Inference = "items in general"
) -> tuple[float, float]:
    """Standard error of the difference of two systems, in points, and its degrees of freedom."""
    listeners, items = trials.listeners, trials.items_of_target
    pages = listeners * items * trials.presentations * _effective_share(components, trials)
    a = 2 * components.listener_condition**2 / listeners
    b = 2 * components.item_condition**2 / items
    c = 2 * components.residual**2 / pages
    if inference == "these items":
        if a + c == 0:
            raise AnalysisError("these items, with listener_condition and residual 0: every difference would be found")
        return math.sqrt(a + c), listeners - 1.0
    of_listeners, of_items, of_both = listeners - 1, items - 1, (listeners - 1) * (items - 1)
    spread = (a + c) ** 2 / of_listeners + (b + c) ** 2 / of_items + c**2 / of_both
    return math.sqrt(a + b + c), (a + b + c) ** 2 / spread


def smallest_difference(
    components: Components, trials: Trials, *, power: float = 0.8, inference: Inference = "items in general"
) -> float:
    """Smallest true difference of two systems that is found with this power, in points.

    It can pass 100: then no difference on the scale is found with that power.
    """
    _check_power(power)
    error, df = standard_error(components, trials, inference=inference)
    return float((stats.t.ppf(1 - ALPHA / 2, df) + stats.t.ppf(power, df)) * error)


def power(
    components: Components, trials: Trials, difference: float, *, inference: Inference = "items in general"
) -> float:
    """Chance (0 to 1) that a true difference of so many points is found; the inverse of ``smallest_difference``.

    The other tail, a difference found the wrong way round, is not counted. Where it is 0.8 or
    more, a noncentral t distribution says the same within 0.02 (from 10 listeners and 5 items on).
    """
    error, df = standard_error(components, trials, inference=inference)
    return float(stats.t.cdf(abs(difference) / error - stats.t.ppf(1 - ALPHA / 2, df), df))


def smallest_margin(
    components: Components, trials: Trials, *, power: float = 0.8, inference: Inference = "items in general"
) -> float:
    """Smallest margin within which two truly equal systems are found equivalent with this power, in points."""
    _check_power(power)
    error, df = standard_error(components, trials, inference=inference)
    return float((stats.t.ppf(1 - ALPHA, df) + stats.t.ppf((1 + power) / 2, df)) * error)


def equivalence_power(
    components: Components,
    trials: Trials,
    margin: float,
    *,
    difference: float = 0.0,
    inference: Inference = "items in general",
) -> float:
    """Chance (0 to 1) that two systems are found equivalent by two one-sided tests at 5 %.

    Parameters
    ----------
    margin : in points; above 0.
    difference : their true difference in points.
    """
    if not margin > 0:
        raise AnalysisError(f"margin: found {margin}; expected points above 0")
    error, df = standard_error(components, trials, inference=inference)
    quantile = stats.t.ppf(1 - ALPHA, df)
    below, above = ((margin + sign * difference) / error - quantile for sign in (-1, 1))
    return float(max(0.0, stats.t.cdf(below, df) + stats.t.cdf(above, df) - 1))


def table(
    components: Components,
    trials: Trials,
    *,
    listeners: Sequence[int],
    items: Sequence[int],
    power: float = 0.8,
    inference: Inference = "items in general",
) -> pd.DataFrame:
    """Smallest differences for all pairs of the two counts; all else as ``trials`` says.

    Returns
    -------
    DataFrame
        One row per pair: listeners, items, difference, standard_error, df, more_listeners and more_items (the smallest
        difference with half as many again, rounded up), all in points but the counts and df.
    """
    rows = []
    for people in listeners:
        for pieces in items:
            own = dataclasses.replace(trials, listeners=people, items=pieces)
            error, df = standard_error(components, own, inference=inference)
            found = {
                name: smallest_difference(components, other, power=power, inference=inference)
                for name, other in {
                    "difference": own,
                    "more_listeners": dataclasses.replace(own, listeners=half_more(people)),
                    "more_items": dataclasses.replace(own, items=half_more(pieces)),
                }.items()
            }
            rows.append({"listeners": people, "items": pieces, "standard_error": error, "df": df, **found})
    return pd.DataFrame(rows)


def half_more(count: int) -> int:
    """Half as many again, rounded up."""
    return count + -(-count // 2)


def _effective_share(components: Components, trials: Trials) -> float:
    """Share of pages that count: those with both systems, and those with one as far as they can be compared."""
    apart = trials.share_shown - trials.share_together
    within, between = components.residual**2, components.residual**2 + components.listener_item**2
    return trials.share_together + (apart * within / between if between else 0.0)


def _check_power(power: float) -> None:
    if not 0.5 <= power < 1:
        raise AnalysisError(f"power: found {power}; expected 0.5 to less than 1, such as 0.8")

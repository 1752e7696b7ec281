"""Which metric agrees best with listeners, whether it can be told from the others, and the sentence that says so.

The best is the one whose Spearman coefficient with the ratings is largest: rank correlation, because a metric's scale
is its own and listeners use theirs as they like. The best was picked by the same data, so that it is held against the
others at the price of all pairs: the bootstrap's intervals hold for all pairs of metrics at once, and Holm's adjustment
counts all of them; the rows are those with the best. Two metrics are said to differ where the interval leaves out 0
and the adjusted p is below 5 %: the interval knows that the cells of one item are not independent, the test doesn't
take few items for many.

All of this is about the conditions that were rated: bootstrap and test keep them. A metric that is one random number
for each of eight systems goes along with the ratings of just these in a good third of studies. So the sentence says
that a metric agrees with listeners only where its slope in a mixed model with random conditions (``incremental``) is
above 0 as well, with Holm's adjustment over the metrics; else it says for which conditions it goes along with them.

Conventions: D draws, M metrics. Defines: ``comparisons``, ``best_shares``, ``limits_told``, ``number``, ``hold``,
``sentence``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.agreement.dependent import williams
from analysis.agreement.resampling import limits, simultaneous
from analysis.agreement.rows import ALPHA, ComparisonRow, MetricRow
from analysis.statistics.adjustment import holm

EQUAL = 1e-12
NAMED = 3
"""How many metrics a sentence names before it counts the rest."""


def comparisons(
    names: list[str], estimates: np.ndarray, draws: np.ndarray, between: np.ndarray, *, cells: int, blocks: int
) -> tuple[ComparisonRow, ...]:
    """The best against each other metric, in the order of their coefficients.

    Parameters
    ----------
    estimates : (M,) coefficients with the ratings. draws : (D, M) the same in each draw of ``blocks``.
    between : (M, M) coefficients of the metrics with each other.
    """
    order = np.argsort(-estimates, kind="stable")
    first, second = (order[places] for places in np.triu_indices(len(order), 1))
    difference = estimates[first] - estimates[second]
    low, high = simultaneous(difference, draws[:, first] - draws[:, second], blocks=blocks)
    t, p = williams(estimates[first], estimates[second], between[first, second], cells=cells)
    adjusted = holm(p)
    return tuple(
        ComparisonRow(
            first=names[order[0]],
            second=names[second[place]],
            difference=float(difference[place]),
            low=float(np.clip(low[place], -2, 2)),
            high=float(np.clip(high[place], -2, 2)),
            t=float(t[place]),
            df=cells - 3,
            p=float(p[place]),
            p_adjusted=float(adjusted[place]),
            apart=bool(low[place] > 0 and adjusted[place] < ALPHA),
        )
        for place in range(len(order) - 1)  # the pairs of the first come first
    )


def best_shares(draws: np.ndarray) -> np.ndarray:
    """Share of the draws (D, M) in which each metric is the best (M,); metrics that are equal share a draw."""
    whole = draws[np.isfinite(draws).all(axis=1)]
    if not len(whole):
        return np.full(draws.shape[1], np.nan)
    leads = whole >= whole.max(axis=1, keepdims=True) - EQUAL
    return (leads / leads.sum(axis=1, keepdims=True)).mean(axis=0)


def limits_told(estimates: np.ndarray, draws: np.ndarray, *, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval of each coefficient that decides whether its metric agrees, and that is told beside it.

    Of one metric its own; of several the simultaneous ones, since all were looked at.
    """
    if len(estimates) == 1:
        return limits(estimates, draws, blocks=blocks)
    low, high = simultaneous(estimates, draws, blocks=blocks)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)


def number(coefficient: float, low: float, high: float, *, of: int) -> str:
    """A coefficient with its interval from ``limits_told`` of so many metrics, in words."""
    if np.isnan(low):
        return f"{coefficient:.2f}, without an interval"
    kind = "simultaneous 95 % interval" if of > 1 else "95 % interval"
    return f"{coefficient:.2f} ({kind} {low:.2f} to {high:.2f})"


def hold(rows: Sequence[MetricRow], compared: Sequence[ComparisonRow]) -> bool:
    """Whether the best metric, and all that equal it, are shown to follow ratings of other systems too."""
    return all(row.holds for row in _equal(rows, compared))


def sentence(
    rows: Sequence[MetricRow], compared: Sequence[ComparisonRow], low: float, high: float, *, asked: int
) -> str:
    """What to tell of the best metric (the first row), with its uncertainty.

    It agrees with listeners where its interval, which is of these conditions, leaves out 0, and the mixed model shows
    that it would agree about others. With the interval alone it goes along with them for these conditions.

    Parameters
    ----------
    low, high : its interval from ``limits_told``. asked : how many metrics there were, compared or not.
    """
    equal, many = _equal(rows, compared), len(rows)
    names = _listed([row.label for row in equal])
    told = number(rows[0].spearman, low, high, of=many)
    these = f"for these {rows[0].conditions} conditions"
    what = f"rank correlation with the mean ratings of {rows[0].cells} cells (Spearman)"
    only = "the only metric compared" if asked == 1 else f"the only one of {asked} metrics that could be compared"
    if not low > 0:
        unknown = bool(np.isnan(low))
        if many == 1:
            end = f"can't be said to agree with listeners{' or not' if unknown else ''}"
            return f"{names}, {only}, {end}: {these} its {what} is {told}."
        none = "It can't be said whether any" if unknown else "None"
        end = "agrees" if unknown else "can be said to agree"
        return f"{none} of {many} metrics {end} with listeners: {these} the largest {what} is that of {names}, {told}."
    agree, go, its = ("agree", "go", "of each") if len(equal) > 1 else ("agrees", "goes", "")
    verb = agree if hold(rows, compared) else f"{go} along"
    if many == 1:
        leads = f"{names}, {only}, {verb} with listeners"
    elif len(equal) == 1:
        leads = f"Of {many} metrics, {names} {verb} best with listeners"
    elif len(equal) == many:
        leads = f"{names} {verb} equally well with listeners"
    else:
        leads = f"Of {many} metrics, {names} {verb} best and equally well with listeners"
    number_told = f"the {what} of each is {told}" if its else f"its {what} is {told}"
    return f"{leads} {these}: {number_told}{_apart(rows, compared)}. {_beyond(rows, equal)}"


def _equal(rows: Sequence[MetricRow], compared: Sequence[ComparisonRow]) -> list[MetricRow]:
    """The best metric and those with its coefficient, such as the same in other units."""
    names = {row.second for row in compared if row.difference <= EQUAL}
    return [rows[0], *(row for row in rows[1:] if row.metric in names)]


def _apart(rows: Sequence[MetricRow], compared: Sequence[ComparisonRow]) -> str:
    """The end of the first sentence: whether the best can be told from those that are below it."""
    labels = {row.metric: row.label for row in rows}
    others = [row for row in compared if row.difference > EQUAL]
    it = "they" if len(others) < len(compared) else "it"
    close = [labels[row.second] for row in others if not row.apart]
    if not others:
        return ""
    if not close:
        return f", and {it} can be told from {'every other' if len(others) > 1 else labels[others[0].second]}"
    if len(close) == len(others) > 1:
        return f", but {it} can't be told from any other"
    return f", but {it} can't be told from {_listed(close)}"


def _beyond(rows: Sequence[MetricRow], equal: Sequence[MetricRow]) -> str:
    """The second sentence: whether agreement is shown beyond these conditions, by which p, and for which others."""
    it_is = "It is" if len(equal) == 1 else "They are"
    weakest = max(equal, key=lambda row: (not row.holds, np.isnan(row.slope_p_adjusted), row.slope_p_adjusted))
    model = f"mixed model with random conditions, {_probability(weakest)}"
    if weakest.holds:
        return f"{it_is} shown to agree about other systems too ({model})."
    shown = [row.label for row in rows[len(equal) :] if row.holds]
    tail = f"; that is shown of {_listed(shown)}" if shown else ""
    sample = f"of which these {rows[0].conditions} conditions are a sample"
    return f"{it_is} not shown to agree about other systems, {sample} ({model}){tail}."


def _probability(row: MetricRow) -> str:
    if np.isnan(row.slope_p_adjusted):
        return "which can't be fitted"
    if row.slope <= 0:
        return "slope not above 0"
    return "p < 0.001" if row.slope_p_adjusted < 0.001 else f"p = {row.slope_p_adjusted:.3f}"


def _listed(labels: Sequence[str]) -> str:
    if len(labels) > NAMED + 1:
        labels = [*labels[:NAMED], f"{len(labels) - NAMED} others"]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)

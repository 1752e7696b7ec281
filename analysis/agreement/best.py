"""Which metric agrees best with listeners, whether it can be told from the others, and the sentence that says so.

The best is the one whose Spearman coefficient with the ratings is largest: rank correlation, because a metric's scale
is its own and listeners use theirs as they like. The best was picked by the same data, so that it is held against the
others at the price of all pairs: the bootstrap's intervals hold for all pairs of metrics at once, and Holm's adjustment
counts all of them; the rows are those with the best. Two metrics are said to differ where the interval leaves out 0
and the adjusted p is below 5 %: the interval knows that the cells of one item are not independent, the test doesn't
take few items for many.

Conventions: D draws, M metrics. Defines: ``comparisons``, ``best_shares``, ``limits_told``, ``number``,
``sentence``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.agreement.dependent import williams
from analysis.agreement.resampling import limits, simultaneous
from analysis.agreement.rows import ComparisonRow, MetricRow
from analysis.statistics.adjustment import holm

ALPHA = 0.05
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


def sentence(
    rows: Sequence[MetricRow], compared: Sequence[ComparisonRow], low: float, high: float, *, asked: int
) -> str:
    """What to tell of the best metric (the first row), with its uncertainty.

    Parameters
    ----------
    low, high : its interval from ``limits_told``. asked : how many metrics there were, compared or not.
    """
    best, labels = rows[0], {row.metric: row.label for row in rows}
    told = number(best.spearman, low, high, of=len(rows))
    what = f"rank correlation with the mean ratings of {best.cells} cells (Spearman)"
    if len(rows) == 1:
        only = "the only metric compared" if asked == 1 else f"the only one of {asked} metrics that could be compared"
        if np.isnan(low):
            return f"{best.label}, {only}, can't be said to agree with listeners or not: its {what} is {told}."
        if low <= 0:
            return f"{best.label}, {only}, can't be said to agree with listeners: its {what} is {told}."
        return f"{best.label}, {only}, agrees with listeners: its {what} is {told}."
    equal = [best.label, *(labels[row.second] for row in compared if row.difference <= EQUAL)]
    names = _listed(equal)
    if not low > 0:
        none = "It can't be said whether any" if np.isnan(low) else "None"
        end = "agrees" if np.isnan(low) else "can be said to agree"
        return f"{none} of {len(rows)} metrics {end} with listeners: the largest {what} is that of {names}, {told}."
    if len(equal) > 1:
        which = "" if len(equal) == len(rows) else f"Of {len(rows)} metrics, "
        best_of_them = "" if len(equal) == len(rows) else "best and "
        leads = f"{which}{names} agree {best_of_them}equally well with listeners: the {what} of each is {told}"
    else:
        leads = f"Of {len(rows)} metrics, {names} agrees best with listeners: its {what} is {told}"
    return f"{leads}{_apart([row for row in compared if row.difference > EQUAL], labels, many=len(equal) > 1)}."


def _apart(others: Sequence[ComparisonRow], labels: Mapping[str, str], *, many: bool) -> str:
    """The end of the sentence: whether the best can be told from those that are below it."""
    it = "they" if many else "it"
    close = [labels[row.second] for row in others if not row.apart]
    if not others:
        return ""
    if not close:
        return f", and {it} can be told from {'every other' if len(others) > 1 else labels[others[0].second]}"
    if len(close) == len(others) > 1:
        return f", but {it} can't be told from any other"
    return f", but {it} can't be told from {_listed(close)}"


def _listed(labels: Sequence[str]) -> str:
    if len(labels) > NAMED + 1:
        labels = [*labels[:NAMED], f"{len(labels) - NAMED} others"]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)

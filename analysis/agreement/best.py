"""Which metric agrees best with listeners, whether it can be told from the others, and the sentence that says so.

The best is the one whose Spearman coefficient with the ratings is largest: rank correlation, because a metric's scale
is its own and listeners use theirs as they like. The best was picked by the same data, so that it is held against the
others at the price of all pairs: the bootstrap's intervals hold for all pairs of metrics at once, and Holm's adjustment
counts all of them; the rows are those with the best. Two metrics are said to differ where the interval leaves out 0
and the adjusted p is below 5 %: the interval knows that the cells of one item are not independent, the test doesn't
take few items for many.

Conventions: D draws, M metrics. Defines: ``comparisons``, ``best_shares``, ``agrees``, ``sentence``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.agreement.dependent import williams
from analysis.agreement.resampling import simultaneous
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
            low=float(low[place]),
            high=float(high[place]),
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


def agrees(estimates: np.ndarray, draws: np.ndarray, *, blocks: int) -> bool:
    """Whether the largest coefficient is above 0, the others being looked at too."""
    low, _ = simultaneous(estimates, draws, blocks=blocks)
    return bool(low[np.argmax(estimates)] > 0)


def sentence(rows: Sequence[MetricRow], compared: Sequence[ComparisonRow], *, agreeing: bool) -> str:
    """What to tell of the best metric (the first row), with its uncertainty."""
    best = rows[0]
    number = f"{best.spearman:.2f} (95 % interval {best.spearman_low:.2f} to {best.spearman_high:.2f})"
    what = f"rank correlation with the mean ratings of {best.cells} cells (Spearman)"
    if len(rows) == 1:
        if not agreeing:
            return f"{best.label} can't be said to agree with listeners: its {what} is {number}."
        return f"{best.label}, the only metric compared, agrees with listeners: its {what} is {number}."
    if not agreeing:
        return (
            f"None of {len(rows)} metrics can be said to agree with listeners: the largest {what} is that of "
            f"{best.label}, {number}."
        )
    labels = {row.metric: row.label for row in rows}
    close = [labels[row.second] for row in compared if not row.apart]
    leads = f"Of {len(rows)} metrics, {best.label} agrees best with listeners: its {what} is {number}"
    if not close:
        return f"{leads}, and it can be told from {'every other' if len(compared) > 1 else labels[compared[0].second]}."
    if len(close) == len(compared) > 1:
        return f"{leads}, but it can't be told from any other."
    return f"{leads}, but it can't be told from {_listed(close)}."


def _listed(labels: Sequence[str]) -> str:
    if len(labels) > NAMED + 1:
        labels = [*labels[:NAMED], f"{len(labels) - NAMED} others"]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)

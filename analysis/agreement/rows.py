"""What is found when metrics are held against ratings: plain rows, for a table, a figure or a file.

Conventions: a metric's values are turned so that more is better before they are correlated (``Metric.goodness``), so
that a coefficient above 0 says that the metric is right, whichever way it counts; 95 % intervals; NaN where a number
is not defined. Defines: ``MetricRow``, ``ComparisonRow``, ``IncrementRow``, ``Agreement``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ALPHA = 0.05


@dataclass(frozen=True)
class MetricRow:
    """One metric against the mean ratings of the cells (an item under a condition).

    ``within``: mean over items of Kendall's tau-b over the item's conditions; ``pairs_right``: share of the pairs of
    conditions within an item that the metric orders as listeners do (0 to 1, a half by chance). ``rmse``: of the
    metric's own prediction, only where it predicts points; ``rmse_linear`` and ``rmse_cubic`` after a mapping
    (points, see ``mapping``). ``best_share``: share of the bootstrap's draws in which its Spearman is the largest.

    ``slope``: points for one standard deviation of the metric, alone in a mixed model with random items and conditions;
    ``slope_f`` with 1 and ``slope_df`` degrees of freedom, ``slope_p``: the test that it is 0; ``slope_p_adjusted``:
    Holm's over the metrics. NaN where there is no such model.
    """

    metric: str
    label: str
    cells: int
    items: int
    conditions: int
    pearson: float
    pearson_low: float
    pearson_high: float
    spearman: float
    spearman_low: float
    spearman_high: float
    kendall: float
    kendall_low: float
    kendall_high: float
    within: float
    within_low: float
    within_high: float
    pairs_right: float
    rmse: float
    rmse_linear: float
    rmse_cubic: float
    best_share: float
    slope: float
    slope_f: float
    slope_df: float
    slope_p: float
    slope_p_adjusted: float

    @property
    def holds(self) -> bool:
        """Whether it is shown to follow ratings of other systems too, of which these conditions are a sample."""
        return bool(self.slope > 0 and self.slope_p_adjusted < ALPHA)


@dataclass(frozen=True)
class ComparisonRow:
    """The best metric (``first``) against another: ``difference`` is of their Spearman with the ratings.

    ``low``, ``high``: from the bootstrap, all pairs of metrics at once (simultaneous). ``t``, ``df``, ``p``: Williams'
    test, which takes cells to be independent; ``p_adjusted``: Holm's over all pairs of metrics. ``apart``: whether
    both say that the two differ.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    t: float
    df: int
    p: float
    p_adjusted: float
    apart: bool


@dataclass(frozen=True)
class IncrementRow:
    """What a metric tells of the ratings beyond ``base``, in a mixed model of the cells' mean ratings.

    ``slope``: points for one standard deviation of the metric, ``base`` held fixed. ``f`` with 1 and ``df`` degrees of
    freedom (Kenward and Roger's), ``p``: the test that the slope is 0; ``p_adjusted``: Holm's over the metrics.
    ``r2_base``, ``r2_both``: share of the cells' variance that the fixed effects explain (marginal R squared), without
    and with the metric.
    """

    metric: str
    base: str
    slope: float
    f: float
    df: float
    p: float
    p_adjusted: float
    r2_base: float
    r2_both: float


@dataclass(frozen=True)
class Agreement:
    """Metrics held against the ratings of one attribute.

    ``cells``: item, condition, rating, and each compared metric as it was measured; only the cells that were used.
    ``metrics``: best first, by Spearman. ``comparisons``: the best against each other. ``matrix``: Spearman between
    rating and metrics, first row and column ``rating``. ``left_out``: metric to the reason why it was not compared.
    ``best``: the first, where it is shown to agree with listeners, about other systems too; else "". ``spread``:
    standard deviation of the cells' ratings in points, which is the RMSE of a metric that says nothing; ``ceiling``:
    the Spearman correlation of one that is perfect, which the noise of few listeners keeps below 1 (NaN: unknown).
    """

    cells: pd.DataFrame
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    increments: tuple[IncrementRow, ...]
    matrix: pd.DataFrame
    left_out: dict[str, str]
    problems: tuple[str, ...]
    best: str
    sentence: str
    spread: float
    ceiling: float

"""Objective metrics beside the ratings of one attribute, as rows.

Conventions: as in ``analysis.agreement.rows``, but a number that does not exist is None. Metrics are turned so that a
correlation above 0 says that a metric is right. Defines: the rows, ``Agreement``, ``Compared``, ``compared``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.agreement import agreement as statistics
from analysis.metrics.family import Metric
from analysis.reading.numbers import Numbers
from analysis.report.parts.results import plain, rows_of
from analysis.report.parts.tried import SEED

DRAWS = 1000
"""Of the bootstrap over listeners and items, for all metrics together."""


@dataclass(frozen=True)
class MetricRow:
    """One metric against the mean ratings of the ``cells``, which are a condition on an item each.

    ``within``: Kendall's tau-b of an item's conditions, averaged over items; ``pairs_right``: share of the pairs of an
    item's conditions that the metric orders as listeners do. ``rmse`` in points: of the metric itself where it predicts
    points, after the best line, and after the best monotone third-order polynomial (ITU-T P.1401). ``best_share``: of
    the draws in which it has the highest Spearman correlation. ``slope``: points for one standard deviation of the
    metric, alone in a mixed model with random items and conditions; Kenward and Roger's F (``slope_f``) with 1 and
    ``slope_df`` degrees of freedom, its p, and that adjusted over the metrics by Holm.
    """

    metric: str
    label: str
    cells: int
    items: int
    conditions: int
    pearson: float | None
    pearson_low: float | None
    pearson_high: float | None
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    kendall: float | None
    kendall_low: float | None
    kendall_high: float | None
    within: float | None
    within_low: float | None
    within_high: float | None
    pairs_right: float | None
    rmse: float | None
    rmse_linear: float | None
    rmse_cubic: float | None
    best_share: float | None
    slope: float | None
    slope_f: float | None
    slope_df: float | None
    slope_p: float | None
    slope_p_adjusted: float | None


@dataclass(frozen=True)
class ComparisonRow:
    """The best metric against another: difference of their Spearman correlations, its simultaneous interval by the
    bootstrap, and Williams' test, which takes cells to be independent. ``apart``: both say that the two differ."""

    first: str
    second: str
    difference: float | None
    low: float | None
    high: float | None
    t: float | None
    df: int | None
    p: float | None
    p_adjusted: float | None
    apart: bool


@dataclass(frozen=True)
class IncrementRow:
    """What a metric tells beyond ``base``, in a mixed model of the mean ratings: ``slope`` in points for one standard
    deviation of the metric, Kenward and Roger's F with 1 and ``df`` degrees of freedom, and marginal R squared without
    and with it."""

    metric: str
    base: str
    slope: float | None
    f: float | None
    df: float | None
    p: float | None
    p_adjusted: float | None
    r2_base: float | None
    r2_both: float | None


@dataclass(frozen=True)
class CorrelationRow:
    """Spearman's correlation of two metrics, or of a metric with ``rating``, over the cells."""

    first: str
    second: str
    spearman: float | None


@dataclass(frozen=True)
class ConditionMeanRow:
    """Means of one condition over the same items: of the ratings, and of a metric as it was measured.

    Of its magnitude where it is best near zero: errors to either side would be none on average.
    """

    condition: str
    metric: str
    items: int
    rating: float
    value: float


@dataclass(frozen=True)
class NotComparedRow:
    """A metric that could not be held against these ratings, and why."""

    metric: str
    reason: str


@dataclass(frozen=True)
class Agreement:
    """All that is said of the metrics of one attribute. ``best`` is empty where none is shown to agree with listeners,
    about other systems too; ``spread``: standard deviation of the mean ratings, which is the RMSE of a metric that says
    nothing; ``ceiling``: the Spearman correlation that a perfect one can be expected to have."""

    sentence: str
    best: str
    spread: float | None
    ceiling: float | None
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    increments: tuple[IncrementRow, ...]
    correlations: tuple[CorrelationRow, ...]
    conditions: tuple[ConditionMeanRow, ...]
    left_out: tuple[NotComparedRow, ...]
    problems: tuple[str, ...]
    draws: int


@dataclass(frozen=True, eq=False)
class Compared:
    """The rows, and what the figures are drawn from: mean ratings with metrics, and Spearman's matrix."""

    rows: Agreement
    cells: pd.DataFrame
    matrix: pd.DataFrame


def compared(ratings: pd.DataFrame, numbers: Numbers, reference: str | None) -> Compared:
    """Hold every metric against the ratings of an attribute, of those listeners whom screening left."""
    metrics = list(numbers.metrics.values())
    found = statistics.agreement(ratings, numbers.values, metrics, reference=reference, draws=DRAWS, seed=SEED)
    places = {row.metric: place for place, row in enumerate(found.metrics)}
    beyond = sorted(found.increments, key=lambda row: places[row.metric])
    return Compared(
        rows=Agreement(
            sentence=found.sentence,
            best=found.best,
            spread=plain(found.spread),
            ceiling=plain(found.ceiling),
            metrics=rows_of(MetricRow, map(vars, found.metrics)),
            comparisons=rows_of(ComparisonRow, map(vars, found.comparisons)),
            increments=rows_of(IncrementRow, map(vars, beyond)),
            correlations=_pairs(found.matrix),
            conditions=_means(found.cells, [numbers.metrics[row.metric] for row in found.metrics]),
            left_out=tuple(NotComparedRow(name, _why(numbers, name) or why) for name, why in found.left_out.items()),
            problems=found.problems,
            draws=DRAWS,
        ),
        cells=found.cells,
        matrix=found.matrix,
    )


def _why(numbers: Numbers, metric: str) -> str:
    """The one reason why a metric has no number anywhere; empty where there are some, or several reasons."""
    own = numbers.frame[numbers.frame["metric"] == metric]
    reasons = own["reason"].unique()
    return f"has no number: {reasons[0]}" if own["value"].isna().all() and len(reasons) == 1 else ""


def _pairs(matrix: pd.DataFrame) -> tuple[CorrelationRow, ...]:
    """Each pair once, in the order of the matrix."""
    return tuple(
        CorrelationRow(str(first), str(second), plain(matrix.loc[first, second]))
        for first, second in itertools.combinations(matrix.index, 2)
    )


def _means(cells: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[ConditionMeanRow, ...]:
    """Metric by metric, every condition; the best rated first."""
    found: list[ConditionMeanRow] = []
    near_zero = [metric.name for metric in metrics if metric.better == "zero"]
    own = cells.assign(**{name: cells[name].abs() for name in near_zero}).groupby("condition")
    for metric in (metric.name for metric in metrics):
        means = own[["rating", metric]].mean().assign(items=own["item"].nunique())
        for condition, row in means.sort_values("rating", ascending=False).iterrows():
            found.append(
                ConditionMeanRow(str(condition), metric, int(row["items"]), *map(float, row[["rating", metric]]))
            )
    return tuple(found)

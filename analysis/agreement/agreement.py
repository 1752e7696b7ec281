"""Objective metrics held against the ratings of one attribute: how closely each follows them, and which does best.

All is about cells, an item under a condition: the mean rating over listeners beside each metric's number. Coefficients
have intervals from drawing listeners and items (songs) anew; the conditions stay as they are. Whether a metric would
agree about other systems as well is tested apart, in a mixed model where conditions are random too. A coefficient over
all cells mixes what a metric says of conditions with what it says of items; ``within`` is of conditions alone.

Conventions: points from 0 to 100; metrics turned so that more is better. Defines: ``agreement``; and, from ``rows``,
what it answers with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.agreement import best, correlations, mapping, resampling
from analysis.agreement.ceiling import ceiling
from analysis.agreement.cells import Beside, beside
from analysis.agreement.correlations import Coefficients
from analysis.agreement.incremental import Slope, base_of, increments, slopes
from analysis.agreement.rows import Agreement, ComparisonRow, IncrementRow, MetricRow
from analysis.errors import AnalysisError
from analysis.metrics.family import Metric
from stimuli.experiment import REFERENCE

__all__ = ["Agreement", "ComparisonRow", "IncrementRow", "MetricRow", "agreement"]

NOTHING = pd.Series(dtype=float)
POINTS = "points"
"""Unit of metrics that predict ratings themselves."""


def agreement(
    ratings: pd.DataFrame,
    values: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    base: str | None = None,
    reference: str | None = REFERENCE,
    draws: int = 1000,
    seed: int,
) -> Agreement:
    """How far metrics agree with listeners.

    Parameters
    ----------
    ratings : listener, item, condition, rating, replicate, song ("" or no column where unknown); of one attribute.
    values : item, condition, and a column for each metric, NaN where it has no number.
    metrics : of these columns; all must be of different names.
    base : the metric beyond which each other is tested; None for the first SDR that has numbers.
    reference : the condition that is the hidden reference, which is left out.
    draws : of the bootstrap, from ``seed``.

    Returns
    -------
    Agreement
        Without numbers, and with the reason in ``sentence``, for fewer than 3 conditions, 2 items or 6 cells.

    Raises
    ------
    AnalysisError
        Where a column is missing, a cell has two rows of values, or a metric is named twice.
    """
    if len({metric.name for metric in metrics}) < len(metrics):
        raise AnalysisError("agreement: a metric is given twice; expected metrics of different names")
    there = [metric.name for metric in metrics if values.get(metric.name, NOTHING).notna().any()]
    found = beside(ratings, values, metrics, reference=reference, base=base or base_of(there))
    if reason := found.too_few:
        return _nothing(found, f"Metrics are not held against the ratings: {reason}.")
    sample = resampling.drawn(found, draws=draws, seed=seed)
    item = pd.factorize(found.table["item"])[0]
    once = correlations.coefficients(found.ratings[None, :], found.values, np.ones((1, len(item))), item)
    estimates = {name: values[0] for name, values in once.items()}
    drawn = correlations.coefficients(sample.ratings, found.values, sample.weights, item)
    alone, not_alone = slopes(found)
    measured = _measured(found, estimates, drawn, alone, blocks=sample.blocks)
    matrix = _matrix(found)
    compared = best.comparisons(
        [metric.name for metric in found.metrics],
        estimates["spearman"],
        drawn["spearman"],
        matrix.to_numpy()[1:, 1:],
        cells=len(found.table),
        blocks=sample.blocks,
    )
    low, high = best.limits_told(estimates["spearman"], drawn["spearman"], blocks=sample.blocks)
    first = np.argmax(estimates["spearman"])
    beyond, untested = increments(found, base or base_of([metric.name for metric in found.metrics]))
    return Agreement(
        cells=_shown(found),
        metrics=measured,
        comparisons=compared,
        increments=beyond,
        matrix=matrix,
        left_out=found.left_out,
        problems=(
            *found.problems,
            *sample.problems,
            *_without(measured, sample.blocks),
            *_against(found, estimates["spearman"], low, high),
            *not_alone,
            *untested,
        ),
        best=measured[0].metric if low[first] > 0 and best.hold(measured, compared) else "",
        sentence=best.sentence(measured, compared, low[first], high[first], asked=len(metrics)),
        spread=float(found.ratings.std(ddof=1)),
        ceiling=ceiling(found, seed=seed),
    )


def _measured(
    found: Beside, estimates: Coefficients, drawn: Coefficients, alone: Sequence[Slope], *, blocks: int
) -> tuple[MetricRow, ...]:
    """A row for each metric, the largest Spearman first."""
    limits = {
        name: resampling.limits(estimates[name], drawn[name], blocks=blocks)
        for name in ("pearson", "spearman", "kendall", "within")
    }
    shares = best.best_shares(drawn["spearman"])
    rows = []
    for place in np.argsort(-estimates["spearman"], kind="stable"):
        metric, own = found.metrics[place], found.values[:, place]
        coefficients = {
            column: float(values[place])
            for name, (low, high) in limits.items()
            for column, values in ((name, estimates[name]), (f"{name}_low", low), (f"{name}_high", high))
        }
        rows.append(
            MetricRow(
                metric.name,
                metric.label,
                cells=len(found.table),
                items=found.table["item"].nunique(),
                conditions=found.table["condition"].nunique(),
                **coefficients,
                pairs_right=float(estimates["right"][place]),
                rmse=mapping.rmse(own, found.ratings) if metric.unit == POINTS else np.nan,
                rmse_linear=mapping.rmse_linear(own, found.ratings),
                rmse_cubic=mapping.rmse_cubic(own, found.ratings),
                best_share=float(shares[place]),
                **vars(alone[place]),
            )
        )
    return tuple(rows)


def _matrix(found: Beside) -> pd.DataFrame:
    """Spearman between the ratings and all metrics."""
    columns = np.column_stack([found.ratings, found.values])
    once = np.ones((1, len(columns)))
    rows = [correlations.spearman(column[None, :], columns, once)[0] for column in columns.T]
    names = ["rating", *(metric.name for metric in found.metrics)]
    return pd.DataFrame(rows, index=names, columns=pd.Index(names))


def _shown(found: Beside) -> pd.DataFrame:
    return found.table.drop(columns="song")


def _nothing(found: Beside, reason: str) -> Agreement:
    """No number, and why."""
    return Agreement(
        _shown(found),
        (),
        (),
        (),
        pd.DataFrame(),
        found.left_out,
        found.problems,
        best="",
        sentence=reason,
        spread=np.nan,
        ceiling=np.nan,
    )


def _without(rows: Sequence[MetricRow], blocks: int) -> tuple[str, ...]:
    """Metrics that lack an interval although there are blocks enough: ``resampling.limits`` says why."""
    names = ("spearman", "pearson", "kendall", "within")
    lacking = {
        row.label: [name for name in names if np.isfinite(getattr(row, name)) and np.isnan(getattr(row, f"{name}_low"))]
        for row in rows
        if blocks >= resampling.FEWEST_BLOCKS
    }
    return tuple(
        f"{label} has no interval of {', '.join(found)}: the number lies outside 95 % of its draws, as it does where "
        "ratings are noisy or items few, and an interval corrected for so much would be none."
        for label, found in lacking.items()
        if found
    )


def _against(found: Beside, estimates: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[str, ...]:
    """Metrics whose interval, that of ``limits_told``, is below 0."""
    against = [place for place in np.argsort(-estimates, kind="stable") if high[place] < 0]
    numbers = np.column_stack([estimates, low, high])
    return tuple(
        f"{found.metrics[place].label} runs against the ratings: Spearman "
        f"{best.number(*map(float, numbers[place]), of=len(estimates))}."
        for place in against
    )

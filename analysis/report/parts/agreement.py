"""Objective metrics beside the ratings of one attribute, over the same items.

Defines: ``beside``, ``rows``, ``spearman``, ``METRIC``, ``METRIC_LABEL``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats

from analysis.metrics.score import METRICS
from analysis.report.parts.results import CellRow, plain

METRIC, METRIC_LABEL = "si_sdr_db", "SI-SDR in dB"


def beside(cells: Sequence[CellRow], metrics: pd.DataFrame | None) -> pd.DataFrame:
    """Mean rating and metrics of each condition and item that has both, so that their means are over the same items."""
    if metrics is None:
        return pd.DataFrame(columns=["condition", "item", "mean", *METRICS])
    rated = pd.DataFrame([dataclasses.asdict(row) for row in cells])[["condition", "item", "mean"]]
    joined = rated.merge(metrics[["item", "condition", *METRICS]], on=["item", "condition"], how="inner")
    return joined.dropna(subset=list(METRICS))


def rows(found: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Mean rating and mean metrics of each condition, and over how many items."""
    grouped = found.groupby("condition", sort=True)
    means = grouped[["mean", *METRICS]].mean().assign(items=grouped["item"].nunique()).reset_index()
    return tuple({str(name): plain(value) for name, value in row.items()} for row in means.to_dict("records"))


def spearman(found: pd.DataFrame) -> dict[str, float]:
    """Rank correlation of mean rating and each metric over conditions; ``conditions`` says how many."""
    means = found.groupby("condition")[["mean", *METRICS]].mean()
    if len(means) < 3 or (means.nunique() == 1).any():
        return {}
    correlations = {name: float(stats.spearmanr(means["mean"], means[name])[0]) for name in METRICS}  # type: ignore[arg-type]
    return correlations | {"conditions": len(means)}

"""Objective metrics held against the ratings of one attribute.

Defines: ``agreement``; and, from ``rows``, what it answers with.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.agreement.rows import Agreement, ComparisonRow, IncrementRow, MetricRow
from analysis.metrics.family import Metric

__all__ = ["Agreement", "ComparisonRow", "IncrementRow", "MetricRow", "agreement"]


def agreement(
    ratings: pd.DataFrame,
    values: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    base: str = "mdx_sdr_db",
    draws: int = 1000,
    seed: int,
) -> Agreement:
    """How far metrics agree with listeners (to come: for now, that there is nothing to say)."""
    nothing = "Metrics are not yet compared."
    return Agreement(
        pd.DataFrame(columns=pd.Index(["item", "condition", "rating"])),
        (),
        (),
        (),
        pd.DataFrame(),
        {},
        (nothing,),
        best="",
        sentence=nothing,
        spread=float("nan"),
    )

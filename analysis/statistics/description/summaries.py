"""Description of ratings, as BS.1534-3, clause 9 asks: median and quartiles, mean and 95 % interval.

Conventions: a frame with columns listener, item, condition, rating. The standard does not say which rule its
quartiles follow but for outliers, so both are given: ``q1`` and ``q3`` are interpolated linearly (type 7 of Hyndman
and Fan 1996), ``q1_hinge`` and ``q3_hinge`` are Tukey's (for an odd count the median belongs to both halves). The
interval of the mean is Student's t over listener means, so that its width speaks of listeners and not of ratings.

Defines: ``per_condition``, ``per_cell``, ``listener_means``, ``paired_means``, ``hinges``, ``t_interval``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


def per_condition(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per condition: condition, n, listeners, median, both kinds of quartiles, mean, low, high, at_ceiling."""
    means = listener_means(frame)
    rows = [
        {
            "condition": condition,
            **_summary(own["rating"].to_numpy(float)),
            **t_interval(means[condition].dropna().to_numpy(float)),
        }
        for condition, own in frame.groupby("condition", sort=True)
    ]
    return pd.DataFrame(rows)


def per_cell(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per condition and item; the interval is over listeners' ratings of that item."""
    rows = []
    for (condition, item), own in frame.groupby(["condition", "item"], sort=True):
        means = own.groupby("listener")["rating"].mean().to_numpy(float)
        summary = _summary(own["rating"].to_numpy(float))
        rows.append({"condition": condition, "item": item, **summary, **t_interval(means)})
    return pd.DataFrame(rows)


def listener_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean rating of each listener (rows) for each condition (columns), over items and replicates.

    First over replicates, then over items, so that an item presented twice has no more weight.
    """
    cells = frame.groupby(["listener", "condition", "item"])["rating"].mean()
    return cells.groupby(["listener", "condition"]).mean().unstack("condition")


def paired_means(frame: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Mean ratings of two conditions by each listener (rows) over the pages that held both, and no others.

    On such a page both were heard beside each other, of one item, so that items can't be taken for conditions where
    pages are incomplete. As in ``listener_means`` replicates come first; for complete pages these are its columns.
    """
    cells = frame[frame["condition"].isin([first, second])]
    pages = cells.pivot_table(index=["listener", "item", "replicate"], columns="condition", values="rating")
    both = pages.reindex(columns=[first, second]).dropna()
    return both.groupby(["listener", "item"]).mean().groupby("listener").mean()


def hinges(values: np.ndarray) -> tuple[float, float, float]:
    """Lower hinge, median, upper hinge (Tukey 1977)."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    return float(np.median(ordered[:half])), float(np.median(ordered)), float(np.median(ordered[-half:]))


def t_interval(values: np.ndarray) -> dict[str, float]:
    """Mean with Student's t interval (95 %), and how many values; without limits for fewer than two."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return {"listeners": count, "mean": mean, "low": float("nan"), "high": float("nan")}
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return {"listeners": count, "mean": mean, "low": mean - reach, "high": mean + reach}


def _summary(values: np.ndarray) -> dict[str, float]:
    lower, median, upper = hinges(values)
    first, third = (float(quartile) for quartile in np.quantile(values, [0.25, 0.75], method="linear"))
    quartiles = {"q1": first, "q3": third, "q1_hinge": lower, "q3_hinge": upper}
    return {"n": len(values), "median": median, **quartiles, "at_ceiling": int((values == 100).sum())}

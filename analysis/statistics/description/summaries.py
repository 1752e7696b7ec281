"""Description of ratings, as BS.1534-3, clause 9 asks: median and quartiles, mean and 95 % interval, and shape.

Conventions: a frame with columns listener, item, condition, rating. The standard does not say which rule its
quartiles follow but for outliers, so both are given: ``q1`` and ``q3`` are interpolated linearly (type 7 of Hyndman
and Fan 1996), ``q1_hinge`` and ``q3_hinge`` are Tukey's (for an odd count the median belongs to both halves). The
interval of the mean is Student's t over listener means, so that its width speaks of listeners and not of ratings;
``sd``, quartiles and shape are over all ratings.

Defines: ``per_condition``, ``per_cell``, ``listener_means``, ``paired_means``, ``of_side``, ``hinges``,
``t_interval``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.description import grouped
from analysis.statistics.sides import of_side
from stimuli.experiment import Contrast

CONFIDENCE = 0.95
CEILING = 100


def per_condition(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per condition, sorted by name.

    Returns
    -------
    DataFrame
        condition, n, median, q1, q3, q1_hinge, q3_hinge, at_ceiling (ratings of exactly 100), sd, skew, kurtosis,
        bimodality, multimodal (see ``grouped.shape``), listeners, mean, low, high.
    """
    return _summaries(frame, ["condition"])


def per_cell(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per condition and item, sorted, with item after condition; the interval is over listeners' ratings."""
    return _summaries(frame, ["condition", "item"])


def listener_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean rating of each listener (rows) for each condition (columns), over items and replicates.

    First over replicates, then over items, so that an item presented twice has no more weight.
    """
    cells = frame.groupby(["listener", "condition", "item"])["rating"].mean()
    return cells.groupby(["listener", "condition"]).mean().unstack("condition")


def paired_means(frame: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    """Mean ratings of the two sides of a contrast by each listener who rated both.

    Where both sides are of the same levels of the factors (or of all), over the pages that held both conditions and
    no others: on such a page both were heard beside each other, of one item, so that items can't be taken for
    conditions where pages are incomplete. Where they differ (one condition on seen and on unseen items) there is no
    such page, and each side is over its own. As in ``listener_means`` replicates come first; for complete pages
    these are its columns.

    Parameters
    ----------
    frame : columns listener, item, replicate, condition, rating, and those of the factors that the contrast names.

    Returns
    -------
    DataFrame
        Listeners (rows, sorted) by ``first`` and ``second``, in points; without missing values, perhaps empty.

    Raises
    ------
    AnalysisError
        Where the contrast is between groups of listeners: nobody is in both, so that nothing is paired; or where the
        ratings lack the column of a factor.
    """
    first, second = (of_side(frame, side, contrast) for side in contrast)
    if dict(contrast.first.on).get("group") != dict(contrast.second.on).get("group"):
        raise AnalysisError(
            f"{contrast}: compares groups of listeners, but a paired test compares what the same listeners rated; "
            "expected both sides of one group; the mixed model compares groups"
        )
    if contrast.first.on == contrast.second.on:
        page = ["listener", "item", "replicate"]
        columns = [rated.groupby(page)["rating"].mean() for rated in (first, second)]
        both = pd.concat(columns, axis=1, join="inner", keys=["first", "second"])
        return both.groupby(["listener", "item"]).mean().groupby("listener").mean().sort_index()
    own = [r.groupby(["listener", "item"])["rating"].mean().groupby("listener").mean() for r in (first, second)]
    return pd.concat(own, axis=1, join="inner", keys=["first", "second"]).sort_index()


def hinges(values: np.ndarray) -> tuple[float, float, float]:
    """Lower hinge, median, upper hinge (Tukey 1977)."""
    found = grouped.quartiles(np.asarray(values, float), np.zeros(len(values), int))
    return float(found["q1_hinge"][0]), float(found["median"][0]), float(found["q3_hinge"][0])


def t_interval(values: np.ndarray) -> dict[str, float]:
    """Mean with Student's t interval (95 %), and how many values; without limits for fewer than two."""
    found = _t_intervals(np.asarray(values, float), np.zeros(len(values), int))
    return {"listeners": int(found["listeners"][0])} | {name: float(found[name][0]) for name in ("mean", "low", "high")}


def _summaries(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    groups = frame.groupby(by, sort=True)["rating"]
    codes, values = groups.ngroup().to_numpy(), frame["rating"].to_numpy(float)
    cells = frame.groupby(list(dict.fromkeys([*by, "listener", "item"])))["rating"].mean()
    means = cells.groupby([*by, "listener"]).mean()
    summary = {
        "n": grouped.counts(codes),
        **grouped.quartiles(values, codes),
        "at_ceiling": np.bincount(codes, values == CEILING).astype(int),
        "sd": grouped.deviations(values, codes),
        **grouped.shape(values, codes),
        **_t_intervals(means.to_numpy(float), means.groupby(by).ngroup().to_numpy()),
    }
    return groups.size().index.to_frame(index=False).assign(**summary)


def _t_intervals(values: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and t interval of each group of listeners' means."""
    count, mean = grouped.counts(codes), grouped.means(values, codes)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(count - 1, 1)) / np.sqrt(count)
    reach = reach * grouped.deviations(values, codes)
    return {"listeners": count, "mean": mean, "low": mean - reach, "high": mean + reach}

"""Ratings against an objective metric.

Defines: ``agreement``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import rc_context

from analysis.report.figures.drawing import COLOURS, COLUMN_IN, INK, STYLE, Drawing, new_figure

LABEL_GAP = 5.5
"""Points of rating between two names, so that neither covers the other."""


def agreement(found: pd.DataFrame, metric: str, label: str, roles: Mapping[str, str]) -> Drawing:
    """Mean rating of every condition and item against a metric; conditions are named at their centre's height.

    Parameters
    ----------
    found : rows with condition, item, mean (0 to 100) and the metric; one at least.
    """
    with rc_context(STYLE):
        figure, axes = new_figure(0.8 * COLUMN_IN)
        centres = found.groupby("condition", sort=True)[[metric, "mean"]].mean()
        for condition, own in found.groupby("condition", sort=True):
            colour = COLOURS[roles[str(condition)]]
            axes.plot(own[metric], own["mean"], "o", color=colour, alpha=0.45, markersize=3, markeredgewidth=0)
            centre = centres.loc[condition]
            axes.plot(centre[metric], centre["mean"], "D", color=colour, markersize=4, markeredgewidth=0)
        heights = _apart(centres["mean"].to_numpy(float), LABEL_GAP)
        for (condition, centre), height in zip(centres.iterrows(), heights, strict=True):
            # Names stand in a column of their own, each with a thin line to its condition's centre.
            line = {"arrowstyle": "-", "color": COLOURS[roles[str(condition)]], "linewidth": 0.5, "alpha": 0.7}
            axes.annotate(
                str(condition),
                (centre[metric], centre["mean"]),
                xytext=(1.03, height / 100),
                textcoords="axes fraction",
                va="center",
                arrowprops={**line, "shrinkA": 1, "shrinkB": 0},
            )
        axes.set_ylim(0, 100)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_xlabel(label)
        axes.set_ylabel("mean rating")
        return Drawing(figure, f"Mean rating against {label}; the table below holds the means.")


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The same heights in the same order, moved up where two are nearer than ``gap``; none above 100 if they fit."""
    order = np.argsort(heights, kind="stable")
    moved = np.array(heights, float)
    below = -np.inf
    for index in order:
        below = moved[index] = max(moved[index], below + gap)
    above = max(100.0, gap * len(moved)) + gap
    for index in order[::-1]:
        above = moved[index] = min(moved[index], above - gap)
    return moved

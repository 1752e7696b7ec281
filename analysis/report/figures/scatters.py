"""Ratings against objective metrics: one drawing per metric.

Defines: ``scatters``, ``MOST_SCATTERS``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from analysis.metrics.family import Metric
from analysis.report.figures.drawing import COLOURS, COLUMN_IN, INK, STYLE, Drawing, new_figure, shortened

MOST_SCATTERS = 6
"""Metrics that are drawn, the best ones; the table holds all."""
MOST_LINES = 40
"""Items up to which each has its line; more would be one stain."""
MOST_LETTERS = 18
"""Of a condition's name."""
LABEL_GAP = 6.5
"""Points of rating between two names, so that neither covers the other."""


def scatters(cells: pd.DataFrame, metrics: Sequence[Metric], roles: Mapping[str, str]) -> tuple[Drawing, ...]:
    """Mean rating of every condition and item against each metric, good to the right; thin lines join an item's.

    They are drawings of their own so that the page can set them side by side or, on a narrow screen, in a column.

    Parameters
    ----------
    cells : rows with condition, item, rating (its mean, 0 to 100) and a column per metric.
    metrics : those to be drawn, in their order.
    """
    return tuple(_scatter(cells, metric, roles) for metric in metrics)


def _scatter(found: pd.DataFrame, metric: Metric, roles: Mapping[str, str]) -> Drawing:
    """One metric; conditions are named at the height of their mean."""
    near_zero = metric.better == "zero"
    found = found.assign(value=found[metric.name].abs() if near_zero else found[metric.name])
    label = f"|{metric.label}|" if near_zero else metric.label
    with rc_context(STYLE):
        figure, axes = new_figure(0.74 * COLUMN_IN)
        if found["item"].nunique() <= MOST_LINES:
            for _, own in found.sort_values("value").groupby("item"):
                axes.plot(own["value"], own["rating"], color=INK, alpha=0.3, linewidth=0.5, zorder=1)
        for condition, own in found.groupby("condition"):
            dots = {"color": COLOURS[roles[str(condition)]], "alpha": 0.5, "markersize": 3, "markeredgewidth": 0}
            axes.plot(own["value"], own["rating"], "o", zorder=2, **dots)
        axes.set_ylim(0, 100)
        if metric.better != "higher":
            axes.invert_xaxis()
        _centres(axes, found.groupby("condition")[["value", "rating"]].mean(), roles)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_title(shortened(label, 2 * MOST_LETTERS), fontsize=8, loc="left", fontweight="bold")
        axes.set_xlabel(f"{metric.unit}, better to the right".removeprefix(", "))
        axes.set_ylabel("mean rating")
        return Drawing(figure, f"Mean rating against {label}; the table holds the means.", name=metric.name)


def _centres(axes: Axes, centres: pd.DataFrame, roles: Mapping[str, str]) -> None:
    """A diamond per condition, and the names in a column of their own, each with a thin line to its diamond."""
    heights = _apart(centres["rating"].to_numpy(float), LABEL_GAP)
    for (condition, centre), height in zip(centres.iterrows(), heights, strict=True):
        colour = COLOURS[roles[str(condition)]]
        axes.plot(centre["value"], centre["rating"], "D", color=colour, markersize=4, markeredgewidth=0, zorder=3)
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 1, "shrinkB": 2}
        line["relpos"] = (0, 0.5)  # from the name's left edge, not from its middle
        axes.annotate(
            shortened(str(condition), MOST_LETTERS),
            (centre["value"], centre["rating"]),
            xytext=(1.03, height / 100),
            textcoords="axes fraction",
            va="center",
            arrowprops=line,
        )


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

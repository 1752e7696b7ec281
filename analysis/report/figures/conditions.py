"""Every condition: raw listener means, box, mean with interval; and one panel per item.

Defines: ``conditions``, ``cells``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from analysis.report.figures.drawing import COLOURS, INK, STYLE, Drawing, new_figure, on_scale, rating_axis, rows_of
from analysis.report.parts.results import CellRow, ConditionRow

MOST_DOTS = 200
"""Listeners up to whom each is a dot; more would be one stain, and thousands of dots in the page."""


def conditions(
    means: pd.DataFrame, rows: Sequence[ConditionRow], roles: Mapping[str, str], labels: Sequence[str]
) -> Drawing:
    """Raw listener means, box and mean with 95 % interval of every condition, in the order of ``rows``.

    Above ``MOST_DOTS`` listeners the means are drawn as their histogram.

    Parameters
    ----------
    means : listeners by conditions.
    roles : role of each condition.
    labels : the five bands, worst first.
    """
    names = [row.condition for row in rows]
    heights = rows_of(names, roles)
    with rc_context(STYLE):
        figure, axes = new_figure(0.42 + 0.33 * (heights[-1] + 1))
        for height, row in zip(heights, rows, strict=True):
            _condition(axes, height, row, means[row.condition].dropna().to_numpy(float))
        rating_axis(axes, labels)
        axes.set_yticks(heights, names)
        axes.set_ylim(heights[-1] + 0.55, -0.6)
        return Drawing(figure, "Ratings of every condition from 0 to 100; the table below holds the numbers.")


def _condition(axes: Axes, height: float, row: ConditionRow, values: np.ndarray) -> None:
    """One condition: mean with interval above, box in the middle, single listeners below."""
    colour = COLOURS[row.role]
    axes.plot(on_scale(row.low, row.high), [height - 0.32] * 2, color=INK, linewidth=1, clip_on=False)
    axes.plot(row.mean, height - 0.32, "D", color=INK, markersize=2.8, markeredgewidth=0, clip_on=False)
    box = {"color": colour, "linewidth": 5, "alpha": 0.35, "solid_capstyle": "butt", "clip_on": False}
    axes.plot([row.q1, row.q3], [height - 0.06] * 2, **box)
    axes.plot([row.median] * 2, [height - 0.17, height + 0.05], color=colour, linewidth=1.5, clip_on=False)
    if len(values) > MOST_DOTS:
        _silhouette(axes, height + 0.42, values, colour)
        return
    # Dots that would hide each other are moved apart, always in the same way.
    spread = 0.11 * np.sin(2.4 * np.argsort(np.argsort(values, kind="stable")))
    dots = {"color": colour, "alpha": 0.55, "markersize": 3, "markeredgewidth": 0, "clip_on": False}
    axes.plot(values, height + 0.25 + spread, "o", **dots)


def _silhouette(axes: Axes, foot: float, values: np.ndarray, colour: str) -> None:
    """How many listeners lie where, standing on ``foot``: the whole numbers of the scale, the most of them as high as
    a row of dots. A mark below each listener who is alone in a number keeps the outermost in sight."""
    counts, edges = np.histogram(values, bins=np.arange(-0.5, 101))
    axes.stairs(
        foot - 0.36 * counts / counts.max(), edges, baseline=foot, fill=True, color=colour, alpha=0.55, linewidth=0
    )
    alone = np.flatnonzero(counts == 1)
    dots = {"color": colour, "alpha": 0.55, "markersize": 2, "markeredgewidth": 0, "clip_on": False}
    axes.plot(alone, np.full(len(alone), foot - 0.05), "o", **dots)


def cells(
    found: Sequence[CellRow], order: Sequence[str], roles: Mapping[str, str], labels: Sequence[str]
) -> tuple[Drawing, ...]:
    """One drawing per item: mean and 95 % interval of every condition.

    They are drawings of their own so that the page can set them side by side or, on a narrow screen, in a column.
    """
    heights = dict(zip(order, rows_of(order, roles), strict=True))
    drawn = []
    for item in dict.fromkeys(row.item for row in found):
        with rc_context(STYLE):
            figure, axes = new_figure(0.62 + 0.16 * (max(heights.values()) + 1))
            for row in (row for row in found if row.item == item):
                height, colour = heights[row.condition], COLOURS[roles[row.condition]]
                axes.plot(on_scale(row.low, row.high), [height] * 2, color=colour, linewidth=1.2, clip_on=False)
                axes.plot(row.mean, height, "o", color=colour, markersize=3.2, clip_on=False)
            axes.set_title(item, fontsize=8, loc="left", fontweight="bold", pad=14)
            axes.set_yticks(list(heights.values()), list(heights))
            axes.set_ylim(max(heights.values()) + 0.6, -0.6)
            rating_axis(axes, labels)
            drawn.append(Drawing(figure, f"{item}: mean rating of every condition with its interval.", name=item))
    return tuple(drawn)

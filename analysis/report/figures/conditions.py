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


def conditions(
    means: pd.DataFrame, rows: Sequence[ConditionRow], roles: Mapping[str, str], labels: Sequence[str]
) -> Drawing:
    """Raw listener means, box and mean with 95 % interval of every condition, in the order of ``rows``.

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
    """One condition: mean with interval above, box in the middle, dots below."""
    colour = COLOURS[row.role]
    axes.plot(on_scale(row.low, row.high), [height - 0.32] * 2, color=INK, linewidth=1, clip_on=False)
    axes.plot(row.mean, height - 0.32, "D", color=INK, markersize=2.8, markeredgewidth=0, clip_on=False)
    box = {"color": colour, "linewidth": 5, "alpha": 0.35, "solid_capstyle": "butt", "clip_on": False}
    axes.plot([row.q1, row.q3], [height - 0.06] * 2, **box)
    axes.plot([row.median] * 2, [height - 0.17, height + 0.05], color=colour, linewidth=1.5, clip_on=False)
    # Dots that would hide each other are moved apart, always in the same way; of many each is fainter.
    spread = 0.11 * np.sin(2.4 * np.argsort(np.argsort(values, kind="stable")))
    alpha = 0.55 if len(values) <= 100 else 0.2
    dots = {"color": colour, "alpha": alpha, "markersize": 3, "markeredgewidth": 0, "clip_on": False}
    axes.plot(values, height + 0.25 + spread, "o", **dots)


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

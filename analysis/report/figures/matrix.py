"""How ratings and metrics go together, each with each: a triangle of correlations.

Defines: ``matrix``, ``alike``, ``MOST_NAMES``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from analysis.report.figures.drawing import COLOURS, COLUMN_IN, STYLE, Drawing, new_figure, shortened

STRONGEST = 0.6
"""Opacity of a correlation of 1: the number in the cell must stay legible, on white and on black."""
COLUMN_HOLDS = 16
"""Names up to which a column of a paper is wide enough for two digits in each cell; more take two columns."""
MOST_NAMES = 25
"""The ratings and so many metrics less one can be told apart on two columns; the tables hold all."""
MOST_LETTERS = 32
"""Of a name; more would leave no room for the cells."""
LETTER_IN = 0.058
"""Room for a letter of a name."""
WIDEST_IN, LOW = 0.36, 0.78
"""Of a cell: its largest width, and its height in widths."""


def matrix(found: pd.DataFrame, names: Mapping[str, str]) -> Drawing:
    """A triangle of squares with two digits each: blue where two rise together, orange where one falls.

    Each name stands at the end of its row, which is the head of its column; the first is the ratings, and then alike
    metrics stand together.

    Parameters
    ----------
    found : correlations, symmetric, the ratings first; NaN where there is none.
    names : what each is called.
    """
    order = alike(found)
    names = {name: shortened(names[name], MOST_LETTERS) for name in order}
    values, count = found.loc[order, order].to_numpy(float), len(order)
    width = COLUMN_IN if count <= COLUMN_HOLDS else 2 * COLUMN_IN
    side = min(WIDEST_IN, *((width - LETTER_IN * len(names[name])) / (row + 0.2) for row, name in enumerate(order)))
    with rc_context(STYLE):
        figure, axes = new_figure(LOW * side * (count - 0.2))
        figure.set_size_inches(width, LOW * side * (count - 0.2))
        figure.set_layout_engine("none")
        axes.set_position((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-0.5, width / side - 0.5)
        axes.set_ylim(count - 0.4, -0.6)
        for row, name in enumerate(order):
            weight = "bold" if row == 0 else "normal"
            axes.text(row - 0.38, row, names[name], va="center", fontweight=weight, fontsize=min(7, 72 * side * 0.5))
            for column in np.flatnonzero(np.isfinite(values[row, :row])):
                _cell(axes, row, int(column), float(values[row, column]), fontsize=min(6.5, 72 * side * 0.4))
        return Drawing(figure, "Rank correlations of ratings and metrics, each with each.")


def alike(found: pd.DataFrame) -> list[str]:
    """The ratings first, then the metrics so that those with high correlations stand together (average linkage)."""
    first, *others = map(str, found.index)
    if len(others) < 3:
        return [first, *others]
    apart = 1 - found.loc[others, others].fillna(0).to_numpy(float)
    np.fill_diagonal(apart, 0)
    tree = hierarchy.linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
    order = [others[place] for place in hierarchy.leaves_list(tree)]
    # The leaves may be read from either end; the better one begins.
    begin, end = found.loc[first, [order[0], order[-1]]].fillna(-1).to_numpy(float)
    return [first, *(order if begin >= end else order[::-1])]


def _cell(axes: Axes, row: int, column: int, value: float, *, fontsize: float) -> None:
    colour = COLOURS["system" if value >= 0 else "anchor"]
    strength = STRONGEST * min(abs(value), 1.0)
    axes.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, linewidth=0, facecolor=colour, alpha=strength))
    axes.text(column, row, _digits(value), ha="center", va="center_baseline", fontsize=fontsize)


def _digits(value: float) -> str:
    """Two digits without the naught: ".85", "−.30", "1"."""
    text = f"{abs(value):.2f}"
    text = text.removeprefix("0") if text.startswith("0") else "1"
    return f"−{text}" if value < 0 and text != ".00" else text

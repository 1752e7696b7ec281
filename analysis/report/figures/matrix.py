"""How ratings and metrics go together, each with each: a triangle of correlations.

Defines: ``matrix``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.patches import Rectangle

from analysis.report.figures.drawing import COLOURS, COLUMN_IN, STYLE, Drawing, new_figure

STRONGEST = 0.6
"""Opacity of a correlation of 1: the number in the cell must stay legible, on white and on black."""
COLUMN_HOLDS = 16
"""Names up to which a column of a paper is wide enough for two digits in each cell; more take two columns."""
NAME_IN = 0.85
"""Room for the last name."""


def matrix(names: Sequence[str], values: np.ndarray) -> Drawing:
    """A triangle of squares with two digits each: blue where two rise together, orange where one falls; none is empty.

    Each name stands at the end of its row, which is the head of its column.

    Parameters
    ----------
    names : what is compared, in the order of the rows.
    values : correlations, symmetric, NaN where there is none.
    """
    count = len(names)
    width = COLUMN_IN if count <= COLUMN_HOLDS else 2 * COLUMN_IN
    side = min((width - NAME_IN) / (count - 1), 0.32)
    with rc_context(STYLE):
        figure, axes = new_figure(side * (count - 0.2))
        figure.set_size_inches(width, side * (count - 0.2))
        figure.set_layout_engine("none")
        axes.set_position((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-0.5, width / side - 0.5)
        axes.set_ylim(count - 0.4, -0.6)
        size = min(6.5, 72 * side * 0.42)
        for row, name in enumerate(names):
            weight = "bold" if row == 0 else "normal"
            axes.text(row - 0.35, row, name, ha="left", va="center", fontsize=min(7, 72 * side * 0.55), fontweight=weight)
            for column in range(row):
                if np.isfinite(value := values[row, column]):
                    colour = COLOURS["system" if value >= 0 else "anchor"]
                    cell = Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, linewidth=0)
                    cell.set(facecolor=colour, alpha=STRONGEST * min(abs(float(value)), 1.0))
                    axes.add_patch(cell)
                    axes.text(column, row, _digits(float(value)), ha="center", va="center_baseline", fontsize=size)
        return Drawing(figure, "Correlations of ratings and metrics, each with each; the table of the report holds them.")


def _digits(value: float) -> str:
    """Two digits without the naught: ".85", "−.30", "1"."""
    text = f"{abs(value):.2f}"
    text = text.removeprefix("0") if text.startswith("0") else "1"
    return f"−{text}" if value < 0 and text != ".00" else text

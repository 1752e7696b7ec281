"""The forest of metrics: how far each goes along with the ratings, the best first.

Defines: ``forest``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context

from analysis.report.figures.drawing import COLOURS, INK, STYLE, Drawing, new_figure, shortened
from analysis.report.parts.agreement import MetricRow

MOST_LETTERS = 32
"""Of a metric's name; more would leave no room for the axis."""


def forest(rows: Sequence[MetricRow], ceiling: float | None = None) -> Drawing:
    """Spearman's correlation with its 95 % interval as dot and line; order within items as an open diamond.

    Parameters
    ----------
    rows : the metrics from top to bottom; one at least.
    ceiling : the correlation that a perfect metric can be expected to have, as a dotted line; None: unknown.
    """
    colour = COLOURS["system"]
    with rc_context(STYLE):
        figure, axes = new_figure(0.55 + 0.19 * len(rows))
        axes.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        if ceiling is not None:
            axes.axvline(ceiling, color=INK, linewidth=1.2, linestyle=(0, (1, 1.5)))
        for height, row in enumerate(rows):
            ends = [np.nan if end is None else end for end in (row.spearman_low, row.spearman_high)]
            axes.plot(ends, [height] * 2, color=colour, linewidth=1.2, clip_on=False)
            axes.plot(
                np.nan if row.spearman is None else row.spearman, height, "o", color=colour, markersize=4, clip_on=False
            )
            if row.within is not None:
                hollow = {"markerfacecolor": "none", "markersize": 4, "markeredgewidth": 0.8}
                axes.plot(row.within, height, "D", color=INK, clip_on=False, **hollow)
        axes.set_yticks(range(len(rows)), [shortened(row.label, MOST_LETTERS) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(right=1)
        axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("rank correlation with the mean rating", loc="right")  # or long names push it off the page
        return Drawing(figure, "How far each metric goes along with the ratings; the table holds the numbers.")

"""What the mixed model leaves over: residuals against fitted ratings, and against a normal distribution.

Defines: ``residuals``.
"""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from scipy import stats

from analysis.report.figures.drawing import COLOURS, COLUMN_IN, INK, STYLE, Drawing, new_figure

MOST_DOTS = 2000
"""Residuals drawn: of more, evenly spaced ones in the order of the fitted ratings, which keeps the extremes."""


def residuals(fitted: np.ndarray, left: np.ndarray) -> Drawing:
    """Two panels: residuals in points over fitted ratings, and standardised ones over normal quantiles."""
    order = np.argsort(fitted, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(MOST_DOTS, len(order))).round().astype(int))]
    ordered = np.sort(left)
    places = np.unique(np.linspace(0, len(ordered) - 1, min(MOST_DOTS, len(ordered))).round().astype(int))
    spread = float(left.std(ddof=1)) if len(left) > 1 and left.std() > 0 else 1.0
    dots = {"color": COLOURS["system"], "markersize": 1.6, "markeredgewidth": 0, "alpha": 0.5}
    with rc_context(STYLE):
        figure, first = new_figure(0.55 * COLUMN_IN)
        figure.clear()
        first, second = figure.subplots(1, 2)
        first.plot(fitted[chosen], left[chosen], "o", **dots)
        first.axhline(0, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        first.set_xlabel("fitted rating")
        first.set_ylabel("residual in points")
        normal = stats.norm.ppf((places + 0.5) / len(ordered))
        second.plot(normal, ordered[places] / spread, "o", **dots)
        reach = float(np.abs(normal).max())
        second.plot([-reach, reach], [-reach, reach], color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        second.set_xlabel("normal quantile")
        second.set_ylabel("standardised residual")
        for axes in (first, second):
            axes.grid(color=INK, alpha=0.15, linewidth=0.5)
            axes.set_axisbelow(True)
        return Drawing(figure, "Residuals of the mixed model against fitted ratings and normal quantiles.")

"""The forest of planned contrasts.

Defines: ``contrasts``.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import rc_context

from analysis.report.figures.drawing import COLOURS, INK, STYLE, Drawing, new_figure
from analysis.report.parts.results import ContrastRow, RankRow

ALPHA = 0.05


def contrasts(rows: Sequence[ContrastRow | RankRow], margin: float | None = None) -> Drawing:
    """Differences with their 95 % intervals; a filled mark where the adjusted p is below 0.05.

    ``margin``: points within which conditions count as equally good, drawn as a band.
    """
    colour = COLOURS["system"]
    with rc_context(STYLE):
        figure, axes = new_figure(0.55 + 0.3 * len(rows))
        if margin is not None:
            axes.axvspan(-margin, margin, color=INK, alpha=0.08, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        for height, row in enumerate(rows):
            axes.plot([row.low, row.high], [height, height], color=colour, linewidth=1.2)
            face = colour if row.p_adjusted < ALPHA else "none"
            axes.plot(row.difference, height, "o", color=colour, markerfacecolor=face, markersize=4.5)
        # Two lines, so that long names leave room for the differences.
        axes.set_yticks(range(len(rows)), [f"{row.first}\n− {row.second}" for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("difference in points (first − second)")
        return Drawing(figure, "Differences of the planned contrasts; the table below holds the numbers.")

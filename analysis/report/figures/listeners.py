"""Listeners: what each rule of the screening found of them, and how consistent they are with themselves.

Defines: ``screening``, ``consistency``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from analysis.report.figures.drawing import COLOURS, COLUMN_IN, INK, STYLE, Drawing, new_figure
from analysis.report.parts.results import ScreeningRow

MOST_NAMED = 25
"""Listeners up to whom each has a name at the axis."""


def screening(rows: Sequence[ScreeningRow]) -> Drawing | None:
    """One panel per rule with a share of trials: a bar per listener, the limit as a line; None without any.

    Above ``MOST_NAMED`` listeners they stand in each panel by their share, so that it shows how many were excluded.
    """
    shares = [row for row in rows if row.slips is not None]
    rules = list(dict.fromkeys(row.rule for row in shares))
    if not rules:
        return None
    names = sorted({row.listener for row in shares})
    with rc_context(STYLE):
        figure, _ = new_figure(0.35 + 0.62 * len(rules) + (0.3 if len(names) <= MOST_NAMED else 0))
        figure.clear()
        panels = np.atleast_1d(figure.subplots(len(rules), 1, sharex=True))
        for axes, rule in zip(panels, rules, strict=True):
            own = [row for row in shares if row.rule == rule]
            if len(names) <= MOST_NAMED:
                _bars(axes, own, names)
            else:
                _ranked(axes, own)
            axes.axhline(100 * own[0].limit, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
            axes.set_ylim(0, 100)
            axes.set_yticks([0, 50, 100])
            axes.set_title(f"{rule} (% of trials)", fontsize=7, loc="left", pad=2)
        panels[-1].set_xlim(-0.7, len(names) - 0.3)
        if len(names) <= MOST_NAMED:
            panels[-1].set_xticks(range(len(names)), names, rotation=90)
        else:
            panels[-1].set_xticks([])
            panels[-1].set_xlabel(f"{len(names)} listeners, by each rule from most to least")
        return Drawing(
            figure, "Share of trials on which each listener slipped, by rule; the table below holds the numbers."
        )


def _bars(axes: Axes, rows: Sequence[ScreeningRow], names: Sequence[str]) -> None:
    """Each listener at a place of their own, the same in all panels."""
    colours = [COLOURS["anchor"] if row.excluded else COLOURS["system"] for row in rows]
    places = [names.index(row.listener) for row in rows]
    axes.bar(places, [_percent(row) for row in rows], width=0.8, color=colours, linewidth=0)


def _ranked(axes: Axes, rows: Sequence[ScreeningRow]) -> None:
    """The excluded first, then the others, each from most to least; two shapes, however many listeners."""
    start = 0
    for excluded, colour in ((True, COLOURS["anchor"]), (False, COLOURS["system"])):
        heights = sorted((_percent(row) for row in rows if row.excluded == excluded), reverse=True)
        edges = np.arange(start, start + len(heights) + 1) - 0.5
        if heights:
            axes.stairs(heights, edges, fill=True, color=colour, linewidth=0)
        start += len(heights)


def _percent(row: ScreeningRow) -> float:
    return 100 * (row.slips or 0) / row.trials if row.trials else 0.0


def consistency(found: pd.DataFrame) -> Drawing:
    """Reliability against discrimination, a dot per listener (BS.1534-3, clause 4), with the floors of mere noise.

    Who lies below a floor has a name; who has no number, because nothing varies, is not there.

    Parameters
    ----------
    found : by listener, columns reliability and f_condition (F of conditions), each with its floor.
    """
    dots = {"color": COLOURS["system"], "markersize": 4, "markeredgewidth": 0, "alpha": 0.7}
    floor = {"color": INK, "linewidth": 0.6, "linestyle": (0, (3, 3))}
    with rc_context(STYLE):
        figure, axes = new_figure(0.7 * COLUMN_IN)
        axes.plot(found["reliability"], found["f_condition"], "o", **dots)
        floors = {name: float(found[f"{name}_floor"].median()) for name in ("reliability", "discrimination")}
        axes.axvline(floors["reliability"], **floor)
        axes.axhline(floors["discrimination"], **floor)
        # All others stand so close together that their names would be a stain.
        below = (found["reliability"] < floors["reliability"]) | (found["f_condition"] < floors["discrimination"])
        for name, row in found[below][:MOST_NAMED].iterrows():
            place = (row["reliability"], row["f_condition"])
            axes.annotate(str(name), place, xytext=(3, 2), textcoords="offset points")
        axes.set_yscale("log")
        axes.grid(color=INK, alpha=0.15, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("reliability over replicates")
        axes.set_ylabel("discrimination: F of conditions")
        return Drawing(figure, "Reliability of every listener against how well they told conditions apart.")

"""The figure of a plan: smallest difference over the number of listeners, a line for each number of items.

Conventions: the style of a report's figures; all lines in one colour and named where they end, so
that no colours need be told apart. Defines: ``draw``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.planning.plan import Asked, Plan
from analysis.report.figures.drawing import COLOURS, INK, STYLE, Drawing, new_figure
from analysis.statistics.planning.power import smallest_difference, with_items
from analysis.statistics.planning.trials import Trials

HEIGHT_IN = 65 / 25.4
BLUE = COLOURS["system"]
LABEL_GAP = 0.055
"""Of the axis' height, between the names of two lines."""
TICKS = 6
"""Listeners named along the axis at most, so that their numbers don't touch."""


def draw(plan: Plan) -> Drawing:
    """The figure, in the style of a report's."""
    with rc_context(STYLE):
        figure, axes = new_figure(HEIGHT_IN)
        _lines(axes, plan.asked)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("listeners")
        axes.set_ylabel(f"difference found with {100 * plan.asked.power:.3g} % power (points)")
        return Drawing(figure, "Smallest difference over the number of listeners; the table holds the numbers.")


def _lines(axes: Axes, asked: Asked) -> None:
    listeners = sorted({own.listeners for own in asked.counts})
    # Two counts at least make a line.
    last = max(listeners[-1], listeners[0] + 5)
    along = np.unique(np.linspace(listeners[0], last, 60).round().astype(int))
    ends: dict[int, float] = {}
    top = 0.0
    for items in sorted({own.items for own in asked.counts}):
        own = with_items(asked.base, items)
        heights = [_least(asked, dataclasses.replace(own, listeners=int(count))) for count in along]
        axes.plot(along, heights, color=BLUE, linewidth=1.2)
        marked = [_least(asked, dataclasses.replace(own, listeners=count)) for count in listeners]
        axes.plot(listeners, marked, "o", color=BLUE, markersize=3, markeredgewidth=0, clip_on=False)
        ends[items], top = heights[-1], max(top, *heights)
    axes.set_ylim(0, 1.06 * max(top, asked.difference or 0))
    axes.set_xlim(listeners[0], last)
    axes.set_xticks(_some(listeners))
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    _name(axes, ends, last)
    if asked.difference is not None:
        axes.axhline(asked.difference, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
        place = {"xycoords": ("axes fraction", "data"), "xytext": (2, 2), "textcoords": "offset points"}
        axes.annotate(f"not to be missed: {asked.difference:g}", (0, asked.difference), fontsize=6.5, **place)


def _some(counts: list[int]) -> list[int]:
    """Few enough of the counts to be written along the axis, the last one among them."""
    step = -(-len(counts) // TICKS)
    return counts[::-1][::step][::-1]


def _name(axes: Axes, ends: dict[int, float], last: int) -> None:
    """Write each line's number of items beside its end, moved apart where two are close."""
    gap = LABEL_GAP * axes.get_ylim()[1]
    height = -gap
    for items, end in sorted(ends.items(), key=lambda pair: pair[1]):
        height = max(end, height + gap)
        axes.annotate(f"{items} items", (last, height), xytext=(5, 0), textcoords="offset points", va="center")


def _least(asked: Asked, trials: Trials) -> float:
    return smallest_difference(asked.components, trials, power=asked.power, claim=asked.claim)

"""Figures as SVG text, to stand inside a page: text stays text, ink follows the page's colour.

Conventions: widths suit one column of a paper (85 mm) at 7 to 8 points; ratings run from 0 to 100 with the five
bands; colours are Okabe and Ito's, which most kinds of colour vision tell apart. Drawn twice, a figure is the
same to the byte.

Defines: ``conditions``, ``contrasts``, ``cells``, ``agreement``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's own text colour, and is replaced by it."""
COLOURS = {"hidden_reference": "#009E73", "system": "#0072B2", "anchor": "#D55E00"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hidden-reference",
    "font.size": 8,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
}
COLUMN_IN = 85 / 25.4
LABEL_GAP = 6.0
"""Points of rating between two names, so that neither covers the other."""


def conditions(means: pd.DataFrame, summary: pd.DataFrame, roles: Mapping[str, str], labels: Sequence[str]) -> str:
    """Raw listener means, box and mean with 95 % interval of every condition, in the order of ``summary``.

    Parameters
    ----------
    means : listeners by conditions.
    summary : rows with condition, median, q1, q3, mean, low, high, in the order to be drawn.
    roles : role of each condition.
    labels : the five bands, worst first.
    """
    with rc_context(STYLE):
        figure, axes = _figure(1.45 * COLUMN_IN, 0.36 + 0.34 * len(summary))
        for row, line in enumerate(_records(summary)):
            colour = COLOURS[roles[line["condition"]]]
            values = means[line["condition"]].dropna().to_numpy(float)
            # Dots that would hide each other are moved apart, always in the same way.
            spread = 0.13 * np.sin(2.4 * np.argsort(np.argsort(values, kind="stable")))
            axes.plot(values, row + 0.18 + spread, ".", color=colour, alpha=0.45, markersize=4, markeredgewidth=0)
            axes.plot(
                [line["q1"], line["q3"]], [row - 0.14] * 2, color=colour, linewidth=6, alpha=0.35, solid_capstyle="butt"
            )
            axes.plot([line["median"]] * 2, [row - 0.24, row - 0.04], color=colour, linewidth=1.6)
            axes.plot([line["low"], line["high"]], [row - 0.34] * 2, color=INK, linewidth=1)
            axes.plot(line["mean"], row - 0.34, "D", color=INK, markersize=3)
        _rating_axis(axes, labels)
        axes.set_yticks(range(len(summary)), list(summary["condition"]))
        axes.set_ylim(len(summary) - 0.4, -0.6)
        return _svg(figure)


def contrasts(found: pd.DataFrame) -> str:
    """Median differences with their 95 % intervals; a filled mark where Holm's p is below 0.05."""
    with rc_context(STYLE):
        figure, axes = _figure(1.45 * COLUMN_IN, 0.5 + 0.28 * len(found))
        for row, line in enumerate(_records(found)):
            sure = line["p_holm"] < 0.05
            axes.plot([line["low"], line["high"]], [row, row], color=COLOURS["system"], linewidth=1.4)
            face = COLOURS["system"] if sure else "none"
            axes.plot(line["difference"], row, "o", color=COLOURS["system"], markerfacecolor=face, markersize=5)
        axes.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        axes.set_yticks(range(len(found)), [f"{line['first']} − {line['second']}" for line in _records(found)])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlabel("difference in points")
        return _svg(figure)


def cells(found: pd.DataFrame, order: Sequence[str], roles: Mapping[str, str], labels: Sequence[str]) -> str:
    """One small panel per item: mean and 95 % interval of every condition."""
    items = list(dict.fromkeys(found["item"]))
    columns = min(3, len(items))
    lines = -(-len(items) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_IN, lines * (0.34 + 0.17 * len(order)) + 0.25), layout="constrained")
        for index, item in enumerate(items):
            axes = figure.add_subplot(lines, columns, index + 1)
            own = found[found["item"] == item].set_index("condition").reindex(order)
            for row, (condition, line) in enumerate(own.iterrows()):
                colour = COLOURS[roles[str(condition)]]
                axes.plot([line["low"], line["high"]], [row, row], color=colour, linewidth=1.2)
                axes.plot(line["mean"], row, "o", color=colour, markersize=3.5)
            axes.set_title(item, fontsize=8, loc="left")
            names = list(order) if index % columns == 0 else [""] * len(order)
            axes.set_yticks(range(len(order)), names)
            axes.set_ylim(len(order) - 0.5, -0.5)
            _rating_axis(axes, ())
        return _svg(figure)


def agreement(found: pd.DataFrame, metric: str, label: str, roles: Mapping[str, str]) -> str:
    """Mean rating of every condition and item against a metric; conditions are named at their centre."""
    with rc_context(STYLE):
        figure, axes = _figure(1.45 * COLUMN_IN, 0.85 * COLUMN_IN)
        centres = found.dropna(subset=[metric]).groupby("condition", sort=True)[[metric, "mean"]].mean()
        for condition, own in found.groupby("condition", sort=True):
            colour = COLOURS[roles[str(condition)]]
            axes.plot(own[metric], own["mean"], "o", color=colour, alpha=0.6, markersize=4, markeredgewidth=0)
        right = float(found[metric].max())
        heights = _apart(centres["mean"].to_numpy(float), LABEL_GAP)
        for (condition, centre), height in zip(centres.iterrows(), heights, strict=True):
            # Names stand in a column of their own, each with a thin line to its condition's centre.
            colour = COLOURS[roles[str(condition)]]
            at = {"xytext": (right + 0.06 * abs(right) + 1, height), "va": "center", "fontsize": 7}
            line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6}
            axes.annotate(str(condition), (centre[metric], centre["mean"]), arrowprops=line, **at)
        axes.spines["bottom"].set_bounds(axes.get_xlim()[0], right)
        axes.set_ylim(0, 100)
        axes.set_xlabel(label)
        axes.set_ylabel("mean rating")
        return _svg(figure)


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The same heights in the same order, moved up where two are nearer than ``gap``."""
    moved = np.array(heights)
    below = -np.inf
    for index in np.argsort(heights, kind="stable"):
        moved[index] = below = max(heights[index], below + gap)
    return moved


def _figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    return figure, figure.add_subplot()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _rating_axis(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    for band, label in enumerate(labels):
        axes.annotate(
            label, (band * 20 + 10, 1.0), xycoords=("data", "axes fraction"), fontsize=7, ha="center", va="bottom"
        )


def _svg(figure: Figure) -> str:
    """The drawing alone, without the file's head; ids that several figures on a page share are harmless copies."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # The size is the page's business; the view box keeps the proportions.
    text = re.sub(r'(<svg [^>]*?)\bheight="[^"]*pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)\bwidth="([\d.]+)pt"', r'\1data-width="\2"', text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    return re.sub(r"font: ([^;\"]*?)'[^\"]*sans-serif", r"font: \1sans-serif", text)

"""Figures as SVG text, to stand inside a page: text stays text, ink follows the page's colour.

Conventions: one column of a paper wide (85 mm) with 7 point text; ratings run from 0 to 100 with the five bands;
colours are Okabe and Ito's, which most kinds of colour vision tell apart; the page's style may replace them.
Drawn twice, a figure is the same to the byte.

Defines: ``conditions``, ``contrasts``, ``cells``, ``agreement``.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from html import escape
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
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
}
COLUMN_IN = 85 / 25.4
GROUP_GAP = 0.45
"""Rows left free between reference, systems and anchors."""
LABEL_GAP = 5.5
"""Points of rating between two names, so that neither covers the other."""
ALPHA = 0.05


def conditions(means: pd.DataFrame, summary: pd.DataFrame, roles: Mapping[str, str], labels: Sequence[str]) -> str:
    """Raw listener means, box and mean with 95 % interval of every condition, in the order of ``summary``.

    Parameters
    ----------
    means : listeners by conditions.
    summary : rows with condition, median, q1, q3, mean, low, high, in the order to be drawn.
    roles : role of each condition.
    labels : the five bands, worst first.
    """
    heights = _rows_of(list(summary["condition"]), roles)
    with rc_context(STYLE):
        figure, axes = _figure(0.42 + 0.33 * (heights[-1] + 1))
        for row, line in zip(heights, _records(summary), strict=True):
            _condition(axes, row, line, means[line["condition"]].dropna().to_numpy(float), roles)
        _rating_axis(axes, labels)
        axes.set_yticks(heights, list(summary["condition"]))
        axes.set_ylim(heights[-1] + 0.55, -0.6)
        return _svg(figure, "Ratings of every condition from 0 to 100; the table below holds the numbers.")


def _condition(axes: Axes, row: float, line: Mapping[str, Any], values: np.ndarray, roles: Mapping[str, str]) -> None:
    """One condition: mean with interval above, box in the middle, dots below."""
    colour = COLOURS[roles[line["condition"]]]
    axes.plot(_on_scale(line), [row - 0.32] * 2, color=INK, linewidth=1, clip_on=False)
    axes.plot(line["mean"], row - 0.32, "D", color=INK, markersize=2.8, markeredgewidth=0, clip_on=False)
    box = {"color": colour, "linewidth": 5, "alpha": 0.35, "solid_capstyle": "butt", "clip_on": False}
    axes.plot([line["q1"], line["q3"]], [row - 0.06] * 2, **box)
    axes.plot([line["median"]] * 2, [row - 0.17, row + 0.05], color=colour, linewidth=1.5, clip_on=False)
    # Dots that would hide each other are moved apart, always in the same way.
    spread = 0.11 * np.sin(2.4 * np.argsort(np.argsort(values, kind="stable")))
    dots = {"color": colour, "alpha": 0.55, "markersize": 3, "markeredgewidth": 0, "clip_on": False}
    axes.plot(values, row + 0.25 + spread, "o", **dots)


def contrasts(found: pd.DataFrame) -> str:
    """Median differences with their 95 % intervals; a filled mark where Holm's p is below 0.05."""
    with rc_context(STYLE):
        figure, axes = _figure(0.55 + 0.3 * len(found))
        axes.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (3, 3)))
        for row, line in enumerate(_records(found)):
            sure = line["p_holm"] < ALPHA
            axes.plot([line["low"], line["high"]], [row, row], color=COLOURS["system"], linewidth=1.2)
            face = COLOURS["system"] if sure else "none"
            axes.plot(line["difference"], row, "o", color=COLOURS["system"], markerfacecolor=face, markersize=4.5)
        # Two lines, so that long names leave room for the differences.
        axes.set_yticks(range(len(found)), [f"{line['first']}\n− {line['second']}" for line in _records(found)])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("difference in points (first − second)")
        return _svg(figure, "Differences of the planned contrasts; the table below holds the numbers.")


def cells(found: pd.DataFrame, order: Sequence[str], roles: Mapping[str, str], labels: Sequence[str]) -> str:
    """One drawing per item, one after the other: mean and 95 % interval of every condition.

    They are drawings of their own so that the page can set them side by side or, on a narrow screen, in a column.
    """
    heights = _rows_of(order, roles)
    drawn = []
    for item in dict.fromkeys(found["item"]):
        own = found[found["item"] == item].set_index("condition").reindex(list(order))
        with rc_context(STYLE):
            figure, axes = _figure(0.62 + 0.16 * (heights[-1] + 1))
            for row, line in zip(heights, _records(own.reset_index()), strict=True):
                colour = COLOURS[roles[line["condition"]]]
                axes.plot(_on_scale(line), [row, row], color=colour, linewidth=1.2, clip_on=False)
                axes.plot(line["mean"], row, "o", color=colour, markersize=3.2, clip_on=False)
            axes.set_title(item, fontsize=8, loc="left", fontweight="bold", pad=14)
            axes.set_yticks(heights, list(order))
            axes.set_ylim(heights[-1] + 0.6, -0.6)
            _rating_axis(axes, labels)
            drawn.append(_svg(figure, f"{item}: mean rating of every condition with its interval."))
    return "\n".join(drawn)


def agreement(found: pd.DataFrame, metric: str, label: str, roles: Mapping[str, str]) -> str:
    """Mean rating of every condition and item against a metric; conditions are named at their centre's height.

    Parameters
    ----------
    found : rows with condition, item, mean (0 to 100) and the metric; one at least.
    """
    with rc_context(STYLE):
        figure, axes = _figure(0.8 * COLUMN_IN)
        centres = found.groupby("condition", sort=True)[[metric, "mean"]].mean()
        for condition, own in found.groupby("condition", sort=True):
            colour = COLOURS[roles[str(condition)]]
            axes.plot(own[metric], own["mean"], "o", color=colour, alpha=0.45, markersize=3, markeredgewidth=0)
            centre = centres.loc[condition]
            axes.plot(centre[metric], centre["mean"], "D", color=colour, markersize=4, markeredgewidth=0)
        heights = _apart(centres["mean"].to_numpy(float), LABEL_GAP)
        for (condition, centre), height in zip(centres.iterrows(), heights, strict=True):
            # Names stand in a column of their own, each with a thin line to its condition's centre.
            line = {"arrowstyle": "-", "color": COLOURS[roles[str(condition)]], "linewidth": 0.5, "alpha": 0.7}
            axes.annotate(
                str(condition),
                (centre[metric], centre["mean"]),
                xytext=(1.03, height / 100),
                textcoords="axes fraction",
                va="center",
                arrowprops={**line, "shrinkA": 1, "shrinkB": 0},
            )
        axes.set_ylim(0, 100)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)
        axes.set_xlabel(label)
        axes.set_ylabel("mean rating")
        return _svg(figure, f"Mean rating against {label}; the table below holds the means.")


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The same heights in the same order, moved up where two are nearer than ``gap``; none above 100 if they fit."""
    order = np.argsort(heights, kind="stable")
    moved = np.array(heights, float)
    below = -np.inf
    for index in order:
        below = moved[index] = max(moved[index], below + gap)
    above = max(100.0, gap * len(moved)) + gap
    for index in order[::-1]:
        above = moved[index] = min(moved[index], above - gap)
    return moved


def _rows_of(names: Sequence[str], roles: Mapping[str, str]) -> list[float]:
    """The height of every condition's row, with a gap where the role changes."""
    heights, height = [0.0], 0.0
    for before, name in itertools.pairwise(names):
        height += 1 + (GROUP_GAP if roles[before] != roles[name] else 0)
        heights.append(height)
    return heights


def _on_scale(line: Mapping[str, Any]) -> list[float]:
    """The interval as far as the scale goes: no rating lies beyond, though Student's interval of few may."""
    return [float(np.clip(line[end], 0, 100)) for end in ("low", "high")]


def _figure(height_in: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(COLUMN_IN, height_in), layout="constrained")
    return figure, figure.add_subplot()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _rating_axis(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    for band, label in enumerate(labels):
        place = {"xycoords": ("data", "axes fraction"), "xytext": (0, 3), "textcoords": "offset points"}
        axes.annotate(label, (band * 20 + 10, 1.0), fontsize=6.5, ha="center", va="bottom", **place)


def _svg(figure: Figure, description: str) -> str:
    """The drawing alone, without the file's head, described for those who don't see it.

    Groups lose their ids: several drawings on one page would share them. The ids of clip paths are hashes of what
    they hold, so equal ids hold equal paths.
    """
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True)
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    for role, colour in COLOURS.items():
        # A dark page may lighten a colour; a drawing taken out of the page keeps its own.
        text = text.replace(colour.lower(), f"var(--{role.replace('_', '-')}, {colour})")
    # The size is the page's business; the view box keeps the proportions.
    text = re.sub(r'(<svg [^>]*?) (?:height|width)="[^"]*pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) (?:height|width)="[^"]*pt"', r"\1", text, count=1)
    # Holds the time of drawing.
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"font: ([^;\"]*?)'[^\"]*sans-serif", r"font: \1sans-serif", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)

"""What all figures share: the style, the axes of ratings, and ``Drawing``, which is a figure as SVG or PDF.

Conventions: one column of a paper wide (85 mm) with 7 point text; ratings run from 0 to 100 with the five bands;
colours are Okabe and Ito's, which most kinds of colour vision tell apart; the page's style may replace them. Text stays
text, and ink follows the page's colour. Drawn twice, a figure is the same to the byte.

Defines: ``Drawing``, ``COLOURS``, ``INK``, ``STYLE``, ``new_figure``, ``rating_axis``, ``rows_of``, ``on_scale``,
``shortened``.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's own text colour, and is replaced by it."""
COLOURS = {"hidden_reference": "#009E73", "system": "#0072B2", "anchor": "#D55E00"}
STYLE: Any = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
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


@dataclass(frozen=True)
class Drawing:
    """One figure: as SVG inside a page, whose colours it takes, or as a file of its own, black on nothing."""

    figure: Figure
    description: str
    """For those who don't see it."""
    name: str = ""
    """Which one, where a figure is a set of drawings."""

    def svg(self) -> str:
        """The drawing alone, without the file's head.

        Groups lose their ids: several drawings on one page would share them. The ids of clip paths are hashes of what
        they hold, so equal ids hold equal paths.
        """
        text = re.sub(r'<g id="[^"]*"', "<g", self._drawn).replace(INK, "currentColor")
        for role, colour in COLOURS.items():
            # A dark page may lighten a colour; a drawing taken out of the page keeps its own.
            text = text.replace(colour.lower(), f"var(--{role.replace('_', '-')}, {colour})")
        # The size is the page's business; the view box keeps the proportions.
        text = re.sub(r'(<svg [^>]*?) (?:height|width)="[^"]*pt"', r"\1", text, count=1)
        return re.sub(r'(<svg [^>]*?) (?:height|width)="[^"]*pt"', r"\1", text, count=1)

    def file(self) -> str:
        """A whole SVG file."""
        return f'<?xml version="1.0" encoding="utf-8"?>\n{self._drawn.replace(INK, "black")}'

    def pdf(self) -> bytes:
        """A PDF file: the same to the byte when it is drawn twice."""
        assert self._drawn, "the SVG settles the layout"
        stream = io.BytesIO()
        with rc_context(STYLE):
            self.figure.savefig(stream, format="pdf", transparent=True, metadata={"CreationDate": None})
        return stream.getvalue()

    @cached_property
    def _drawn(self) -> str:
        """The SVG, drawn once: the layout of a figure moves a little each time it is made."""
        stream = io.StringIO()
        with rc_context(STYLE):
            self.figure.savefig(stream, format="svg", transparent=True)
        self.figure.set_layout_engine("none")
        text = stream.getvalue()
        # Holds the time of drawing.
        text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
        text = re.sub(r"font: ([^;\"]*?)'[^\"]*sans-serif", r"font: \1sans-serif", text)
        return text.replace("<svg ", f'<svg role="img" aria-label="{escape(self.description)}" ', 1)


def shortened(name: str, most: int) -> str:
    """A name of no more than so many letters; its end stays, since that is where names differ."""
    end = most // 3
    return name if len(name) <= most else f"{name[: most - end - 1]}…{name[-end:]}"


def rows_of(names: Sequence[str], roles: Mapping[str, str]) -> list[float]:
    """The height of every condition's row, with a gap where the role changes."""
    heights, height = [0.0], 0.0
    for before, name in itertools.pairwise(names):
        height += 1 + (GROUP_GAP if roles[before] != roles[name] else 0)
        heights.append(height)
    return heights


def on_scale(low: float | None, high: float | None) -> list[float]:
    """The interval as far as the scale goes: no rating lies beyond, though Student's interval of few may.

    Nothing is drawn where there is none.
    """
    return [np.nan if end is None else float(np.clip(end, 0, 100)) for end in (low, high)]


def new_figure(height_in: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(COLUMN_IN, height_in), layout="constrained")
    return figure, figure.add_subplot()


def rating_axis(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    for band, label in enumerate(labels):
        place = {"xycoords": ("data", "axes fraction"), "xytext": (0, 3), "textcoords": "offset points"}
        axes.annotate(label, (band * 20 + 10, 1.0), fontsize=6.5, ha="center", va="bottom", **place)

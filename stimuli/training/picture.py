"""The curve of a run as a picture: losses of training and validation over steps. Defines: ``drawn``."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "hidden-reference", "font.size": 8, "axes.linewidth": 0.6}
COLOURS = {"training": "#0072B2", "validation": "#D55E00"}
SIZE_IN = (4.7, 2.6)


def drawn(curve: Sequence[Sequence[float | None]]) -> str:
    """An SVG file, the same for the same curve; rows are those of ``checkpoint.Progress``."""
    with rc_context(STYLE):
        figure = Figure(SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        for column, (name, colour) in enumerate(COLOURS.items(), 1):
            points: Any = [(row[0], row[column]) for row in curve if row[column] is not None]
            axes.plot(*zip(*points, strict=True), color=colour, label=name, marker=".", markersize=3, linewidth=1)
        best: Any = min(curve, key=lambda row: row[2] or 0)
        axes.plot(best[0], best[2], marker="o", markersize=7, fillstyle="none", color=COLOURS["validation"])
        axes.set(xlabel="step", ylabel="loss")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return re.sub(r"<metadata>.*?</metadata>", "", stream.getvalue(), flags=re.S)

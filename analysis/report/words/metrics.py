"""Objective metrics in the methods paragraph: which were computed on what, and how they were held against ratings.

Defines: ``methods``.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reading.numbers import Numbers
from analysis.report.parts.agreement import Agreement

_BASES = {
    "render": "on the excerpts as they were cut from the whole sounds, before any gain",
    "clip": "on the clips that were heard, with the logged gain of each undone",
    "given": "elsewhere, and read from a file",
}
_AGREEMENT = (
    "Each metric, turned so that more is better, was held against the mean ratings of every condition but the hidden "
    "reference, anchors included, on every item that has all numbers, by Pearson's, Spearman's and Kendall's "
    "correlation (95 % intervals by {draws} draws of listeners and of items or songs, bias-corrected and widened for "
    "few of those), by Kendall's tau-b within items, and by the RMSE after a linear and a monotone third-order mapping "
    "(ITU-T P.1401). Whether a metric would agree about other systems was tested by its slope alone in a linear mixed "
    "model of the mean ratings with random items and conditions (REML; Kenward and Roger's F), adjusted by Holm."
)
_COMPARISON = (
    " Spearman correlations were compared with the best metric's by the bootstrap, simultaneously, and by Williams' "
    "test, adjusted by Holm."
)
_INCREMENT = " What a metric adds to {base} was tested in the same models with {base} in them, adjusted by Holm."


def methods(numbers: Numbers | None, found: Sequence[Agreement | None]) -> str:
    """Which metrics were computed on what, with their sources, and how they were held against the ratings."""
    if numbers is None or numbers.frame.empty:
        return ""
    parts = []
    for basis, own in numbers.frame.groupby("basis", sort=False):
        there = set(own["metric"])
        sources: dict[str, list[str]] = {}
        for metric in numbers.metrics.values():
            if metric.name in there:
                sources.setdefault(metric.source, []).append(metric.label)
        told = "; ".join(", ".join(labels) + (f" ({source})" if source else "") for source, labels in sources.items())
        parts.append(f"Objective metrics were computed {_BASES[str(basis)]}: {told}.")
    compared = next((one for one in found if one and one.metrics), None)
    if compared is not None:
        parts.append(_AGREEMENT.format(draws=compared.draws))
        if compared.comparisons:
            parts[-1] += _COMPARISON
        if compared.increments:
            base = numbers.metrics[compared.increments[0].base].label
            parts[-1] += _INCREMENT.format(base=base)
    return " ".join(parts)

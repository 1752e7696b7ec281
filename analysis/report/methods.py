"""Sentences of the report: the conclusion, and a methods paragraph ready to be pasted.

Defines: ``conclusion``, ``paragraph``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.ratings import Ratings
from stimuli.experiment import Experiment
from stimuli.manifest import Manifest

if TYPE_CHECKING:
    from analysis.report.assemble import Section

ALPHA = 0.05


def conclusion(contrasts: pd.DataFrame | None, experiment: Experiment, listeners: int) -> tuple[str, ...]:
    """Two sentences: what the planned contrasts say, and for what it holds."""
    holds = f"This holds for exactly these items, as {_count(listeners, 'listener')} heard them."
    if experiment.analysis.inference == "items in general":
        holds = (
            f"This holds for exactly these items, as {_count(listeners, 'listener')} heard them; "
            "the plan asks for items in general, which this release does not test: "
            "that takes a model with random items, and more items."
        )
    if contrasts is None or contrasts.empty:
        return ("No planned contrast could be tested.", holds)
    sure = contrasts[contrasts["p_holm"] < ALPHA]
    if sure.empty:
        first = (
            f"None of the {_count(len(contrasts), 'planned contrast')} shows a difference "
            f"(smallest Holm-corrected p = {probability(contrasts['p_holm'].min())}); that is no proof of equality."
        )
        return (first, holds)
    claims = [
        f"{better} was rated {size:.0f} points above {worse} (95 % {low:.0f} to {high:.0f}, p {_relation(p)})"
        for better, worse, size, low, high, p in map(_claim, sure.itertuples())
    ]
    rest = len(contrasts) - len(sure)
    tail = f"; {_count(rest, 'other planned contrast')} showed no difference" if rest else ""
    return (f"{'; '.join(claims)}{tail}.", holds)


def paragraph(manifest: Manifest, ratings: Ratings, sections: Sequence[Section], name: str) -> str:
    """Methods as a paper would say them, with the numbers of this study."""
    experiment = manifest.experiment
    tested = [item for item in experiment.items if item.use != "training"]
    lengths = sorted(item.excerpt.length_s for item in tested)
    low = [clip.condition for clip in manifest.clips if clip.role == "anchor"]
    systems = list(dict.fromkeys(clip.condition for clip in manifest.clips if clip.role == "system"))
    rate = manifest.clips[0].rate_hz
    excluded = sorted({listener for section in sections for listener in section.excluded})
    match = {"item": "one gain per item", "each": "one gain per clip", "none": "no gain but for headroom"}
    people = _count(ratings.frame["listener"].nunique(), "simulated listener" if ratings.simulated else "listener")
    sentences = [
        f"{people} took a {name} (ITU-R BS.1534-3) with {_count(len(tested), 'item')} of "
        f"{lengths[0]:g} to {lengths[-1]:g} s and {len(experiment.conditions) - len(manifest.left_out)} hidden "
        f"conditions: the hidden reference, "
        f"{_count(len(set(low)), 'anchor')} ({', '.join(dict.fromkeys(low))}) and {_count(len(systems), 'system')} "
        f"({', '.join(systems)}).",
        f"The target was {experiment.experiment.target}; reference and anchors were made from the true stems.",
        f"Clips were cut from separated whole songs with 5 ms raised-cosine ends, brought to "
        f"{experiment.loudness.target_lufs:g} LUFS (ITU-R BS.1770, {match[experiment.loudness.match]}) with at most "
        f"{experiment.loudness.ceiling_dbtp:g} dBTP, and played as 24-bit FLAC at {rate} Hz; switching faded out for "
        f"5 ms and in for 5 ms.",
        f"Listeners were post-screened by {' and '.join(experiment.analysis.exclude) or 'no rule'}; "
        f"{len(excluded)} were excluded.",
        "Conditions were compared on listener means over items by Friedman's test and, for the planned contrasts, by "
        "Wilcoxon's signed-rank test with Holm's correction (two-sided, alpha = 0.05); differences are Hodges-Lehmann "
        "estimates with distribution-free 95 % intervals. These tests generalise over listeners, not over items.",
        "SI-SDR was computed on the same excerpts from the renders before any gain, both channels as one vector.",
    ]
    return " ".join(sentences)


def probability(p: float) -> str:
    """A p value as it is printed: three digits, or how small it is."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _relation(p: float) -> str:
    return probability(p) if p < 0.001 else f"= {probability(p)}"


def _claim(line: object) -> tuple[str, str, float, float, float, float]:
    """A contrast told from its better side."""
    row = line._asdict()  # type: ignore[attr-defined]
    if row["difference"] >= 0:
        return row["first"], row["second"], row["difference"], row["low"], row["high"], row["p_holm"]
    return row["second"], row["first"], -row["difference"], -row["high"], -row["low"], row["p_holm"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

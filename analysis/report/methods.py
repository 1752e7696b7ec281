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
    from analysis.report.section import Section

RULES = {
    "bs1534-hidden-reference": "the hidden reference below 90",
    "bs1534-mid-anchor": "the 7 kHz anchor above 90",
}
"""The screening rules in words."""
ALPHA = 0.05
MOST_TOLD = 3
"""Contrasts that the conclusion spells out; the table holds them all."""


def conclusion(contrasts: pd.DataFrame, experiment: Experiment, listeners: int) -> tuple[str, ...]:
    """Two sentences: what the planned contrasts say, and for what it holds; the larger promise is denied first."""
    heard = f"as {_count(listeners, 'listener')} heard them"
    claim = _claims(contrasts)
    if experiment.analysis.inference == "items in general":
        return (
            "The plan asks about items in general; this release tests only exactly these items, "
            "and says nothing about others.",
            f"For these items, {heard}: {claim}",
        )
    return (claim, f"This holds for exactly these items, {heard}.")


def _claims(contrasts: pd.DataFrame) -> str:
    """What the planned contrasts say, the largest differences first."""
    if contrasts.empty:
        return "No planned contrast could be tested."
    sure = contrasts[contrasts["p_holm"] < ALPHA]
    if sure.empty:
        return (
            f"None of the {_count(len(contrasts), 'planned contrast')} shows a difference "
            f"(smallest Holm-corrected p {_relation(contrasts['p_holm'].min())}); that is no proof of equality."
        )
    told = sorted(map(_claim, sure.itertuples()), key=lambda claim: -claim[2])
    claims = [
        f"{better} was rated {size:.0f} points above {worse} (95 % {low:.0f} to {high:.0f}, p {_relation(p)})"
        for better, worse, size, low, high, p in told[:MOST_TOLD]
    ]
    more = f"; {_count(len(told) - MOST_TOLD, 'further contrast')} differed" if len(told) > MOST_TOLD else ""
    rest = len(contrasts) - len(sure)
    return f"{'; '.join(claims)}{more}" + (
        f"; {_count(rest, 'planned contrast')} showed no difference." if rest else "."
    )


def paragraph(manifest: Manifest, ratings: Ratings, sections: Sequence[Section], name: str) -> str:
    """Methods as a paper would say them, with the numbers of this study; ``name`` is what the test may be called."""
    return " ".join([_design(manifest, ratings, name), _sounds(manifest), _screening(manifest, sections), _TESTS])


def _design(manifest: Manifest, ratings: Ratings, name: str) -> str:
    experiment = manifest.experiment
    lengths = sorted(item.excerpt.length_s for item in experiment.items if item.use != "training")
    spread = f"{lengths[0]:g}" if lengths[0] == lengths[-1] else f"{lengths[0]:g} to {lengths[-1]:g}"
    anchors, systems = _names(manifest, "anchor"), _names(manifest, "system")
    met = name.startswith("MUSHRA")
    standard = "ITU-R BS.1534-3" if met else "after ITU-R BS.1534-3, not all of whose rules are met"
    people = _count(ratings.frame["listener"].nunique(), "listener")
    if ratings.simulated:
        people += f" ({ratings.simulated_listeners} of them simulated)"
    return (
        f"{people} took a {name} ({standard}) with {_count(len(lengths), 'item')} of {spread} s and "
        f"{1 + len(anchors) + len(systems)} hidden conditions: the hidden reference, "
        f"{_count(len(anchors), 'anchor')}{_listed(anchors)} and {_count(len(systems), 'system')}{_listed(systems)}. "
        f"The target was {experiment.experiment.target}; reference and anchors were made from the true stems."
    )


def _sounds(manifest: Manifest) -> str:
    loudness, rates = manifest.experiment.loudness, sorted({clip.rate_hz for clip in manifest.clips})
    return (
        f"Clips were cut from separated whole songs with 5 ms raised-cosine ends, brought to "
        f"{loudness.target_lufs:g} LUFS (ITU-R BS.1770, {_MATCH[loudness.match]}) with at most "
        f"{loudness.ceiling_dbtp:g} dBTP, and played as 24-bit FLAC at {' and '.join(map(str, rates))} Hz; switching "
        f"faded out for 5 ms and in for 5 ms."
    )


def _screening(manifest: Manifest, sections: Sequence[Section]) -> str:
    rules = " or ".join(RULES[rule] for rule in manifest.experiment.analysis.exclude)
    if not rules:
        return "Listeners were not post-screened."
    told = [f"{len(one.excluded)} of {one.listeners}" for one in sections]
    named = [f"{count} for {one.attribute}" for count, one in zip(told, sections, strict=True)]
    return (
        f"Listeners were post-screened by clause 4.1.2: excluded were those who rated {rules} on more than 15 % of "
        f"their trials, {told[0] if len(told) == 1 else ', '.join(named)}."
    )


_MATCH = {"item": "one gain per item", "each": "one gain per clip", "none": "no gain but for headroom"}
_TESTS = (
    "Quartiles are Tukey's hinges. Conditions were compared on listener means over items by Friedman's test and, for "
    "the planned contrasts, by Wilcoxon's signed-rank test with Holm's correction (two-sided, alpha = 0.05; zero "
    "differences left out; p exact without ties and zeros for up to 50 listeners, else by the normal approximation "
    "with continuity correction); differences are Hodges-Lehmann estimates with distribution-free 95 % intervals. "
    "These tests generalise over listeners, not over items. SI-SDR (no mean removed) and SDR as in the Music Demixing "
    "Challenge (epsilon 1e-7) were computed on the same excerpts before any gain, all channels as one vector."
)


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


def _names(manifest: Manifest, role: str) -> list[str]:
    return list(dict.fromkeys(clip.condition for clip in manifest.clips if clip.role == role))


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""

"""The methods paragraph, ready to be pasted into a paper.

Defines: ``paragraph``, ``RULES``.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reading.ratings import Ratings
from analysis.report.section import Section
from analysis.report.wording import count, level
from mushra_app.conduct import BS1534, CROSSFADE, MUSHRA
from stimuli.manifest import Manifest

RULES = {
    "bs1534-hidden-reference": "the hidden reference below 90",
    "bs1534-mid-anchor": "the 7 kHz anchor above 90",
}
"""The screening rules in words."""


def paragraph(manifest: Manifest, ratings: Ratings, sections: Sequence[Section], name: str) -> str:
    """Methods as a paper would say them, with the numbers of this study; ``name`` is what the test may be called."""
    sentences = [_design(manifest, ratings, name), _sounds(manifest), _playback(ratings)]
    tests = _TESTS_OF_PAIRS if any(one.incomplete for one in sections) else _TESTS
    return " ".join([*sentences, _screening(manifest, sections), f"{tests} {_METRICS}"])


def _design(manifest: Manifest, ratings: Ratings, name: str) -> str:
    experiment = manifest.experiment
    lengths = sorted(item.excerpt.length_s for item in experiment.items if item.use != "training")
    spread = f"{lengths[0]:g}" if lengths[0] == lengths[-1] else f"{lengths[0]:g} to {lengths[-1]:g}"
    anchors, systems = _names(manifest, "anchor"), _names(manifest, "system")
    met = name == MUSHRA
    standard = "ITU-R BS.1534-3" if met else "after ITU-R BS.1534-3, not all of whose rules are met"
    people = count(ratings.frame["listener"].nunique(), "listener")
    if ratings.simulated:
        people += f" ({ratings.simulated_listeners} of them simulated)"
    return (
        f"{people} took a {name} ({standard}) with {count(len(lengths), 'item')} of {spread} s and "
        f"{1 + len(anchors) + len(systems)} hidden conditions: the hidden reference, "
        f"{count(len(anchors), 'anchor')}{_listed(anchors)} and {count(len(systems), 'system')}{_listed(systems)}. "
        f"{_pages(len(systems), experiment.systems_on_page(len(systems)))}"
        f"The target was {experiment.experiment.target}; reference and anchors were made from the true stems."
    )


def _pages(systems: int, on_page: int) -> str:
    """How systems were spread over pages, where not all stood on each."""
    if on_page == systems:
        return ""
    return (
        f"Each page held the hidden reference, the anchors and {on_page} of the {systems} systems: an incomplete block "
        "design, planned to hold systems equally often, and pairs of systems as evenly as a search found; an item was "
        "presented again with the same systems. "
    )


def _sounds(manifest: Manifest) -> str:
    loudness, rates = manifest.experiment.loudness, sorted({clip.rate_hz for clip in manifest.clips})
    return (
        f"Clips were cut from separated whole songs with 5 ms raised-cosine ends, brought to "
        f"{level(loudness.target_lufs)} LUFS (ITU-R BS.1770, {_MATCH[loudness.match]}) with at most "
        f"{level(loudness.ceiling_dbtp)} dBTP, and played as 24-bit FLAC at {' and '.join(map(str, rates))} Hz."
    )


def _playback(ratings: Ratings) -> str:
    """How the sounds were switched and over what they were heard, as the ratings themselves say."""
    modes = sorted(set(ratings.frame["fade_mode"]))
    told = " and ".join(_SWITCHING.get(mode, f"was by the mode {mode}") for mode in modes)
    people = ratings.frame.groupby(ratings.frame["transducer"].replace("", "nothing that was recorded"))
    heard = [f"{name} ({number})" for name, number in people["listener"].nunique().items()]
    return f"Switching {told}; the sounds were heard over {' and '.join(heard)}."


def _screening(manifest: Manifest, sections: Sequence[Section]) -> str:
    rules = " or ".join(RULES[rule] for rule in manifest.experiment.analysis.exclude)
    if not rules:
        return "Listeners were not post-screened."
    told = [f"{len(one.excluded)} of {one.listeners}" for one in sections]
    named = [f"{share} for {one.attribute}" for share, one in zip(told, sections, strict=True)]
    return (
        f"Listeners were post-screened by clause 4.1.2: excluded were those who rated {rules} on more than 15 % of "
        f"their trials, {told[0] if len(told) == 1 else ', '.join(named)}."
    )


_SWITCHING = {
    BS1534: "faded out for 5 ms, then in for 5 ms",
    CROSSFADE: "cross-faded for 5 ms with equal gain",
    "": "was not recorded",
}
_MATCH = {"item": "one gain per item", "each": "one gain per clip", "none": "no gain but for headroom"}
_WILCOXON = (
    "Wilcoxon's signed-rank test with Holm's correction (two-sided, alpha = 0.05; zero differences left out; p exact "
    "without ties and zeros for up to 50 listeners, else by the normal approximation with continuity correction); "
    "differences are Hodges-Lehmann estimates with distribution-free 95 % intervals. These tests generalise over "
    "listeners, not over items."
)
_TESTS = (
    "Quartiles are interpolated linearly. Conditions were compared on listener means over items by Friedman's test "
    f"and, for the planned contrasts, by {_WILCOXON}"
)
_TESTS_OF_PAIRS = (
    "Quartiles are interpolated linearly. For each planned contrast, every listener's ratings of its two conditions "
    "were averaged over the pages that held both, replicates first and then items, and compared by "
    f"{_WILCOXON} No test over all conditions was made."
)
_METRICS = (
    "SI-SDR (no mean removed) and SDR as in the Music Demixing Challenge (epsilon 1e-7) were computed on the same "
    "excerpts before any gain, all channels as one vector."
)


def _names(manifest: Manifest, role: str) -> list[str]:
    return list(dict.fromkeys(clip.condition for clip in manifest.clips if clip.role == role))


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""

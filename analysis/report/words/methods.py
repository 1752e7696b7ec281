"""The methods paragraph, ready to be pasted into a paper.

Defines: ``paragraph``.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reading.numbers import Numbers
from analysis.reading.ratings import Ratings
from analysis.report.parts.section import Section
from analysis.report.words import metrics
from analysis.report.words.wording import count, level
from analysis.statistics.listeners.rules import RULES
from analysis.study import Study
from mushra_app.conduct import BS1534, CROSSFADE, MUSHRA
from stimuli.manifest import Manifest


def paragraph(
    ratings: Ratings,
    study: Study,
    sections: Sequence[Section],
    *,
    manifest: Manifest | None,
    name: str,
    numbers: Numbers | None,
) -> str:
    """Methods as a paper would say them, with the numbers of this study.

    Parameters
    ----------
    study : with the plan as it was carried out.
    manifest : of the sounds; None for ratings of another tool, whose sounds nobody here knows.
    name : what the test may be called.
    numbers : objective metrics; None where there are none.
    """
    own = [_sounds(manifest), _playback(ratings)] if manifest else []
    design = _design(ratings, study, manifest, name)
    tests = [_general(study, sections), _these(study, sections)]
    beside = metrics.methods(numbers, [one.agreement for one in sections])
    parts = [design, *own, _screening(study, sections), _description(sections), *tests, beside]
    return " ".join(part for part in parts if part)


def _design(ratings: Ratings, study: Study, manifest: Manifest | None, name: str) -> str:
    anchors = [condition for condition, role in study.roles.items() if role == "anchor"]
    standard = "ITU-R BS.1534-3" if name == MUSHRA else "after ITU-R BS.1534-3, not all of whose rules are met"
    people = count(ratings.frame["listener"].nunique(), "listener")
    if ratings.simulated:
        people += f" ({ratings.simulated_listeners} of them simulated)"
    reference = "the hidden reference, " if study.reference else ""
    number = (1 if study.reference else 0) + len(anchors) + len(study.systems)
    return (
        f"{people} took a {name} ({standard}) with {_items(ratings, manifest)} and {number} hidden conditions: "
        f"{reference}{count(len(anchors), 'anchor')}{_listed(anchors)} and "
        f"{count(len(study.systems), 'system')}{_listed(study.systems)}. "
        f"{_pages(len(study.systems), study.systems_on_page)}{_target(manifest)}"
    ).strip()


def _items(ratings: Ratings, manifest: Manifest | None) -> str:
    items = count(ratings.frame["item"].nunique(), "item")
    if manifest is None:
        return items
    lengths = sorted(item.excerpt.length_s for item in manifest.experiment.items if item.use != "training")
    spread = f"{lengths[0]:g}" if lengths[0] == lengths[-1] else f"{lengths[0]:g} to {lengths[-1]:g}"
    return f"{count(len(lengths), 'item')} of {spread} s"


def _target(manifest: Manifest | None) -> str:
    if manifest is None:
        return ""
    target = manifest.experiment.experiment.target
    return f"The target was {target}; reference and anchors were made from the true stems."


def _pages(systems: int, on_page: int) -> str:
    """How systems were spread over pages, where not all stood on each."""
    if on_page >= systems:
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


def _screening(study: Study, sections: Sequence[Section]) -> str:
    if not study.plan.exclude:
        return "Listeners were not post-screened."
    told = [_left_out(one) for one in sections]
    return " ".join(
        told
        if len(sections) == 1
        else [f"For {one.attribute}: {said}" for one, said in zip(sections, told, strict=True)]
    )


def _left_out(one: Section) -> str:
    if not one.applied:
        return "None of the planned rules of screening could be applied."
    rules = "; ".join(RULES[rule] for rule in one.applied)
    all_of_them = ", so that the results are of all listeners" if len(one.excluded) == one.listeners else ""
    return f"Left out were listeners by these rules: {rules}; {len(one.excluded)} of {one.listeners}{all_of_them}."


def _description(sections: Sequence[Section]) -> str:
    return (
        "Quartiles are interpolated linearly; intervals of means are Student's over listener means, and percentiles of "
        f"{sections[0].draws} draws of listeners and items (two-way cluster bootstrap)."
    )


def _general(study: Study, sections: Sequence[Section]) -> str:
    """How items in general were tested."""
    found = next((one.general for one in sections if one.general), None)
    if found is None:
        return ""
    margin = study.plan.equivalence_margin
    tost = f" {_TOST.format(level(margin))}" if margin else ""
    return (
        "Planned contrasts were tested for items in general with linear mixed models (REML; Satterthwaite's degrees of "
        "freedom where nothing else is said; two-sided, alpha = 0.05; adjusted by "
        f"{study.plan.adjust.capitalize()}). {found.how}{tost}"
    )


def _these(study: Study, sections: Sequence[Section]) -> str:
    """How exactly these items were tested."""
    incomplete = any(one.incomplete for one in sections)
    friedman = (
        "No test over all conditions was made." if incomplete else "All conditions were compared by Friedman's test."
    )
    method = study.plan.adjust_on_means.capitalize()
    return (
        "For exactly these items, every listener's ratings of a contrast's two sides were averaged over the pages that "
        "held both, replicates first and then items, and compared by Wilcoxon's signed-rank test (two-sided; zero "
        "differences left out; p "
        "exact without ties and zeros for up to 50 listeners, else by the normal approximation with continuity "
        f"correction) and by permutation of signs, adjusted by {method}; differences are Hodges-Lehmann estimates with "
        f"distribution-free 95 % intervals. {friedman} These tests generalise over listeners, not over items."
    )


_SWITCHING = {
    BS1534: "faded out for 5 ms, then in for 5 ms",
    CROSSFADE: "cross-faded for 5 ms with equal gain",
    "": "was not recorded",
}
_MATCH = {"item": "one gain per item", "each": "one gain per clip", "none": "no gain but for headroom"}
_TOST = (
    "Equivalence was tested at {} points by two one-sided t tests of each contrast by itself, not adjusted: for these "
    "items on the mean difference of listeners."
)


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""

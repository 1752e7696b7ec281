"""Rules of all the clips of a set: what is the same, what is equally loud, and what no clip may have.

Conventions: loudness in LUFS and differences in LU, gains in dB, peaks in dBTP, full scale 1, lags in samples.
Defines: ``SET_RULES``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import get_args

from stimuli.experiment import REFERENCE
from stimuli.manifest import Clip, Facts, Response, Role
from stimuli.standard.rule import Finding, Rule, listed
from stimuli.standard.sets import BuiltSet, faults

HIGHEST_DBTP = 0.0
SPREAD_LU = 0.5
WITHIN_ITEM_LU = 3.0
SAME_GAIN_DB = 0.001
RIPPLE_DB, AT_8_7_DB, FROM_9_7_DB = 0.1, -25.0, -50.0
"""The mask of clause 5.1 for 3.5 kHz: up to the cut-off, at 8/7 of it (4 kHz) and from 9/7 of it (4.5 kHz)."""
ANCHOR_LAG_SAMPLES = 0.25
ROUNDING_S = 5e-8
"""Lags are on record to a ten-millionth of a second."""
LARGEST_DC = 0.001
LARGEST_STEP = 0.001
DROPOUT_S = 0.2


def _same_conditions(built: BuiltSet) -> str | None:
    # A system that could not run is missing everywhere, and the manifest says so.
    anchors = [("anchor", anchor.name) for anchor in built.experiment.anchors]
    found = [(clip.role, clip.condition) for clip in built.clips]
    wanted = dict.fromkeys([("reference", REFERENCE), ("hidden_reference", REFERENCE), *anchors, *found])
    there = {(clip.item, clip.role, clip.condition) for clip in built.clips}
    lacks = [(item, role, name) for item in built.items for role, name in wanted if (item, role, name) not in there]
    places = (f"{name} ({role.replace('_', ' ')}) in {item}" for item, role, name in lacks)
    return f"missing: {listed(places)}" if lacks else None


def _form(clip: Clip) -> str:
    return f"{clip.rate_hz:d} Hz, {clip.frames:d} frames, {clip.channels:d} channels"


def _same_format(built: BuiltSet) -> Finding | None:
    # Not the reference's: were it the odd one, all others would be named.
    usual = {item: Counter(map(_form, clips)).most_common(1)[0][0] for item, clips in built.items.items()}

    def odd(clip: Clip) -> str | None:
        own = f"{clip.rate_hz:d} Hz, {clip.frames:d} frames, {clip.channels:d} channels; the others {usual[clip.item]}"
        return own if _form(clip) != usual[clip.item] else None

    return faults("rate, length or channels of their own", built.clips, odd)


def _hidden_is_reference(built: BuiltSet) -> Finding | None:
    def other(clip: Clip) -> str | None:
        open_one = built.references.get(clip.item)
        return "" if open_one and open_one.samples_sha256 != clip.samples_sha256 else None

    return faults("other samples than the open reference", built.of("hidden_reference"), other)


def _different_sounds(built: BuiltSet) -> Finding | None:
    # Of the hidden signals only: what is heard openly is meant to come back among them.
    alike: dict[tuple[str, str], list[Clip]] = {}
    for clip in built.of("hidden_reference", "anchor", "system"):
        alike.setdefault((clip.item, clip.samples_sha256), []).append(clip)
    twins = [(item, clips) for (item, _), clips in alike.items() if len(clips) > 1]
    places = (f"{' = '.join(clip.condition for clip in clips)} in {item}" for item, clips in twins)
    tokens = tuple(clip.token for _, clips in twins for clip in clips)
    return Finding(f"the same samples under several names: {listed(places)}", tokens) if twins else None


def _true_peak(built: BuiltSet) -> Finding | None:
    def hot(clip: Clip) -> str | None:
        return f"{clip.true_peak_dbtp:g} dBTP" if clip.true_peak_dbtp > HIGHEST_DBTP else None

    return faults("true peak above 0 dBTP", built.clips, hot)


def _reference_loudness(built: BuiltSet) -> Finding | None:
    ordered = sorted(built.references.values(), key=lambda clip: clip.lufs_after)
    spread = round(ordered[-1].lufs_after - ordered[0].lufs_after, 4) if ordered else 0.0
    if spread <= SPREAD_LU:
        return None
    low, high = ordered[0], ordered[-1]
    text = (
        f"references differ by {spread:g} LU, from {low.lufs_after:.2f} LUFS in {low.item} "
        f"to {high.lufs_after:.2f} LUFS in {high.item}"
    )
    return Finding(text, (low.token, high.token))


def _shared_gain(built: BuiltSet) -> Finding | None:
    def apart(clip: Clip) -> str | None:
        more = built.against_reference(clip, lambda one: one.gain_db)
        return f"{more:+g} dB" if abs(more) > SAME_GAIN_DB else None

    return faults("another gain than the reference's", [*built.of("hidden_reference"), *built.lowpass_anchors], apart)


def _loudness_in_item(built: BuiltSet) -> Finding | None:
    def apart(clip: Clip) -> str | None:
        more = built.against_reference(clip, lambda one: one.lufs_after)
        return f"{round(more, 2):+g} LU" if abs(more) > WITHIN_ITEM_LU else None

    return faults(f"more than {WITHIN_ITEM_LU:g} LU from the reference's loudness", built.of("system"), apart)


def _outside_mask(found: Response) -> str | None:
    # None: the reference is too weak there for anybody to hear the anchor's fault.
    ripple, at_8_7, from_9_7 = found.ripple_db, found.at_8_7_db, found.from_9_7_db
    over = []
    if ripple is not None and ripple > RIPPLE_DB:
        over.append(f"ripple {ripple:g} dB")
    if at_8_7 is not None and at_8_7 > AT_8_7_DB:
        over.append(f"{at_8_7:g} dB at {found.cutoff_hz * 8 / 7000:.4g} kHz")
    if from_9_7 is not None and from_9_7 > FROM_9_7_DB:
        over.append(f"{from_9_7:g} dB from {found.cutoff_hz * 9 / 7000:.4g} kHz")
    return ", ".join(over) or None


def _anchor_response(built: BuiltSet) -> Finding | None:
    def outside(clip: Clip) -> str | None:
        return _outside_mask(clip.facts.response) if clip.facts and clip.facts.response else None

    return faults(
        "outside the mask (clause 5.1 for 3.5 kHz; for 7 and 10 kHz the same scaled, this project's convention)",
        built.lowpass_anchors,
        outside,
    )


def _anchor_lag(built: BuiltSet) -> Finding | None:
    def late(clip: Clip) -> str | None:
        lag_s = clip.facts.resemblance.lag_s if clip.facts and clip.facts.resemblance else None
        most_s = ANCHOR_LAG_SAMPLES / clip.rate_hz + ROUNDING_S
        return f"{lag_s * clip.rate_hz:+.2f} samples" if lag_s is not None and abs(lag_s) > most_s else None

    return faults("not at the reference's place in time", built.lowpass_anchors, late)


def _over(
    what: str,
    read: Callable[[Facts], float],
    limit: float,
    told: Callable[[float], str],
    roles: tuple[Role, ...] = get_args(Role),
) -> Callable[[BuiltSet], Finding | None]:
    """A check for one fact that may not pass a limit in clips of these roles."""

    def over(clip: Clip) -> str | None:
        return told(read(clip.facts)) if clip.facts and read(clip.facts) > limit else None

    return lambda built: faults(what, built.of(*roles), over)


def _of_full_scale(value: float) -> str:
    return f"{value:g} of full scale"


SET_RULES: tuple[Rule[BuiltSet], ...] = (
    Rule(
        "same-conditions",
        "7",
        "must",
        "every item has the reference, open and hidden, all anchors and the same systems",
        _same_conditions,
        "build the set again",
    ),
    Rule(
        "same-format",
        "5.3",
        "must",
        "all clips of an item share rate, length and channels",
        _same_format,
        "build the set again",
    ),
    Rule(
        "hidden-is-reference",
        "3",
        "must",
        "the hidden reference is the open one, sample by sample",
        _hidden_is_reference,
        "build the set again",
    ),
    Rule(
        "different-sounds",
        "practice",
        "should",
        "no two hidden signals of an item are the same",
        _different_sounds,
        "leave one of them out, or choose an excerpt in which they differ",
    ),
    Rule("true-peak", "7", "must", "no clip passes 0 dBTP", _true_peak, "lower loudness.ceiling_dbtp"),
    Rule(
        "reference-loudness",
        "7",
        "should",
        f"the references are equally loud from item to item, within {SPREAD_LU:g} LU",
        _reference_loudness,
        "lower loudness.target_lufs until no item has to be lowered for its peaks",
    ),
    Rule(
        "shared-gain",
        "7",
        "must",
        "the hidden reference and the low-pass anchors have the reference's gain",
        _shared_gain,
        "build the set again",
    ),
    Rule(
        "loudness-in-item",
        "7",
        "should",
        f"systems are within {WITHIN_ITEM_LU:g} LU of their reference",
        _loudness_in_item,
        "look for a wrong level in the estimates; loudness decides before quality does",
    ),
    Rule(
        "anchor-response",
        "5.1",
        "must",
        "low-pass anchors hold the mask: clause 5.1's for 3.5 kHz, for 7 and 10 kHz the same scaled "
        "(this project's convention)",
        _anchor_response,
        "build the set again with this release",
        needs_facts=True,
    ),
    Rule(
        "anchor-lag",
        "5.1",
        "must",
        "low-pass anchors are in time with the reference, within a quarter sample",
        _anchor_lag,
        "build the set again with this release",
        needs_facts=True,
    ),
    Rule(
        "clipping",
        "practice",
        "should",
        "no clip has flat tops",
        _over("flat tops of clipping", lambda facts: facts.clipped, 0, lambda count: f"{count:g} samples"),
        "use sources and estimates that were not clipped, as float or at a lower level",
        needs_facts=True,
    ),
    Rule(
        "dc",
        "practice",
        "should",
        "no clip has an offset",
        _over(f"offset (DC) above {LARGEST_DC:g}", lambda facts: facts.dc, LARGEST_DC, _of_full_scale),
        "remove the offset from the files: it clicks at every switch",
        needs_facts=True,
    ),
    Rule(
        "end-click",
        "5.3",
        "must",
        "every clip begins and ends in silence",
        _over(
            f"begins or ends with a step above {LARGEST_STEP:g}",
            lambda facts: facts.end_step,
            LARGEST_STEP,
            _of_full_scale,
        ),
        "build the set again: ends are faded over 5 ms",
        needs_facts=True,
    ),
    Rule(
        "drop-outs",
        "practice",
        "should",
        f"no system is silent for more than {DROPOUT_S:g} s while its reference sounds",
        _over(
            "silent where the reference is not",
            lambda facts: facts.dropout_s,
            DROPOUT_S,
            lambda time_s: f"{time_s:g} s",
            ("system",),
        ),
        "listen to these estimates, and render them again if it is no work of the system's",
        needs_facts=True,
    ),
)

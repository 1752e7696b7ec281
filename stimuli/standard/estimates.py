"""Rules of the systems' clips: faults of how an estimate was made or stored, not of how well it separates.

A listener would rate them as the system's own. Conventions: lags in milliseconds and samples, positive = late;
levels in dB. Defines: ``ESTIMATE_RULES``.
"""

from __future__ import annotations

from collections.abc import Callable

from stimuli.experiment import FilesSystem
from stimuli.manifest import Clip, Resemblance
from stimuli.standard.rule import Finding, Rule, listed
from stimuli.standard.sets import BuiltSet, faults

USUAL_LAG_MS = 1.0
"""For systems that were run here; files bring their own ``max_lag_ms``."""
GAIN_ERROR_DB = 3.0
SWAPPED = -0.5
"""Correlation of left minus right with the reference's, below which the channels are the wrong way round."""
WIDE_DB = -30.0
"""Level of left minus right from which on the reference has two sides to be confused."""
MONO_DB = -60.0


def _faults(what: str, built: BuiltSet, fault: Callable[[Clip, Resemblance], str | None]) -> Finding | None:
    """Faults of systems, told by how they lie against their reference."""

    def told(clip: Clip) -> str | None:
        return fault(clip, clip.facts.resemblance) if clip.facts and clip.facts.resemblance else None

    return faults(what, built.of("system"), told)


def _lag(built: BuiltSet) -> Finding | None:
    files = [system for system in built.experiment.systems if isinstance(system, FilesSystem)]
    limits = {system.name: system.max_lag_ms for system in files}

    def late(clip: Clip, found: Resemblance) -> str | None:
        limit, lag_ms = limits.get(clip.condition, USUAL_LAG_MS), round((found.lag_s or 0.0) * 1000, 4)
        size = f"{abs(lag_ms):g} ms = {abs(lag_ms) / 1000 * clip.rate_hz:.1f} samples"
        return f"{size} {'late' if lag_ms > 0 else 'early'}, at most {limit:g} ms" if abs(lag_ms) > limit else None

    return _faults("not at the reference's place in time", built, late)


def _polarity(built: BuiltSet) -> Finding | None:
    def inverted(_: Clip, found: Resemblance) -> str | None:
        return f"correlation -{found.correlation:.2f}" if found.lag_s is not None and found.polarity < 0 else None

    return _faults("upside down (inverted polarity)", built, inverted)


def _gain_error(built: BuiltSet) -> Finding | None:
    def off(_: Clip, found: Resemblance) -> str | None:
        error = found.gain_error_db
        return f"{round(error, 2):+g} dB" if error is not None and abs(error) > GAIN_ERROR_DB else None

    return _faults(f"the target more than {GAIN_ERROR_DB:g} dB from its level in the mixture", built, off)


def _wide(found: Resemblance) -> bool:
    return found.reference_side_db is not None and found.reference_side_db > WIDE_DB


def _swapped_channels(built: BuiltSet) -> Finding | None:
    def swapped(_: Clip, found: Resemblance) -> str | None:
        # Polarity taken out: upside down, the difference of the channels is so as well, and that is another rule's.
        side = (found.side_correlation or 0.0) * found.polarity
        return f"left - right correlates by {side:.2f}" if side < SWAPPED and _wide(found) else None

    return _faults("left and right are swapped", built, swapped)


def _dual_mono(built: BuiltSet) -> Finding | None:
    def flat(_: Clip, found: Resemblance) -> str | None:
        mono = found.side_db is not None and found.side_db < MONO_DB and _wide(found)
        levels = f"left - right at {found.side_db} dB, the reference's at {found.reference_side_db} dB"
        return levels if mono else None

    return _faults("both channels are the same", built, flat)


def _wrong_target(built: BuiltSet) -> Finding | None:
    told: dict[str, list[tuple[str, str]]] = {}
    for clip in built.of("system"):
        if clip.facts and clip.facts.resemblance:
            told.setdefault(clip.condition, []).append((clip.facts.resemblance.closer_to, clip.token))
    nearer = {system: [one for one in items if one[0]] for system, items in told.items()}
    # In one excerpt a weak system may lean that way; in most of them it is another stem's file.
    wrong = {system: items for system, items in nearer.items() if 2 * len(items) > len(told[system])}
    places = (
        f"{system} ({' and '.join(sorted({stem for stem, _ in items}))} in {len(items)} of {len(told[system])} items)"
        for system, items in wrong.items()
    )
    tokens = tuple(token for items in wrong.values() for _, token in items)
    return Finding(f"nearer to another stem than to the target: {listed(places)}", tokens) if wrong else None


def _copies(of: str, what: str, *, meant: str = "") -> Callable[[BuiltSet], Finding | None]:
    """A check for systems that give back what they were made from; kinds that begin with ``meant`` may."""

    def copies(built: BuiltSet) -> Finding | None:
        may = {system.name for system in built.experiment.systems if meant and system.kind.startswith(meant)}

        def copied(clip: Clip, found: Resemblance) -> str | None:
            return "" if found.copy_of == of and clip.condition not in may else None

        return _faults(what, built, copied)

    return copies


ESTIMATE_RULES: tuple[Rule[BuiltSet], ...] = (
    Rule(
        "lag",
        "7",
        "must",
        "systems are in time with their reference",
        _lag,
        "shift the estimates by as much, or raise the system's max_lag_ms",
        needs_facts=True,
    ),
    Rule(
        "polarity",
        "practice",
        "must",
        "no system is upside down",
        _polarity,
        "multiply the estimates by -1",
        needs_facts=True,
    ),
    Rule(
        "gain-error",
        "practice",
        "should",
        f"systems give the target at its level in the mixture, within {GAIN_ERROR_DB:g} dB",
        _gain_error,
        "look for a normalisation of the files, or for loss of the target",
        needs_facts=True,
    ),
    Rule(
        "swapped-channels",
        "practice",
        "must",
        "left is left in every system",
        _swapped_channels,
        "swap the channels of the estimates",
        needs_facts=True,
    ),
    Rule(
        "dual-mono",
        "practice",
        "should",
        "systems are as stereo as their references",
        _dual_mono,
        "render both channels if the system can, or say in the test report that it is mono",
        needs_facts=True,
    ),
    Rule(
        "wrong-target",
        "practice",
        "must",
        "systems give the target, not another stem",
        _wrong_target,
        "check the system's path and targets, and the experiment's target",
        needs_facts=True,
    ),
    Rule(
        "copy-of-mixture",
        "practice",
        "must",
        "no system gives the mixture back",
        _copies("mixture", "a copy of the mixture"),
        "check the system's path; a mixture that is meant is an anchor",
        needs_facts=True,
    ),
    Rule(
        "copy-of-reference",
        "practice",
        "must",
        "no system gives the reference itself",
        # An oracle is made from the true stems, and may come out as them.
        _copies("reference", "a copy of the reference", meant="oracle"),
        "check the system's path: it may point at the true stems",
        needs_facts=True,
    ),
)

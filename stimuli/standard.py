"""Requirements of ITU-R BS.1534-3 as named rules: each says its clause, checks, and explains itself.

The first table needs the experiment file only; the second looks at the clips of a built set. A broken *must*
means that the test may not be called MUSHRA. Clause numbers are those of BS.1534-3 (10/2015).

Defines: ``Rule``, ``check_experiment``, ``check_set``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from stimuli.experiment import Experiment, Item, LowpassAnchor
from stimuli.manifest import Clip, RuleResult

MOST_HIDDEN = 12
FEWEST_ITEMS = 5
ITEMS_PER_SYSTEM = 1.5
LONGEST_S = 12.0
LOUDNESS_SPREAD_LU = 0.5


@dataclass(frozen=True)
class Rule:
    """One requirement. ``check`` answers with what is wrong, or None; ``mend`` says what to do about it."""

    id: str
    clause: str
    severity: Literal["must", "should", "note"]
    says: str
    check: Callable[[Any], str | None]
    mend: str

    def result(self, subject: object) -> RuleResult:
        """What this rule says of an experiment or of the clips of a set."""
        wrong = self.check(subject)
        message = f"{wrong}; {self.mend}" if wrong else self.says
        return RuleResult(
            rule=self.id, clause=self.clause, severity=self.severity, passed=wrong is None, message=message
        )


def check_experiment(experiment: Experiment) -> tuple[RuleResult, ...]:
    """Hold an experiment file against the rules that need no sound."""
    return tuple(rule.result(experiment) for rule in EXPERIMENT_RULES)


def check_set(clips: Sequence[Clip]) -> tuple[RuleResult, ...]:
    """Hold the clips of a built set against the rules that need sound."""
    return tuple(rule.result(clips) for rule in SET_RULES)


def _tested(experiment: Experiment) -> list[Item]:
    return [item for item in experiment.items if item.use != "training"]


def _hidden_signals(experiment: Experiment) -> str | None:
    found = len(experiment.conditions)
    return f"{found} hidden signals per trial" if found > MOST_HIDDEN else None


def _anchors(experiment: Experiment) -> str | None:
    there = {anchor.cutoff_hz for anchor in experiment.anchors if isinstance(anchor, LowpassAnchor)}
    missing = [f"{cutoff / 1000:g} kHz" for cutoff in (3500, 7000) if cutoff not in there]
    return f"no low-pass anchor at {' and '.join(missing)}" if missing else None


def _items(experiment: Experiment) -> str | None:
    found = len(_tested(experiment))
    return f"{found} items in the test" if found < FEWEST_ITEMS else None


def _items_for_systems(experiment: Experiment) -> str | None:
    found, systems = len(_tested(experiment)), len(experiment.systems)
    wanted = ITEMS_PER_SYSTEM * systems
    return f"{found} items for {systems} systems, about {wanted:g} are wanted" if found < wanted else None


def _lengths(experiment: Experiment) -> str | None:
    long = [item.key for item in experiment.items if item.excerpt.length_s > LONGEST_S]
    return f"longer than {LONGEST_S:g} s: {', '.join(long)}" if long else None


def _training(experiment: Experiment) -> str | None:
    return None if any(item.use != "test" for item in experiment.items) else "no item is used for training"


def _replicates(experiment: Experiment) -> str | None:
    return None if experiment.test.replicates else "no trial is presented twice"


EXPERIMENT_RULES = (
    Rule(
        "hidden-signals",
        "5.3",
        "must",
        "at most 12 hidden signals per trial",
        _hidden_signals,
        "leave systems out, or split them over several tests",
    ),
    Rule(
        "lowpass-anchors",
        "5.1",
        "must",
        "both low-pass anchors are there",
        _anchors,
        'add [[anchors]] kind = "lowpass", cutoff_hz = 3500 and 7000',
    ),
    Rule("items", "7", "must", "at least 5 items", _items, "add items: at least 5"),
    Rule(
        "items-per-system", "7", "should", "about 1.5 items for each system", _items_for_systems, "add items if you can"
    ),
    Rule(
        "excerpt-length",
        "5.1",
        "should",
        "excerpts of at most 12 s",
        _lengths,
        "cut them to about 10 s, or justify the length in the test report",
    ),
    Rule(
        "training",
        "5.2",
        "must",
        "an item for training is there",
        _training,
        'give an item use = "training", or use = "both"',
    ),
    Rule(
        "replicates",
        "4.1",
        "should",
        "trials are repeated, so that reliability can be shown",
        _replicates,
        "set test.replicates = 1",
    ),
)


def _by_item(clips: Sequence[Clip]) -> list[tuple[str, list[Clip]]]:
    ordered = sorted(clips, key=lambda clip: clip.item)
    return [(item, list(group)) for item, group in groupby(ordered, key=lambda clip: clip.item)]


def _formats(clips: Sequence[Clip]) -> str | None:
    odd = [item for item, group in _by_item(clips) if len({(c.rate_hz, c.frames, c.channels) for c in group}) > 1]
    return f"clips differ in rate, length or channels: {', '.join(odd)}" if odd else None


def _true_peak(clips: Sequence[Clip]) -> str | None:
    hot = sorted({clip.item for clip in clips if clip.true_peak_dbtp > 0})
    return f"true peak above 0 dBTP: {', '.join(hot)}" if hot else None


def _reference_loudness(clips: Sequence[Clip]) -> str | None:
    found = [clip.lufs_after for clip in clips if clip.role == "reference"]
    spread = max(found) - min(found) if found else 0.0
    return f"references differ by {spread:.1f} LU from item to item" if spread > LOUDNESS_SPREAD_LU else None


SET_RULES = (
    Rule(
        "same-format",
        "5.3",
        "must",
        "all clips of an item share rate, length and channels",
        _formats,
        "build the set again",
    ),
    Rule("true-peak", "7", "must", "no clip passes 0 dBTP", _true_peak, "lower loudness.ceiling_dbtp"),
    Rule(
        "reference-loudness",
        "7",
        "should",
        "the references are equally loud from item to item",
        _reference_loudness,
        "lower loudness.target_lufs until no item has to be lowered for its peaks",
    ),
)

"""What broken rules say: parted into what was found and how to mend it, and told of one clip alone.

A rule's message speaks of the whole set and names five places at most; under a clip stands what the rule says of it.
Defines: ``Mark``, ``marks_of``, ``parted``, ``GRAVITY``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stimuli.manifest import Clip, Manifest, RuleResult
from stimuli.standard.check import check_set
from stimuli.standard.design import EXPERIMENT_RULES
from stimuli.standard.estimates import ESTIMATE_RULES
from stimuli.standard.sounds import SET_RULES

GRAVITY = ("must", "should", "note")
"""Severities, the gravest first."""
MENDS = {rule.id: rule.mend for rule in (*EXPERIMENT_RULES, *SET_RULES, *ESTIMATE_RULES)}


@dataclass(frozen=True)
class Mark:
    """A rule that a clip breaks, and what it found in this clip."""

    rule: str
    severity: str
    finding: str


def marks_of(found: Manifest, group: Sequence[Clip]) -> tuple[Mark, ...]:
    """The broken rules of a set that name one of these clips, gravest first; the last clip is the one that is rated."""
    tokens = {clip.token for clip in group}
    broken = [rule for rule in found.rules if not rule.passed and tokens & set(rule.clips)]
    own = _own_words(found, group[-1]) if broken else {}
    marks = [Mark(rule.rule, rule.severity, parted(own.get(rule.rule, rule))[0]) for rule in broken]
    return tuple(sorted(marks, key=lambda mark: GRAVITY.index(mark.severity)))


def parted(rule: RuleResult) -> tuple[str, str]:
    """What a broken rule found, and how to mend it; both in the first where this release words it otherwise."""
    mend = MENDS.get(rule.rule, "")
    finding = rule.message.removesuffix(f"; {mend}")
    return finding, mend if finding != rule.message else ""


def _own_words(found: Manifest, clip: Clip) -> dict[str, RuleResult]:
    """What the rules say when they see no clip but this one and its reference: its own numbers.

    Only sentences that name the clip in its item; what follows from several clips is said as the whole set has it.
    """
    beside = [one for one in found.clips if one.item == clip.item and one.role == "reference" and one != clip]
    told = check_set(found.experiment, (*beside, clip))
    place = f"{clip.condition} in {clip.item}"
    return {rule.rule: rule for rule in told if clip.token in rule.clips and place in rule.message}

"""What the newest screening says of listeners, as a page shows it: by listener a mark per rule, by rule who and why.

Conventions: rules are named as ``stimuli.experiment`` names them. Reasons are counts of trials; no condition is named,
because none comes out of ``mushra screen``. Defines: ``RULE_WORDS``, ``RuleFound``, ``Quality``, ``quality``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mushra_app.studio.live.ages import minutes
from mushra_app.study.monitoring import Look
from mushra_app.words import say, say_later

RULE_WORDS: dict[str, Any] = {
    "bs1534-hidden-reference": say_later("hidden reference missed"),
    "bs1534-mid-anchor": say_later("mid anchor rated too high"),
    "flat-ratings": say_later("flat ratings"),
    "too-fast": say_later("too fast"),
    "not-heard": say_later("rated without listening"),
    "attention-check": say_later("attention check failed"),
    "headphone-check": say_later("headphone check failed"),
    "inexperienced": say_later("inexperienced"),
    "unreliable": say_later("agrees with itself no more than by chance"),
    "rank-order": say_later("order unlike the others'"),
}
CIRCLE = "M{x} 7a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"
CROSS = "M{x} 3l8 8m0-8l-8 8"
STEP = 14


@dataclass(frozen=True)
class Mark:
    """One failure: which rule, for which attribute (where there are several), and how often."""

    rule: str
    planned: bool
    reason: str


@dataclass(frozen=True)
class RuleFound:
    """One rule: how many it could judge, and who failed it, each with the reason."""

    rule: str
    planned: bool
    judged: int
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Strip:
    """One listener's marks, a place per rule: rings are passed, crosses failed; ``failed`` in words."""

    passed: str
    crossed: str
    failed: tuple[Mark, ...]

    @property
    def said(self) -> str:
        """Which rules are failed, each once."""
        return ", ".join(str(RULE_WORDS[rule]) for rule in dict.fromkeys(mark.rule for mark in self.failed))


@dataclass(frozen=True)
class Quality:
    """What the newest look at all listeners has found."""

    rules: tuple[RuleFound, ...]
    strips: Mapping[str, Strip]
    unusable: tuple[str, ...]
    listeners: int
    as_of: str
    width: int


def quality(look: Look) -> Quality:
    """Sort a look by listener and by rule."""
    found = look.found or {"findings": [], "unusable": [], "listeners": 0}
    attributes = len({one["attribute"] for one in found["findings"]})
    judged: dict[str, set[str]] = {}
    failed: dict[str, dict[str, list[Mark]]] = {}
    for one in found["findings"]:
        judged.setdefault(one["rule"], set()).update(one["judged"])
        own = failed.setdefault(one["rule"], {})
        for failure in one["failed"]:
            mark = Mark(one["rule"], one["planned"], _reason(failure, one["attribute"] if attributes > 1 else ""))
            own.setdefault(failure["listener"], []).append(mark)
    planned = {one["rule"] for one in found["findings"] if one["planned"]}
    rules = tuple(
        RuleFound(
            rule=rule,
            planned=rule in planned,
            judged=len(judged[rule]),
            failed=tuple(
                (name, ", ".join(filter(None, (m.reason for m in own)))) for name, own in failed[rule].items()
            ),
        )
        for rule in RULE_WORDS
        if rule in judged
    )
    order = [one.rule for one in rules]
    return Quality(
        rules=rules,
        strips={
            name: _strip(name, order, judged, failed)
            for name in sorted(set().union(*judged.values()) if judged else ())
        },
        unusable=tuple(found["unusable"]),
        listeners=found["listeners"],
        as_of=minutes(look.as_of),
        width=STEP * len(order),
    )


def _strip(
    name: str, order: list[str], judged: Mapping[str, set[str]], failed: Mapping[str, Mapping[str, list[Mark]]]
) -> Strip:
    passed, crossed, marks = "", "", []
    for number, rule in enumerate(order):
        if own := failed[rule].get(name):
            crossed += CROSS.format(x=STEP * number + 3)
            marks += own
        elif name in judged[rule]:
            passed += CIRCLE.format(x=STEP * number + 3)
    return Strip(passed, crossed, tuple(marks))


def _reason(failure: Mapping[str, Any], attribute: str) -> str:
    if failure["trials"] is None:
        return attribute
    if attribute:
        return say("%(attribute)s: %(slips)s of %(trials)s trials", attribute=attribute, **_counts(failure))
    return say("%(slips)s of %(trials)s trials", **_counts(failure))


def _counts(failure: Mapping[str, Any]) -> dict[str, int]:
    return {"slips": failure["slips"], "trials": failure["trials"]}

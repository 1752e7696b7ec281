"""Whom each rule of screening would leave out so far, with the reason, in words of roles: no condition is named.

All rules are applied, those of the plan and the others: a listener who goes wrong is to be noticed while something can
still be done about it. What is left out in the end is for the plan to say. A rule that can't be applied is named
without its reason, which may name a condition.

Defines: ``SCHEMA``, ``Failure``, ``Finding``, ``Screened``, ``screened``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.monitoring.running import Running
from analysis.statistics.listeners.all_rules import screen_all
from analysis.statistics.listeners.rules import RULES

SCHEMA = 1


@dataclass(frozen=True)
class Failure:
    """Whom a rule would leave out. ``slips`` on so many ``trials``; None where the rule measures something else."""

    listener: str
    slips: int | None
    trials: int | None
    reason: str


@dataclass(frozen=True)
class Finding:
    """What one rule says of one attribute: whom it could judge, and who failed. ``planned``: by the analysis plan."""

    rule: str
    attribute: str
    planned: bool
    judged: tuple[str, ...]
    failed: tuple[Failure, ...]


@dataclass(frozen=True)
class Screened:
    """``listeners`` were looked at: whoever has finished one session at least. ``unusable`` are the rules of the plan
    that these ratings say nothing about."""

    schema_number: int
    study: str
    study_id: str
    listeners: int
    simulated: bool
    unusable: tuple[str, ...]
    findings: tuple[Finding, ...]


def screened(running: Running) -> Screened:
    """Apply every rule to every attribute that was rated."""
    study, frame = running.ratings.study, running.ratings.frame
    findings: list[Finding] = []
    for asked in study.attributes:
        own = frame[frame["attribute"] == asked.name]
        if len(own):
            found = screen_all(own, running.ratings.checks, study=study, attribute=asked.name, rules=list(RULES))
            findings += [
                _finding(str(rule), asked.name, rows, planned=rule in study.plan.exclude)
                for rule, rows in found.rows.groupby("rule", sort=False)
            ]
    used = {finding.rule for finding in findings}
    return Screened(
        schema_number=SCHEMA,
        study=study.name,
        study_id=study.study_id,
        listeners=running.ratings.listeners,
        simulated=running.simulated,
        unusable=tuple(rule for rule in study.plan.exclude if rule not in used),
        findings=tuple(findings),
    )


def _finding(rule: str, attribute: str, rows: pd.DataFrame, *, planned: bool) -> Finding:
    failed = [
        Failure(str(row.listener), _whole(row.slips), _whole(row.trials), str(row.reason))
        for row in rows[rows["excluded"]].itertuples()
    ]
    return Finding(rule, attribute, planned, tuple(map(str, rows["listener"])), tuple(failed))


def _whole(count: object) -> int | None:
    return None if count is pd.NA else int(count)  # type: ignore[call-overload]

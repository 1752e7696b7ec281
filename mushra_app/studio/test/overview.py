"""One study: its state, its versions, and what it may be called."""

from __future__ import annotations

from sqlalchemy.orm import Session

from mushra_app.conduct import called, check_run
from mushra_app.export import run_of
from mushra_app.models import StudyVersion
from mushra_app.people.logins import Visitor
from mushra_app.session.enrolment import experiment_of
from mushra_app.studio.tabs import head_of, name_of_a_duplicate
from mushra_app.studio.test.pages import BrokenRule, TestPage, VersionRow
from mushra_app.study import counting, lifecycle, peeking, sittings
from mushra_app.study.counting import Count
from stimuli.manifest import RuleResult
from stimuli.standard.check import check_experiment

SEVERITIES = ("must", "should", "note")


def study(db: Session, name: str, visitor: Visitor, *, listener_url: str) -> TestPage:
    """One study in its current version."""
    version = lifecycle.current(db, name)
    # Only its rules: a manifest that a database keeps has null where a loudness was infinite, and is none to validate.
    of_the_set = tuple(RuleResult.model_validate(rule) for rule in version.manifest.get("rules", ()))
    rules = (*(of_the_set or check_experiment(experiment_of(version))), *check_run(run_of(db, version)))
    return TestPage(
        head=head_of(db, version, visitor),
        study_id=version.identity,
        stimuli_id=version.stimuli_id,
        items=len(version.items),
        conditions=len(experiment_of(version).conditions),
        listeners_planned=experiment_of(version).analysis.listeners,
        listener_url=listener_url,
        called=called(rules),
        broken=tuple(
            BrokenRule(rule.rule, rule.severity, rule.authority, rule.message)
            for rule in sorted(rules, key=lambda rule: SEVERITIES.index(rule.severity))
            if not rule.passed
        ),
        versions=tuple(_versions(db, version)),
        under_way=sittings.under_way(db, version.study_id) if version.status in lifecycle.RUNNING else 0,
        duplicate=name_of_a_duplicate(db, name, visitor),
    )


def _versions(db: Session, current: StudyVersion) -> list[VersionRow]:
    """All of a study, the current one first and then the newest."""
    counts = counting.of_versions(db, current.study_id)
    ordered = sorted(current.study.versions, key=lambda version: (version is not current, -version.number))
    return [
        VersionRow(
            number=version.number,
            status=version.status,
            published_at=version.published_at.isoformat(timespec="minutes"),
            opened_at=version.opened_at.isoformat(timespec="minutes") if version.opened_at else "",
            closed_at=version.closed_at.isoformat(timespec="minutes") if version.closed_at else "",
            count=counts.get(version.id, Count()),
            moves=lifecycle.FOLLOWS[version.status],
            reopening=peeking.needs_reason_to_reopen(db, version),
        )
        for version in ordered
    ]

"""The tab "Results" of one study, put together."""

from __future__ import annotations

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app.config import Settings
from mushra_app.models import Listener, ListeningSession, Save, Study, StudyVersion, Trial
from mushra_app.people import audit
from mushra_app.people.logins import Visitor
from mushra_app.session import privacy
from mushra_app.studio.results.pages import ErasurePage, ReportFacts, ResultsPage, WithdrawalPage
from mushra_app.studio.tabs import head_of
from mushra_app.study import counting, lifecycle, peeking
from mushra_app.study import results as made
from mushra_app.study.counting import Count

RATINGS = ("ratings", "ratings-wide", "ratings-webmushra", "ratings.parquet")
"""What the audit log calls the ratings that were taken out."""


WIDTHS = audit.kept("how wide the intervals are")
"""What it calls a look at the widths, which the plan may allow."""


def results(
    db: Session, version: StudyVersion, visitor: Visitor, settings: Settings, *, error: str = ""
) -> ResultsPage:
    """What there is of a version of a study."""
    name, current = version.study.name, lifecycle.current_of(version.study)
    place = made.place_of(db, version, settings)
    return ResultsPage(
        head=head_of(db, current, visitor),
        running=peeking.is_running(db, name),
        number=version.number,
        numbers=_numbers(version.study, current, version),
        study_id=version.identity,
        listeners=_listeners(db, version),
        finished=_listeners(db, version, "finished"),
        count=counting.of_versions(db, version.study_id).get(version.id, Count()),
        trials=_trials(db, version),
        looks=tuple((look.at[:16].replace("T", " "), look.reason) for look in peeking.peeks(db, name)),
        width_looks=audit.times(db, "look", f"{name}: {WIDTHS}"),
        works=made.works(db, place, visitor.name),
        report=_facts(db, version, place, visitor.name),
        exported=audit.has(db, "export", tuple(f"{name}: {what}, version {version.number}" for what in RATINGS)),
        personal=privacy.kept(db, version.study_id),
        keep_days=settings.keep_personal_days,
        error=error,
    )


def withdrawal(db: Session, name: str, typed: str, visitor: Visitor) -> WithdrawalPage:
    """The listener who is called so, before they are withdrawn."""
    listener = privacy.listener_in(db, name, typed)
    own = select(func.count(Save.trial_id.distinct())).join(Trial).join(ListeningSession)
    trials = db.scalar(own.where(ListeningSession.listener_id == listener.id)) or 0
    head = head_of(db, lifecycle.current(db, name), visitor)
    return WithdrawalPage(head, listener.pseudonym, len(listener.sessions), trials)


def erasure(db: Session, name: str, visitor: Visitor) -> ErasurePage:
    """What would be erased."""
    version = lifecycle.current(db, name)
    return ErasurePage(head_of(db, version, visitor), privacy.kept(db, version.study_id))


def _facts(db: Session, version: StudyVersion, place: made.Place, who: str) -> ReportFacts | None:
    """What the report says of itself; None where there is none for whoever looks."""
    job = made.made(db, place, "report", who)
    if job is None or job.started_at is None:
        return None
    try:
        told = json.loads((place.folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # somebody has cleared the folder
        return None
    return ReportFacts(
        ratings=told["counts"]["analysed"],
        listeners=told["listeners"],
        finished=told.get("finished", told["listeners"]),  # reports of earlier releases lack it
        deviations=tuple(told["deviations"]),
        early=version.closed_at is None or job.started_at < version.closed_at,
        since=made.saved_since(db, version, job.started_at),
    )


def _numbers(study: Study, *always: StudyVersion) -> tuple[int, ...]:
    """The versions that may have results: those that were open, and those that are looked at or current."""
    return tuple(sorted(one.number for one in study.versions if one.opened_at or one in always))


def _listeners(db: Session, version: StudyVersion, status: str | None = None) -> int:
    own = select(func.count(Listener.id.distinct())).join(ListeningSession)
    here = own.where(ListeningSession.study_version_id == version.id, Listener.pilot.is_(False))
    return (
        db.scalar(here.where(ListeningSession.status == status if status else ListeningSession.status != "withdrawn"))
        or 0
    )


def _trials(db: Session, version: StudyVersion) -> int:
    own = select(func.count(Save.trial_id.distinct())).join(Trial).join(ListeningSession).join(Listener)
    here = (ListeningSession.study_version_id == version.id, ListeningSession.status != "withdrawn")
    return db.scalar(own.where(*here, Listener.pilot.is_(False), Trial.block == "test")) or 0

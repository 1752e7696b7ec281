"""What is answered, out of the database: no query per row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import ratings
from mushra_app.api import answers
from mushra_app.errors import NotFoundError
from mushra_app.models import Job, Listener, ListeningSession, Save, StudyVersion, Trial
from mushra_app.people import audit
from mushra_app.people.tables import AuditEntry
from mushra_app.study import counting, lifecycle, peeking
from mushra_app.study.counting import Count
from mushra_app.words import say


def study(version: StudyVersion, may: str) -> answers.Study:
    """One study by its current version."""
    return answers.Study(
        name=version.study.name,
        title=version.title,
        status=version.status,  # pyright: ignore[reportArgumentType]  the database has no other
        version=version.number,
        archived=version.study.archived_at is not None,
        may=may,  # pyright: ignore[reportArgumentType]
    )


def versions(db: Session, name: str) -> answers.Versions:
    """All versions of a study."""
    study_id = lifecycle.current(db, name).study_id
    counts = counting.of_versions(db, study_id)
    found = db.scalars(select(StudyVersion).where(StudyVersion.study_id == study_id).order_by(StudyVersion.number))
    return answers.Versions(versions=[_version(one, counts.get(one.id, Count())) for one in found])


def progress(db: Session, name: str) -> answers.Progress:
    """How many sessions of each status a study has."""
    version = lifecycle.current(db, name)
    counts = (
        select(ListeningSession.status, Listener.pilot, Listener.simulated, func.count())
        .join(Listener, Listener.id == ListeningSession.listener_id)
        .where(Listener.study_id == version.study_id)
        .group_by(ListeningSession.status, Listener.pilot, Listener.simulated)
    )
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for status, pilot, simulated, count in db.execute(counts):
        kind = kinds["pilot" if pilot else "simulated" if simulated else ""]
        kind[status] = kind.get(status, 0) + count
    return answers.Progress(
        study=name,
        status=version.status,  # pyright: ignore[reportArgumentType]
        sessions=kinds[""],
        pilot_sessions=kinds["pilot"],
        simulated_sessions=kinds["simulated"],
    )


def sittings(db: Session, name: str, *, after: int | None, limit: int) -> answers.Sittings:
    """A page of the sessions of a study."""
    query = (
        select(ListeningSession, Listener, StudyVersion.number)
        .join(Listener, Listener.id == ListeningSession.listener_id)
        .join(StudyVersion, StudyVersion.id == ListeningSession.study_version_id)
        .where(Listener.study_id == lifecycle.current(db, name).study_id, ListeningSession.id > (after or 0))
    )
    rows = db.execute(query.order_by(ListeningSession.id).limit(limit + 1)).all()
    ids = [sitting.id for sitting, _, _ in rows[:limit]]
    trials, saved = _trials(db, ids)
    return answers.Sittings(
        sessions=[
            answers.Sitting(
                number=sitting.id,
                listener=listener.pseudonym,
                part=sitting.part,
                version=number,
                status=sitting.status,  # pyright: ignore[reportArgumentType]
                pilot=listener.pilot,
                simulated=listener.simulated,
                started_at=sitting.started_at,
                finished_at=sitting.finished_at,
                trials=trials.get(sitting.id, 0),
                saved=saved.get(sitting.id, 0),
            )
            for sitting, listener, number in rows[:limit]
        ],
        next=str(ids[-1]) if len(rows) > limit else None,
    )


def job(found: Job, who: str, *, running: bool) -> answers.Job:
    """One job, without what it printed, as ``who`` may see it while the study runs."""
    return answers.Job(
        number=found.id,
        kind=found.kind,
        status=found.status,  # pyright: ignore[reportArgumentType]
        progress=found.progress,
        reason=peeking.reason_of(found, who, running=running),
        asked_by=found.asked_by,
        created_at=found.created_at,
        ended_at=found.ended_at,
    )


def jobs(db: Session, name: str, who: str, *, after: int | None, limit: int) -> answers.Jobs:
    """A page of the jobs of a study."""
    query = select(Job).where(Job.study_id == lifecycle.current(db, name).study_id)
    if after is not None:
        query = query.where(Job.id < after)
    rows = db.scalars(query.order_by(Job.id.desc()).limit(limit + 1)).all()
    running = peeking.is_running(db, name)
    return answers.Jobs(
        jobs=[job(one, who, running=running) for one in rows[:limit]],
        next=str(rows[limit - 1].id) if len(rows) > limit else None,
    )


def job_of(db: Session, name: str, number: int) -> Job:
    """One job of a study; NotFoundError where it has none under that number."""
    found = db.get(Job, min(number, 2**31 - 1))
    if found is None or found.study_id != lifecycle.current(db, name).study_id:
        raise NotFoundError(say("%(study)s: no job under the number %(number)s", study=name, number=number))
    return found


def log(db: Session, *, after: int | None, limit: int, who: str, what: str) -> answers.Log:
    """A page of the audit log."""
    rows, following = audit.page(db, before=after, who=who, what=what, most=limit)
    return answers.Log(entries=_entries(rows), next=str(following) if following else None)


def write_json_lines(stream: TextIO, rows: Iterable[ratings.Row]) -> None:
    """Ratings as one JSON object a line, with the types of the ratings contract."""
    names = [column.name for column in ratings.COLUMNS]
    for row in rows:
        stream.write(json.dumps({name: row.get(name) for name in names}, ensure_ascii=False) + "\n")


def _trials(db: Session, sittings: Sequence[int]) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """How many trials each session has, and how many of them are saved."""
    trials = select(Trial.session_id, func.count()).where(Trial.session_id.in_(sittings)).group_by(Trial.session_id)
    saved = select(Trial.session_id, func.count(Trial.id.distinct())).join(Save, Save.trial_id == Trial.id)
    saved = saved.where(Trial.session_id.in_(sittings)).group_by(Trial.session_id)
    return {row[0]: row[1] for row in db.execute(trials)}, {row[0]: row[1] for row in db.execute(saved)}


def _version(one: StudyVersion, count: Count) -> answers.Version:
    return answers.Version(
        number=one.number,
        status=one.status,  # pyright: ignore[reportArgumentType]
        title=one.title,
        study_id=one.identity,
        stimuli_id=one.stimuli_id,
        published_at=one.published_at,
        opened_at=one.opened_at,
        closed_at=one.closed_at,
        listeners=count.begun,
        simulated=count.simulated,
        pilots=count.pilots,
    )


def _entries(rows: Sequence[AuditEntry]) -> list[answers.Entry]:
    return [
        answers.Entry(number=row.id, at=row.at, who=row.who, what=row.what, about=row.about, network=row.network)
        for row in rows
    ]

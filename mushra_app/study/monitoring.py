"""Asking the analysis room about a study that runs: whom the rules of screening find, and how wide intervals are.

Both are jobs (``mushra_app.jobs``); what they printed is what pages read. Nothing of it names a condition: widths go by
letters, which a key shuffles that the worker knows and no page. A look at the widths is noted in the audit log, whether
a page or the command asks for it. No report names such looks, because nothing of a difference is to be seen in them.

Conventions: functions take a SQLAlchemy session and know nothing of the web; whoever calls ``ask`` for the widths notes
it. Defines: ``Look``, ``ask``, ``latest``, ``is_stale``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.models import Job, Listener, ListeningSession, StudyVersion
from mushra_app.study import sets
from mushra_app.study.work import Work, newest, standing
from mushra_app.table_base import now

Kind = Literal["screen", "precision"]
ASK_AGAIN = timedelta(minutes=2)
"""How soon after one look the page asks for the next one by itself, where somebody has finished meanwhile."""


@dataclass(frozen=True)
class Look:
    """The newest answer of one kind (None: none yet), as of when, and how its newest job stands, which was asked for
    at ``asked_at``. ``taken_back``: what it found was forgotten, because somebody withdrew."""

    found: Mapping[str, Any] | None
    as_of: datetime | None
    work: Work
    asked_at: datetime | None
    taken_back: bool = False


def ask(db: Session, settings: Settings, version: StudyVersion, kind: Kind, who: str) -> Job:
    """Put a look in; one that waits or runs already is that one."""
    argv = [
        "--stimuli",
        str(sets.folder_of(version.published_from, settings)),
        "--data",
        str(settings.data_dir.absolute()),
    ]
    argv += ["--study", version.study.name, "--format", "json"]
    return jobs.ask(db, kind, argv, study_id=version.study_id, asked_by=who)


def latest(db: Session, version: StudyVersion, kind: Kind, who: str) -> Look:
    """What is known by the newest look at this version, to whoever looks at it."""
    own = (Job.study_id == version.study_id, Job.kind == kind)
    job, done = newest(db, *own), newest(db, *own, Job.status == "done", output=True)
    if job is None:
        return Look(None, None, Work(), None)
    taken_back = done is not None and not done.output
    found = json.loads(done.output) if done and done.output else None
    if found is not None and found["study_id"] != version.identity:
        found = None
    as_of = done.started_at if done and found is not None else None
    return Look(found, as_of, standing(db, job, version.study.name, who), job.created_at, taken_back)


def is_stale(db: Session, version: StudyVersion, look: Look) -> bool:
    """Whether somebody has finished or withdrawn since the newest look was asked for, and it is time to ask again.

    A clock that went back makes the next look come earlier or later, and no more than that.
    """
    if look.work.under_way:
        return False
    finished = db.scalar(
        select(func.max(ListeningSession.finished_at))
        .join(Listener)
        .where(ListeningSession.study_version_id == version.id, ListeningSession.status == "finished")
        .where(Listener.pilot.is_(False))
    )
    if finished is None:
        return False
    if look.asked_at is None or look.taken_back:
        return True
    return finished > look.asked_at and not timedelta() <= now() - look.asked_at < ASK_AGAIN

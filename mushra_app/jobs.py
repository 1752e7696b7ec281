"""The queue of jobs: what the web asks other rooms for, and who has taken it.

A page never runs the work of another room. It asks for a job; a worker (``mushra worker``, ``mushra_app.worker``) takes
it, runs a command and stores what that prints; pages read what is stored.

Conventions: the functions take a Session of ``Database.writing``. The oldest job is taken first. A job that is running
has a heartbeat; one whose heartbeat is older than ``STALE_S`` lost its worker, is taken up again once and then fails.
So did one whose heartbeat lies as far ahead: the clock was set back, and a living worker says a new one in a moment.
Heartbeats are by the workers' clocks: on several machines these have to agree within seconds, as NTP makes them.

Defines: ``KINDS``, ``ask``, ``key_of``, ``take``, ``beat``, ``hand_back``, ``end``, ``forget_readings``,
``no_worker``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.models import Job, now

STALE_S = 60.0
"""Seconds without a heartbeat after which a worker counts as dead."""

PATIENCE = timedelta(seconds=10)
"""How long a job waits before it is said that no worker seems to run."""

UNTOUCHED: dict[str, Any] = {
    "status": "waiting",
    "worker": None,
    "heartbeat_at": None,
    "started_at": None,
    "progress": "",
}
"""What a job is like that nobody has begun."""

MOST_ATTEMPTS = 2
"""A job that took two workers with it would take the third."""


READ_RATINGS = ("report", "export", "bundle", "screen", "precision")
"""Kinds that know how conditions do; so may the sentence by which one fails."""
PRINT_LISTENERS = ("screen", "report")
"""Kinds whose output may name listeners."""


@dataclass(frozen=True)
class Kind:
    """A command that a worker may run; a job's ``argv`` follows it. ``answers`` are exit codes that are no failure.

    ``keyed``: it is given the key that shuffles letters (``security.letters_key``), in the environment, because
    arguments are there for everybody on the machine to read.
    """

    command: tuple[str, ...]
    answers: tuple[int, ...] = (0,)
    keyed: bool = False


@dataclass(frozen=True)
class Taken:
    """A job that a worker has."""

    id: int
    kind: str
    argv: tuple[str, ...]
    worker: str


def _mushra(name: str) -> tuple[str, ...]:
    """A command of this installation; -P: what lies in the working directory is not imported."""
    return (sys.executable, "-P", "-m", "mushra_app.cli", name)


KINDS = {
    "report": Kind(_mushra("report")),
    "plan": Kind(_mushra("plan")),
    "preregister": Kind(_mushra("preregister")),
    "bundle": Kind(_mushra("bundle")),
    "export": Kind(_mushra("export")),
    "check": Kind(_mushra("check"), answers=(0, 1)),  # 1: a must is broken, which is what was asked
    "pictures": Kind((*_mushra("stimuli"), "draw")),
    "screen": Kind(_mushra("screen")),
    "precision": Kind(_mushra("precision"), keyed=True),
}
"""All that a worker runs. No text of a user's chooses from it or adds to it."""


def ask(db: Session, kind: str, argv: Sequence[str], *, study_id: int | None = None, asked_by: str = "") -> Job:
    """Put a job in; the same one that is waiting or running already is returned instead.

    Parameters
    ----------
    kind : one of ``KINDS``.
    argv : what follows the command, built by code; paths absolute, because the worker has its own working directory.
    study_id, asked_by : the study that it is for, and who wanted it, as pages show them.
    """
    if kind not in KINDS:
        raise AppError(f"job: no kind {kind!r}; expected one of {', '.join(KINDS)}")
    key = key_of(kind, argv, study_id)
    same = select(Job).where(Job.key == key, Job.status.in_(("waiting", "running")))
    if found := db.scalars(same).first():
        return found
    try:
        with db.begin_nested():
            db.add(job := Job(kind=kind, argv=list(argv), key=key, study_id=study_id, asked_by=asked_by))
    except IntegrityError:  # PostgreSQL lets two ask at once; its index lets one of them through
        if found := db.scalars(same).first():
            return found
        raise
    return job


def key_of(kind: str, argv: Sequence[str], study_id: int | None = None) -> str:
    """What the same work is known by; of another study it is other work, because whoever sees that may not see this."""
    of_study = () if study_id is None else (study_id,)
    return hashlib.sha256(json.dumps([kind, *argv, *of_study]).encode()).hexdigest()


def take(db: Session, worker: str, *, stale_s: float = STALE_S) -> Taken | None:
    """Make the oldest job that nobody has this worker's; ``None`` where there is none.

    SQLite's writers come one after the other; on PostgreSQL the row is locked, and rows that others lock are passed by.
    """
    while job := db.scalars(_free(stale_s).with_for_update(skip_locked=True)).first():
        if job.status == "running" and job.attempts >= MOST_ATTEMPTS:
            job.status, job.ended_at = "failed", now()
            job.reason = f"{job.attempts} workers died while they ran it; it was not tried again"
            db.flush()
            continue
        job.status, job.worker, job.attempts = "running", worker, job.attempts + 1
        job.started_at = job.heartbeat_at = now()
        return Taken(job.id, job.kind, tuple(job.argv), worker)
    return None


def is_free(db: Session, *, stale_s: float = STALE_S) -> bool:
    """Whether there is something to take; only reads, so that idle workers are in no listener's way."""
    return db.scalars(_free(stale_s)).first() is not None


def beat(db: Session, job: Taken, progress: str = "") -> bool:
    """Say that the worker is alive, and how far it is; False: the job is no longer its own."""
    return _change(db, job, heartbeat_at=now(), progress=progress)


def hand_back(db: Session, job: Taken) -> bool:
    """Let it wait again, as if it had not been begun: the worker was asked to stop."""
    return _change(db, job, attempts=Job.attempts - 1, **UNTOUCHED)


def end(db: Session, job: Taken, *, output: str, reason: str = "") -> bool:
    """Store how it ended: failed where there is a reason. False: it was no longer this worker's, nothing is stored."""
    return _change(db, job, status="failed" if reason else "done", output=output, reason=reason, ended_at=now())


def forget_readings(db: Session, study_id: int) -> None:
    """Forget what jobs of a study printed of its listeners, because one takes it back.

    A screening under way has read their ratings already: it waits again, and what it prints now is not stored.
    """
    own = (Job.study_id == study_id, Job.kind.in_(PRINT_LISTENERS))
    screening = (Job.study_id == study_id, Job.kind == "screen", Job.status == "running")
    again: dict[str, Any] = {"attempts": Job.attempts - 1, **UNTOUCHED}
    db.execute(update(Job).where(*screening).values(**again))
    db.execute(update(Job).where(*own, Job.output != "").values(output=""))


def no_worker(db: Session, since: datetime | None) -> bool:
    """Whether nobody seems to take jobs, where the oldest in question waits ``since`` (None: none waits).

    An idle worker leaves no trace, but lets no job wait; one that runs a job lets others wait, and has a heartbeat.
    """
    if since is None or now() - since <= PATIENCE:
        return False
    return db.scalar(select(Job.id).where(Job.status == "running", _is_alive(STALE_S)).limit(1)) is None


def _free(stale_s: float) -> Select[Job]:
    """The oldest job that waits or that has lost its worker."""
    lost = or_(Job.heartbeat_at.is_(None), not_(_is_alive(stale_s)))
    return (
        select(Job).where(or_(Job.status == "waiting", and_(Job.status == "running", lost))).order_by(Job.id).limit(1)
    )


def _is_alive(stale_s: float) -> ColumnElement[bool]:
    moment, apart = now(), timedelta(seconds=stale_s)
    return Job.heartbeat_at.between(moment - apart, moment + apart)


def _change(db: Session, job: Taken, **values: Any) -> bool:
    """Change a job that is still this worker's."""
    mine = (Job.id == job.id, Job.status == "running", Job.worker == job.worker)
    return db.scalar(update(Job).where(*mine).values(**values).returning(Job.id)) is not None

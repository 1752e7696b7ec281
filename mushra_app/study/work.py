"""A piece of work as a page shows it: how far the newest job of a kind is, or why it failed.

Conventions: functions take a SQLAlchemy session and know nothing of the web; sentences are in the reader's language.
Defines: ``Work``, ``Works``, ``newest``, ``standing``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnExpressionArgument, func, select
from sqlalchemy.orm import Session, undefer

from mushra_app import jobs
from mushra_app.models import Job
from mushra_app.study import peeking
from mushra_app.words import say, say_number


@dataclass(frozen=True)
class Work:
    """``state``: none, waiting, running, failed or done; ``sentence`` says how far it is or why it failed.

    ``worker_missing``: it waits, and no worker seems to run. ``made_at`` is when the newest result was made that may be
    shown, "" where there is none; it may be an older job's.
    """

    state: str = "none"
    sentence: str = ""
    worker_missing: bool = False
    made_at: str = ""

    @property
    def under_way(self) -> bool:
        """Whether it is to be looked at again soon."""
        return self.state in ("waiting", "running")


class Works(dict[str, Work]):
    """All work that a page shows, by its kind."""

    @property
    def under_way(self) -> bool:
        """Whether the page is to be looked at again soon."""
        return any(work.under_way for work in self.values())

    @property
    def etag(self) -> str:
        """What differs whenever some of it would be shown otherwise."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def newest(db: Session, *of: ColumnExpressionArgument[bool], output: bool = False) -> Job | None:
    """The newest job of those; with what it printed where that is asked for."""
    query = select(Job).where(*of).order_by(Job.id.desc()).limit(1)
    return db.scalars(query.options(undefer(Job.output)) if output else query).first()


def standing(db: Session, job: Job | None, study: str, who: str, *, made_at: str = "") -> Work:
    """How a job of a study stands, for whoever looks."""
    if job is None:
        return Work(made_at=made_at)
    if job.status == "failed":
        reason = peeking.reason_of(job, who, running=peeking.is_running(db, study))
        return Work(job.status, reason, made_at=made_at)
    missing = job.status == "waiting" and jobs.no_worker(db, job.created_at)
    return Work(job.status, _how_far(db, job, worker_missing=missing), missing, made_at)


def _how_far(db: Session, job: Job, *, worker_missing: bool) -> str:
    if job.status == "running":
        return say("At work: %(step)s", step=job.progress) if job.progress else say("At work")
    if job.status != "waiting":
        return ""
    if worker_missing:
        return say("Waits, and no worker seems to run. Start one on the server:")
    before = db.scalar(select(func.count()).where(Job.status == "waiting", Job.id < job.id)) or 0
    if before:
        return say_number(
            "Waits for its turn: %(num)s job before it", "Waits for its turn: %(num)s jobs before it", before
        )
    return say("Waits for its turn")

"""Nobody looks at how conditions do while their study runs: the one place that says so.

Who looks early may stop when it suits them, and p then means nothing. So ratings that name conditions leave the
database while a study is piloting, open or paused only with a reason, which is noted in the audit log; a report names
every such look. Who closes a study may look without a reason, and so needs one to open it again: that is noted as a
look, too. ``mushra export`` asks for none: backups are made of it, and who runs it has the whole database before
them. It is noted as an export.

Conventions: functions take a SQLAlchemy session.
Defines: ``PeekError``, ``is_running``, ``require``, ``needs_reason_to_reopen``, ``require_to_reopen``, ``note``,
``put_back``, ``peeks``, ``reason_of``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import jobs
from mushra_app.errors import ConflictError
from mushra_app.models import RUNNING, Job, Listener, ListeningSession, Save, Study, StudyVersion, Trial
from mushra_app.people import audit
from mushra_app.people.tables import AuditEntry
from mushra_app.ratings import Peek
from mushra_app.words import say

LONGEST_REASON = 500


class PeekError(ConflictError):
    """Somebody wanted to know how conditions do while the study runs, and gave no reason."""


def is_running(db: Session, study: str) -> bool:
    """Whether a version of the study is piloting, open or paused."""
    own = select(func.count()).select_from(StudyVersion).join(Study).where(Study.name == study)
    return bool(db.scalar(own.where(StudyVersion.status.in_(RUNNING))))


def require(db: Session, study: str, reason: str, *, mend: str) -> str:
    """Refuse to show ratings of a running study without a reason; it in one line, "" where none is needed.

    Parameters
    ----------
    mend : how a reason is given where this is asked, in a sentence.
    """
    if not is_running(db, study):
        return ""
    if not (written := _in_one_line(reason)):
        raise PeekError(
            say(
                "%(study)s is still running, and who looks at its conditions now may stop when it suits them. Close it "
                "first. %(mend)s",
                study=study,
                mend=mend,
            )
        )
    return written


def needs_reason_to_reopen(db: Session, version: StudyVersion) -> bool:
    """Whether a version has ratings that count and could be looked at, because nothing of its study ran."""
    rated = select(Save.id).join(Trial).join(ListeningSession).join(Listener)
    own = rated.where(ListeningSession.study_version_id == version.id, Listener.pilot.is_(False)).limit(1)
    return version.closed_at is not None and db.scalar(own) is not None


def require_to_reopen(db: Session, version: StudyVersion, reason: str, who: str) -> None:
    """Refuse to let such a version run again without a reason; with one, note it as a look.

    Raises
    ------
    PeekError
        Where no reason is given, or one that is too long.
    """
    if not needs_reason_to_reopen(db, version):
        return
    at = f"{version.closed_at:%Y-%m-%d %H:%M}"
    if not (written := _in_one_line(reason)):
        raise PeekError(
            say(
                "%(study)s, version %(number)d, was closed at %(at)s UTC, and since then its results could be looked "
                "at. Give a reason why it is opened again, which every report will name.",
                study=version.study.name,
                number=version.number,
                at=at,
            )
        )
    note(db, who, version.study.name, f"closed at {at}, results could be looked at, opened again: {written}")


def _in_one_line(reason: str) -> str:
    written = " ".join(reason.split())
    if len(written) > LONGEST_REASON:
        raise PeekError(
            say(
                "The reason has %(found)d characters; expected at most %(most)d",
                found=len(written),
                most=LONGEST_REASON,
            )
        )
    return written


def note(db: Session, who: str, study: str, reason: str) -> None:
    """Write a look down; nothing where no reason was needed."""
    if reason:
        audit.note(db, who, "peek", _about(study) + reason)


def put_back(db: Session, study: str, noted: Iterable[Peek]) -> None:
    """Write down looks of another database at the same study; who looked is not known here."""
    for peek in noted:
        at, about = datetime.fromisoformat(peek.at), _about(study) + peek.reason
        db.add(AuditEntry(at=at, who="", what="peek", about=about, network=""))
        db.flush()  # one by one, so that their order is kept


def peeks(db: Session, study: str) -> tuple[Peek, ...]:
    """Every look at the conditions of a study while it ran, the first one first."""
    mine = AuditEntry.about.startswith(_about(study), autoescape=True)
    found = select(AuditEntry).where(AuditEntry.what == "peek", mine).order_by(AuditEntry.id)
    return tuple(
        Peek(entry.at.isoformat(timespec="minutes"), entry.about.removeprefix(_about(study)))
        for entry in db.scalars(found)
    )


def reason_of(job: Job, who: str, *, running: bool) -> str:
    """Why a job failed, in words for ``who``; "" where it did not.

    While its study runs, why one failed that read the ratings is told to whoever asked for it and to nobody else.
    """
    if not job.reason or not running or job.kind not in jobs.READ_RATINGS or who == job.asked_by:
        return job.reason
    return say("It failed. Why may tell of a condition, so while the study runs only whoever asked for it is told.")


def _about(study: str) -> str:
    """How the log's line begins; a study's name has no colon."""
    return f"{study}: "

"""The states of a study: what each means, and which may follow it.

A study has versions, and each is what was published: nothing of it changes any more. A change makes another version
beside it. The states are those of a version:

draft       published, and shown to nobody but in a preview;
piloting    takes listeners whose ratings are never in an export;
open        takes listeners;
paused      takes nobody new, and whoever has begun goes on;
closed      takes nobody new; whoever has begun may finish; results may be looked at;
superseded  another version runs in its place; whoever has begun stays with this one.

At most one version of a study is running (piloting, open or paused). The one that a study is known by, its current one,
is the running one, else the newest that was closed, else the newest draft.

Once nothing of a study runs its ratings may be looked at, those of superseded versions too. A version that has some
runs again only for a reason, which is noted as a look (``mushra_app.study.peeking``).

Conventions: functions take a SQLAlchemy session and know nothing of the web; whoever calls them notes the move in the
audit log. Defines: ``STATUSES``, ``RUNNING``, ``TAKES_LISTENERS``, ``FOLLOWS``, ``taking``, ``current``,
``current_versions``, ``version_of``, ``chosen``, ``move``, ``supersede_running``, ``archive``, ``no_such_study``.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mushra_app.errors import ConflictError, NotFoundError, TurnedAwayError
from mushra_app.models import RUNNING, Study, StudyVersion
from mushra_app.study import peeking
from mushra_app.table_base import now
from mushra_app.words import say

TAKES_LISTENERS = ("piloting", "open")
FOLLOWS: dict[str, tuple[str, ...]] = {
    "draft": ("piloting", "open"),
    "piloting": ("open", "draft"),
    "open": ("paused", "closed"),
    "paused": ("open", "closed"),
    "closed": ("open",),
    "superseded": ("open",),
}
"""The states that may follow each one."""
STATUSES = tuple(FOLLOWS)
RANK = {status: rank for rank, status in enumerate(("superseded", "draft", "closed", *RUNNING))}
"""Which version a study is known by: the one of the highest rank, and of several the newest."""


def taking(db: Session, study: str) -> StudyVersion:
    """The version of a study that takes listeners now.

    Raises
    ------
    TurnedAwayError
        Where it is paused, or has ended.
    NotFoundError
        Where there is no such study, or only drafts of it.
    """
    versions = _versions(db, study)
    for version in versions:
        if version.status in TAKES_LISTENERS:
            return version
    if any(version.status == "paused" for version in versions):
        sentence = say("This study is paused just now. Please come back later; your link stays the same.")
        raise TurnedAwayError("paused", sentence)
    if any(version.status == "closed" for version in versions):
        sentence = say("This study has ended and takes no more listeners. Thank you for your interest.")
        raise TurnedAwayError("ended", sentence)
    raise no_such_study(study)


def current(db: Session, study: str) -> StudyVersion:
    """The version that a study is known by.

    Raises
    ------
    NothingPublishedError
        Where the study has no version yet.
    NotFoundError
        Where there is no such study.
    """
    return current_of(study_of(db, study))


def current_of(study: Study) -> StudyVersion:
    """The version that a study is known by; NothingPublishedError where it has none yet."""
    if not study.versions:
        raise NothingPublishedError(say("%(study)s: nothing is published yet", study=study.name))
    return max(study.versions, key=_rank)


def study_of(db: Session, study: str) -> Study:
    """The study of that name; NotFoundError where there is none."""
    found = db.scalar(select(Study).where(Study.name == study))
    if found is None:
        raise NoSuchStudyError(say("There is no study “%(study)s”", study=study))
    return found


class NoSuchStudyError(NotFoundError):
    """A study that is not there, or is not there for whoever asks; the studio has a sentence of its own for it."""


class NothingPublishedError(NotFoundError):
    """A study that is only written so far: it has a draft of its file and nothing to listen to."""


def current_versions(
    db: Session, visible: Container[str] | None = None, *, archived: bool = False
) -> list[StudyVersion]:
    """The current version of every study whose name is ``visible`` (None: all), by name."""
    query = select(StudyVersion).join(Study).options(selectinload(StudyVersion.study))
    query = query.where(Study.archived_at.is_not(None) if archived else Study.archived_at.is_(None))
    best: dict[str, StudyVersion] = {}
    for version in db.scalars(query):
        name = version.study.name
        if visible is None or name in visible:
            best[name] = max(best.get(name, version), version, key=_rank)
    return [best[name] for name in sorted(best)]


def version_of(db: Session, study: str, number: int) -> StudyVersion:
    """One version of a study by its number; NotFoundError where there is none."""
    for version in _versions(db, study):
        if version.number == number:
            return version
    raise NotFoundError(say("%(study)s: no version %(number)d", study=study, number=number))


def chosen(db: Session, study: str, number: int | None) -> StudyVersion:
    """The version of that number, or where none is named the current one; NotFoundError where there is none."""
    return current(db, study) if number is None else version_of(db, study, number)


def move(db: Session, version: StudyVersion, status: str, *, reason: str = "", who: str = "") -> None:
    """Bring a version into another state; one that starts to run supersedes the one that runs.

    Parameters
    ----------
    reason, who : why one whose ratings could be looked at runs again, and who wants it; noted there and nowhere else.

    Raises
    ------
    ConflictError
        Where that state does not follow the one it has: somebody else was faster, or it makes no sense.
    PeekError
        Where a reason is needed and there is none.
    """
    _lock(db, version)
    if version.study.archived_at is not None:
        raise ConflictError(say("%(study)s is archived: put it back on the list first", study=version.study.name))
    if status not in FOLLOWS[version.status]:
        raise ConflictError(
            say(
                "%(study)s, version %(number)d is %(found)s, which can't become %(wanted)r; expected one of: %(may)s",
                study=version.study.name,
                number=version.number,
                found=version.status,
                wanted=status,
                may=", ".join(FOLLOWS[version.status]),
            )
        )
    if status in RUNNING:
        if version.status not in RUNNING:
            peeking.require_to_reopen(db, version, reason, who)
        supersede_running(db, version.study, but=version)
    version.status = status
    if status == "open":
        version.opened_at, version.closed_at = version.opened_at or now(), None
    if status not in RUNNING:
        for other in version.study.versions:  # nothing runs any more, and all that was rated may be looked at
            if other.status == "superseded" or other is version:
                other.closed_at = other.closed_at or (now() if other.opened_at else None)
    db.flush()


def _lock(db: Session, version: StudyVersion) -> None:
    """The study's row first, so that of two who start versions of it at once one comes after the other."""
    db.execute(select(Study.id).where(Study.id == version.study_id).with_for_update(key_share=True))
    fresh = select(StudyVersion).where(StudyVersion.study_id == version.study_id)
    db.scalars(fresh.execution_options(populate_existing=True)).all()


def supersede_running(db: Session, study: Study, *, but: StudyVersion | None = None) -> None:
    """The running version runs no more; flushed at once, because at most one may run at any moment."""
    for other in study.versions:
        if other is not but and other.status in RUNNING:
            other.status = "superseded"
    db.flush()


def archive(db: Session, study: str, archived: bool) -> None:
    """Take a study off the list, or put it back; ConflictError while it runs."""
    found = current(db, study)
    if archived and found.status in RUNNING:
        raise ConflictError(
            say("%(study)s is %(status)s: close it first, then archive it", study=study, status=found.status)
        )
    found.study.archived_at = now() if archived else None


def no_such_study(study: str) -> NoSuchStudyError:
    """What is said of a study that is not there, and of one that somebody may not see."""
    return NoSuchStudyError(
        say("No study %(study)r takes listeners here; check the link, or ask who sent it to you.", study=study)
    )


def _versions(db: Session, study: str) -> Sequence[StudyVersion]:
    query = select(StudyVersion).join(Study).where(Study.name == study).order_by(StudyVersion.number)
    return db.scalars(query).all()


def _rank(version: StudyVersion) -> tuple[int, int]:
    return RANK[version.status], version.number

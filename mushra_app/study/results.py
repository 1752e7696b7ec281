"""What is made of a study's ratings by jobs: its report, its replication bundle, its ratings as Parquet.

Each is a file in the data folder, below ``results/<study>/``, in a folder named after the version and the number of
sessions that were withdrawn. So a file that holds what somebody took back is never handed out again: its folder is not
looked into any more. It is removed when the next job is asked for or begun, when the experimenter withdraws somebody,
and by every server within the hour (``mushra_app.operation.retention``).

While the study runs, a job asks for a reason (``mushra_app.study.peeking``), and what comes of it is shown to whoever
gave one and to nobody else.

Conventions: functions take a SQLAlchemy session and know nothing of the web; sentences are in the reader's language.
Defines: ``KINDS``, ``Place``, ``place_of``, ``prepare``, ``sweep``, ``ask``, ``works``, ``made``, ``file_of``,
``saved_since``.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.models import Job, Listener, ListeningSession, Save, Study, StudyVersion, Trial
from mushra_app.study import peeking, sets
from mushra_app.study.work import Work, Works, standing
from mushra_app.words import say

KINDS = ("report", "export", "bundle")
FILES = {
    "report.html": "report",
    "report.json": "report",
    "ratings.parquet": "export",
    "bundle.zip": "bundle",
}
"""Every file that can be had, and the kind of job that makes it."""


@dataclass(frozen=True)
class Place:
    """Where the files of a version are, as of now; ``data_dir`` is the app's."""

    study: str
    study_id: int
    number: int
    set_folder: Path
    data_dir: Path
    folder: Path


def place_of(db: Session, version: StudyVersion, settings: Settings) -> Place:
    """Where the files of a version are."""
    own = select(func.count()).select_from(ListeningSession).join(Listener)
    withdrawn = own.where(Listener.study_id == version.study_id, ListeningSession.status == "withdrawn")
    data_dir = settings.data_dir.absolute()
    return Place(
        study=version.study.name,
        study_id=version.study_id,
        number=version.number,
        set_folder=sets.folder_of(version.published_from, settings),
        data_dir=data_dir,
        folder=data_dir / "results" / version.study.name / f"v{version.number}-w{db.scalar(withdrawn)}",
    )


def prepare(place: Place) -> None:
    """Make the folder, and remove those that hold what somebody took back."""
    place.folder.mkdir(parents=True, exist_ok=True)
    for other in place.folder.parent.iterdir():
        if other.name.rpartition("-")[2] != place.folder.name.rpartition("-")[2]:
            shutil.rmtree(other, ignore_errors=True)


def sweep(database: Database, settings: Settings) -> None:
    """Remove what holds ratings that somebody took back, and what jobs that were killed have left behind.

    Folders are listed before withdrawals are counted, so that no folder of a newer count is taken for an old one.
    """
    results = settings.data_dir / "results"
    folders = [folder for folder in results.glob("*/*-w*") if folder.name.rpartition("-w")[2].isdigit()]
    left = [folder for folder in results.glob("*/*/.bundle-*") if _age_s(folder) > settings.job_time_limit_s]
    if folders:
        own = select(Study.name, func.count(ListeningSession.id)).join(Listener, Listener.study_id == Study.id)
        own = (
            own.join(ListeningSession, ListeningSession.listener_id == Listener.id)
            .where(ListeningSession.status == "withdrawn")
            .group_by(Study.name)
        )
        with database.reading() as db:
            withdrawn = {row[0]: row[1] for row in db.execute(own)}
        left += [one for one in folders if int(one.name.rpartition("-w")[2]) < withdrawn.get(one.parent.name, 0)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:  # it is gone
        return 0.0


def ask(db: Session, place: Place, kind: str, who: str, *, reason: str = "", sounds: bool = False) -> Job:
    """Ask for a job of one of ``KINDS``.

    Raises
    ------
    PeekError, ConflictError
        Where the study runs and no reason is given; a bundle is not to be had then at all.
    """
    if kind not in KINDS:
        raise AppError(say("No job %(kind)r; expected one of %(kinds)s", kind=kind, kinds=", ".join(KINDS)))
    written = peeking.require(db, place.study, reason, mend=say("Or say below why it has to be now."))
    if written and kind == "bundle":
        raise ConflictError(say("%(study)s is still running; close it, and then make its bundle", study=place.study))
    argv = ["--data", str(place.data_dir), "--study", place.study, *_arguments(place, kind, sounds=sounds)]
    # The command judges whether it may, and notes it, at the moment when it reads the ratings. Whoever asks gets a job
    # of their own, because while the study runs nobody else is shown what comes of it.
    argv += [*([f"--peek={written}"] if written else []), f"--by={who}"]
    return jobs.ask(db, kind, argv, study_id=place.study_id, asked_by=who)


def _arguments(place: Place, kind: str, *, sounds: bool) -> list[str]:
    version = ["--version", str(place.number)]
    if kind == "report":
        files = ["--out", str(place.folder / "report.html"), "--json", str(place.folder / "report.json")]
        return [*version, "--stimuli", str(place.set_folder), *files]
    if kind == "bundle":
        return [*version, "--out", str(place.folder / "bundle.zip"), "--sounds" if sounds else "--no-sounds"]
    return [*version, "--refuse-running", "--out", str(place.folder / "ratings.parquet")]


def works(db: Session, place: Place, who: str) -> Works:
    """How each kind of job stands, for whoever looks."""
    only = _only(db, place, who)
    return Works({kind: _work(db, place, _newest(db, place, kind), only, who) for kind in KINDS})


def _work(db: Session, place: Place, own: Sequence[Job], only: str | None, who: str) -> Work:
    shown = _shown(place, own, only)
    made_at = shown.ended_at.isoformat(sep=" ", timespec="minutes")[:16] if shown and shown.ended_at else ""
    if not own or (own[0].status == "done" and own[0] is not shown):
        return Work(made_at=made_at)
    return standing(db, own[0], place.study, who, made_at=made_at)


def made(db: Session, place: Place, kind: str, who: str) -> Job | None:
    """The job whose file whoever looks may have; None where there is none for them."""
    return _shown(place, _newest(db, place, kind), _only(db, place, who))


def _newest(db: Session, place: Place, kind: str) -> Sequence[Job]:
    own = select(Job).where(Job.study_id == place.study_id, Job.kind == kind).order_by(Job.id.desc())
    return db.scalars(own.limit(100)).all()


def _only(db: Session, place: Place, who: str) -> str | None:
    """Whose jobs alone may be shown: while the study runs, those of whoever looks."""
    return who if peeking.is_running(db, place.study) else None


def _shown(place: Place, own: Sequence[Job], only: str | None) -> Job | None:
    """The job whose file may be shown: the newest that is done, of these ratings; of ``only`` this person's."""
    done = next((job for job in own if job.status == "done" and _is_here(job, place)), None)
    return done if done and only in (None, done.asked_by) else None


def _is_here(job: Job, place: Place) -> bool:
    return any(Path(argument).parent == place.folder for argument in job.argv)


def file_of(db: Session, place: Place, name: str, who: str) -> Path:
    """A file that was made, for whoever may have it; NotFoundError where there is none for them."""
    kind = FILES.get(name)
    path = place.folder / name
    if kind is None or not made(db, place, kind, who) or not path.is_file():
        raise NotFoundError(say("There is no %(name)s of %(study)s now; make it first.", name=name, study=place.study))
    return path


def saved_since(db: Session, version: StudyVersion, at: datetime) -> int:
    """How many trials of a version were saved since, whether for the first time or again."""
    own = select(func.count(Save.trial_id.distinct())).join(Trial).join(ListeningSession).join(Listener)
    here = (ListeningSession.study_version_id == version.id, ListeningSession.status != "withdrawn")
    return db.scalar(own.where(*here, Listener.pilot.is_(False), Save.saved_at > at)) or 0

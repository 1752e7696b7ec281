"""A replication bundle becomes a study again, in a database that has none: closed, with all that was rated.

Everything of the bundle is read and held against its hashes and its manifest first. Then the set is laid down in the
data folder, and the study with all its rows is written in one transaction, at whose end the new database must export
what the bundle holds, cell by cell; otherwise nothing of it stays. Whoever is stopped in the middle can begin again.

Conventions: functions know nothing of the web. Defines: ``Replicated``, ``replicate``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import ConflictError
from mushra_app.models import Place, Study
from mushra_app.people import audit
from mushra_app.publish import Published, publish
from mushra_app.study import lifecycle, peeking
from mushra_app.study.replica_check import require_same
from mushra_app.study.replica_files import Bundle, Facts, lay_down, named_as, read, root_of
from mushra_app.study.replica_rows import sittings
from mushra_app.study.replica_tables import Tables

TOLD_EVERY = 10_000
ADVISORY_LOCK = 0x4D555349
"""Of PostgreSQL, beside that of migrations (``mushra_app.schema``)."""

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Replicated:
    """What came of it; its set lies in ``stimuli`` now.

    ``unplaced`` are answers that preceded a trial which nobody rated, so that it is not there.
    """

    study: str
    number: int
    stimuli: Path
    ratings: int
    unplaced: int


def replicate(
    bundle: Path, database: Database, settings: Settings, *, stimuli: Path | None = None, tell: Tell = str
) -> Replicated:
    """Put a bundle into a database without a study.

    Parameters
    ----------
    bundle : the zip, or the folder that it was unpacked to.
    stimuli : the stimulus set, where the bundle is without sounds.
    tell : is told the name of each step before it begins.

    Raises
    ------
    ConflictError
        Where the database has a study or a place already, or another process is at it.
    AppError
        Where the bundle is not the one that was packed, is of a newer release, or says what can't be; with the line
        and the column. Nothing of it is in the database then.
    """
    with database.reading() as db:
        _require_empty(db)
    with _own_folder(settings) as work, _alone(database):
        tell("bundle")
        root = root_of(bundle, work)
        with named_as(root):
            tell("ratings")
            found = read(root)
            tell("sounds")
            lay_down(found, stimuli, work / "set")
        kept = settings.uploads_dir / f"{found.facts.study}-{found.facts.study_id[:12]}"
        shutil.rmtree(kept, ignore_errors=True)  # of one that was stopped: no study is there that could need it
        (work / "set").replace(kept)
        try:
            with named_as(root):
                return _store(found, kept, database, settings, tell)
        except BaseException:
            shutil.rmtree(kept, ignore_errors=True)
            raise


def _require_empty(db: Session, but: str = "") -> None:
    studies = db.scalars(select(Study.name).where(Study.name != but).order_by(Study.name)).all()
    places = db.scalars(select(Place.name).distinct().order_by(Place.name)).all()
    if studies or places:
        told = ", ".join([*studies, *places][:5])
        raise ConflictError(
            f"the database has studies or places already ({told}), and a bundle is put into one that has none, because "
            "its sessions keep their numbers; name a new folder: --data DIR"
        )


@contextmanager
def _own_folder(settings: Settings) -> Iterator[Path]:
    """A new folder beside the sets of the data folder, gone at the end; one process at a time has one."""
    settings.uploads_dir.mkdir(parents=True, exist_ok=True)
    work = settings.uploads_dir / ".replica.part"
    try:
        with FileLock(settings.data_dir / ".replicate.lock", timeout=0):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except Timeout:
        raise _at_work(settings.data_dir) from None


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """One process at a time puts a bundle into a database of PostgreSQL, whichever data folder and machine it has.

    The rows of two bundles have the same numbers, so that the second would wait for the first and then be in its way.
    An SQLite file lies in the data folder, which has one process at a time already.
    """
    with database.reading() as db:
        asked = text("SELECT pg_try_advisory_xact_lock(:number)")
        if db.get_bind().dialect.name == "postgresql" and not db.scalar(asked, {"number": ADVISORY_LOCK}):
            raise _at_work(database.name)
        yield


def _at_work(where: Path | str) -> ConflictError:
    return ConflictError(f"{where}: another mushra replicate is at work there; wait for it")


def _store(found: Bundle, kept: Path, database: Database, settings: Settings, tell: Tell) -> Replicated:
    """Publish the set, and write everything else in the same transaction."""
    unplaced: set[int] = set()

    def also(db: Session, done: Published) -> None:
        _require_empty(db, but=done.study)
        if not done.begun:
            raise ConflictError(f"{done.study} was begun here meanwhile; name a new folder: --data DIR")
        _close(db, done, found.facts)
        unplaced.update(_write(db, found, tell))
        tell("comparing")
        require_same(db, found, unplaced)
        audit.note(db, audit.COMMAND_LINE, "study", f"{done.study}: version {found.facts.version} put back by a bundle")

    done = publish(kept, database, settings, as_draft=True, also=also)
    return Replicated(done.study, found.facts.version, kept, found.ratings, len(unplaced))


def _close(db: Session, done: Published, facts: Facts) -> None:
    """The version as it was known, and closed: it was, or there would be no bundle."""
    version = lifecycle.version_of(db, done.study, done.number)
    version.number, version.status = facts.version, "closed"
    version.published_at, version.opened_at, version.closed_at = facts.published_at, facts.opened_at, facts.closed_at
    db.flush()


def _write(db: Session, found: Bundle, tell: Tell) -> set[int]:
    """All rows; the lines of answers whose trial is not there."""
    version = lifecycle.version_of(db, found.facts.study, found.facts.version)
    tables = Tables(db, version, found.comments)
    written = 0
    for lines in sittings(found.root / "ratings.csv", found.fit):
        tables.add_sitting(lines)
        if (written + len(lines)) // TOLD_EVERY > written // TOLD_EVERY:
            tell(f"{written + len(lines)} of {found.ratings} ratings")
        written += len(lines)
    unplaced = tables.add_answers(found.answers)
    tables.number_on()
    peeking.put_back(db, found.facts.study, found.peeks)
    db.flush()
    return unplaced

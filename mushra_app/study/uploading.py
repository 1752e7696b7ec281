"""A stimulus set that somebody sends, or that lies in a folder of the server, becomes a draft of a study.

What is sent is kept in ``uploads`` of the data folder: the archive only while it arrives, the set for as long as a
version was published from it (a report reads its manifest and sounds there). Of a set that is not taken, and of one
that was published before, nothing stays. What a process left behind that was killed meanwhile is cleared after a day
(``mushra_app.operation.leftovers``).

Publishing runs within the request and not as a job: nothing depends on a worker, whoever sent the set hears at once
what is wrong with it, and the right to the new study is given in the same transaction that makes it. Its work is
bounded by the size of what is taken, and few do it at once.

Conventions: functions know nothing of the web; sizes in bytes.
Defines: ``arriving``, ``publish_archive``, ``publish_folder``, ``clear``.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, UnavailableError
from mushra_app.models import Study
from mushra_app.people import audit, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.publish import Published, publish
from mushra_app.study import sets
from mushra_app.study.unpacking import RESERVE, ArchiveError, unpack
from mushra_app.words import say
from stimuli import manifest as manifests
from stimuli.errors import HiddenReferenceError

AT_ONCE = 2
"""So many sets are received and published at once by one process: threads and disk are there for listeners first."""
UNPACKED = 2
"""A set may be so many times the largest archive."""
MB = 10**6

_turns = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def arriving(settings: Settings, size: int) -> Iterator[Path]:
    """A new folder for what is about to be sent, gone at the end.

    Raises
    ------
    AppError
        Where so much is not taken, or the disk has no room for it; before anything is read.
    UnavailableError
        Where others are sending sets just now.
    """
    if size > settings.largest_upload_mb * MB:
        raise AppError(
            say(
                "The archive has %(found)d MB; at most %(most)d MB are taken here (largest_upload_mb). Publish it on "
                "the server instead, from its folder.",
                found=size // MB,
                most=settings.largest_upload_mb,
            )
        )
    if not _turns.acquire(blocking=False):
        raise UnavailableError(say("Other sets are being published just now. Please send yours again in a minute."))
    folder = settings.uploads_dir / f".{secrets.token_hex(8)}.part"
    try:
        settings.uploads_dir.mkdir(parents=True, exist_ok=True)
        clear(settings.uploads_dir)
        if shutil.disk_usage(settings.uploads_dir).free < (1 + UNPACKED) * size + RESERVE:
            raise UnavailableError(say("The server's disk has no room for this set; nothing was kept."))
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _turns.release()


def publish_archive(database: Database, settings: Settings, archive: Path, visitor: Visitor) -> Published:
    """Unpack beside the archive, verify, and publish as a draft.

    Raises
    ------
    AppError
        Where the archive, or the set in it, is not taken; nothing was stored then.
    """
    try:
        found = unpack(archive, archive.with_name("set"), UNPACKED * settings.largest_upload_mb * MB)
        archive.unlink()
        try:
            manifest = manifests.read(found)
            _refuse_others_studies(database, visitor, manifest.experiment.experiment.name)
        except HiddenReferenceError as error:
            raise _without_folder(error, found) from None
        kept = settings.uploads_dir / f"{manifest.experiment.experiment.name}-{secrets.token_hex(6)}"
    except OSError as error:
        raise _not_unpacked(error) from error
    try:
        with sets.laid_down(kept):
            try:
                found.replace(kept)  # before it is published: no power cut takes back what the database names
            except OSError as error:
                raise _not_unpacked(error) from error
            done = _published(database, settings, kept, visitor)
    except BaseException as error:
        if isinstance(error, HiddenReferenceError) and not isinstance(error, ConflictError):
            raise _without_folder(error, kept) from None
        raise
    if not done.taken:
        shutil.rmtree(kept, ignore_errors=True)
    return done


def _not_unpacked(error: OSError) -> UnavailableError:
    return UnavailableError(
        say("The set could not be unpacked: %(reason)s; nothing was kept.", reason=error.strerror or "?")
    )


def publish_folder(database: Database, settings: Settings, folder: str, visitor: Visitor) -> Published:
    """Verify the set in a folder of the server, given by its whole path, and publish it as a draft.

    Raises
    ------
    AppError
        Where there is no such folder, or no set in it.
    """
    path = Path(folder.strip())
    if not folder.strip() or not path.is_absolute():
        raise AppError(say("Expected the whole path of a folder on the server, such as /srv/sets/stimuli."))
    if not path.is_dir():
        raise AppError(say("%(folder)s: no such folder on the server.", folder=folder.strip()))
    try:
        return _published(database, settings, path, visitor)
    except ConflictError:
        raise
    except HiddenReferenceError as error:  # of the room that makes sets
        raise AppError(str(error)) from None


def _published(database: Database, settings: Settings, folder: Path, visitor: Visitor) -> Published:
    def also(db: Session, done: Published) -> None:
        if done.begun:
            permissions.grant_own(db, visitor, done.study)
        if permissions.right_of(db, visitor, done.study) < Right.CHANGE:  # somebody was faster with that name
            raise _others_study(done.study)
        if done.change != "nothing":
            audit.note(db, visitor.name, "study", f"{done.study}: version {done.number} published as a draft")

    return publish(folder, database, settings, as_draft=True, also=also)


def _refuse_others_studies(database: Database, visitor: Visitor, name: str) -> None:
    """Before anything is copied; who may is asked again when it is stored."""
    with database.reading() as db:
        there = db.scalar(select(Study.id).where(Study.name == name)) is not None
        if there and permissions.right_of(db, visitor, name) < Right.CHANGE:
            raise _others_study(name)


def _others_study(name: str) -> ConflictError:
    return ConflictError(
        say(
            "There is a study %(name)r here that your account may not change. Give yours another name in its "
            "experiment file and build it again, or ask an owner for that study.",
            name=name,
        )
    )


def _without_folder(error: HiddenReferenceError, folder: Path) -> HiddenReferenceError:
    """The same, without where it lay on the server; one that is there for whoever sent it to mend."""
    if isinstance(error, ConflictError):
        return error
    return ArchiveError(str(error).replace(f"{folder}/", "").replace(str(folder), say("the set")))


def clear(uploads: Path) -> None:
    """Remove what was arriving when a process was killed."""
    for path in uploads.glob(".*.part"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - sets.LEFT_BEHIND_S:
                shutil.rmtree(path, ignore_errors=True)

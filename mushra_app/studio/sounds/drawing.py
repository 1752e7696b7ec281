"""The pictures of a version's sounds: drawn by a job of the room that makes sounds, kept as what that job printed.

Defines: ``Pictures``, ``ask``, ``job_of``, ``pictures``, ``jobs_of``, ``spectrogram``, ``BOX``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mushra_app import jobs, media
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Item, Job, Study, StudyVersion
from mushra_app.study import lifecycle
from mushra_app.study.work import newest

BOX = (240, 200)
"""The box of a waveform's path: columns and height, as the job draws it."""

Pictures = Mapping[str, Mapping[str, str]]
"""``wave`` and ``spectrogram`` of each sound, by the hash of its file."""


def ask(database: Database, settings: Settings, study: str, number: int, who: str) -> None:
    """Have the sounds of a version drawn, unless they are already or it is under way."""
    with database.reading() as db:
        version = lifecycle.version_of(db, study, number)
        argv = _argv(db, settings, version)
        if (found := job_of(db, settings, version)) and found.status != "failed":
            return
    with database.writing() as db:
        jobs.ask(db, "pictures", argv, study_id=version.study_id, asked_by=who)


def job_of(db: Session, settings: Settings, version: StudyVersion) -> Job | None:
    """The newest job that was to draw these sounds."""
    return newest(db, Job.key == jobs.key_of("pictures", _argv(db, settings, version), version.study_id))


def pictures(database: Database, job: int) -> Pictures:
    """What a job that is done has drawn."""
    return _pictures(database, job)


def jobs_of(db: Session, study: str) -> Sequence[int]:
    """The jobs that have drawn sounds of a study, the newest first."""
    done = select(Job.id).join(Study, Study.id == Job.study_id)
    return db.scalars(
        done.where(Study.name == study, Job.kind == "pictures", Job.status == "done").order_by(Job.id.desc())
    ).all()


def spectrogram(database: Database, jobs_done: Sequence[int], sha256: str) -> bytes | None:
    """The PNG of one sound; None where none is drawn."""
    for job in jobs_done:
        if (one := pictures(database, job).get(sha256)) is not None:
            return base64.b64decode(one["spectrogram"])
    return None


@lru_cache(maxsize=4)  # a done job changes no more; some megabytes each
def _pictures(database: Database, job: int) -> Pictures:
    with database.reading() as db:
        return json.loads(db.scalar(select(Job.output).where(Job.id == job)) or "{}")


def _argv(db: Session, settings: Settings, version: StudyVersion) -> list[str]:
    """The files of all clips, item by item; an item's are drawn to one scale."""
    items = select(Item).where(Item.study_version_id == version.id).order_by(Item.position)
    argv: list[str] = []
    for item in db.scalars(items.options(selectinload(Item.clips))):
        files = dict.fromkeys(
            str(media.path_of(settings.media_dir.absolute(), clip.media_sha256)) for clip in item.clips
        )
        argv += ["+", *files] if argv else files
    return argv

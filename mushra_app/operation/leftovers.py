"""Files that nobody needs any more: what jobs have read, and what processes that were killed left half-way.

In the data folder: ``drafts`` has the experiment files that jobs read, each until no job that waits or runs names it;
``uploads`` what was arriving, ``uploads`` and ``sets`` what was being published, ``results`` and ``drafts`` what was
being written. A set that was published is never touched, whatever the database says: only those that are marked as
being published are, and not where a version names one after all.

Conventions: nothing is removed before it is so old that nobody can be at it. Defines: ``clear``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job, StudyVersion
from mushra_app.study import sets, uploading

READ_S = 3600.0
"""How long an experiment file stays at least: a job that reads it is asked for within moments."""


def clear(database: Database, settings: Settings) -> None:
    """Remove all of them, of this data folder."""
    drafts = _older(settings.drafts_dir.absolute().glob("*.toml"), READ_S)  # before the jobs are looked at
    with database.reading() as db:
        waiting = db.scalars(select(Job.argv).where(Job.status.in_(("waiting", "running")))).all()
        places = {sets.place_of(one, settings) for one in db.scalars(select(StudyVersion.published_from))}
    needed = {argument for argv in waiting for argument in argv}
    _remove(_older((path for path in drafts if str(path) not in needed), READ_S))
    written = (*settings.drafts_dir.glob(".*.part"), *(settings.data_dir / "results").glob("*/*/.*.part"))
    _remove(_older(written, max(READ_S, settings.job_time_limit_s)))
    uploading.clear(settings.uploads_dir)
    sets.clear(settings, places)


def _older(paths: Iterable[Path], age_s: float) -> list[Path]:
    found = []
    for path in paths:
        with suppress(OSError):  # it is gone
            if path.is_file() and time.time() - path.stat().st_mtime > age_s:
                found.append(path)
    return found


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)

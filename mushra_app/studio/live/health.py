"""The server's health in small: how much is saved, how much room there is, whether somebody does the jobs.

Conventions: bytes; 1 GB is 10^9. Defines: ``Health``, ``health``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import jobs
from mushra_app.models import Job, Save

LITTLE_GB = 2.0
MOST_SAVES = 1000
"""So many of the newest saves are looked at; more in a minute are said to be that many."""


@dataclass(frozen=True)
class Health:
    """``free_gb`` is None where the folder can't be asked; ``no_worker``: jobs wait, and nobody takes them."""

    saves_per_minute: int
    free_gb: float | None
    waiting: int
    running: int
    no_worker: bool

    @property
    def little_room(self) -> bool:
        """Whether the disk will soon be full."""
        return self.free_gb is not None and self.free_gb < LITTLE_GB


def health(db: Session, data_dir: Path, moment: datetime) -> Health:
    """Look; that the database answers is what this page itself shows."""
    newest = select(Save.saved_at).order_by(Save.id.desc()).limit(MOST_SAVES).subquery()
    recent = select(func.count()).select_from(newest).where(newest.c.saved_at > moment - timedelta(minutes=1))
    waiting, oldest = db.execute(select(func.count(), func.min(Job.created_at)).where(Job.status == "waiting")).one()
    alive = Job.heartbeat_at > moment - timedelta(seconds=jobs.STALE_S)
    running = db.scalar(select(func.count()).where(Job.status == "running", alive)) or 0
    return Health(
        saves_per_minute=db.scalar(recent) or 0,
        free_gb=_free_gb(data_dir),
        waiting=waiting,
        running=running,
        no_worker=jobs.no_worker(db, oldest),
    )


def _free_gb(folder: Path) -> float | None:
    try:
        return round(shutil.disk_usage(folder).free / 1e9, 1)
    except OSError:
        return None

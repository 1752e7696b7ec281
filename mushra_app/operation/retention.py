"""Personal answers are kept no longer than the setting ``keep_personal_days`` says, and files no longer than consent.

What was made of ratings that a listener took back is removed (``mushra_app.study.results``). Every process that has
the database open for long enforces both, and clears what is left of files (``mushra_app.operation.leftovers``): at its
start, then every hour. Several at once do no harm, because what is erased is erased.

Defines: ``erase_expired``, ``enforced``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import now
from mushra_app.operation import leftovers
from mushra_app.session import privacy
from mushra_app.study import results

EVERY_S = 3600.0
log = logging.getLogger(__name__)


def erase_expired(database: Database, days: float) -> int:
    """Erase what is personal in sessions, and of invitations, from more than ``days`` ago; how many had something."""
    before = now() - timedelta(days=days)
    with database.reading() as db:  # the search takes long where much is stored, and listeners' saves wait for writers
        count = privacy.expired(db, before)
    if count:
        with database.writing() as db:
            privacy.expire(db, before)
    return count


@contextmanager
def enforced(database: Database, settings: Settings, *, every_s: float = EVERY_S) -> Iterator[None]:
    """Erase what has expired now and every ``every_s`` seconds, on a thread, until the context is left."""
    days, ended = settings.keep_personal_days, threading.Event()

    def work() -> None:
        while True:
            try:
                results.sweep(database, settings)
                leftovers.clear(database, settings)
                if days is not None and (count := erase_expired(database, days)):
                    log.warning("erased what was personal in %d sessions and invitations (keep_personal_days)", count)
            except Exception:  # a database that is away now will be there in an hour, and listeners are to go on
                log.exception("what is personal could not be erased")
            if ended.wait(every_s):
                return

    thread = threading.Thread(target=work, name="retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

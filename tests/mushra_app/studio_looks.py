"""Studies with listeners in every state, and what a worker would have found, for tests of the tab "Live"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from server_guests import Guest
from sqlalchemy import event, select, update
from studio_people import AN_OWNER

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job, ListeningSession, Save, Trial
from mushra_app.security import token_sha256
from mushra_app.session import listening
from mushra_app.studio.live import progress
from mushra_app.studio.live.pages import LivePage, View
from mushra_app.study import lifecycle, monitoring
from mushra_app.table_base import now

PLACE = progress.Place("", Path())


def session_of(database: Database, guest: Guest) -> ListeningSession:
    """A guest's session, with its listener."""
    with database.reading() as db:
        found = listening.sitting_of(db, guest.token)
        found.listener.pseudonym  # noqa: B018  loaded while it can be
        return found


def seen_at(database: Database, guest: Guest, moment: datetime) -> None:
    """Everything of a session was stored at one moment."""
    own = select(ListeningSession.id).where(ListeningSession.token_sha256 == token_sha256(guest.token))
    trials = select(Trial.id).where(Trial.session_id.in_(own))
    with database.writing() as db:
        session = db.scalars(own).one()
        db.execute(update(ListeningSession).where(ListeningSession.id == session).values(started_at=moment))
        db.execute(update(Save).where(Save.trial_id.in_(trials)).values(saved_at=moment))
        for answer in ("answer", "setup_step"):
            table = ListeningSession.metadata.tables[answer]
            at = {"answer": "answered_at", "setup_step": "done_at"}[answer]
            db.execute(update(table).where(table.c.session_id == session).values({at: moment}))


def done(database: Database, settings: Settings, kind: monitoring.Kind, found: dict[str, Any] | str) -> None:
    """A look was asked for and done: what it printed, or why it failed."""
    with database.writing() as db:
        version = lifecycle.current(db, "tiny")
        job = monitoring.ask(db, settings, version, kind, "ada")
        job.started_at = job.ended_at = now()
        if isinstance(found, str):
            job.status, job.reason = "failed", found
        else:
            job.status, job.output = "done", json.dumps({"study_id": version.identity} | found)


def screening(*failed: str, judged: tuple[str, ...]) -> dict[str, Any]:
    """What ``mushra screen`` prints where some missed the hidden reference, and nobody was too fast."""
    failures = [{"listener": name, "slips": 2, "trials": 2, "reason": "…"} for name in failed]
    shared = {"attribute": "overall", "judged": list(judged)}
    return {
        "listeners": len(judged),
        "unusable": ["attention-check"],
        "findings": [
            {"rule": "bs1534-hidden-reference", "planned": True, "failed": failures} | shared,
            {"rule": "too-fast", "planned": False, "failed": []} | shared,
        ],
    }


def widths(*reaches: float | None) -> dict[str, Any]:
    """What ``mushra precision`` prints."""
    named = [{"label": chr(65 + number), "reach": reach} for number, reach in enumerate(reaches)]
    return {"listeners": 3, "kept": 2, "simulated": False, "contrasts": named}


def looked_at(database: Database, settings: Settings) -> str:
    """Somebody has finished, somebody is under way and both looks are done; the pseudonym of the first."""
    finished, other = Guest(database), Guest(database)
    finished.finish()
    other.save(other.trial())
    name = session_of(database, finished).listener.pseudonym
    done(database, settings, "screen", screening(name, judged=(name,)))
    done(database, settings, "precision", widths(4.2, None))
    return name


def jobs_of(database: Database) -> list[tuple[str, str]]:
    """Kind and status of every job."""
    with database.reading() as db:
        return [(job.kind, job.status) for job in db.scalars(select(Job).order_by(Job.id))]


def live(database: Database, **view: Any) -> LivePage:
    """The tab of the tiny study, as an owner sees it."""
    with database.reading() as db:
        return progress.live(db, "tiny", AN_OWNER, PLACE, View(**view))


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield said
    event.remove(database.engine, "before_cursor_execute", note)

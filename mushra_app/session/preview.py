"""The whole test as a listener has it, with nothing stored: for whoever wants to see it before anybody else does.

A preview is a session in a database of its own, in memory: the version's rows are copied there, a listener is enrolled,
and the pages, checks and saves are those of every session (``mushra_app.session``). Which page is shown follows from
the preview's token alone: the plan from its ``seed``, the place from ``at``, the number of pages that were gone through
as if every check of the sound was passed. So nothing has to be remembered: what a process keeps of the latest previews
saves time and no more. An answer that the study does not accept leads to the page that its listener would be left with
(``away``). Codes of a panel are not copied: whoever may only look at a study is not handed them.

Functions take the ``Database`` that the version is in and know nothing of the web; nothing here opens it for writing.
Defines: ``Walk``, ``page``, ``answer``, ``not_looked_for``, ``save``, ``sounds_of_trial``, ``setup_sound``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, insert, select
from sqlalchemy.orm import Session

from mushra_app.db import Database
from mushra_app.errors import NotFoundError
from mushra_app.listener import pages
from mushra_app.models import Answer, Base, Clip, Listener, ListeningSession, Save, SetupStep, Slot, StudyVersion, now
from mushra_app.session import announcements, course, enrolment, listening, setting_up
from mushra_app.session.design import plan
from mushra_app.session.enrolment import EXPERIENCE, TRANSDUCERS, design_for, experiment_of, trial_of
from mushra_app.session.saving import TrialSave, lock_trial, save_trial
from mushra_app.study import arriving
from mushra_app.study.recruiting import Recruiting, recruiting_of
from mushra_app.words import say

CODE = "PREVIEW"
"""Stands where a listener has the code to withdraw with, or one of a panel's."""
COPIED = ("study", "study_version", "scale", "item", "condition", "clip")
LARGE = {"study_version": "manifest", "clip": "provenance"}
"""Left behind: no page of a listener's needs it."""
MADE = (
    "listener", "session", "setup_step", "trial", "trial_scale", "slot", "save", "response", "event", "answer",
    "personal_text", "recruit",
)  # fmt: skip
KEPT, STRIDE = 128, 64
"""So many places of previews are kept, some 100 KB each; the stride is shorter, so that no recursion is deep."""

_in_memory = create_engine(
    "sqlite://", creator=lambda: sqlite3.connect(":memory:", check_same_thread=False), poolclass=NullPool
)


@dataclass(frozen=True)
class Walk:
    """Where somebody is in a preview: after ``at`` pages, or turned ``away`` by what they answered on the next one."""

    language: str
    transducer: str
    seed: int
    at: int = 0
    away: bool = False

    @property
    def token(self) -> str:
        """What stands for it in an address."""
        return f"{self.language}-{self.transducer}-{self.seed}-{self.at}" + ("-away" if self.away else "")

    @classmethod
    def read(cls, token: str) -> Walk:
        """The place that a token stands for; NotFoundError for what is none."""
        language, transducer, seed, at, away = [*token.split("-"), "", "", "", "", ""][:5]
        walk = cls(language, transducer, _number(seed), _number(at), bool(away))
        if walk.token != token or transducer not in TRANSDUCERS or not language.isalpha():
            raise _no_such_page()
        return walk

    @property
    def next(self) -> Walk:
        """One page further."""
        return replace(self, at=self.at + 1, away=False)


def page(source: Database, version_id: int, walk: Walk, base: str, next_base: str) -> listening.Page:
    """The page that is shown; ``base`` and ``next_base`` are its address and that of the page after it."""
    with _at(source, version_id, walk) as (db, sitting):
        if walk.away:
            _refuse(db, sitting)
        found = listening.next_page(db, sitting, base)
    if isinstance(found, pages.TrialPage):
        return replace(found, next_url=f"{next_base}/", next_sounds=())  # which have other addresses there
    if isinstance(found, pages.DonePage) and found.next_url:
        return replace(found, next_url=f"{next_base}/", wait_h=0)
    return found


def answer(source: Database, version_id: int, walk: Walk, given: Mapping[str, str]) -> pages.QuestionsPage | Walk:
    """Where answers lead, as from every other page; what is said of them where they won't do."""
    with _at(source, version_id, walk) as (db, sitting):
        if corrections := listening.answer(db, sitting, given):
            return corrections
        return replace(walk, away=True) if sitting.status == "refused" else walk.next


def not_looked_for(version: StudyVersion, transducer: str, experience: str) -> pages.MessagePage | None:
    """What somebody is told who does not meet the study's criteria; None where these do."""
    recruiting = recruiting_of(version.study)
    if arriving.meets_criteria(recruiting, enrolment.Arrival(transducer, experience, "")):
        return None
    without_codes = Recruiting.model_validate(_without_codes(recruiting.model_dump()))
    return announcements.not_looked_for(version, without_codes, "")


def save(source: Database, version_id: int, walk: Walk, trial: str, sent: TrialSave) -> int:
    """Take a save as of every listener, with every refusal, and forget it; its revision."""
    with _at(source, version_id, walk) as (db, sitting):
        return save_trial(db, lock_trial(db, sitting.token_sha256, trial), sent, "")


def sounds_of_trial(source: Database, version_id: int, walk: Walk, slot: str) -> dict[str, str]:
    """The stored sound of every slot of the trial that ``slot`` is part of; NotFoundError where there is none."""
    with _opened(_reached(source, version_id, replace(walk, at=0))) as db:
        trial = select(Slot.trial_id).where(Slot.token == slot).scalar_subquery()
        found = db.execute(select(Slot.token, Clip.media_sha256).join(Clip).where(Slot.trial_id == trial)).all()
    if not found:
        raise NotFoundError(say("This sound is not part of this preview."))
    return {token: sha256 for token, sha256 in found}  # noqa: C416


def setup_sound(source: Database, version_id: int, walk: Walk, step: str, attempt: int, number: int) -> bytes:
    """One sound of a setup step, as a WAV file."""
    with _at(source, version_id, walk) as (_, sitting):
        return setting_up.sound(sitting, step, attempt, number)


@contextmanager
def _at(source: Database, version_id: int, walk: Walk) -> Iterator[tuple[Session, ListeningSession]]:
    """The session as it is after so many pages."""
    for at in range(0, walk.at, STRIDE):
        _reached(source, version_id, replace(walk, at=at, away=False))
    with _opened(_reached(source, version_id, replace(walk, away=False))) as db:
        yield db, _sitting(db)


def _sitting(db: Session) -> ListeningSession:
    """The latest session that has begun."""
    begun = select(ListeningSession).where(ListeningSession.status != "planned")
    return db.scalars(begun.order_by(ListeningSession.part.desc())).first() or db.get_one(ListeningSession, 1)


def _refuse(db: Session, sitting: ListeningSession) -> None:
    """Somebody's answers are none that the study accepts; NotFoundError where it asks nothing of the kind here."""
    asked = course.asked_now(db, sitting, course.steps_of(db, sitting))
    if asked is None or not any(question.accept for question in asked.questions):
        raise _no_such_page()
    course.refuse(sitting)


def _go_through(db: Session, sitting: ListeningSession) -> bool:
    """Go through one page, whatever it is; False where none follows."""
    if sitting.status == "finished":
        later = next((other for other in sitting.listener.sessions if other.part == sitting.part + 1), None)
        if later is not None:
            later.status = "started"
        db.flush()
        return later is not None
    steps = course.steps_of(db, sitting)
    step = course.next_step(steps)
    if asked := course.asked_now(db, sitting, steps):
        shared = {"session_id": sitting.id, "at_position": asked.at_position, "text": "", "personal": False}
        db.add_all(Answer(question=question.name, **shared) for question in asked.questions)
    elif step is None:
        return False
    elif setup := setting_up.next_step(sitting):
        sitting.setup_steps.append(SetupStep(step=setup, attempt=1, passed=True, detail={}, done_at=now()))
    elif announcements.instructions(sitting, steps, step):
        sitting.read_to = step.position
    else:
        db.execute(insert(Save).values(trial_id=step.id, key=f"{step.id:032}", **_UNHEARD))
    db.flush()
    listening.finish_if_complete(db, sitting)
    db.flush()
    return True


_UNHEARD: dict[str, Any] = {
    "revision": 1, "comment": "", "trial_s": 0.0, "engine": "", "fade_mode": "", "rate_hz": 0, "user_agent": "",
}  # fmt: skip


@contextmanager
def _opened(kept: bytes) -> Iterator[Session]:
    with _in_memory.connect() as connection:
        _driver_of(connection).deserialize(kept)
        with Session(connection) as db:
            yield db


@lru_cache(maxsize=KEPT)
def _reached(source: Database, version_id: int, walk: Walk) -> bytes:
    """The database of a preview after so many pages; NotFoundError where it has fewer. A version never changes."""
    if walk.at == 0:
        return _begun(source, version_id, walk)
    before = _reached(source, version_id, replace(walk, at=walk.at - 1))
    with _opened(before) as db:
        if not _go_through(db, _sitting(db)):
            raise _no_such_page()
        db.commit()
        return _driver_of(db.connection()).serialize()


def _begun(source: Database, version_id: int, walk: Walk) -> bytes:
    """A database with one version and one listener who has enrolled in it."""
    with _in_memory.connect() as connection:
        _driver_of(connection).execute("PRAGMA page_size = 512")  # most tables are nearly empty
        tables = [Base.metadata.tables[name] for name in (*COPIED, *MADE)]
        Base.metadata.create_all(connection, tables=tables, checkfirst=False)
        with source.reading() as db:
            _copy(db, connection, version_id)
        with Session(connection) as db:
            _enrol(db, db.get_one(StudyVersion, version_id), walk)
            db.commit()
        connection.commit()
        return _driver_of(connection).serialize()


def _copy(db: Session, connection: Connection, version_id: int) -> None:
    table = Base.metadata.tables
    version = table["study_version"].c
    of_version = {name: table[name].c.study_version_id == version_id for name in ("scale", "item", "condition")}
    of_version["study"] = (
        table["study"].c.id == select(version.study_id).where(version.id == version_id).scalar_subquery()
    )
    of_version["study_version"] = version.id == version_id
    of_version["clip"] = table["clip"].c.item_id.in_(select(table["item"].c.id).where(of_version["item"]))
    for name in COPIED:
        small = [column for column in table[name].c if column.name != LARGE.get(name)]
        empty = {LARGE[name]: {}} if name in LARGE else {}
        rows = db.execute(select(*small).where(of_version[name]).order_by(table[name].c.id)).mappings()
        if found := [dict(row) | empty for row in rows]:
            if name == "study":
                found[0]["recruiting"] = _without_codes(found[0]["recruiting"])
            if name == "study_version":
                written = found[0]["experiment"]
                found[0]["experiment"] = written | {"completion": _without_codes(written.get("completion", {}))}
            connection.execute(insert(table[name]), found)


def _without_codes(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: CODE if value and name.endswith("code") else value for name, value in written.items()}


def _enrol(db: Session, version: StudyVersion, walk: Walk) -> None:
    """A listener with all sessions, as ``enrolment.enrol`` draws them; all tokens follow from the walk."""
    listener = Listener(study_id=version.study_id, pseudonym=CODE, simulated=False, code=CODE)
    planned, moment = plan(design_for(version, {}), walk.seed), now()
    for part in range(1, experiment_of(version).test.sessions + 1):
        sitting = ListeningSession(
            listener=listener,
            version=version,
            part=part,
            token_sha256=str(part),
            seed=walk.seed,
            transducer=walk.transducer,
            experience=EXPERIENCE[0],
            language=walk.language,
            user_agent="",
            consent_at=moment,
            consent_sha256="",
            status="started" if part == 1 else "planned",
        )
        own = [trial for trial in planned if trial.part == part]
        sitting.trials = [trial_of(version, trial, position) for position, trial in enumerate(own, 1)]
        for trial in sitting.trials:
            trial.token = f"{version.identity[:12]}-{walk.seed}-{part}-{trial.position}"
            for slot in trial.slots:
                slot.token = f"{trial.token}-{'hidden' if slot.hidden else 'open'}-{slot.position}"
        db.add(sitting)
    db.flush()


def _driver_of(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.dbapi_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _no_such_page() -> NotFoundError:
    return NotFoundError(say("This preview has no such page. Please begin it again."))

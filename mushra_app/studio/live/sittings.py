"""What is stored of every session of a study, read in four queries however many there are.

Conventions: one letter per trial, in the order of the session: ``t`` training, ``e`` test, ``a`` attention check; what
is saved is ``1``, else ``0``. A sign of life is whatever the server stored with its time: the start, a step of setting
up, an answer, a save. Between two saves there is none.
Defines: ``Sitting``, ``sittings``, ``stamp``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from mushra_app.models import (
    Answer,
    Job,
    Listener,
    ListeningSession,
    Save,
    ScriptError,
    SetupStep,
    Study,
    StudyVersion,
    Trial,
)
from mushra_app.study import lifecycle

LETTERS = {"training": "t", "test": "e", "attention": "a"}
STATUSES = ("planned", "started", "finished", "withdrawn", "refused")


@dataclass
class Sitting:
    """One session; ``times_s`` are the seconds that each trial took, by position, of those that are saved."""

    listener: str
    group: str
    part: int
    status: str
    simulated: bool
    pilot: bool
    started_at: datetime
    seen_at: datetime
    blocks: str = ""
    saved: str = ""
    times_s: dict[int, float] = field(default_factory=dict)

    @property
    def at(self) -> int:
        """The position of the first trial that is not saved; one more than there are where all are."""
        return (self.saved.index("0") if "0" in self.saved else len(self.saved)) + 1


def sittings(db: Session, study_id: int) -> list[Sitting]:
    """All sessions of a study in the order in which they began, whatever version they are of."""
    found = {
        number: Sitting(*of_listener, started_at=started_at, seen_at=started_at)
        for number, started_at, *of_listener in db.execute(
            _of_study(
                select(
                    ListeningSession.id,
                    ListeningSession.started_at,
                    Listener.pseudonym,
                    Listener.listener_group,
                    ListeningSession.part,
                    ListeningSession.status,
                    Listener.simulated,
                    Listener.pilot,
                ).select_from(ListeningSession),
                study_id,
            ).order_by(ListeningSession.started_at, ListeningSession.id)
        )
    }
    _add_trials(db, study_id, found)
    for when, owner in ((SetupStep.done_at, SetupStep.session_id), (Answer.answered_at, Answer.session_id)):
        signs = select(owner, func.max(when)).join(ListeningSession, ListeningSession.id == owner).group_by(owner)
        for number, seen_at in db.execute(_of_study(signs, study_id)):
            found[number].seen_at = max(found[number].seen_at, seen_at)
    return list(found.values())


def _add_trials(db: Session, study_id: int, found: dict[int, Sitting]) -> None:
    """Every trial with its newest save; of the time of saves only the last one of a session, which is all it takes."""
    trials = _of_study(
        select(Trial.session_id, Trial.position, Trial.block, Save.trial_s)
        .select_from(Trial)
        .join(ListeningSession)
        .outerjoin(Save, Save.trial_id == Trial.id),
        study_id,
    ).order_by(Trial.session_id, Trial.position, Save.revision)
    last = (0, 0)
    for session, position, block, trial_s in db.execute(trials):
        sitting = found[session]
        if (session, position) != last:
            sitting.blocks += LETTERS[block]
            sitting.saved += "0" if trial_s is None else "1"
            last = (session, position)
        if trial_s is not None:
            sitting.times_s[position] = trial_s
    saved = (
        select(Trial.session_id, func.max(Save.saved_at))
        .select_from(Save)
        .join(Trial)
        .join(ListeningSession)
        .group_by(Trial.session_id)
    )
    for session, seen_at in db.execute(_of_study(saved, study_id)):
        found[session].seen_at = max(found[session].seen_at, seen_at)


def stamp(db: Session, study: str) -> str:
    """What differs whenever the page would: one query, which looks at the study's sessions and at ends of indexes.

    Saves of other studies change it too; that costs a page, and never leaves out one.
    """
    own = select(Study.id).where(Study.name == study).scalar_subquery()
    statuses = [func.sum(case((ListeningSession.status == status, 1), else_=0)) for status in STATUSES]
    parts = [select(func.max(table.id)) for table in (Save, ScriptError, SetupStep, Answer)]
    for status in lifecycle.STATUSES:
        parts.append(select(func.max(StudyVersion.id)).where(StudyVersion.study_id == own, StudyVersion.status == status))
    for status in ("waiting", "running", "done", "failed"):
        parts.append(select(func.count(Job.id)).where(Job.study_id == own, Job.status == status))
    counted = select(func.sum(ListeningSession.read_to), *statuses, *(part.scalar_subquery() for part in parts))
    counted = counted.select_from(ListeningSession).join(Listener).where(Listener.study_id == own)
    return "-".join("" if value is None else str(value) for value in db.execute(counted).one())


def _of_study(query: Select[Any], study_id: int) -> Select[Any]:
    return query.join(Listener, Listener.id == ListeningSession.listener_id).where(Listener.study_id == study_id)

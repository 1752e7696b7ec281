"""What is stored of every session of a study, read in one query however many there are.

Conventions: one letter per trial, in the order of the session: ``t`` training, ``e`` test, ``a`` attention check; what
is saved is ``1``, else ``0``. A sign of life is whatever the server stored with its time: the start, a step of setting
up, an answer, a save. Between two saves there is none. A clock that was set back makes things lie in the future: they
count as just now, until the clock has caught up.
Defines: ``Sitting``, ``sittings``, ``age_s``, ``state_of``, ``under_way``, ``stamp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Integer, String, bindparam, case, cast, func, or_, select
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
from mushra_app.study.lifecycle import STATUSES as OF_VERSIONS
from mushra_app.table_base import now

LETTERS = {"training": "t", "test": "e", "attention": "a"}
OF_JOBS = ("waiting", "running", "done", "failed")
QUIET_S = 15 * 60.0
"""Without a sign of life for so long, who was under way counts as stopped; between two saves there is none."""
STATUSES = ("planned", "started", "finished", "withdrawn", "refused")


@dataclass
class Sitting:
    """One session; ``begun`` is whether the listener ever came to it, without which its times mean nothing.

    ``times_s`` are the seconds that each trial took, by position, of those that are saved.
    """

    listener: str
    group: str
    part: int
    status: str
    simulated: bool
    pilot: bool
    begun: bool
    started_at: datetime
    seen_at: datetime
    blocks: str = ""
    saved: str = ""
    times_s: Mapping[int, float] = field(default_factory=dict)

    @property
    def at(self) -> int:
        """The position of the first trial that is not saved; one more than there are where all are."""
        return (self.saved.index("0") if "0" in self.saved else len(self.saved)) + 1


def sittings(db: Session, study_id: int) -> list[Sitting]:
    """All sessions of a study in the order in which they began, whatever version they are of.

    One row per session: Python's sqlite3 lets go of the interpreter at every row and has to wait for it among the
    listeners' saves, so that a row per trial would take a page a second where it is busy.
    """
    return [_sitting(*row[1:]) for row in db.execute(_SITTINGS, {"study": study_id})]


def age_s(moment: datetime, at: datetime) -> float:
    """Seconds from ``at`` to ``moment``; never below 0."""
    return max(0.0, (moment - at).total_seconds())


def state_of(sitting: Sitting, moment: datetime) -> str:
    """What is stored of a session; of one that has begun whether somebody is at it ``now`` or has ``stopped``."""
    if sitting.status != "started":
        return sitting.status
    return "now" if age_s(moment, sitting.seen_at) <= QUIET_S else "stopped"


def under_way(db: Session, study_id: int) -> int:
    """How many listeners of a study are at it now."""
    moment = now()
    return len({one.listener for one in sittings(db, study_id) if state_of(one, moment) == "now"})


def _sitting(*row: Any) -> Sitting:
    """A row of ``_SITTINGS`` without its number: what is known of the listener, four signs of life, the trials."""
    *of_listener, started_at, set_up_at, answered_at, saved_at, trials = row
    blocks, saved, times_s = _read(trials or "")
    return Sitting(
        *of_listener,
        started_at=started_at,
        seen_at=max(sign for sign in (started_at, set_up_at, answered_at, saved_at) if sign),
        blocks=blocks,
        saved=saved,
        times_s=times_s,
    )


@lru_cache(maxsize=4096)
def _read(trials: str) -> tuple[str, str, Mapping[int, float]]:
    """Trials as ``_TRIALS`` writes them, in any order; the highest revision counts. Few sessions change at a time."""
    newest: dict[int, tuple[str, int, int]] = {}
    for trial in trials.split():
        position, letter, revision, tenths = trial.split(",")
        found = letter, int(revision), int(tenths)
        newest[int(position)] = max(newest.get(int(position), found), found, key=itemgetter(1))
    ordered = sorted(newest.items())
    return (
        "".join(letter for _, (letter, _, _) in ordered),
        "".join("1" if revision else "0" for _, (_, revision, _) in ordered),
        {position: tenths / 10 for position, (_, revision, tenths) in ordered if revision},
    )


def _text(number: Any) -> Any:
    return cast(number, String)


_letter = case((Trial.block == "training", "t"), (Trial.block == "attention", "a"), else_="e")
_TRIALS = _text(Trial.position) + "," + _letter + "," + _text(func.coalesce(Save.revision, 0)) + ","
_TRIALS += _text(cast(func.coalesce(Save.trial_s, 0.0) * 10, Integer))
"""A trial with one of its saves, as text: position, letter, revision (0: none) and tenths of a second."""
_of_saves = (
    select(func.aggregate_strings(_TRIALS, " "))
    .select_from(Trial)
    .outerjoin(Save, Save.trial_id == Trial.id)
    .where(Trial.session_id == ListeningSession.id)
    .scalar_subquery()
)
_last_save = (
    select(func.max(Save.saved_at))
    .join(Trial, Trial.id == Save.trial_id)
    .where(Trial.session_id == ListeningSession.id)
    .scalar_subquery()
)
BEGUN = (ListeningSession.part == 1, ListeningSession.started_at != ListeningSession.consent_at)
"""One of them holds of a session that was begun: all are planned when the listener consents, the first begins then."""
_SITTINGS = (
    select(
        ListeningSession.id,
        Listener.pseudonym,
        Listener.listener_group,
        ListeningSession.part,
        ListeningSession.status,
        Listener.simulated,
        Listener.pilot,
        or_(*BEGUN).label("begun"),
        ListeningSession.started_at,
        select(func.max(SetupStep.done_at)).where(SetupStep.session_id == ListeningSession.id).scalar_subquery(),
        select(func.max(Answer.answered_at)).where(Answer.session_id == ListeningSession.id).scalar_subquery(),
        _last_save,
        _of_saves,
    )
    .join(Listener, Listener.id == ListeningSession.listener_id)
    .where(Listener.study_id == bindparam("study"))
    .order_by(ListeningSession.started_at, ListeningSession.id)
)


def stamp(db: Session, study: str) -> str:
    """What differs whenever the page would: one query, which looks at the study's sessions and at ends of indexes.

    Saves of other studies change it too; that costs a page, and never leaves out one.
    """
    own = select(Study.id).where(Study.name == study).scalar_subquery()
    statuses = [func.sum(case((ListeningSession.status == status, 1), else_=0)) for status in STATUSES]
    parts = [select(func.max(table.id)) for table in (Save, ScriptError, SetupStep, Answer)]
    versions, jobs = StudyVersion.study_id == own, Job.study_id == own
    parts += [select(func.max(StudyVersion.id)).where(versions, StudyVersion.status == one) for one in OF_VERSIONS]
    parts += [select(func.count(Job.id)).where(jobs, Job.status == one) for one in OF_JOBS]
    how_far = select(func.max(Job.progress)).where(jobs, Job.status == "running").scalar_subquery()
    counted = select(
        func.sum(ListeningSession.read_to), *statuses, how_far, *(part.scalar_subquery() for part in parts)
    )
    counted = counted.select_from(ListeningSession).join(Listener).where(Listener.study_id == own)
    return "-".join("" if value is None else str(value) for value in db.execute(counted).one())

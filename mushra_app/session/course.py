"""The course of a session: its trials in order, what stands before each, and which questions are due.

All of it follows from what is stored. Positions count from 1; hours are rounded up.
Defines: ``Step``, ``steps_of``, ``next_step``, ``block_of``, ``interruption``, ``refuse``, ``Asked``,
``asked_now``, ``wait_h``.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from mushra_app.models import ListeningSession, Save, Trial, TrialScale, now
from mushra_app.session.enrolment import experiment_of
from mushra_app.session.questionnaire import open_questions
from mushra_app.words import say
from stimuli.experiment import Question


class Step(NamedTuple):
    """One trial of a session, as far as finding the next page needs it."""

    id: int
    position: int
    block: str
    scale_id: int
    saved: bool


def steps_of(db: Session, sitting: ListeningSession) -> list[Step]:
    """All trials of a session in order, with whether each is saved."""
    saved = exists().where(Save.trial_id == Trial.id)
    rows = db.execute(
        select(Trial.id, Trial.position, Trial.block, func.min(TrialScale.scale_id), saved)
        .join(TrialScale, TrialScale.trial_id == Trial.id)
        .where(Trial.session_id == sitting.id)
        .group_by(Trial.id)
        .order_by(Trial.position)
    )
    return [Step(*row) for row in rows]


def next_step(steps: list[Step]) -> Step | None:
    return next((step for step in steps if not step.saved), None)


def block_of(steps: list[Step], step: Step) -> list[Step]:
    """The trials that a listener takes for one block: training, or the test with its attention checks."""
    return [other for other in steps if (other.block == "training") == (step.block == "training")]


def interruption(sitting: ListeningSession, steps: list[Step], step: Step) -> str | None:
    """What stands before a trial: ``start`` of a block, another ``question``, a ``break``, or nothing."""
    block = block_of(steps, step)
    place, every = block.index(step), experiment_of(sitting.version).test.break_every
    if place == 0:
        return "start"
    if block[place - 1].scale_id != step.scale_id:
        return "question"
    return "break" if step.block != "training" and every and place % every == 0 else None


def refuse(sitting: ListeningSession) -> None:
    """End all sessions of the listener that are not over: they are not whom the study looks for, or can't hear it."""
    for ended in sitting.listener.sessions:
        ended.status = "refused" if ended.status in ("started", "planned") else ended.status


class Asked(NamedTuple):
    """Questions that are open, and the position of the trial that they stand before; 0 outside of the test."""

    questions: list[Question]
    at_position: int
    heading: str


def asked_now(db: Session, sitting: ListeningSession, steps: list[Step]) -> Asked | None:
    """The questionnaire that is due: before the first session, at a break, or after the last session."""
    if sitting.part == 1 and (questions := open_questions(db, sitting, "before")):
        return Asked(questions, 0, say("Before you begin"))
    if (step := next_step(steps)) is None:
        questions = open_questions(db, sitting, "after")
        if questions and sitting.part != experiment_of(sitting.version).test.sessions:
            return None
        return Asked(questions, 0, say("Before you leave")) if questions else None
    is_break = sitting.read_to < step.position and interruption(sitting, steps, step) in ("question", "break")
    questions = open_questions(db, sitting, "between", step.position) if is_break else []
    return Asked(questions, step.position, say("In between")) if questions else None


def wait_h(sitting: ListeningSession) -> int | None:
    """How many hours, rounded up, until a session may begin; None where the one before it is not finished.

    Never more than the pause, whatever moment the one before it ended by a clock that was set back since.
    """
    before = next(other for other in sitting.listener.sessions if other.part == sitting.part - 1)
    if before.status != "finished" or before.finished_at is None:
        return None
    pause = timedelta(hours=experiment_of(sitting.version).test.hours_between_sessions)
    left = min(before.finished_at + pause - now(), pause)
    return max(math.ceil(left / timedelta(hours=1)), 0)

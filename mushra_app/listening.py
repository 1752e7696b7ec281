"""What a listener does, from page to page: see the next one, answer, go on, finish, withdraw.

The next page follows from what is stored and from nothing else, so a reload, a second tab or another computer
go on where the listener was. How a session begins is in ``mushra_app.enrolment``, saving a trial in
``mushra_app.saving``. Functions take a SQLAlchemy session and know nothing of the web; ``base`` is the address
of the listener's session without a trailing slash.

Defines: ``sitting_of``, ``next_page``, ``answer``, ``go_on``, ``sound_sha256``,
``finish_if_complete``, ``withdraw``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session, selectinload

from mushra_app.enrolment import experiment_of
from mushra_app.errors import NotFoundError
from mushra_app.listener import pages
from mushra_app.models import Answer, Clip, ListeningSession, Save, Slot, Trial, TrialScale, now
from mushra_app.questionnaire import as_page, mistakes, open_questions
from mushra_app.security import token_sha256

OPEN_ROLES = {"reference": "Reference", "mixture": "Mixture"}
"""Roles of the sounds that are named on the page, with their names."""

Page = pages.QuestionsPage | pages.InstructionsPage | pages.TrialPage | pages.DonePage | pages.MessagePage


class Step(NamedTuple):
    """One trial of a session, as far as finding the next page needs it."""

    id: int
    position: int
    block: str
    scale_id: int
    saved: bool


def sitting_of(db: Session, token: str) -> ListeningSession:
    """The session that a token opens; NotFoundError for any other token."""
    found = db.scalar(select(ListeningSession).where(ListeningSession.token_sha256 == token_sha256(token)))
    if found is None:
        raise NotFoundError("This address opens no session. Please use the link that you were given.")
    return found


def next_page(db: Session, sitting: ListeningSession, base: str) -> Page:
    """The page that is next in this session."""
    version, steps = sitting.version, _steps(db, sitting)
    if sitting.status == "withdrawn":
        return pages.MessagePage(version.title, "You have withdrawn", ("Your answers will not be used.",))
    if questions := open_questions(db, sitting, "before"):
        return as_page(version.title, questions, heading="Before you begin")
    step = next((step for step in steps if not step.saved), None)
    if step is not None:
        return _instructions(sitting, steps, step) or _trial_page(db, sitting, steps, step, base=base)
    if questions := open_questions(db, sitting, "after"):
        return as_page(version.title, questions, heading="Before you leave")
    contact = experiment_of(version).experiment.contact
    return pages.DonePage(title=version.title, code=sitting.listener.code, contact=contact)


def answer(db: Session, sitting: ListeningSession, given: Mapping[str, str]) -> pages.QuestionsPage | None:
    """Store the answers to the questionnaire that is next; or the page with what has to be corrected."""
    when = "before" if open_questions(db, sitting, "before") else "after"
    questions = open_questions(db, sitting, when)
    if wrong := mistakes(questions, given):
        heading = "Please look at this again"
        return as_page(sitting.version.title, questions, heading=heading, given=given, wrong=wrong)
    for question in questions:
        text = given.get(question.name, "").strip()
        db.add(Answer(session_id=sitting.id, question=question.name, text=text, personal=question.personal))
    db.flush()
    finish_if_complete(db, sitting)
    return None


def go_on(db: Session, sitting: ListeningSession) -> None:
    """The listener has read the instructions that stand before the next trial."""
    step = next((step for step in _steps(db, sitting) if not step.saved), None)
    if step is not None:
        sitting.read_to = max(sitting.read_to, step.position)


def sound_sha256(db: Session, token: str, slot: str) -> str:
    """Which stored sound a slot of a session under way plays; NotFoundError for any other slot."""
    found = db.scalar(
        select(Clip.media_sha256)
        .join(Slot, Slot.clip_id == Clip.id)
        .join(Trial, Trial.id == Slot.trial_id)
        .join(ListeningSession, ListeningSession.id == Trial.session_id)
        .where(Slot.token == slot, ListeningSession.token_sha256 == token_sha256(token))
        .where(ListeningSession.status == "started")
    )
    if found is None:
        raise NotFoundError("This sound is not part of this session.")
    return found


def finish_if_complete(db: Session, sitting: ListeningSession) -> None:
    """The session is finished once every trial is saved and every question was put."""
    complete = all(step.saved for step in _steps(db, sitting)) and not open_questions(db, sitting, "after")
    if complete and sitting.status == "started":
        sitting.status, sitting.finished_at = "finished", now()


def withdraw(db: Session, sitting: ListeningSession) -> None:
    """The listener takes back their consent: personal answers are erased, ratings leave every export."""
    own = select(ListeningSession.id).where(ListeningSession.listener_id == sitting.listener_id)
    db.execute(delete(Answer).where(Answer.personal, Answer.session_id.in_(own)))
    for session in db.scalars(select(ListeningSession).where(ListeningSession.listener_id == sitting.listener_id)):
        session.status = "withdrawn"


def _steps(db: Session, sitting: ListeningSession) -> list[Step]:
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


def _instructions(sitting: ListeningSession, steps: list[Step], step: Step) -> pages.InstructionsPage | None:
    """What stands before a trial and was not read yet: the start of a block, another question, a break."""
    if sitting.read_to >= step.position:
        return None
    block = [other for other in steps if other.block == step.block]
    place, title = block.index(step), sitting.version.title
    every = experiment_of(sitting.version).test.break_every
    if place == 0:
        return _start_of(step.block, title, pages_in_block=len(block))
    if block[place - 1].scale_id != step.scale_id:
        text = ("From here on another question is asked. It stands above the sounds.",)
        return pages.InstructionsPage(title, "Another question", text, "Go on")
    if step.block == "test" and every and place % every == 0:
        text = (f"You have rated {place} of {len(block)} pages. Rest your ears for a moment if you like.",)
        return pages.InstructionsPage(title, "Time for a break", text, "Go on")
    return None


def _start_of(block: str, title: str, *, pages_in_block: int) -> pages.InstructionsPage:
    """What is said before the training, and before the test."""
    if block == "training":
        text = (
            "First get to know the sounds and the controls. Nothing of this practice is evaluated.",
            "On each page compare the numbered sounds with the reference as often as you like, and rate each one.",
            "One of the numbered sounds is the reference itself. Rate it 100.",
        )
        return pages.InstructionsPage(title, "Practice", text, "Start practising")
    text = (
        f"There are {pages_in_block} pages to rate, each with another piece of music or another order of sounds.",
        "Compare the numbered sounds with the reference as often as you like, and rate each one.",
        "One of the numbered sounds is the reference itself. Rate it 100.",
        "Every page is stored when you go on; you may close it and come back with the same address, also on another "
        "computer. What you have set on a page before you go on is kept in this browser only.",
    )
    return pages.InstructionsPage(title, "The test", text, "Start")


def _trial_page(db: Session, sitting: ListeningSession, steps: list[Step], step: Step, *, base: str) -> pages.TrialPage:
    """One trial as its page shows it: tokens and numbers, and no word of what they stand for."""
    load = (selectinload(Trial.slots).joinedload(Slot.clip), selectinload(Trial.scales), selectinload(Trial.saves))
    trial = db.get_one(Trial, step.id, options=load)
    block = [other for other in steps if other.block == step.block]
    scale, clip = trial.scales[0], trial.slots[0].clip
    opened, hidden = ([slot for slot in trial.slots if slot.hidden is kind] for kind in (False, True))
    return pages.TrialPage(
        title=sitting.version.title,
        number=block.index(step) + 1,
        total=len(block),
        training=step.block == "training",
        question=scale.question,
        labels=tuple(scale.labels),
        token=trial.token,
        save_url=f"{base}/trials/{trial.token}",
        next_url=f"{base}/",
        references=tuple(_sound(slot, OPEN_ROLES[slot.clip.role], base) for slot in opened),
        sounds=tuple(_sound(slot, str(slot.position), base) for slot in hidden),
        rate_hz=clip.rate_hz,
        frames=clip.frames,
        switching=experiment_of(sitting.version).test.switching,
        revision=max((save.revision for save in trial.saves), default=0),
        next_sounds=_next_sounds(db, steps, step, base),
    )


def _next_sounds(db: Session, steps: list[Step], step: Step, base: str) -> tuple[str, ...]:
    """Addresses of the sounds of the trial that follows, in the order of its page."""
    later = next((other for other in steps if other.position > step.position and not other.saved), None)
    if later is None:
        return ()
    tokens = db.scalars(select(Slot.token).where(Slot.trial_id == later.id).order_by(Slot.hidden, Slot.position))
    return tuple(f"{base}/sound/{token}" for token in tokens)


def _sound(slot: Slot, label: str, base: str) -> pages.Sound:
    return pages.Sound(token=slot.token, url=f"{base}/sound/{slot.token}", label=label)

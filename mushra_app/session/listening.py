"""What a listener does, from page to page: see the next one, answer, go on, finish.

The next page follows from what is stored and from nothing else, so a reload, a second tab or another computer
go on where the listener was. How a session begins is in ``mushra_app.session.enrolment``, saving a trial in
``mushra_app.session.saving``, what a listener may take back in ``mushra_app.session.privacy``. Functions take a
SQLAlchemy session and know nothing of the web; ``base`` is the address of the listener's session without a trailing
slash.

Defines: ``sitting_of``, ``next_page``, ``answer``, ``go_on``, ``sounds_of_trial``,
``finish_if_complete``.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, selectinload

from mushra_app.errors import NotFoundError
from mushra_app.listener import pages
from mushra_app.models import Answer, Clip, ListeningSession, PersonalText, Save, Slot, Trial, now
from mushra_app.security import token_sha256
from mushra_app.session import announcements, course, setting_up
from mushra_app.session.course import Step
from mushra_app.session.enrolment import experiment_of, title_of
from mushra_app.session.questionnaire import as_page, mistakes
from mushra_app.words import say, written

Page = (
    pages.QuestionsPage
    | pages.InstructionsPage
    | pages.LevelPage
    | pages.CheckPage
    | pages.TrialPage
    | pages.DonePage
    | pages.MessagePage
)

_SITTING = select(ListeningSession).where(ListeningSession.token_sha256 == bindparam("sha256"))


def sitting_of(db: Session, token: str, *, locked: bool = False) -> ListeningSession:
    """The session that a token opens; NotFoundError for any other token.

    ``locked``: nobody else changes it until this transaction ends, so that its status stays what it is now. Whoever is
    about to write on behalf of a session needs that: its listener may be withdrawing in another tab.
    """
    query = _SITTING.with_for_update() if locked else _SITTING
    found = db.scalar(query, {"sha256": token_sha256(token)})
    if found is None:
        raise NotFoundError(say("This address opens no session. Please use the link that you were given."))
    return found


def next_page(db: Session, sitting: ListeningSession, base: str) -> Page:
    """The page that is next in this session."""
    version, steps = sitting.version, course.steps_of(db, sitting)
    if sitting.status in ("withdrawn", "refused"):
        return announcements.ended(db, sitting)
    if sitting.status == "planned":
        return announcements.before_a_later_session(sitting)
    if asked := course.asked_now(db, sitting, steps):
        return as_page(version, asked.questions, heading=asked.heading)
    step = course.next_step(steps)
    if step is None:
        return announcements.done(db, sitting, base)
    if setup := setting_up.next_step(sitting):
        return setting_up.page(sitting, setup, base)
    return announcements.instructions(sitting, steps, step) or _trial_page(db, sitting, steps, step, base=base)


def answer(db: Session, sitting: ListeningSession, given: Mapping[str, str]) -> pages.QuestionsPage | None:
    """Store the answers to the questionnaire that is next; the page with corrections where some won't do."""
    asked = course.asked_now(db, sitting, course.steps_of(db, sitting))
    if asked is None:
        return None
    if wrong := mistakes(asked.questions, given):
        heading = say("Please look at this again")
        return as_page(sitting.version, asked.questions, heading=heading, given=given, wrong=wrong)
    wanted = [question for question in asked.questions if question.accept]
    refused = not sitting.listener.simulated and any(given[one.name].strip() not in one.accept for one in wanted)
    for question in asked.questions:
        text, personal = given.get(question.name, "").strip(), question.personal
        kept = {"question": question.name, "text": "" if personal else text, "personal": personal}
        db.add(row := Answer(session_id=sitting.id, at_position=asked.at_position, **kept))
        db.flush()
        if personal and text and not refused:  # of whoever takes no part nothing personal is kept
            db.add(PersonalText(answer_id=row.id, text=text))
    if refused:
        course.refuse(sitting)
    finish_if_complete(db, sitting)
    return None


def go_on(db: Session, sitting: ListeningSession, user_agent: str = "") -> None:
    """The listener has read the instructions that stand before the next trial, or begins a later session."""
    if sitting.status == "planned":
        if course.wait_h(sitting) == 0:
            sitting.status, sitting.started_at, sitting.user_agent = "started", now(), user_agent
        return
    if (step := course.next_step(course.steps_of(db, sitting))) is not None:
        sitting.read_to = max(sitting.read_to, step.position)


def sounds_of_trial(db: Session, token: str, slot: str) -> dict[str, str]:
    """The stored sound of every slot of the trial that ``slot`` is part of, by the slots' tokens.

    NotFoundError for a slot of no trial of this session, and where the session is not under way.
    """
    trial = (
        select(Slot.trial_id)
        .join(Trial, Trial.id == Slot.trial_id)
        .join(ListeningSession, ListeningSession.id == Trial.session_id)
        .where(Slot.token == slot, ListeningSession.token_sha256 == token_sha256(token))
        .where(ListeningSession.status == "started")
    )
    sounds = select(Slot.token, Clip.media_sha256).join(Clip, Slot.clip_id == Clip.id)
    found = db.execute(sounds.where(Slot.trial_id == trial.scalar_subquery())).all()
    if not found:
        raise NotFoundError("This sound is not part of this session.")
    return {other: sha256 for other, sha256 in found}  # noqa: C416


def finish_if_complete(db: Session, sitting: ListeningSession) -> None:
    """The session is finished once every trial is saved and every question was put."""
    steps = course.steps_of(db, sitting)
    complete = all(step.saved for step in steps) and not course.asked_now(db, sitting, steps)
    if complete and sitting.status == "started":
        sitting.status, sitting.finished_at = "finished", now()


def _trial_page(db: Session, sitting: ListeningSession, steps: list[Step], step: Step, *, base: str) -> pages.TrialPage:
    """One trial as its page shows it: tokens and numbers, and no word of what they stand for."""
    load = (selectinload(Trial.slots).joinedload(Slot.clip), selectinload(Trial.scales), selectinload(Trial.saves))
    trial = db.get_one(Trial, step.id, options=load)
    experiment, block = experiment_of(sitting.version), course.block_of(steps, step)
    scale, clip = trial.scales[0], trial.slots[0].clip
    opened, hidden = ([slot for slot in trial.slots if slot.hidden is kind] for kind in (False, True))
    lowest, highest = setting_up.gain_range(sitting)
    return pages.TrialPage(
        title=title_of(sitting.version),
        number=block.index(step) + 1,
        total=len(block),
        training=step.block == "training",
        question=written(experiment, scale.question),
        labels=tuple(written(experiment, label) for label in scale.labels),
        token=trial.token,
        save_url=f"{base}/trials/{trial.token}",
        next_url=f"{base}/",
        references=tuple(
            _sound(slot, say("Mixture") if slot.clip.role == "mixture" else say("Reference"), base) for slot in opened
        ),
        sounds=tuple(_sound(slot, say("Sound %(number)s", number=slot.position), base) for slot in hidden),
        rate_hz=clip.rate_hz,
        frames=clip.frames,
        switching=experiment.test.switching,
        revision=max((save.revision for save in trial.saves), default=0),
        next_sounds=_next_sounds(db, steps, step, base),
        gain_db=_latest_gain(db, sitting, (lowest + highest) / 2),
        lowest_gain_db=lowest,
        highest_gain_db=highest,
        show_numbers=experiment.test.show_numbers,
    )


def _latest_gain(db: Session, sitting: ListeningSession, set_to: float) -> float:
    """The gain of the trial that was saved last; what was set before the first one where there is none."""
    saved = select(Save.gain_db).join(Trial).where(Trial.session_id == sitting.id).order_by(Save.id.desc()).limit(1)
    latest = db.scalar(saved)
    return set_to if latest is None else latest


def _next_sounds(db: Session, steps: list[Step], step: Step, base: str) -> tuple[str, ...]:
    """Addresses of the sounds of the trial that follows, in the order of its page."""
    later = next((other for other in steps if other.position > step.position and not other.saved), None)
    if later is None:
        return ()
    tokens = db.scalars(select(Slot.token).where(Slot.trial_id == later.id).order_by(Slot.hidden, Slot.position))
    return tuple(f"{base}/sound/{token}" for token in tokens)


def _sound(slot: Slot, label: str, base: str) -> pages.Sound:
    return pages.Sound(token=slot.token, url=f"{base}/sound/{slot.token}", label=label)

"""What listeners may take back, and what is not kept for ever: withdrawal and retention.

Three things are known of a listener beside their ratings: what they wrote (personal answers above all, which lie apart
in ``PersonalText``), what their browsers say of themselves (user agents, reports of errors), and whom their invitation
or their panel says that they are. The design stays whatever is erased: who heard what in which order, that a question
was put, and by which way somebody came.

Functions take a SQLAlchemy session and know nothing of the web.
Defines: ``listener_of``, ``listener_in``, ``about``, ``withdraw``, ``expired``, ``expire``, ``Kept``, ``kept``,
``erase_personal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from mushra_app import jobs
from mushra_app.errors import NotFoundError
from mushra_app.models import Answer, Listener, ListeningSession, PersonalText, Save, ScriptError, Study, Trial
from mushra_app.study.tables import Invitation, Recruit
from mushra_app.words import say


def listener_of(db: Session, code: str) -> Listener:
    """The listener who was given a code, however it was typed; NotFoundError where nobody was.

    A code is one of 32^10, and is not to be found by trying.
    """
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    found = db.scalar(select(Listener).where(Listener.code == typed))
    if found is None:
        raise NotFoundError(say("No listener has this code. Please look at it again; it has ten letters and digits."))
    return found


def listener_in(db: Session, study: str, typed: str) -> Listener:
    """The listener of a study by pseudonym or code; NotFoundError where nobody is called so."""
    code = "".join(letter for letter in typed.upper() if letter.isalnum())
    own = select(Listener).join(Study).where(Study.name == study)
    found = db.scalars(own.where(or_(Listener.pseudonym == typed.strip(), Listener.code == code))).first()
    if found is None:
        raise NotFoundError(
            say("%(study)s has no listener with the pseudonym or code %(typed)r", study=study, typed=typed.strip())
        )
    return found


def about(listener: Listener) -> str:
    """What the audit log calls a listener."""
    return f"{listener.sessions[0].version.study.name}: {listener.pseudonym}"


def withdraw(db: Session, listener: Listener) -> None:
    """The listener takes back their consent: whatever they wrote is erased, and their ratings leave every export."""
    own = select(ListeningSession.id).where(ListeningSession.listener_id == listener.id)
    mine = select(ListeningSession).where(ListeningSession.listener_id == listener.id).order_by(ListeningSession.id)
    # Locked, so that a save under way is in before it is erased, and one that waits finds the listener gone.
    for session in db.scalars(mine.with_for_update().execution_options(populate_existing=True)):
        session.status = "withdrawn"
    db.flush()
    _erase(db, own)
    db.execute(update(Answer).where(Answer.session_id.in_(own), Answer.text != "").values(text=""))
    db.execute(update(Save).where(Save.trial_id.in_(_trials(own)), Save.comment != "").values(comment=""))
    jobs.forget_readings(db, listener.study_id)


def expired(db: Session, before: datetime) -> int:
    """How many sessions begun before, and invitations made before, have something to erase; only reads."""
    personal = exists().where(PersonalText.answer_id == Answer.id, Answer.session_id == ListeningSession.id)
    reported = exists().where(ScriptError.session_id == ListeningSession.id)
    saved_by = exists().where(Save.trial_id == Trial.id, Trial.session_id == ListeningSession.id, Save.user_agent != "")
    old = select(ListeningSession.id).where(ListeningSession.started_at < before)
    recruited = exists().where(Recruit.listener_id == ListeningSession.listener_id, Recruit.person != "")
    due = old.where(or_(ListeningSession.user_agent != "", personal, reported, saved_by, recruited))
    invited = select(Invitation.id).where(Invitation.label != "", Invitation.created_at < before)
    return sum(db.scalar(select(func.count()).select_from(query.subquery())) or 0 for query in (due, invited))


def expire(db: Session, before: datetime) -> None:
    """Erase what is personal of all sessions begun before, and whom the invitations made before were for."""
    _erase(db, select(ListeningSession.id).where(ListeningSession.started_at < before))
    db.execute(update(Invitation).where(Invitation.created_at < before, Invitation.label != "").values(label=""))


@dataclass(frozen=True)
class Kept:
    """What is personal of a study: answers, and names, which are labels of invitations and what panels call people."""

    answers: int
    names: int

    @property
    def anything(self) -> bool:
        """Whether there is something to erase."""
        return bool(self.answers or self.names)


def kept(db: Session, study_id: int) -> Kept:
    """How much of what is personal of a study is stored."""
    answers = select(func.count()).select_from(PersonalText).join(Answer).join(ListeningSession).join(Listener)
    labels = select(func.count()).where(Invitation.study_id == study_id, Invitation.label != "")
    people = select(func.count(Recruit.id)).join(Listener, Listener.id == Recruit.listener_id)
    return Kept(
        answers=db.scalar(answers.where(Listener.study_id == study_id)) or 0,
        names=(db.scalar(labels) or 0)
        + (db.scalar(people.where(Listener.study_id == study_id, Recruit.person != "")) or 0),
    )


def erase_personal(db: Session, study_id: int) -> None:
    """Erase personal answers, what browsers said and whom invitations and panels name, of a study; all else stays."""
    own = select(ListeningSession.id).join(Listener, Listener.id == ListeningSession.listener_id)
    _erase(db, own.where(Listener.study_id == study_id))
    db.execute(update(Invitation).where(Invitation.study_id == study_id, Invitation.label != "").values(label=""))


def _erase(db: Session, sessions: Select[int]) -> None:
    """What is personal of these sessions, in the order in which a withdrawal locks."""
    answers = select(Answer.id).where(Answer.session_id.in_(sessions))
    agents = (Save.trial_id.in_(_trials(sessions)), Save.user_agent != "")
    db.execute(update(ListeningSession).where(ListeningSession.id.in_(sessions)).values(user_agent=""))
    db.execute(delete(PersonalText).where(PersonalText.answer_id.in_(answers)))
    db.execute(delete(ScriptError).where(ScriptError.session_id.in_(sessions)))
    db.execute(update(Save).where(*agents).values(user_agent=""))
    listeners = select(ListeningSession.listener_id).where(ListeningSession.id.in_(sessions))
    named = (Recruit.listener_id.in_(listeners), Recruit.person != "")
    db.execute(update(Recruit).where(*named).values(person="", detail={}))
    labelled = (Invitation.listener_id.in_(listeners), Invitation.label != "")
    db.execute(update(Invitation).where(*labelled).values(label=""))


def _trials(sessions: Select[int]) -> Select[int]:
    return select(Trial.id).where(Trial.session_id.in_(sessions))

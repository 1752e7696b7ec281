"""Listening places in use: the next listener, and those who come back for their next session.

Whoever runs a lab makes an invitation with a click; the listener gets a code at once, which brings them back on another
day, to this place or another. The session keeps the record of the place that it is held at.

Conventions: times in days and hours. Functions take a SQLAlchemy session and know nothing of the web. Defines:
``STALE_DAYS``, ``is_stale``, ``next_listener``, ``come_back``, ``Returning``, ``returning``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from mushra_app.errors import ConflictError, NotFoundError
from mushra_app.models import Listener, ListeningSession, Place, StudyVersion, now
from mushra_app.session import course, enrolment, privacy
from mushra_app.study import arriving, invitations
from mushra_app.study.arriving import Link
from mushra_app.study.invitations import Wanted
from mushra_app.study.tables import Invitation, Recruit
from mushra_app.words import say, say_number

STALE_DAYS = 30
"""A calibration that is older is warned of: plugs are moved, and knobs are turned."""

MOST_LISTED = 100
"""Of those with sessions left, the newest; whoever is not among them is found by their code."""


class Returning(NamedTuple):
    """One listener with sessions left: the next one's number, of how many, and in how many hours it may begin."""

    code: str
    pseudonym: str
    part: int
    sessions: int
    wait_h: int


def is_stale(place: Place) -> bool:
    """Whether a place was calibrated too long ago."""
    return now() - place.calibrated_at > timedelta(days=STALE_DAYS)


def next_listener(db: Session, version: StudyVersion, place: Place, group: str, label: str) -> Invitation:
    """An invitation for whoever sits down now; TurnedAwayError where the study has no place left for them."""
    made = invitations.create(db, version.study, [Wanted(label, group)], code=enrolment.new_code())[0]
    arriving.admit(db, version, Link(place=place, invitation=made.id))
    return made


def come_back(db: Session, study_id: int, code: str, place: Place, key: str) -> str:
    """The token of the session that a listener goes on with at a place, by the code that they have.

    Raises
    ------
    NotFoundError
        Where nobody of this study has the code.
    ConflictError
        Where they have no session left, may not begin the next one yet, or must use their own address.
    """
    listener = privacy.listener_of(db, code)
    if listener.study_id != study_id:
        raise NotFoundError(say("No listener of this study has this code."))
    left = next((sitting for sitting in listener.sessions if sitting.status in ("started", "planned")), None)
    if left is None:
        raise ConflictError(say("This listener has no session left."))
    token = enrolment.way_back(listener, key)
    if token is None:
        raise ConflictError(say("This listener goes on at the address of their own session."))
    if left.status == "planned":
        if hours := course.wait_h(left):
            raise ConflictError(
                say_number(
                    "This listener's next session can begin in about an hour.",
                    "This listener's next session can begin in about %(num)d hours.",
                    hours,
                )
            )
        left.place, left.level_db_a, left.transducer = place, place.level_db_a, place.transducer
    return token


def returning(db: Session, version: StudyVersion) -> list[Returning]:
    """Those who came to a listening place and have sessions left, those first who may begin now."""
    left = exists().where(
        ListeningSession.listener_id == Listener.id, ListeningSession.status.in_(("started", "planned"))
    )
    query = (
        select(Listener)
        .join(Recruit, Recruit.listener_id == Listener.id)
        .where(Listener.study_id == version.study_id, Recruit.channel == "lab", left)
        .options(selectinload(Listener.sessions))
        .order_by(Listener.id.desc())
        .limit(MOST_LISTED)
    )
    found = [_returning(listener) for listener in db.scalars(query)]
    return sorted(found, key=lambda one: (one.wait_h, one.pseudonym))


def _returning(listener: Listener) -> Returning:
    next_one = next(sitting for sitting in listener.sessions if sitting.status in ("started", "planned"))
    hours = course.wait_h(next_one) or 0 if next_one.status == "planned" else 0
    return Returning(listener.code, listener.pseudonym, next_one.part, len(listener.sessions), hours)

"""Listeners who come by a link, for the tests of how a study is filled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from studio_people import csrf

from mushra_app.db import Database
from mushra_app.errors import AppError, TurnedAwayError
from mushra_app.models import Listener
from mushra_app.session import listening
from mushra_app.session.enrolment import Arrival
from mushra_app.study import arriving, invitations, lifecycle, recruiting
from mushra_app.study.arriving import Link, Panel
from mushra_app.study.invitations import Wanted
from mushra_app.study.tables import Invitation

KEY = "a key of thirty-two letters or more"
FORM = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
BACK = "https://app.prolific.com/submissions/complete?cc={code}"


def settle(database: Database, **settings: Any) -> None:
    """Set the recruiting of the tiny study."""
    with database.writing() as db:
        recruiting.change(lifecycle.current(db, "tiny").study, settings)


def invite(database: Database, label: str = "Ada Lovelace", group: str = "") -> int:
    """Make an invitation; its number."""
    with database.writing() as db:
        return invitations.create(db, lifecycle.current(db, "tiny").study, [Wanted(label, group)])[0].id


def come(database: Database, link: Link | None = None, **changes: Any) -> str:
    """Somebody comes by a link, the open one if none is given; the token of their session."""
    link = link or Link()
    given = {"transducer": "headphones", "experience": "experienced", "user_agent": "a test", "key": KEY} | changes
    with database.writing() as db:
        arrival = Arrival(place=link.place, simulated=link.simulated, **given)
        return arriving.arrive(db, lifecycle.taking(db, "tiny"), link, arrival)


def begin(client: FlaskClient, address: str, **changes: str) -> Any:
    """Open a link and agree to take part."""
    page = client.get(address)
    if page.status_code != 200:
        return page
    return client.post(address, data=FORM | changes | {"csrf_token": csrf(page.text)})


def from_prolific(person: str = "5f1", **detail: str) -> Link:
    """A link of Prolific's."""
    return Link(panel=Panel("prolific", person, detail))


def listener_of(db: Session, token: str) -> Listener:
    """Whose session that is."""
    return listening.sitting_of(db, token).listener


def state_of(database: Database, number: int) -> str:
    """The state of an invitation, as the studio lists it."""
    with database.reading() as db:
        study_id = db.scalar(select(Invitation.study_id).where(Invitation.id == number)) or 0
        return next(one.state for one in invitations.listed(db, study_id) if one.number == number)


def guest_of(database: Database, token: str) -> Guest:
    """Whoever has the session of that token."""
    found = object.__new__(Guest)
    found.database, found.token, found.base = database, token, f"/session/{token}"
    return found


def ended_by(database: Database, token: str, status: str) -> None:
    """A session comes into another state."""
    with database.writing() as db:
        listening.sitting_of(db, token).status = status


def in_all(database: Database) -> int:
    """How many listeners there are."""
    with database.reading() as db:
        return db.scalar(select(func.count(Listener.id))) or 0


def turned_away(database: Database, link: Link | None = None) -> str:
    """Why somebody who comes by a link is not taken."""
    with pytest.raises(TurnedAwayError) as caught:
        come(database, link)
    return caught.value.reason


def at_once(count: int, work: Callable[[int], object]) -> list[Exception]:
    """Run something on that many threads at the same moment; what they raised."""
    ready, raised = threading.Barrier(count), []

    def one(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except AppError as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def two_sessions(pause_h: float) -> dict[str, Any]:
    """What a study has otherwise whose listeners come twice, with a pause between."""
    return {"test": {"references": ["reference"], "sessions": 2, "hours_between_sessions": pause_h}}

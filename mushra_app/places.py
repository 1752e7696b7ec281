"""Listening places: what was measured at each, and at which of them somebody sits.

A place is calibrated by playing the alignment noise through one channel and measuring it at the listener's ear
(BS.1534-3, clause 8). Every calibration is a row that nothing changes afterwards: a place calibrated again gets
another one, and sessions keep the one that they began with. The record written down last is the one that holds,
whatever the machine's clock said meanwhile.

Conventions: levels in dB(A) per channel; names are compared without regard to case and spaces, so that one chair is
one place. Functions take a SQLAlchemy session and know nothing of the web. Defines: ``add``, ``latest``, ``current``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app.errors import FieldsError, NotFoundError
from mushra_app.models import Place
from mushra_app.session.enrolment import TRANSDUCERS
from mushra_app.words import say
from stimuli.errors import shown

LOWEST_DB_A, HIGHEST_DB_A = 40, 110
LONGEST_NAME, LONGEST_DEVICE = 60, 300


def add(db: Session, name: str, *, level_db_a: float, transducer: str, device: str) -> Place:
    """Write down one calibration.

    Parameters
    ----------
    level_db_a : of one channel's alignment noise at the listener's ear, 40 to 110 dB(A).
    transducer : one of ``TRANSDUCERS``.
    device : interface, amplifier, headphones or loudspeakers, in the experimenter's words.

    Raises
    ------
    FieldsError
        With a sentence per thing that won't do: ``name``, ``level``, ``transducer``, ``device``.
    """
    name, device = _on_one_line(name), _on_one_line(device)
    if wrong := _mistakes(name, level_db_a, transducer, device):
        raise FieldsError(wrong)
    known = {place.name.casefold(): place.name for place in latest(db)}
    place = Place(name=known.get(name.casefold(), name), level_db_a=level_db_a, transducer=transducer, device=device)
    db.add(place)
    db.flush()
    return place


def latest(db: Session) -> Sequence[Place]:
    """The newest record of each place, by name."""
    newest = select(func.max(Place.id)).group_by(Place.name)
    return db.scalars(select(Place).where(Place.id.in_(newest)).order_by(Place.name)).all()


def current(db: Session, name: str) -> Place:
    """The newest record of a place; NotFoundError, with those that there are, where there is none."""
    known, wanted = latest(db), _on_one_line(name).casefold()
    for place in known:
        if place.name.casefold() == wanted:
            return place
    if not known:
        raise NotFoundError(say("No listening place is on record yet: calibrate one in the studio, and write it down."))
    names = ", ".join(place.name for place in known)
    raise NotFoundError(
        say("No listening place %(name)s is on record; there are: %(names)s.", name=shown(name), names=names)
    )


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _mistakes(name: str, level_db_a: float, transducer: str, device: str) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not _is_short_text(name, LONGEST_NAME):
        wrong["name"] = say("the name: expected 1 to %(most)d letters, such as Booth 1", most=LONGEST_NAME)
    if not LOWEST_DB_A <= level_db_a <= HIGHEST_DB_A:
        wrong["level"] = say(
            "the level: found %(found)s; expected %(lowest)s to %(highest)s dB(A), as the sound level meter says",
            found=say("no number") if math.isnan(level_db_a) else f"{level_db_a:g}",
            lowest=LOWEST_DB_A,
            highest=HIGHEST_DB_A,
        )
    if transducer not in TRANSDUCERS:
        wrong["transducer"] = say(
            "the transducer: found %(found)s; expected headphones or loudspeakers",
            found=shown(transducer) if transducer else say("nothing"),
        )
    if not _is_short_text(device, LONGEST_DEVICE):
        wrong["device"] = say(
            "the device: expected 1 to %(most)d letters, such as the interface and the headphones", most=LONGEST_DEVICE
        )
    return wrong


def _is_short_text(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()

"""Listeners who hear what they rate, so that no rule leaves them out: for tests of reports.

Defines: ``listened``.
"""

from __future__ import annotations

import random

from server_guests import Guest
from sqlalchemy import select

from mushra_app.db import Database
from mushra_app.listener.pages import DonePage, TrialPage
from mushra_app.models import Slot

ABOUT = {"reference": 100, "lowpass-3500": 20, "lowpass-7000": 45, "zebra-net": 75, "quokka-sep": 55}


def listened(database: Database, count: int = 4, study: str = "tiny", *, comment: str = "") -> list[Guest]:
    """That many listeners who have finished; each rates a little differently, always the same."""
    guests = []
    for number in range(count):
        guest, draw = Guest(database, study), random.Random(f"{study} {number}")
        while not isinstance(page := guest.page(), DonePage):
            if isinstance(page, TrialPage):
                guest.save(page, ratings=_heard(database, page, draw), comment=comment)
            else:
                guest.pass_by(page)
        guests.append(guest)
    return guests


def _heard(database: Database, page: TrialPage, draw: random.Random) -> list[dict[str, object]]:
    with database.reading() as db:
        tokens = [sound.token for sound in page.sounds]
        slots = {
            slot.token: slot.clip.condition.name for slot in db.scalars(select(Slot).where(Slot.token.in_(tokens)))
        }
    return [
        {
            "sound": token,
            "value": 100 if slots[token] == "reference" else ABOUT[slots[token]] + draw.randint(-9, 9),
            "moved": True,
            "heard_s": 1.5,
            "plays": 2,
        }
        for token in tokens
    ]

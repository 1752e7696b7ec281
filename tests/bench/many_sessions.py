"""Thousands of sessions in a moment: one that was enrolled as listeners are, copied with names and tokens of its own.

Defines: ``Place``, ``stock``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from server_guests import Guest
from sqlalchemy import Connection, Table, func, insert, select, text

from mushra_app.db import Database
from mushra_app.models import Base
from mushra_app.security import token_sha256

AT_ONCE = 500
TABLES = Base.metadata.tables
SAVE = {"revision": 1, "comment": "", "trial_s": 30.5, "gain_db": 0.0, "engine": "audioworklet", "fade_mode": "bs1534"}
SAVE |= {"rate_hz": 48000, "user_agent": "a bench"}
RESPONSE = {"minimum": 0.0, "maximum": 100.0, "moved": True, "heard_s": 1.5, "plays": 2}


class Place(NamedTuple):
    """Where one trial is saved, and its hidden sounds."""

    path: str
    sounds: tuple[str, ...]


class Copier:
    """Rows of one session, and rows like them under the next free numbers."""

    def __init__(self, connection: Connection, token: str, name: str) -> None:
        self.name = name
        sessions = _rows(connection, "session", token_sha256=token_sha256(token))
        self.session = sessions[0]
        self.listener = _rows(connection, "listener", id=self.session["listener_id"])[0]
        self.trials = _rows(connection, "trial", session_id=self.session["id"])
        self.scales = {trial["id"]: _rows(connection, "trial_scale", trial_id=trial["id"]) for trial in self.trials}
        self.slots = {trial["id"]: _rows(connection, "slot", trial_id=trial["id"]) for trial in self.trials}
        self.next = {
            table: (connection.scalar(select(func.max(TABLES[table].c.id))) or 0) + 1
            for table in ("listener", "session", "trial", "trial_scale", "slot", "save", "response")
        }
        self.new: dict[str, list[dict[str, Any]]] = {table: [] for table in self.next}

    def add(self, table: str, row: dict[str, Any], **changes: Any) -> int:
        number = self.next[table]
        self.next[table] += 1
        self.new[table].append(row | changes | {"id": number})
        return number

    def copy(self, n: int, *, saved: bool) -> list[Place]:
        """One more session; with every trial saved, or none."""
        own = f"{self.name}{n}"
        listener = self.add("listener", self.listener, pseudonym=f"L-{own}", code=own)
        session = self.add("session", self.session, listener_id=listener, token_sha256=token_sha256(own))
        places = []
        for trial in self.trials:
            token = f"{own}-{trial['position']}"
            number = self.add("trial", trial, session_id=session, token=token)
            scale = self.scales[trial["id"]][0]
            self.add("trial_scale", scale, trial_id=number)
            sounds = [(f"{token}-{slot['id']}", slot) for slot in self.slots[trial["id"]]]
            slots = [self.add("slot", slot, trial_id=number, token=sound) for sound, slot in sounds]
            if saved:
                save = self.add("save", SAVE, trial_id=number, key=f"bench-{token}")
                shared = RESPONSE | {"save_id": save, "trial_id": number, "scale_id": scale["scale_id"]}
                for place, (slot, (_, kind)) in enumerate(zip(slots, sounds, strict=True)):
                    if kind["hidden"]:
                        self.add("response", shared, slot_id=slot, number=float(place))
            hidden = tuple(sound for sound, slot in sounds if slot["hidden"])
            places.append(Place(f"/session/{own}/trials/{token}", hidden))
        return places

    def write(self, connection: Connection) -> None:
        """All new rows so far."""
        for table, rows in self.new.items():
            if rows:
                connection.execute(insert(TABLES[table]), rows)
                rows.clear()


def stock(database: Database, sessions: int, name: str, *, saved: bool = False) -> list[Place]:
    """So many more sessions of the one study; the places of all their trials. ``name`` must be new."""
    guest = Guest(database)
    with database.writing() as db:
        connection = db.connection()
        copier = Copier(connection, guest.token, name)
        places = []
        for numbers in _batches(range(sessions)):
            places += [place for n in numbers for place in copier.copy(n, saved=saved)]
            copier.write(connection)
        if connection.dialect.name == "postgresql":
            for table, number in copier.next.items():
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {number})"))
                connection.execute(text(f'ANALYZE "{table}"'))  # as autovacuum does, but only a minute later
    return places


def _rows(connection: Connection, table: str, **wanted: Any) -> list[dict[str, Any]]:
    found: Table = TABLES[table]
    rows = connection.execute(select(found).filter_by(**wanted).order_by(found.c.id)).mappings()
    return [dict(row) for row in rows]


def _batches(numbers: range) -> Iterator[list[int]]:
    rest = iter(numbers)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch

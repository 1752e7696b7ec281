"""What the database itself refuses, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from server_guests import Guest, as_json, body_of
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Base, Response, Scale, Slot, StudyVersion
from mushra_app.session import listening
from mushra_app.session.saving import lock_trial, read_body, save_trial


@pytest.fixture
def saved(published: Database) -> Database:
    """A database with one saved trial, and a second one that is not."""
    guest = Guest(published)
    page = guest.trial()
    with published.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        save_trial(db, lock_trial(db, sitting.token_sha256, page.token), read_body(as_json(body_of(page))), "")
    return published


def refused(database: Database, **changes: Any) -> bool:
    """Whether the database refuses the first response with these changes."""
    with database.reading() as db:
        first = db.scalars(select(Response).order_by(Response.id)).first()
        assert first is not None
        values = {column.name: getattr(first, column.name) for column in Response.__table__.columns}
    try:
        with database.writing() as db:
            open_slot = db.scalars(select(Slot.id).where(Slot.trial_id == first.trial_id, ~Slot.hidden)).first()
            db.add(Response(**(values | {"id": None, "slot_id": open_slot} | changes)))
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 100.5},
        {"number": -0.1},
        {"number": None},
        {"text": "both"},
        {"minimum": None, "maximum": None},
        {"minimum": 0.0, "maximum": 1000.0, "number": 500.0},
        {"scale_id": 10_000},
        {"save_id": 10_000},
        {"slot_id": 10_000},
    ],
)
def test_a_response_that_makes_no_sense_is_refused(saved: Database, changes: dict[str, Any]) -> None:
    assert refused(saved, **changes)


def test_a_response_for_another_slot_of_the_trial_is_taken(saved: Database) -> None:
    assert not refused(saved)


def test_a_slot_of_another_trial_is_refused(saved: Database) -> None:
    with saved.reading() as db:
        trial = db.scalars(select(Response.trial_id)).first()
        other = db.scalars(select(Slot.id).where(Slot.trial_id != trial)).first()
    assert refused(saved, slot_id=other)


def test_other_methods_fit_a_text_and_a_chosen_slot(saved: Database) -> None:
    """ABX and open questions: a scale without a range, asked on the same trial."""
    with saved.writing() as db:
        version = db.scalars(select(StudyVersion)).one()
        first = db.scalars(select(Response)).first()
        assert first is not None
        scale = Scale(study_version_id=version.id, position=2, name="x", question="Which is X?", labels=[])
        db.add(scale)
        db.flush()
        db.execute(text(f"INSERT INTO trial_scale (trial_id, scale_id) VALUES ({first.trial_id}, {scale.id})"))
        shared = {"save_id": first.save_id, "trial_id": first.trial_id, "scale_id": scale.id}
        db.add(Response(**shared, chosen_slot_id=first.slot_id))
    assert refused(saved, **shared, slot_id=None, number=None, minimum=None, maximum=None, text="twice the same")
    assert refused(saved, **shared, number=50.0, minimum=None, maximum=None), "a number needs a range"


def test_what_was_rated_can_not_be_deleted_from_under_the_ratings(saved: Database) -> None:
    for table in ("slot", "clip", "trial", "session", "listener", "save", "item", "study_version", "study", "scale"):
        with pytest.raises(IntegrityError), saved.writing() as db:
            db.execute(text(f"DELETE FROM {table}"))


def test_every_table_says_what_a_row_is() -> None:
    for mapper in Base.registry.mappers:
        assert (mapper.class_.__doc__ or "").startswith(("One ", "Studies")), mapper.class_


def test_the_disk_is_asked_for_every_commit(saved: Database, either: Settings) -> None:
    """Read from the connections of an app that is started anew, as every later start is."""
    started = Database(either)
    with started.engine.connect() as connection:
        if started.engine.dialect.name == "sqlite":
            names = ("synchronous", "journal_mode", "foreign_keys")
            asked = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
            assert asked == [2, "wal", 1]
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    started.close()


def test_constraints_have_names(saved: Database) -> None:
    found = inspect(saved.engine)
    assert all(key["name"] for table in found.get_table_names() for key in found.get_unique_constraints(table))

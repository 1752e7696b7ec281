"""The states of a study: which may follow which, who is taken in each, and what a pilot leaves behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import tiny_set
from server_guests import Guest
from sqlalchemy import select
from studio_people import csrf, inside, person

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.export import rows, run_of
from mushra_app.models import ListeningSession, StudyVersion
from mushra_app.people.tables import AuditEntry
from mushra_app.publish import publish
from mushra_app.study import lifecycle


def statuses(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(StudyVersion.status).order_by(StudyVersion.number)))


def move(database: Database, status: str, number: int = 1) -> None:
    with database.writing() as db:
        lifecycle.move(db, lifecycle.version_of(db, "tiny", number), status)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    tiny_set.make(
        tmp_path / "second", experiment={"name": "tiny", "title": "A second title", "contact": "lab@example.org"}
    )
    return tmp_path / "second"


def test_a_draft_takes_nobody_until_it_is_opened(database: Database, either: Settings, stimuli: Path) -> None:
    done = publish(stimuli, database, either, as_draft=True)
    assert (done.status, done.change) == ("draft", "new") and statuses(database) == ["draft"]
    with pytest.raises(NotFoundError, match="takes listeners here"):
        Guest(database)
    move(database, "open")
    Guest(database).finish()
    with database.reading() as db:
        assert lifecycle.current(db, "tiny").opened_at is not None


def test_a_pilot_is_in_no_export_and_moves_nobodys_place(database: Database, either: Settings, stimuli: Path) -> None:
    publish(stimuli, database, either, as_draft=True)
    move(database, "piloting")
    Guest(database).finish()
    move(database, "open")
    with database.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert list(rows(db, "tiny")) == [] and run_of(db, version) == ()
    Guest(database).finish()
    with database.reading() as db:
        seeds = db.scalars(select(ListeningSession.seed).order_by(ListeningSession.id)).all()
        assert len({row["listener"] for row in rows(db, "tiny")}) == 1 and len(set(seeds)) == 2
        assert len(run_of(db, lifecycle.current(db, "tiny"))) == 1


def test_paused_and_closed_take_nobody_and_whoever_has_begun_may_finish(published: Database) -> None:
    begun = [Guest(published), Guest(published)]
    for status, guest in zip(("paused", "closed"), begun, strict=True):
        move(published, status)
        with pytest.raises(AppError, match={"paused": "is paused", "closed": "has ended"}[status]):
            Guest(published)
        guest.finish()
    with published.reading() as db:
        found = list(rows(db, "tiny"))
    assert len({row["listener"] for row in found}) == 2 and all(row["finished"] for row in found)


def test_only_what_follows_is_done_and_the_sentence_says_what_does(published: Database) -> None:
    for status in ("draft", "piloting", "superseded", "open", "nonsense", ""):
        with pytest.raises(ConflictError, match="expected one of: paused, closed"):
            move(published, status)
    move(published, "closed")
    move(published, "open")
    with published.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert version.status == "open" and version.closed_at is None


def test_a_newer_version_waits_as_a_draft_and_then_takes_the_place(
    published: Database, either: Settings, stimuli: Path, second: Path
) -> None:
    before = Guest(published)
    publish(second, published, either, as_draft=True)
    with published.reading() as db:
        assert lifecycle.current(db, "tiny").number == 1
    move(published, "open", 2)
    assert statuses(published) == ["superseded", "open"]
    before.finish()
    assert publish(second, published, either, as_draft=True).change == "nothing"
    assert publish(stimuli, published, either).change == "back" and statuses(published) == ["open", "superseded"]


def test_two_who_open_at_once_leave_one_version_running(
    database: Database, either: Settings, stimuli: Path, second: Path
) -> None:
    publish(stimuli, database, either, as_draft=True)
    publish(second, database, either, as_draft=True)
    with database.writing() as db:
        lifecycle.version_of(db, "tiny", 1).status = "draft"
    outcomes: list[object] = []
    together = threading.Barrier(2)

    def open_it(number: int) -> None:
        together.wait()
        try:
            move(database, "open", number)
            outcomes.append("opened")
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=open_it, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["opened", "opened"]  # one after the other: no index is met
    assert sorted(statuses(database)) == ["open", "superseded"]


def test_archived_studies_leave_the_list_and_come_back(app, stimuli: Path) -> None:
    database = app.extensions["mushra"].database
    client = inside(app, person(database, "owner", "owner"))
    token = {"csrf_token": csrf(client.get("/studio/account").text)}
    refused = client.post("/studio/tiny/archive", data=token | {"archived": "yes"})
    assert refused.status_code == 409 and "close it first" in refused.text
    moved = client.post("/studio/tiny/versions/1/status", data=token | {"status": "closed"})
    assert moved.status_code == 303
    assert client.post("/studio/tiny/archive", data=token | {"archived": "yes"}).status_code == 303
    assert "/studio/tiny/" not in client.get("/studio/").text and "1 archived study" in client.get("/studio/").text
    assert "/studio/tiny/" in client.get("/studio/?archived").text
    assert client.post("/studio/tiny/archive", data=token | {"archived": "no"}).status_code == 303
    assert "/studio/tiny/" in client.get("/studio/").text
    with database.reading() as db:
        done = [entry.about for entry in db.scalars(select(AuditEntry).where(AuditEntry.what == "study"))]
    assert done == ["tiny: version 1 from open to closed", "tiny: archived", "tiny: back on the list"]


def test_the_page_offers_what_may_follow_and_nothing_else(app) -> None:
    database = app.extensions["mushra"].database
    client = inside(app, person(database, "owner", "owner"))
    page = client.get("/studio/tiny/").text
    assert 'value="paused"' in page and 'value="closed"' in page and 'value="piloting"' not in page
    viewer = inside(app, person(database, "viewer", "viewer", "tiny"))
    assert 'name="status"' not in viewer.get("/studio/tiny/").text

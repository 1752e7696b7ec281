"""What listeners take back and what expires is gone, down to the bytes of the database; the design and others' stay."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gunicorn_process import Gunicorn
from server_guests import Guest, as_json, body_of
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mushra_app import server_cli
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.listener.pages import DonePage, QuestionsPage, TrialPage
from mushra_app.models import Answer, Job, ListeningSession, PersonalText, Response, Save, ScriptError, Slot, Trial, now
from mushra_app.operation import retention
from mushra_app.operation.db_cli import expire
from mushra_app.people import audit
from mushra_app.publish import publish
from mushra_app.security import token_sha256
from mushra_app.session import listening, privacy
from mushra_app.session.saving import lock_trial, read_body, save_trial, store_script_error
from mushra_app.worker import Worker

SECRET = "Zaphod Beeblebrox of Betelgeuse"


def rated(database: Database, comment: str = SECRET) -> Guest:
    """A guest who has rated and answered everything, written a comment, and whose browser has complained."""
    guest = Guest(database)
    guest.save(guest.trial(), comment=comment)
    guest.finish()
    with database.writing() as db:
        store_script_error(db, listening.sitting_of(db, guest.token), f"TypeError at {SECRET}", "an agent")
    return guest


def code_of(guest: Guest) -> str:
    with guest.database.reading() as db:
        return listening.sitting_of(db, guest.token).listener.code


def written(database: Database) -> dict[str, list[str]]:
    """Everything that somebody wrote or a browser said, in the order of the sessions."""
    texts = {
        "personal": select(PersonalText.text).order_by(PersonalText.id),
        "answers": select(Answer.text).order_by(Answer.id),
        "comments": select(Save.comment).order_by(Save.id),
        "agents": select(Save.user_agent).order_by(Save.id),
        "session agents": select(ListeningSession.user_agent).order_by(ListeningSession.id),
        "errors": select(ScriptError.text).order_by(ScriptError.id),
    }
    with database.reading() as db:
        return {name: list(db.scalars(query)) for name, query in texts.items()}


def test_a_personal_answer_lies_apart_and_the_database_takes_it_nowhere_else(published: Database) -> None:
    rated(published)
    assert written(published)["personal"] == ["33"] and "33" not in written(published)["answers"]
    with pytest.raises(IntegrityError), published.writing() as db:
        db.execute(update(Answer).where(Answer.personal).values(text="33"))


def test_withdrawing_erases_what_one_listener_wrote_and_keeps_the_design(published: Database) -> None:
    kept, gone = rated(published, "all good"), rated(published)
    with published.writing() as db:
        privacy.withdraw(db, privacy.listener_of(db, code_of(gone)))
    assert written(published) == {
        "personal": ["33"],
        "answers": ["yes", "", "=1+1", "", "", ""],
        "comments": ["all good", "", "", "", "", ""],
        "agents": ["a test"] * 3 + [""] * 3,
        "session agents": ["a test", ""],
        "errors": [f"TypeError at {SECRET}"],
    }
    with published.reading() as db:
        assert db.scalar(select(func.count(Slot.id))) == 2 * 3 * 7 and db.scalar(select(func.count(Response.id))) == 30
        assert listening.sitting_of(db, kept.token).status == "finished"


def under_way(
    database: Database,
    work: Callable[[Session], object],
    then: Callable[[], object],
    rest: Callable[[Session], object] = lambda db: None,
) -> list[object]:
    """Work in a transaction, and the rest of it while ``then`` waits for its end. What ``then`` gave or raised."""
    ended: list[object] = []

    def begin() -> None:
        try:
            ended.append(then())
        except AppError as error:
            ended.append(error)

    other = threading.Thread(target=begin)
    with database.writing() as db:
        work(db)
        other.start()
        other.join(0.3)
        assert other.is_alive(), "it did not wait"
        rest(db)
    other.join(30)
    return ended


def withdrawing(guest: Guest) -> None:
    with guest.database.writing() as db:
        privacy.withdraw(db, privacy.listener_of(db, code_of(guest)))


def saving(guest: Guest, page: TrialPage, db: Session) -> int:
    sent = read_body(as_json(body_of(page, comment=SECRET)))
    return save_trial(db, lock_trial(db, token_sha256(guest.token), page.token), sent, "an agent")


def sitting(db: Session, guest: Guest) -> ListeningSession:
    """As a request that is about to write finds it."""
    return listening.sitting_of(db, guest.token, locked=True)


def test_what_is_saved_while_a_listener_withdraws_is_erased_too(published: Database) -> None:
    guest = Guest(published)
    page = guest.trial()
    assert under_way(published, lambda db: saving(guest, page, db), lambda: withdrawing(guest)) == [None]
    assert set(written(published)["comments"] + written(published)["agents"]) == {""}
    assert "withdrawn" in guest.page().heading


def test_a_save_that_waited_for_a_withdrawal_is_refused(published: Database) -> None:
    guest = Guest(published)
    page = guest.trial()

    def save_late() -> int:
        with published.writing() as db:
            return saving(guest, page, db)

    (refused,) = under_way(published, lambda db: privacy.withdraw(db, sitting(db, guest).listener), save_late)
    assert isinstance(refused, ConflictError) and written(published)["comments"] == []


def test_the_last_answer_finishes_no_session_that_is_withdrawn_meanwhile(published: Database) -> None:
    guest = Guest(published)
    while not (isinstance(page := guest.page(), QuestionsPage) and written(published)["comments"]):
        guest.save(page) if isinstance(page, TrialPage) else guest.pass_by(page)

    def answer(db: Session) -> None:
        listening.answer(db, sitting(db, guest), {"age": "33", "remarks": SECRET})

    found = under_way(published, lambda db: sitting(db, guest), lambda: withdrawing(guest), answer)
    assert found == [None] and "withdrawn" in guest.page().heading and set(written(published)["answers"]) == {""}
    assert written(published)["personal"] == []


def test_a_browser_of_who_has_withdrawn_leaves_nothing(published: Database) -> None:
    guest = Guest(published)
    withdrawing(guest)
    with published.writing() as db:
        store_script_error(db, sitting(db, guest), f"TypeError at {SECRET}", "an agent")
    assert written(published)["errors"] == []


def test_what_was_erased_is_not_in_the_file_any_more(settings: Settings, empty_sqlite: Path, stimuli: Path) -> None:
    from server_guests import opened

    database = opened(settings, empty_sqlite)
    publish(stimuli, database, settings)
    guest = rated(database)
    assert SECRET.encode() in b"".join(path.read_bytes() for path in settings.data_dir.glob("mushra.sqlite3*"))
    with database.writing() as db:
        privacy.withdraw(db, privacy.listener_of(db, code_of(guest)))
    database.close()  # the last connection takes the write-ahead log with it
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in settings.data_dir.glob("mushra.sqlite3*"))


def test_only_what_is_older_expires_and_ratings_stay(published: Database) -> None:
    old, _ = rated(published), rated(published)
    with published.writing() as db:
        db.execute(
            update(ListeningSession)
            .where(ListeningSession.id == listening.sitting_of(db, old.token).id)
            .values(started_at=now() - timedelta(days=31))
        )
    assert retention.erase_expired(published, 30) == 1 and retention.erase_expired(published, 30) == 0
    with published.writing() as db:
        db.execute(update(Save).where(Save.trial_id.in_(select(Trial.id).limit(1))).values(user_agent="a later save's"))
    assert retention.erase_expired(published, 30) == 1
    found = written(published)
    assert found["personal"] == ["33"] and found["agents"] == [""] * 3 + ["a test"] * 3
    assert found["comments"] == [SECRET, "", ""] * 2
    with published.reading() as db:
        assert db.scalar(select(func.count(Response.id))) == 30
    assert isinstance(old.page(), DonePage), "no question is put again"


def test_a_server_enforces_it_from_its_start_on(published: Database, either: Settings) -> None:
    rated(published)
    settings = either.model_copy(update={"keep_personal_days": 1e-9})
    for _ in range(2):
        with retention.enforced(published, settings, every_s=0.05):
            for _ in range(200):
                if written(published)["personal"] == []:
                    break
                time.sleep(0.02)
        assert written(published)["personal"] == []
        rated(published)
    with retention.enforced(published, either):
        assert len(written(published)["personal"]) == 1, "nothing expires where nothing was set"


def test_gunicorns_workers_enforce_it_too(app, settings: Settings, tmp_path: Path) -> None:
    database = app.extensions["mushra"].database
    rated(database)
    server = Gunicorn(settings, tmp_path, keep_personal_days=1e-9)
    for _ in range(200):
        if written(database)["personal"] == []:
            break
        time.sleep(0.02)
    assert server.stop() == 0 and written(database)["personal"] == []


def test_the_commands(app, settings: Settings) -> None:
    database, run = app.extensions["mushra"].database, CliRunner().invoke
    guest, at = rated(database), ["--data", str(settings.data_dir)]
    with pytest.raises(AppError, match="--days"):
        run(expire, at, catch_exceptions=False)
    assert "0 sessions had" in run(expire, [*at, "--days", "1"]).output
    assert written(database)["personal"] == ["33"]
    assert "1 sessions had" in run(expire, [*at, "--days", "1e-9"]).output
    assert "no such" not in run(server_cli.withdraw, [code_of(guest).lower(), *at]).output
    assert "withdrawn" in guest.page().heading
    with pytest.raises(AppError, match="No listener has this code"):
        run(server_cli.withdraw, ["NOTACODE", *at], catch_exceptions=False)


def test_files_made_of_what_was_taken_back_are_swept_away(app, settings: Settings, client: FlaskClient) -> None:
    database = app.extensions["mushra"].database
    guests = [rated(database) for _ in range(3)]
    results = settings.data_dir / "results" / "tiny"
    present, old, killed = results / "v1-w0", results / "v1-w1", results / "v1-w2" / ".bundle-killed"
    at_work, others = results / "v1-w2" / ".bundle-at-work", settings.data_dir / "results" / "other" / "v1-w0"
    for folder in (present, old, killed, at_work, others):
        folder.mkdir(parents=True)
        (folder / "ratings.parquet").write_text("taken back")
    os.utime(killed, (time.time() - settings.job_time_limit_s - 60,) * 2)

    def swept(*expected: Path) -> None:
        with retention.enforced(database, settings, every_s=0.05):
            for _ in range(100):
                if {path.parent for path in settings.data_dir.rglob("ratings.parquet")} == set(expected):
                    return
                time.sleep(0.02)
        raise AssertionError(sorted(settings.data_dir.rglob("ratings.parquet")))

    swept(present, old, at_work, others)
    token = csrf(client.get(f"{guests[0].base}/withdraw").text)
    assert client.post(f"{guests[0].base}/withdraw", data={"csrf_token": token}).status_code == 303
    swept(old, at_work, others)
    client.post("/withdraw", data={"csrf_token": csrf(client.get("/withdraw").text), "code": code_of(guests[1])})
    with database.writing() as db:
        db.add(Job(kind="of another release", argv=[], key="x"))
    assert Worker(database, settings, stale_s=60, say=str).work(once=True) == 1
    assert not old.exists() and at_work.is_dir() and others.is_dir()
    with database.reading() as db:
        noted = [(one.who, one.about) for one in audit.latest(db) if one.what == "withdrawal"]
        names = [listening.sitting_of(db, guest.token).listener.pseudonym for guest in guests]
    assert noted == [("the listener", f"tiny: {name}") for name in (names[1], names[0])]


def csrf(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found[1]


def test_the_page_asks_first_and_going_back_leaves_all_as_it_was(app, client: FlaskClient) -> None:
    assert 'href="withdraw"' in client.get(f"{Guest(app.extensions['mushra'].database).base}/").text
    guest = rated(app.extensions["mushra"].database)
    asked = client.get(f"{guest.base}/withdraw")
    assert (
        "undone" in asked.text and 'href="./"' in asked.text and asked.headers["Cache-Control"] == "private, no-store"
    )
    assert client.post(f"{guest.base}/withdraw").status_code == 400, "a form without its token"
    assert written(guest.database)["comments"] == [SECRET, "", ""]
    assert client.get("/session/another/withdraw").status_code == 404


def test_the_code_alone_is_enough_and_a_wrong_one_is_said_so(app, client: FlaskClient) -> None:
    guest = rated(app.extensions["mushra"].database)
    code, token = code_of(guest), csrf(client.get("/withdraw").text)
    wrong = client.post("/withdraw", data={"csrf_token": token, "code": "AAAAAAAAAA"})
    assert wrong.status_code == 404 and "No listener has this code" in wrong.text and code not in wrong.text
    assert client.post("/withdraw", data={"code": code}).status_code == 400
    typed = f" {code[:5].lower()}-{code[5:]} "
    right = client.post("/withdraw", data={"csrf_token": token, "code": typed})
    assert right.status_code == 200 and "You have withdrawn" in right.text and "forget.js" not in right.text
    assert written(guest.database)["comments"] == [""] * 3 and "forget.js" in client.get(f"{guest.base}/").text

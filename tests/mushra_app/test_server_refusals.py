"""What the database refuses is said in a sentence, nothing acknowledged is lost by it, and afterwards all goes on.

PostgreSQL restarted under load; disks that are full; databases that can't be written, are locked, damaged, or of
another release. Real servers, real processes, real file systems.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from commands import mushra
from durability import Client, Crowd, Gunicorn, Sent, Serve, Sheet, compare, enrolled, published
from postgresql_server import UNPRIVILEGED, PostgreSQL, new_database
from small_disk import IS_ROOT, fill, read_only, small_disk
from sqlalchemy import text

from mushra_app import db, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.operation import stopping

NOTHING_WRONG = {"lost": 0, "duplicated": 0, "altered": 0}
IMPATIENT = "from mushra_app import db; db.BUSY_TIMEOUT_MS = 300"
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can mount a file system")


@contextmanager
def running(server: Serve) -> Iterator[Serve]:
    try:
        yield server
    finally:
        server.close()


def client(server: Serve, sheets: list[Sheet]) -> Client:
    return Crowd(server.port, [sheets], seed=7).clients[0]


def wrong(database: Database, sent: list[Sent]) -> dict[str, int]:
    told = compare(database, sent)
    return {name: told[name] for name in NOTHING_WRONG}


@pytest.fixture
def own_postgresql(postgresql_programs: Path) -> Iterator[PostgreSQL]:
    server = PostgreSQL(postgresql_programs)
    yield server
    server.close()


def test_postgresql_restarts_under_load_and_the_workers_recover_by_themselves(
    own_postgresql: PostgreSQL, settings: Settings, tmp_path: Path
) -> None:
    """A fast and an immediate shutdown: only 503 while it is away, and every connection works again afterwards."""
    place = settings.model_copy(update={"database_url": new_database(own_postgresql.address)})
    database = Database(place)
    schema.require(database, place)
    published(tmp_path / "set", database, place, trials=6)
    with running(Gunicorn(place)) as server:
        with Crowd(server.port, [enrolled(database) for _ in range(16)], seed=3) as crowd:
            for how in ("fast", "immediate"):
                crowd.wait_for(32)
                own_postgresql.stop(how)
                time.sleep(0.3)
                status, said = client(server, []).put(crowd.clients[0].sent[0])
                own_postgresql.start()
            crowd.wait_for(64)
        assert status == 503 and "does not answer just now" in json.loads(said)["error"]
        assert set(crowd.answers) == {200, 503}
        assert "Traceback" not in server.log
    assert wrong(database, crowd.sent) == NOTHING_WRONG and crowd.acknowledged == len(crowd.sent)
    database.close()


def save_until_refused(listener: Client) -> str:
    """Save one trial after the other; what the server said when it did not take the last one any more."""
    for _ in range(500):
        listener.sent.append(listener.next_save())
        status, said = listener.put(listener.sent[-1])
        listener.sent[-1].acknowledged = status == 200
        if status != 200:
            assert status == 507, said
            return json.loads(said)["error"]
    raise AssertionError("the disk is not full")


def hold_a_full_disk(server: Serve, database: Database, disk: Path) -> None:
    """Save, fill the disk, be refused, make room, and send the same request again."""
    listener = client(server, enrolled(database))
    listener.sent.append(listener.next_save())
    listener.deliver(listener.sent[0])
    filled = fill(disk)
    refusal = save_until_refused(listener)
    assert "disk is full" in refusal and "not saved" in refusal
    assert wrong(database, listener.sent) == NOTHING_WRONG
    assert compare(database, listener.sent)["stored"] == len(listener.sent) - 1, "nothing of the refused one is there"
    filled.unlink()
    listener.deliver(listener.sent[-1])
    assert listener.mistakes == [] and wrong(database, listener.sent) == NOTHING_WRONG
    assert f"{database.name}: answered 507: make room on its disk" in server.log
    assert "Traceback" not in server.log


@needs_root
def test_a_full_disk_answers_507_and_loses_nothing(settings: Settings, tmp_path: Path, empty_sqlite: Path) -> None:
    with small_disk(settings.data_dir, 6) as disk:
        shutil.copy(empty_sqlite, settings.database_file)
        database = Database(settings)
        published(tmp_path / "set", database, settings, trials=2)
        with running(Serve(settings)) as server:
            hold_a_full_disk(server, database, disk)
        database.close()


@needs_root
def test_a_full_disk_of_postgresql_answers_507_and_loses_nothing(
    own_postgresql: PostgreSQL, settings: Settings, tmp_path: Path
) -> None:
    with small_disk(own_postgresql.folder / "small", 40) as disk:
        shutil.chown(disk, **UNPRIVILEGED)
        place = settings.model_copy(update={"database_url": new_database(own_postgresql.address)})
        with psycopg.connect(f"{own_postgresql.address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            connection.execute(f"ALTER DATABASE {place.database_url.rpartition('/')[2]} SET TABLESPACE small")
        database = Database(place)
        schema.require(database, place)
        published(tmp_path / "set", database, place, trials=2)
        with running(Serve(place)) as server:
            hold_a_full_disk(server, database, disk)
        database.close()
        own_postgresql.stop("immediate")  # a checkpoint is no part of this


def test_a_database_without_room_answers_507_where_no_disk_can_be_made(
    sqlite: Database, settings: Settings, tmp_path: Path
) -> None:
    """SQLite's own limit, for machines where the tests are not root."""
    published(tmp_path / "set", sqlite, settings, trials=2)
    with sqlite.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    fault = f"""
from sqlalchemy import event
from sqlalchemy.pool import Pool
event.listen(Pool, "checkout", lambda connection, *_: connection.execute("PRAGMA max_page_count={pages + 12}"))
"""
    with running(Serve(settings, fault=fault)) as server:
        listener = client(server, enrolled(sqlite))
        assert "disk is full" in save_until_refused(listener)
    assert wrong(sqlite, listener.sent) == NOTHING_WRONG


def test_a_database_that_is_locked_for_long_answers_503_and_goes_on_afterwards(
    sqlite: Database, settings: Settings, tmp_path: Path
) -> None:
    published(tmp_path / "set", sqlite, settings, trials=2)
    sheets = [enrolled(sqlite) for _ in range(4)]
    with running(Serve(settings, fault=IMPATIENT)) as server:
        other = sqlite3.connect(settings.database_file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with Crowd(server.port, sheets, seed=5) as crowd:
            while len([client for client in crowd.clients if client.answers.get(503, 0) > 1]) < 4:
                time.sleep(0.05)
            assert crowd.acknowledged == 0
            other.execute("COMMIT")
            crowd.wait_for(8)
        assert set(crowd.answers) == {200, 503} and "end that one" in server.log
        other.close()
    assert wrong(sqlite, crowd.sent) == NOTHING_WRONG


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], tuple[int, str]]:
    """``mushra serve`` on a data folder, which gives up soon: its exit code, and all that it said."""

    def answers(*_: object) -> None:
        raise AssertionError("it was served")

    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 300)
    monkeypatch.setattr(stopping.Stoppable, "run", answers)

    def serve(data_dir: Path) -> tuple[int, str]:
        done = mushra("serve", "--data", data_dir, "--port", 0)
        return done.returncode, done.stdout + done.stderr

    return serve


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    other = sqlite3.connect(settings.database_file, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE other (id INTEGER)")
    try:
        yield
    finally:
        other.close()


@contextmanager
def no_database(settings: Settings) -> Iterator[None]:
    settings.database_file.write_bytes(b"a shopping list, not a database at all\n" * 1000)
    yield


@contextmanager
def of_revision(settings: Settings, revision: str) -> Iterator[None]:
    with sqlite3.connect(settings.database_file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    yield


@pytest.mark.parametrize(
    ("trouble", "found", "mend"),
    [
        pytest.param(lambda s: read_only(s.database_file), "readonly database", "chown", id="read-only file"),
        pytest.param(
            lambda s: read_only(s.data_dir), "Read-only file system|Permission", "chown", id="read-only folder"
        ),
        pytest.param(locked, "database is locked", "fuser", id="locked"),
        pytest.param(no_database, "file is not a database", "mushra db restore", id="no database"),
        pytest.param(lambda s: of_revision(s, "9999"), "newer release", "install that one", id="newer"),
        pytest.param(lambda s: of_revision(s, "0001"), "has revision 0001", "mushra db upgrade", id="older"),
    ],
)
def test_what_can_not_be_served_is_refused_with_the_way_to_mend_it(
    sqlite: Database, settings: Settings, serving: Callable, trouble: Callable, found: str, mend: str
) -> None:
    sqlite.close()
    with trouble(settings):
        code, said = serving(settings.data_dir)
    assert code == 2 and any(one in said for one in found.split("|")) and mend in said, said
    assert said.startswith("mushra: ") and len(said.splitlines()) == 1 and str(settings.data_dir) in said


def test_a_postgresql_that_can_only_be_read_is_refused(
    postgresql: str, tmp_path: Path, serving: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Settings(data_dir=tmp_path / "data", database_url=new_database(postgresql))
    database = Database(place)
    schema.require(database, place)
    database.close()
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on")
    monkeypatch.setenv("MUSHRA_DATABASE_URL", place.database_url)
    code, said = serving(place.data_dir)
    assert code == 2 and "read-only transaction; it can't be written" in said, said


def test_a_postgresql_that_is_not_there_is_refused_with_the_way_to_mend_it(
    tmp_path: Path, serving: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSHRA_DATABASE_URL", "postgresql://lab:hunter2@127.0.0.1:1/listening")
    code, said = serving(tmp_path / "data")
    assert (
        code == 2 and "start it or mend its address" in said and "hunter2" not in said and len(said.splitlines()) == 1
    )

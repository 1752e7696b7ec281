"""No acknowledged trial is lost: sixteen clients, servers killed without warning, and a disk that is asked every time.

``make proof`` kills fifty times on each database and keeps the account in ``tests/bench/results/durability.json``; a
smaller run is part of the suite. The faults that these proofs are there to find are planted for good.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

import bench_stimuli
import psycopg
import pytest
from durability import Crowd, Gunicorn, Serve, Sheet, compare, enrolled, published
from postgresql_server import UNPRIVILEGED, PostgreSQL, new_database
from sqlalchemy import text

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database

RESULTS = bench_stimuli.RESULTS.parent / "durability.json"
CLIENTS, KILLS, AT_LEAST = 16, 50, 5000
NOTHING_WRONG = {"lost": 0, "duplicated": 0, "altered": 0}
ACKNOWLEDGED_TOO_EARLY = """
import threading
from contextlib import contextmanager
from sqlalchemy.orm import Session
from mushra_app.db import Database

@contextmanager
def writing(self):
    self._writer.acquire(30)
    session = Session(self._writing_engine)
    session.begin()
    yield session
    session.flush()
    def commit():
        session.commit()
        session.close()
        self._writer.release()
    threading.Timer(0.03, commit).start()
Database.writing = writing
"""
SQLITE_NORMAL = """
from sqlalchemy import event
from sqlalchemy.pool import Pool
event.listen(Pool, "checkout", lambda connection, *_: connection.execute("PRAGMA synchronous=NORMAL"))
"""
POSTGRESQL_OFF = """
from mushra_app import db
db.SYNCHRONOUS_AGAIN = "SELECT set_config('synchronous_commit', 'off', false)"
"""


def kill_often(server: Serve, crowd: Crowd, draw: random.Random, times: int) -> dict[str, int]:
    """Kill at random moments of full work; of several workers only one every third time."""
    done = {"all": 0, "one_worker": 0}
    for turn in range(times):
        crowd.wait_for(CLIENTS)
        time.sleep(draw.uniform(0.0, 0.8))
        if isinstance(server, Gunicorn) and turn % 3 == 2:
            server.kill_one(draw)
            done["one_worker"] += 1
        else:
            server.kill()
            server.start()
            done["all"] += 1
    crowd.wait_for(CLIENTS)
    return done


def account(database: Database, settings: Settings, kill: int, *, at_least: int = 0, fault: str = "") -> dict[str, Any]:
    """Sixteen clients against a server that is killed ``kill`` times: what they know, and what is stored."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    published(settings.data_dir / "set", database, settings, trials=6)
    sheets = [enrolled(database) for _ in range(CLIENTS * (4 if at_least else 1))]
    server = Gunicorn(settings) if settings.database_url else Serve(settings, fault=fault)
    try:
        with Crowd(server.port, [list(chain(*sheets[n::CLIENTS])) for n in range(CLIENTS)], seed) as crowd:
            killed = kill_often(server, crowd, random.Random(seed), kill)
            crowd.wait_for(max(at_least - crowd.acknowledged, 0), within_s=300)
    finally:
        server.close()
    told = {"seed": seed, "clients": CLIENTS, "kills": killed, "answers": crowd.answers}
    told |= {"broken_requests": sum(client.lost_connections for client in crowd.clients)}
    return told | compare(database, crowd.sent)


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(database: Database, either: Settings) -> None:
    told = account(database, either, 3)
    assert {name: told[name] for name in NOTHING_WRONG} == NOTHING_WRONG, told
    assert told["stored"] == told["acknowledged"] > 3 * CLIENTS and told["broken_requests"] > 0


def test_a_server_that_acknowledges_too_early_is_found(sqlite: Database, settings: Settings) -> None:
    told = account(sqlite, settings, 2, fault=ACKNOWLEDGED_TOO_EARLY)
    assert told["lost"] > 0


@pytest.mark.proof
def test_fifty_kills_on_each_database(postgresql: str, tmp_path: Path) -> None:
    """The account is kept, whatever it says."""
    versions = {"sqlite": sqlite3.sqlite_version, "psycopg": psycopg.__version__}
    with psycopg.connect(f"{postgresql}/postgres") as connection:
        versions["postgresql"] = f"{connection.info.server_version // 10000}.{connection.info.server_version % 10000}"
    result: dict[str, Any] = {"command": "make proof", "machine": bench_stimuli.machine() | versions}
    for name, address in (("sqlite", None), ("postgresql", new_database(postgresql))):
        settings = Settings(data_dir=tmp_path / name, database_url=address)
        database = Database(settings)
        schema.require(database, settings)
        result[name] = account(database, settings, KILLS, at_least=AT_LEAST)
        database.close()
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("sqlite", "postgresql"):
        told = result[name]
        assert {one: told[one] for one in NOTHING_WRONG} == NOTHING_WRONG, told
        assert told["stored"] == told["acknowledged"] >= AT_LEAST and sum(told["kills"].values()) == KILLS


def test_the_apps_own_connections_ask_the_disk(either: Settings) -> None:
    """Read from both kinds of transactions; on PostgreSQL also where somebody has switched it off for the database."""
    if either.database_url:
        with psycopg.connect(either.database_url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        asked = {"SHOW synchronous_commit": "on", "SHOW cursor_tuple_fraction": "1"}
    else:
        asked = {"PRAGMA synchronous": 2, "PRAGMA journal_mode": "wal", "PRAGMA foreign_keys": 1}
    database = Database(either)
    for transaction in (database.reading, database.writing):
        with transaction() as db:
            assert {question: db.scalar(text(question)) for question in asked} == asked
    database.close()


def test_a_stronger_promise_of_the_database_is_left_as_it_is(postgresql: str, tmp_path: Path) -> None:
    address = new_database(postgresql)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = remote_apply")
    database = Database(Settings(data_dir=tmp_path, database_url=address))
    with database.reading() as db:
        assert db.scalar(text("SHOW synchronous_commit")) == "remote_apply"
    database.close()


def traced(to: Path) -> tuple[str, ...]:
    return ("strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", "-o", str(to))


def syncs(trace: Path) -> int:
    """How often the disk was asked so far."""
    return len(re.findall(r"f(?:data)?sync\(", trace.read_text()))


def syncs_and_commits(server: Serve, trace: Path, sheets: list[list[Sheet]], saves: int) -> tuple[int, int]:
    """What so many saves of each client cost: calls, and commits that were acknowledged."""
    before = syncs(trace)
    with Crowd(server.port, sheets, seed=len(sheets), most=saves) as crowd:
        crowd.finish()
    return syncs(trace) - before, crowd.acknowledged


@pytest.mark.parametrize(("fault", "holds"), [("", True), (SQLITE_NORMAL, False)], ids=["as shipped", "planted fault"])
def test_sqlite_syncs_once_per_commit(
    sqlite: Database, settings: Settings, tmp_path: Path, fault: str, holds: bool
) -> None:
    """One writer at a time, so sixteen clients need as many syncs as one does."""
    published(tmp_path / "set", sqlite, settings, trials=4)
    sheets = [enrolled(sqlite) for _ in range(CLIENTS + 1)]
    server = Serve(settings, fault=fault, before=traced(tmp_path / "trace"))
    try:
        alone = syncs_and_commits(server, tmp_path / "trace", sheets[:1], 30)
        together = syncs_and_commits(server, tmp_path / "trace", sheets[1:], 3)
    finally:
        server.close()
    assert (alone[1], together[1]) == (30, 48)
    assert [asked >= commits for asked, commits in (alone, together)] == [holds, holds]


@pytest.mark.parametrize(
    ("fault", "holds"),
    [
        pytest.param("", True, id="as shipped"),
        pytest.param(POSTGRESQL_OFF, False, id="planted fault", marks=pytest.mark.proof),
    ],
)
def test_postgresql_syncs_as_often_as_group_commits_need(
    settings: Settings, postgresql_programs: Path, tmp_path: Path, fault: str, holds: bool
) -> None:
    """One client's commits can't share a sync; those of sixteen that wait at once can."""
    trace = Path(tempfile.mkdtemp(prefix="mushra-trace-")) / "trace"  # outside of tmp_path, which is root's alone
    if UNPRIVILEGED:
        shutil.chown(trace.parent, **UNPRIVILEGED)
    postgresql = PostgreSQL(postgresql_programs, before=traced(trace))
    place = settings.model_copy(update={"database_url": new_database(postgresql.address)})
    database = Database(place)
    schema.require(database, place)
    published(tmp_path / "set", database, place, trials=4)
    sheets = [enrolled(database) for _ in range(CLIENTS + 1)]
    server = Serve(place, fault=fault)
    try:
        alone = syncs_and_commits(server, trace, sheets[:1], 30)
        together = syncs_and_commits(server, trace, sheets[1:], 3)
    finally:
        server.close()
        database.close()
        postgresql.close()
        shutil.rmtree(trace.parent)
    assert (alone[1], together[1]) == (30, 48)
    assert (alone[0] >= alone[1]) is holds
    assert together[0] >= together[1] / CLIENTS or not holds

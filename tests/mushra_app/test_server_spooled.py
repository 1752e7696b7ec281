"""Ratings that somebody takes slowly, or not to the end, stand in nobody's way."""

from __future__ import annotations

import gc
import socket
import time
import tracemalloc
from collections.abc import Iterable
from errno import ENOSPC
from pathlib import Path
from typing import TextIO, cast

import pytest
from flask import Flask
from many_sessions import stock
from server_guests import Guest, Served
from sqlalchemy import text
from studio_people import close, inside, person

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import UnavailableError
from mushra_app.people import accounts, tokens
from mushra_app.publish import publish
from mushra_app.spooled import spooled

ADDRESSES = (
    "/api/v1/studies/tiny/ratings.csv",
    "/api/v1/studies/tiny/ratings.jsonl",
    *(f"/studio/tiny/ratings.csv?layout={layout}" for layout in ("long", "wide", "webmushra")),
    "/studio/tiny/answers.csv",
)


@pytest.fixture
def over(published: Database, either: Settings) -> Flask:
    """The app over a study with ratings that runs no more."""
    Guest(published).finish()
    close(published)
    person(published, "eve", "experimenter", "tiny")
    return create_app(either, published)


def token_of(database: Database) -> str:
    with database.writing() as db:
        return tokens.make(db, accounts.named(db, "eve"), "a test", may="view", days=30)


def reading(database: Database) -> int:
    """How many transactions are open; on SQLite: whether the log can't be emptied."""
    if database.engine.dialect.name == "sqlite":
        with database.writing() as db:
            db.execute(text("UPDATE study SET name = name"))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("PRAGMA busy_timeout=0"))
            busy, *_ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
            connection.execute(text("PRAGMA busy_timeout=30000"))
            return busy
    others = "SELECT count(*) FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid != pg_backend_pid()"
    with database.reading() as db:
        return db.execute(text(f"{others} AND datname = current_database()")).scalar_one()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_reader_who_stalls_holds_no_transaction(over: Flask, published: Database, address: str) -> None:
    client, headers = inside(over, "eve"), {}
    if address.startswith("/api"):
        client, headers = over.test_client(), {"Authorization": f"Bearer {token_of(published)}"}
    with published.engine.connect() as connection:  # what the check would find, were there a transaction
        connection.execute(text("SELECT 1 FROM study"))
        assert reading(published) == 1
    answer = client.get(address, headers=headers, buffered=False)
    first = next(parts := iter(cast(Iterable[bytes], answer.response)))
    assert answer.status_code == 200 and reading(published) == 0
    assert first and len(first + b"".join(parts)) == answer.content_length
    answer.close()


def test_a_reader_who_breaks_off_leaves_no_file(sqlite: Database, settings: Settings, stimuli: Path) -> None:
    publish(stimuli, sqlite, settings)
    stock(sqlite, 300, "many", saved=True)
    close(sqlite)
    person(sqlite, "eve", "experimenter", "tiny")
    head = f"GET {ADDRESSES[1]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token_of(sqlite)}\r\n\r\n"
    server = Served(settings.data_dir)

    def files() -> int:
        links = (link.resolve() for link in Path(f"/proc/{server.process.pid}/fd").iterdir())
        return sum(settings.tmp_dir.resolve() in link.parents for link in links)

    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the rest has to wait
    one.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    one.sendall(head.encode())
    assert one.recv(12) == b"HTTP/1.1 200" and reading(sqlite) == 0
    assert files() == 1 and list(settings.tmp_dir.iterdir()) == [], "it has no name"
    one.close()
    ends = time.monotonic() + 10
    while files() and time.monotonic() < ends:
        time.sleep(0.05)
    assert files() == 0 and server.stop() == 0


def test_a_head_request_leaves_no_file_open(over: Flask) -> None:
    with inside(over, "eve").head(ADDRESSES[2]) as answer:
        assert answer.status_code == 200 and answer.data == b""
    gc.collect()  # a file that nobody closed would be complained of here


def test_memory_does_not_grow_with_what_is_written(settings: Settings) -> None:
    def write(stream: TextIO) -> None:
        for _ in range(20_000):
            stream.write("x" * 500 + "\n")

    tracemalloc.start()
    file = spooled(settings, write)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300_000 and file.seek(0, 2) == 20_000 * 501
    file.close()


def test_a_disk_that_is_full_is_said_and_nothing_stays(settings: Settings) -> None:
    def write(stream: TextIO) -> None:
        stream.write("half of it")
        raise OSError(ENOSPC, "No space left on device")

    with pytest.raises(UnavailableError, match="could not be written: No space left on device"):
        spooled(settings, write)
    assert list(settings.tmp_dir.iterdir()) == []

"""Health: alive is not ready; what is not ready is named, and nothing else is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from mushra_app import schema
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.operation import health
from mushra_app.operation.health import Probe

ALL_WELL = {"ready": True, "database": "ok", "revision": "ok", "media": "ok"}


@pytest.fixture
def server(published: Database, either: Settings) -> FlaskClient:
    """A server on either database, with the tiny study."""
    return create_app(either, published).test_client()


def test_a_process_that_answers_says_so_and_no_more(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.json == {"ok": True} and answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert client.get("/health").status_code == 404


def test_a_server_that_can_serve_is_ready(server: FlaskClient) -> None:
    answer = server.get("/readyz")
    assert (answer.status_code, answer.json) == (200, ALL_WELL)
    assert answer.headers["Cache-Control"] == "no-store" and "Set-Cookie" not in answer.headers


def test_before_anything_is_published_no_sounds_are_needed(database: Database, either: Settings) -> None:
    answer = create_app(either, database).test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (200, ALL_WELL)


def test_another_releases_tables_are_not_ready(server: FlaskClient, published: Database) -> None:
    with published.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    answer = server.get("/readyz")
    assert answer.status_code == 503 and answer.json["revision"] == "not this release's"
    assert "000" not in answer.text and server.get("/healthz").status_code == 200


@pytest.mark.parametrize("fault", ["gone", "a file"])
def test_sounds_out_of_reach_are_not_ready(client: FlaskClient, settings: Settings, fault: str) -> None:
    settings.media_dir.rename(settings.data_dir / "elsewhere")
    if fault == "a file":
        settings.media_dir.write_text("")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == ALL_WELL | {"ready": False, "media": "can't be read"}
    assert str(settings.data_dir) not in answer.text


def test_a_database_that_is_away_is_not_ready_and_its_address_is_not_told(tmp_path: Path) -> None:
    place = Settings(data_dir=tmp_path, database_url="postgresql://lab:hunter2@127.0.0.1:1/listening")
    answer = create_app(place).test_client().get("/readyz")
    assert answer.status_code == 503 and answer.json["database"] == "does not answer"
    assert answer.json["revision"] == "not known"
    for word in ("hunter2", "127.0.0.1", "listening", "psycopg"):
        assert word not in answer.text


@pytest.fixture
def hanging(app: Flask) -> Iterator[threading.Event]:
    """A database that answers only when it is let go."""
    let_go, (_, *others) = threading.Event(), app.extensions["mushra-probe"]
    app.extensions["mushra-probe"] = Probe(lambda: let_go.wait(30) and (schema.head(), True)), *others
    yield let_go
    let_go.set()


def test_a_database_that_hangs_is_given_a_second_and_one_thread(
    app: Flask, client: FlaskClient, hanging: threading.Event
) -> None:
    threads = threading.active_count()
    for _ in range(2):
        began = time.monotonic()
        answer = client.get("/readyz")
        assert answer.status_code == 503 and answer.json["database"] == "does not answer"
        assert health.ANSWERS_WITHIN_S <= time.monotonic() - began < 2 * health.ANSWERS_WITHIN_S + 1
    assert threading.active_count() == threads + 1
    hanging.set()
    assert client.get("/readyz").status_code == 200, "ready again as soon as it answers"


def test_errors_and_answers_of_a_probe() -> None:
    def fail() -> Any:
        raise ValueError("a secret")

    assert Probe(fail).answer(5) is None
    probe = Probe(lambda: 3)
    assert [probe.answer(5) for _ in range(3)] == [3, 3, 3]

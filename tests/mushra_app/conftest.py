"""A tiny published study on a real database, the app over it, and a real server process.

``database`` runs a test twice: on an SQLite file and on PostgreSQL, whose server the test run starts itself on
a free loopback port, as an unprivileged user because it refuses root.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tiny_set
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Served

from mushra_app import schema
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.people import accounts
from mushra_app.publish import publish
from stimuli.manifest import Manifest


def _postgresql_programs() -> Path | None:
    found = [Path(at).parent for at in [shutil.which("initdb")] if at]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").is_file() and (folder / "postgres").is_file()), None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a private PostgreSQL server, without the database's name."""
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("postgresql binaries not present")
    folder = Path(tempfile.mkdtemp(prefix="mushra-postgresql-"))
    unprivileged: dict[str, Any] = {"user": "nobody"} if os.name == "posix" and os.geteuid() == 0 else {}
    if unprivileged:
        shutil.chown(folder, "nobody")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    initdb = [programs / "initdb", "-D", folder / "data", "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **unprivileged)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    command = [programs / "postgres", "-D", folder / "data", "-p", str(port), *options]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **unprivileged)
    try:
        _wait_for_port(port, server)
        yield f"postgresql://tests@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown
        server.wait(timeout=30)
        shutil.rmtree(folder)


def _wait_for_port(port: int, server: subprocess.Popen[Any]) -> None:
    for _ in range(300):
        try:
            psycopg.connect(f"postgresql://tests@127.0.0.1:{port}/postgres").close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, "postgres did not start"
            time.sleep(0.1)
    raise AssertionError("postgres did not answer in 30 s")


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords of this process cost next to nothing; those of server processes cost what they should."""
    before, accounts.HASHER = accounts.HASHER, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    accounts.HASHER = before


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An embedded database in a folder of its own."""
    return Settings(data_dir=tmp_path / "data", threads=8)


@pytest.fixture
def on_postgresql(postgresql: str, tmp_path: Path) -> Settings:
    """An empty database of its own on PostgreSQL."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Settings(data_dir=tmp_path / "data", database_url=f"{postgresql}/{name}", threads=8)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings for SQLite, then for PostgreSQL."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "data", threads=8)
    return request.getfixturevalue("on_postgresql")


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with this release's tables and nothing in them: to copy it is faster than to migrate."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"))
    database = Database(settings)
    schema.require(database, settings)
    database.close()
    return settings.database_file


def opened(settings: Settings, empty_sqlite: Path) -> Database:
    """A database with this release's tables."""
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True)
        shutil.copy(empty_sqlite, settings.database_file)
    found = Database(settings)
    schema.require(found, settings)
    return found


@pytest.fixture
def database(either: Settings, empty_sqlite: Path) -> Iterator[Database]:
    """An empty database with this release's tables, of either kind."""
    found = opened(either, empty_sqlite)
    yield found
    found.close()


@pytest.fixture(scope="session")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny stimulus set."""
    folder = tmp_path_factory.mktemp("stimuli")
    tiny_set.make(folder)
    return folder


@pytest.fixture
def manifest(stimuli: Path) -> Manifest:
    """What the tiny set says of itself."""
    return Manifest.model_validate_json((stimuli / "manifest.json").read_text())


@pytest.fixture
def app(settings: Settings, stimuli: Path, empty_sqlite: Path) -> Iterator[Flask]:
    """The application over an SQLite file, with the tiny study published."""
    found = opened(settings, empty_sqlite)
    publish(stimuli, found, settings)
    yield create_app(settings, found)
    found.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a page."""
    return app.test_client()


@pytest.fixture
def served(app: Flask, settings: Settings) -> Iterator[Served]:
    """A server process over the database of ``app``."""
    server = Served(settings.data_dir)
    yield server
    if server.process.poll() is None:
        server.stop()

"""A tiny published study on a real database, the app over it, and a real server process.

``database`` runs a test twice: on an SQLite file and on PostgreSQL, whose server the test run starts itself on
a free loopback port, as an unprivileged user because it refuses root.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import postgresql_server
import pytest
import tiny_set
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from postgresql_server import PostgreSQL
from server_guests import Guest, Served, opened, published_in
from studio_people import database_of, inside, person
from werkzeug.routing import Rule

from mushra_app import schema
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.operation.backup import back_up
from mushra_app.people import accounts
from mushra_app.publish import publish
from stimuli.manifest import Manifest


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    """Where PostgreSQL's programs are."""
    found = postgresql_server.programs()
    if found is None:
        pytest.skip("postgresql binaries not present")
    return found


@pytest.fixture(scope="session")
def postgresql(postgresql_programs: Path) -> Iterator[str]:
    """Address of a private PostgreSQL server, without the database's name, for all tests that leave it as it is."""
    server = PostgreSQL(postgresql_programs)
    yield server.address
    server.close()


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords of this process cost next to nothing; those of server processes cost what they should."""
    before, accounts.HASHER = accounts.HASHER, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    accounts.HASHER = before


class Remembered(Rule):
    """An address whose builder is compiled once, not for every app; it depends on nothing but what is its key here."""

    BUILDERS: ClassVar[dict[object, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = self.rule, self.subdomain, self.host, str(self.defaults), append_unknown
        if key not in self.BUILDERS:
            self.BUILDERS[key] = super()._compile_builder(append_unknown)
        return self.BUILDERS[key]


@pytest.fixture(scope="session", autouse=True)
def quick_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An app for every test of this process, whose addresses and templates are compiled once."""
    templates = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    before = Flask.url_rule_class, Flask.jinja_options
    Flask.url_rule_class, Flask.jinja_options = Remembered, {"bytecode_cache": templates}
    yield
    Flask.url_rule_class, Flask.jinja_options = before


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An embedded database in a folder of its own."""
    return Settings(data_dir=tmp_path / "data", threads=8)


@pytest.fixture(scope="session")
def empty_postgresql(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database there with this release's tables and nothing in them: a copy is faster than migrating."""
    address = postgresql_server.new_database(postgresql)
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"), database_url=address)
    database = Database(settings)
    schema.require(database, settings)
    database.close()
    return address.rpartition("/")[2]


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest, postgresql: str, tmp_path: Path) -> Settings:
    """A database of its own on PostgreSQL: with the tiny study or our tables where they are wanted, else empty."""
    copied = {"published": "published_postgresql", "database": "empty_postgresql"}
    wanted = next((copied[name] for name in copied if name in request.fixturenames), None)
    like = request.getfixturevalue(wanted) if wanted else "template1"
    address = postgresql_server.new_database(postgresql, like)
    return Settings(data_dir=tmp_path / "data", database_url=address, threads=8)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings for SQLite, then for PostgreSQL."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "data", threads=8)
    return request.getfixturevalue("on_postgresql")


@pytest.fixture
def database(either: Settings, empty_sqlite: Path) -> Iterator[Database]:
    """An empty database with this release's tables, of either kind."""
    found = opened(either, empty_sqlite)
    yield found
    found.close()


@pytest.fixture
def sqlite(settings: Settings, empty_sqlite: Path) -> Iterator[Database]:
    """An empty SQLite database with this release's tables."""
    found = opened(settings, empty_sqlite)
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


@pytest.fixture(scope="session")
def published_tiny(tmp_path_factory: pytest.TempPathFactory, stimuli: Path, empty_sqlite: Path) -> Path:
    """A data folder with the tiny study published: to copy it is faster than to publish again."""
    return published_in(tmp_path_factory.mktemp("published") / "data", stimuli, empty_sqlite)


@pytest.fixture(scope="session")
def published_postgresql(
    postgresql: str, empty_postgresql: str, stimuli: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database with the tiny study published, whose sounds are those of ``published_tiny``."""
    address = postgresql_server.new_database(postgresql, empty_postgresql)
    settings = Settings(data_dir=tmp_path_factory.mktemp("published") / "data", database_url=address)
    database = Database(settings)
    publish(stimuli, database, settings)
    database.close()
    return address.rpartition("/")[2]


@pytest.fixture
def published(either: Settings, published_tiny: Path) -> Iterator[Database]:
    """The tiny study on either database: copied, which is faster than to publish it."""
    own = shutil.ignore_patterns("*.sqlite3") if either.database_url else None
    shutil.copytree(published_tiny, either.data_dir, ignore=own)
    found = Database(either)
    yield found
    found.close()


@pytest.fixture
def app(settings: Settings, published_tiny: Path) -> Iterator[Flask]:
    """The application over an SQLite file, with the tiny study published."""
    shutil.copytree(published_tiny, settings.data_dir)
    found = Database(settings)
    schema.require(found, settings)
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


@pytest.fixture
def study(database: Database, either: Settings, tmp_path: Path) -> Callable[..., Database]:
    """Publish the tiny study with these changes."""

    def make(**changes: Any) -> Database:
        tiny_set.make(tmp_path / "set", **changes)
        publish(tmp_path / "set", database, either)
        return database

    return make


@pytest.fixture
def kept(settings: Settings, stimuli: Path, app: Any, tmp_path: Path) -> Iterator[Path]:
    """A backup of an SQLite database with a finished session."""
    Guest(app.extensions["mushra"].database).finish()
    back_up(settings, tmp_path / "kept.zip")
    yield tmp_path / "kept.zip"


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    """The browser of an owner who is in the studio."""
    return inside(app, person(database_of(app), "ada", "owner"))

"""People who run tests, for the tests of this room: accounts, and browsers that are in the studio."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.people import accounts, logins, permissions
from mushra_app.people.logins import Visitor
from mushra_app.study import lifecycle, study_cli

PASSWORD = "correct horse battery"
AN_OWNER = Visitor("", None, logins.BY_KEY, "owner")


@cache
def password_hash() -> str:
    """Of ``PASSWORD``; made once, because it takes a tenth of a second."""
    return accounts.hashed(PASSWORD)


def person(database: Database, name: str, role: str, *studies: str) -> str:
    """An account that was given studies; its name."""
    with database.writing() as db:
        account = accounts.add(db, name, password_hash(), role=role)
        for study in studies:
            permissions.grant(db, account, study)
    return name


def database_of(app: Flask) -> Database:
    """Where the app keeps everything."""
    return app.extensions["mushra"].database


def inside(app: Flask, name: str) -> FlaskClient:
    """A browser of somebody who logged in before."""
    with database_of(app).writing() as db:
        token = logins.begin(db, accounts.named(db, name))
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    return client


def csrf(html: str) -> str:
    """The token of a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found, html
    return found[1]


def log_in(client: FlaskClient, name: str, password: str = PASSWORD, **more: str) -> Any:
    """Fill in the login page and send it."""
    token = csrf(client.get("/studio/login").text)
    return client.post("/studio/login", data={"csrf_token": token, "name": name, "password": password} | more)


def close(database: Database, study: str = "tiny") -> None:
    """The study runs no more, so that its ratings may be looked at."""
    with database.writing() as db:
        lifecycle.move(db, lifecycle.current(db, study), "closed")


def study_typed(settings: Settings) -> Callable[..., str]:
    """Types ``mushra study`` with these words, on that data; what was said. A refusal is raised."""

    def typed(*arguments: str) -> str:
        done = CliRunner().invoke(study_cli.study, [*arguments, "--data", str(settings.data_dir)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return typed

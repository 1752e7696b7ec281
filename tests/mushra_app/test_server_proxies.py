"""Who asked, and by which address: proxies are believed as far as the settings say, and no further."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from mushra_app import security
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database, database_address
from mushra_app.errors import AppError

FORGED = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "ftp, https",
    "X-Forwarded-Host": "evil.example, tests.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    "X-Real-IP": "203.0.113.9",
}


@pytest.fixture
def asking(app: Flask, settings: Settings):
    """A client of an app with so many trusted proxies, with an address that shows what the app believes."""

    def found(**changes: object) -> FlaskClient:
        changed = create_app(settings.model_copy(update=changes), app.extensions["mushra"].database)
        changed.add_url_rule("/seen", "seen", lambda: [request.remote_addr, request.host_url, request.script_root])
        return changed.test_client()

    return found


@pytest.mark.parametrize(
    ("hops", "seen"),
    [
        (0, ["127.0.0.1", "http://localhost/", ""]),
        (1, ["198.51.100.7", "https://tests.example/", ""]),
        (2, ["203.0.113.9", "ftp://evil.example/", ""]),
        (3, ["127.0.0.1", "http://localhost/", ""]),  # fewer than configured: it did not come through all of them
    ],
)
def test_only_as_many_hops_are_believed_as_are_configured(asking, hops: int, seen: list[str]) -> None:
    assert asking(trusted_proxies=hops).get("/seen", headers=FORGED).json == seen


def test_links_are_by_the_external_address_whatever_the_request_says(asking, settings: Settings) -> None:
    client = asking(external_url="https://listen.example", trusted_proxies=1)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    key = security.studio_key(settings)
    entered = client.get("/studio/", query_string={"key": key}, headers=headers)
    assert entered.location == "/studio/" and "Secure" in entered.headers["Set-Cookie"]
    for path in ("/listen/tiny", "/studio/", "/studio/tiny/", "/nothing"):
        assert "evil.example" not in client.get(path, base_url="https://evil.example", headers=headers).text
    client.get("/studio/", query_string={"key": key}, base_url="https://listen.example")
    assert "https://listen.example/listen/tiny" in client.get("/studio/tiny/", base_url="https://listen.example").text


def test_the_databases_password_comes_out_of_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    told = {"data_dir": tmp_path, "database_url": "postgresql://lab@db/listening", "database_password_file": secret}
    with pytest.raises(AppError, match=r"database_password_file: .*password: can't be read"):
        Database(Settings(**told))
    secret.write_text("\n")
    with pytest.raises(AppError, match="empty"):
        Database(Settings(**told))
    secret.write_text("p@ss/w:rd \n")
    assert database_address(Settings(**told)).password == "p@ss/w:rd "

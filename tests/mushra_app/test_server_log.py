"""The log for machines: one line per request, and nothing in it that a listener has or says."""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, Served, as_json, body_of

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.listener.pages import InstructionsPage, QuestionsPage, TrialPage
from mushra_app.operation import request_log
from mushra_app.security import place_link_token, secret_key, studio_key

SAID = {"comment": "Wombat comment", "remarks": "Wombat remark", "script": "Wombat at /session/"}
FIELDS = {"time", "level", "request_id", "method", "route", "status", "ms"}


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], app: Flask, settings: Settings) -> Iterator[Flask]:
    """The same database behind an app that writes JSON lines to where ``capsys`` reads."""
    before = {name: logging.getLogger(name).handlers for name in request_log.LOGGERS}
    found = create_app(settings.model_copy(update={"log_format": "json"}), app.extensions["mushra"].database)
    yield found
    logging.captureWarnings(False)
    for name, handlers in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, True


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], logged: Flask) -> Callable[[], list[dict[str, Any]]]:
    """What was logged since the last call; every line is JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def form_token(html: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    return found[1] if found else ""


def whole_session(app: Flask, client: FlaskClient) -> list[str]:
    """Everything that a listener does, over HTTP; all tokens, keys and answers that were sent or received."""
    settings, database = app.extensions["mushra"].settings, app.extensions["mushra"].database
    place = place_link_token(secret_key(settings), "Booth 1")
    form = form_token(client.get("/listen/tiny").text)
    client.get(f"/listen/tiny?place={place}")
    fields = {"csrf_token": form, "consent": "yes", "transducer": "headphones", "experience": "experienced"}
    address = client.post("/listen/tiny", data=fields).location
    guest = Guest.__new__(Guest)
    guest.database, guest.token, guest.base = database, address.split("/")[2], address[:-1]
    secrets = [guest.token, place, form, secret_key(settings), studio_key(settings), "Booth 1", "a browser of mine"]
    for _ in range(20):
        page, token = guest.page(), form_token(client.get(address).text)
        if isinstance(page, TrialPage):
            body = body_of(page, comment=SAID["comment"])
            secrets += [page.token, body["key"], *(sound.token for sound in page.sounds)]
            for sound in page.sounds:
                assert client.get(sound.url).status_code == 200
            assert client.put(page.save_url, data=as_json(body), headers=ORIGIN).status_code == 200
            assert client.put(page.save_url, data=b'{"Wombat": ', headers=ORIGIN).status_code == 400
        elif isinstance(page, QuestionsPage | InstructionsPage):
            given = (
                {"ears": "yes", "age": "3377", "remarks": SAID["remarks"]} if isinstance(page, QuestionsPage) else {}
            )
            assert client.post(address, data={"csrf_token": token} | given).status_code == 303
        else:
            break
        secrets.append(token)
    client.post(f"{guest.base}/error", data=f"{SAID['script']}{guest.token}/ failed", headers=ORIGIN)
    client.post(f"{guest.base}/withdraw", data={"csrf_token": form})
    client.get(f"/studio/?key={studio_key(settings)}")
    client.get(f"/nothing/{guest.token}?q={guest.token}")
    return [secret for secret in secrets if secret] + ["Wombat", "3377"]


def test_no_token_and_no_answer_of_a_whole_session_is_logged(logged: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    client = logged.test_client()
    client.environ_base["HTTP_USER_AGENT"] = "a browser of mine"
    secrets = whole_session(logged, client)
    written = capsys.readouterr().err
    assert [secret for secret in secrets if secret in written] == []
    assert len(set(secrets)) > 25
    found = [json.loads(line) for line in written.splitlines()]
    requests = [line for line in found if "route" in line]
    assert all(set(line) == FIELDS for line in requests)
    routes = {line["route"] for line in requests}
    assert routes >= {"/listen/<study>", "/session/<token>/", "/session/<token>/trials/<trial>", "/studio/", None}
    assert [line["message"] for line in found if "route" not in line] == ["a listener's page reported: %r"]


def test_a_line_says_what_was_asked_and_how_it_ended(logged: Flask, lines: Callable[[], list[dict[str, Any]]]) -> None:
    answer = logged.test_client().put("/session/none/trials/none", data=b"{}", headers=ORIGIN)
    (line,) = lines()
    assert (line["method"], line["route"], line["status"]) == ("PUT", "/session/<token>/trials/<trial>", 400)
    assert 0 <= line["ms"] < 60_000 and line["time"].endswith("+00:00") and line["level"] == "info"
    assert answer.headers["X-Request-ID"] == line["request_id"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("a1b2-c3.d4_e5", True),
        ("x" * 64, True),
        ("", False),
        ("x" * 65, False),
        ("a b", False),
        ('"}', False),
        ("-rf", False),
        ("ünïcode", False),
    ],
)
def test_a_proxys_id_is_taken_where_it_is_a_sane_one(
    logged: Flask, lines: Callable[[], list[dict[str, Any]]], given: str, taken: bool
) -> None:
    answer = logged.test_client().get("/healthz", headers={"X-Request-ID": given})
    (line,) = lines()
    assert answer.headers["X-Request-ID"] == line["request_id"]
    assert (line["request_id"] == given) is taken and (taken or re.fullmatch("[0-9a-f]{16}", line["request_id"]))


def test_a_crash_is_its_type_and_place_without_its_words(
    logged: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    def crash(token: str) -> str:
        raise ValueError(f"Wombat {token}")

    logged.add_url_rule("/crash/<token>", "crash", crash)
    answer = logged.test_client().get("/crash/tok3n")
    error, request = lines()
    assert (error["error"], error["level"]) == ("ValueError", "error") and error["at"][-1].endswith(" crash")
    assert error["request_id"] == request["request_id"] == answer.headers["X-Request-ID"] and request["status"] == 500
    assert "tok3n" not in json.dumps([error, request]) and "Wombat" not in json.dumps([error, request])


def test_other_loggers_and_warnings_say_their_templates_only(
    logged: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    logging.getLogger("waitress").warning("Exception while serving %s", "/session/tok3n/")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn_explicit("Wombat: tok3n", UserWarning, "somewhere.py", 7)
    found = lines()
    assert [line["message"] for line in found] == ["Exception while serving %s", "somewhere.py:7: UserWarning"]
    assert "tok3n" not in json.dumps(found)


def test_as_text_nothing_is_logged_per_request_and_no_id_is_given(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "X-Request-ID" not in client.get("/healthz", headers={"X-Request-ID": "abc"}).headers
    assert capsys.readouterr().err == ""


def test_the_served_process_writes_lines_on_stderr(app: Flask, settings: Settings, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        server = Served(settings.data_dir, stderr=log, env=os.environ | {"MUSHRA_LOG_FORMAT": "json"})
        for path in ("/healthz", "/readyz", "/listen/tiny"):
            with urllib.request.urlopen(server.url + path, timeout=30) as answer:
                assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])
        assert server.stop() == 0
    written = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["route"], line["status"]) for line in written] == [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/listen/<study>", 200),
    ]

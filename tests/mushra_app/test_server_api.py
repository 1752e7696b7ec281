"""The API: tokens that are made, used, expire and are revoked; what is answered; and that cookies open nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import event
from studio_people import PASSWORD, close, csrf, database_of, inside, person

from mushra_app import jobs, ratings
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.export import rows
from mushra_app.people import accounts, audit, tokens
from mushra_app.people.tables import ApiToken
from mushra_app.security import token_sha256
from mushra_app.study import lifecycle


@pytest.fixture
def on_either(published: Database, either: Settings) -> Flask:
    """The application on SQLite, then on PostgreSQL."""
    return create_app(either, published)


def token_of(app: Flask, name: str = "ada", role: str = "owner", *studies: str, may: str = "change") -> str:
    """A token of a new account."""
    person(database_of(app), name, role, *studies)
    with database_of(app).writing() as db:
        return tokens.make(db, accounts.named(db, name), "a test", may=may, days=30)


def get(app: Flask, token: str, address: str, **query: Any) -> Any:
    """The JSON of an answer that has to succeed."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get(f"/api/v1/{address}", query_string=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def send(app: Flask, token: str, address: str, body: Any) -> Any:
    """An answer to JSON."""
    return app.test_client().post(f"/api/v1/{address}", json=body, headers={"Authorization": f"Bearer {token}"})


def move(app: Flask, status: str) -> None:
    with database_of(app).writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), status)


# Tokens


def form(client: FlaskClient, address: str, **fields: str) -> Any:
    return client.post(address, data=fields | {"csrf_token": csrf(client.get("/studio/login").text)})


def test_a_token_is_made_shown_once_used_and_revoked(app: Flask) -> None:
    browser = inside(app, person(database_of(app), "eve", "experimenter", "tiny"))
    fields = {"name": " nightly  export ", "may": "view", "days": "90"}
    wrong = form(browser, "/studio/account/tokens", password="wrong", **fields)
    assert wrong.status_code == 403 and "nightly  export" in wrong.text and "hr_" not in wrong.text
    page = form(browser, "/studio/account/tokens", password=PASSWORD, **fields)
    assert (page.status_code, page.location) == (303, "/studio/account/tokens")
    page = browser.get(page.location).text
    token = re.findall(r'readonly value="(hr_[\w-]{43})"', page)[0]
    listed = browser.get("/studio/account/tokens").text
    assert token not in listed and "nightly export" in listed and "never used" in listed
    assert get(app, token, "me") == {"name": "eve", "role": "experimenter", "may": "view"}
    assert "used last" in browser.get("/studio/account/tokens").text
    with database_of(app).reading() as db:
        kept = db.query(ApiToken).one()
        assert kept.token_sha256 == token_sha256(token) and kept.expires_at is not None
        assert timedelta(days=89) < kept.expires_at - kept.created_at < timedelta(days=91)
        number = kept.id
    stranger = inside(app, person(database_of(app), "bob", "owner"))
    assert form(stranger, f"/studio/account/tokens/{number}/revoke").status_code == 404
    assert form(browser, f"/studio/account/tokens/{number}/revoke").status_code == 303
    assert refused(app, token) == 401
    with database_of(app).reading() as db:
        told = [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what == "token"]
    assert told == [("eve", "nightly export: new, may view"), ("eve", "nightly export: revoked")]


def refused(app: Flask, token: str) -> int:
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["WWW-Authenticate"] == "Bearer" and set(answer.json or {}) == {"error"}
    return answer.status_code


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "may": "view", "days": "30"},
        {"name": "x" * 101, "may": "view", "days": "30"},
        {"name": "x", "may": "own", "days": "30"},
        {"name": "x", "may": "view", "days": "31"},
        {"name": "x", "may": "view", "days": "-1"},
        {},
    ],
)
def test_tokens_that_make_no_sense_are_refused_in_a_sentence(app: Flask, fields: dict[str, str]) -> None:
    answer = form(
        inside(app, person(database_of(app), "eve", "viewer")), "/studio/account/tokens", password=PASSWORD, **fields
    )
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    with database_of(app).reading() as db:
        assert db.query(ApiToken).count() == 0


def test_an_account_has_so_many_tokens_and_no_more(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 2)
    browser = inside(app, person(database_of(app), "eve", "viewer"))
    fields = {"name": "x", "may": "view", "days": "0", "password": PASSWORD}
    made = [form(browser, "/studio/account/tokens", **fields).status_code for _ in range(3)]
    assert made == [303, 303, 400]


def test_tokens_can_not_be_guessed_and_nothing_like_one_opens(app: Flask) -> None:
    token = token_of(app)
    wrong = (token[:-1], token + "x", token.swapcase(), token[3:], "hr_", token_sha256(token), "x" * 9999, "é", "''--")
    assert {refused(app, guess) for guess in wrong} == {401}
    client = app.test_client()
    headers = ("", "Bearer", f"Basic {token}", f"Token {token}", token, "Bearer  ")
    statuses = [client.get("/api/v1/me", headers={"Authorization": header}).status_code for header in headers]
    assert set(statuses) == {401}
    for query in ("token", "access_token", "key"):
        assert client.get(f"/api/v1/me?{query}={token}").status_code == 401, "a token stands in no address"
    assert get(app, token, "me")["name"] == "ada"


def test_a_token_ends_in_time_and_with_its_account(app: Flask) -> None:
    token = token_of(app, "eve", "experimenter", "tiny")
    with database_of(app).writing() as db:
        accounts.set_active(db, accounts.named(db, "eve"), False)
    assert refused(app, token) == 401
    with database_of(app).writing() as db:
        accounts.set_active(db, accounts.named(db, "eve"), True)
        accounts.change_role(db, accounts.named(db, "eve"), "viewer")
    assert get(app, token, "me") == {"name": "eve", "role": "viewer", "may": "view"}, "never more than the account"
    with database_of(app).writing() as db:
        kept = db.query(ApiToken).one()
        assert kept.expires_at is not None
        kept.expires_at -= timedelta(days=30, seconds=1)
    assert refused(app, token) == 401


def test_a_login_opens_nothing_of_the_api_and_a_token_nothing_of_the_studio(app: Flask) -> None:
    token = token_of(app)
    browser = inside(app, "ada")
    assert browser.get("/studio/").status_code == 200 and browser.get("/api/v1/me").status_code == 401
    body = {"csrf_token": csrf(browser.get("/studio/login").text), "status": "paused"}
    moved = browser.post("/api/v1/studies/tiny/versions/1/status", data=body, headers={"Origin": "http://localhost"})
    assert moved.status_code == 401
    program = app.test_client()
    assert program.get("/studio/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert program.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).headers.getlist("Set-Cookie") == []


def test_use_is_noted_once_a_minute(app: Flask) -> None:
    token, written = token_of(app), []
    get(app, token, "me")
    event.listen(database_of(app).engine, "before_cursor_execute", lambda *a: written.append(a[2]))
    for _ in range(3):
        get(app, token, "me")
    assert [statement for statement in written if "UPDATE" in statement] == [] and len(written) >= 3


# What is answered


def test_a_program_follows_a_study_from_the_list_to_the_ratings(on_either: Flask) -> None:
    app = on_either
    token = token_of(app, "eve", "experimenter", "tiny")
    Guest(database_of(app)).finish()
    Guest(database_of(app))
    assert [study["name"] for study in get(app, token, "studies")["studies"]] == ["tiny"]
    study = get(app, token, "studies/tiny")
    assert (study["status"], study["version"], study["may"]) == ("open", 1, "change")
    (version,) = get(app, token, "studies/tiny/versions")["versions"]
    assert (version["listeners"], version["pilots"], version["closed_at"]) == (2, 0, None)
    assert get(app, token, "studies/tiny/progress")["sessions"] == {"finished": 1, "started": 1}
    first = get(app, token, "studies/tiny/sessions", limit=1)
    (done,) = first["sessions"]
    assert done["status"] == "finished" and done["saved"] == done["trials"] > 0
    rest = get(app, token, "studies/tiny/sessions", limit=1, after=first["next"])
    assert rest["next"] is None and rest["sessions"][0]["saved"] == 0
    early = app.test_client().get("/api/v1/studies/tiny/ratings.csv", headers={"Authorization": f"Bearer {token}"})
    assert early.status_code == 409 and "Close it first" in early.json["error"]
    moved = send(app, token, "studies/tiny/versions/1/status", {"status": "closed"})
    assert moved.status_code == 200 and moved.json["versions"][0]["closed_at"]
    check_ratings(app, token)
    with database_of(app).reading() as db:
        told = [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what in ("study", "export")]
    assert told[0] == ("eve", "tiny: version 1 from open to closed, by the token 'a test'") and len(told) == 3


def check_ratings(app: Flask, token: str) -> None:
    """Both kinds of file hold what an export holds."""
    headers = {"Authorization": f"Bearer {token}"}
    with database_of(app).reading() as db:
        ratings.write_stream(stream := io.StringIO(), expected := list(rows(db, "tiny")))
    answer = app.test_client().get("/api/v1/studies/tiny/ratings.csv", headers=headers)
    assert answer.text == stream.getvalue() and answer.mimetype == "text/csv"
    lines = app.test_client().get("/api/v1/studies/tiny/ratings.jsonl", headers=headers).text.splitlines()
    assert [json.loads(line) for line in lines] == expected and len(lines) > 4
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == len(expected)


def test_a_job_is_asked_for_once_followed_and_read(on_either: Flask) -> None:
    app = on_either
    token = token_of(app, "eve", "experimenter", "tiny")
    asked = send(app, token, "studies/tiny/jobs", {"kind": "check"})
    again = send(app, token, "studies/tiny/jobs", {"kind": "check"})
    assert (asked.status_code, asked.json["status"], asked.json["asked_by"]) == (202, "waiting", "eve")
    assert again.json["number"] == asked.json["number"]
    with database_of(app).writing() as db:
        taken = jobs.take(db, "worker")
        assert taken and taken.argv[1:] == ("--format", "json")
        jobs.end(db, taken, output='{"rules": []}')
        report = jobs.ask(db, "report", ["x"])
        report.study_id, report.output = lifecycle.current(db, "tiny").study_id, "the means"
    number = asked.json["number"]
    assert get(app, token, f"studies/tiny/jobs/{number}")["status"] == "done"
    listed = get(app, token, "studies/tiny/jobs", limit=1)
    assert listed["jobs"][0]["kind"] == "report" and "output" not in listed["jobs"][0]
    assert get(app, token, "studies/tiny/jobs", after=listed["next"])["jobs"][0]["number"] == number
    headers = {"Authorization": f"Bearer {token}"}
    output = app.test_client().get(f"/api/v1/studies/tiny/jobs/{number}/output", headers=headers)
    assert output.text == '{"rules": []}'
    hidden = app.test_client().get(f"/api/v1/studies/tiny/jobs/{number + 1}/output", headers=headers)
    assert hidden.status_code == 409 and "the means" not in hidden.text, "no results while the study runs"


def test_a_report_is_asked_for_and_fetched_once_the_study_is_over(app: Flask) -> None:
    token = token_of(app, "eve", "experimenter", "tiny")
    early = send(app, token, "studies/tiny/jobs", {"kind": "report"})
    assert early.status_code == 409 and "Close it first" in early.json["error"]
    close(database_of(app))
    asked = send(app, token, "studies/tiny/jobs", {"kind": "report"})
    assert (asked.status_code, asked.json["kind"], asked.json["asked_by"]) == (202, "report", "eve")
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/studies/tiny/files/report.html", headers=headers).status_code == 404
    with database_of(app).writing() as db:
        taken = jobs.take(db, "worker")
        assert taken is not None
        made = Path(taken.argv[taken.argv.index("--out") + 1])
        made.write_text("<p>a report</p>")
        jobs.end(db, taken, output="")
    answer = client.get("/api/v1/studies/tiny/files/report.html", headers=headers)
    assert answer.status_code == 200 and answer.text == "<p>a report</p>"
    assert client.get("/api/v1/studies/tiny/files/secret.key", headers=headers).status_code == 404


def test_lists_come_in_pages(app: Flask) -> None:
    token = token_of(app)
    with database_of(app).writing() as db:
        for number in range(5):
            audit.note(db, "ada", "export", f"thing {number}")
    seen, last = [], {}
    while True:
        page = get(app, token, "audit", what="export", limit=2, **last)
        seen.append([entry["about"] for entry in page["entries"]])
        if page["next"] is None:
            break
        last = {"after": page["next"]}
    assert seen == [["thing 4", "thing 3"], ["thing 2", "thing 1"], ["thing 0"]]
    assert get(app, token, "studies", after="tiny") == {"studies": [], "next": None}
    move(app, "closed")
    with database_of(app).writing() as db:
        lifecycle.archive(db, "tiny", True)
    assert get(app, token, "studies")["studies"] == []
    assert get(app, token, "studies", archived="yes")["studies"][0]["archived"] is True


KEY = '"k{}": 0'.format


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body: no valid JSON (EOF while parsing a value at line 1 column 0); nothing was changed"),
        (b"{", "the body: no valid JSON (EOF while parsing an object"),
        (b"[]", "the body: found a list of 0; expected a table of keys; nothing was changed"),
        (b"{}", "status: is missing; add it (see: openapi.json); nothing was changed"),
        (b'{"status": "gone"}', "status: found 'gone'; expected 'draft', 'piloting', 'open', 'paused', 'closed' or"),
        (b'{"status": null}', "status: found null; expected 'draft', 'piloting'"),
        (b'{"status": "paused", "more": 1}', "more: this key is not known; remove it or correct its spelling; nothing"),
        (b'{"status": 1, "reason": 2}', "or 'superseded'; reason: found 2; expected text; nothing was changed"),
        (b'{"status": "draft"}', "version 1 is open, which can't become 'draft'; expected one of: paused, closed"),
        (b"\xff\xfe", "the body: no valid JSON (expected value at line 1 column 1)"),
        (f'{{"status": "draft", {", ".join(map(KEY, range(9)))}}}'.encode(), "k4: this key is not known; remove it or"),
    ],
)
def test_bad_bodies_are_answered_with_where_and_what(app: Flask, body: bytes, said: str) -> None:
    headers = {"Authorization": f"Bearer {token_of(app)}", "Content-Type": "application/json"}
    answer = app.test_client().post("/api/v1/studies/tiny/versions/1/status", data=body, headers=headers)
    assert answer.status_code in (400, 409) and said in answer.json["error"], answer.json
    assert "k5" not in answer.json["error"], "more than five mistakes are no sentence"
    with database_of(app).reading() as db:
        assert lifecycle.current(db, "tiny").status == "open"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=" + "9" * 40, "after=x"])
def test_bad_pages_are_answered_with_what_was_expected(app: Flask, query: str) -> None:
    headers = {"Authorization": f"Bearer {token_of(app)}"}
    answer = app.test_client().get(f"/api/v1/studies/tiny/sessions?{query}", headers=headers)
    assert answer.status_code == 400 and "expected" in answer.json["error"]


def test_what_is_not_there_is_said_in_json(app: Flask) -> None:
    headers = {"Authorization": f"Bearer {token_of(app)}"}
    for address in ("studies/nosuch", "studies/tiny/jobs/1", f"studies/tiny/jobs/{10**30}", "nosuch"):
        answer = app.test_client().get(f"/api/v1/{address}", headers=headers)
        assert answer.status_code == 404 and answer.json["error"], address
        assert "link" not in answer.json["error"], "nobody sent a program one"
    assert PASSWORD not in answer.text

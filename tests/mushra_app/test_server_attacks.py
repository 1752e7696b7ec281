"""Attacks on the server, each by real requests: nothing gets out, nothing gets in, and nothing falls over."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, as_json, body_of
from sqlalchemy import func, select
from studio_people import PASSWORD, csrf, database_of, inside, log_in, person

from mushra_app.app import MOST_BODY_BYTES, MOST_FORM_BYTES, create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Listener, Place, Save
from mushra_app.security import secret_key, studio_key

TRAVERSALS = (
    "../secret.key", "..%2fsecret.key", "%2e%2e%2f%2e%2e%2fsecret.key", "..%252fsecret.key", "..%5csecret.key",
    "%2fetc%2fpasswd", "%00", "tiny%00", "%2e%2e%2f" * 12 + "etc%2fpasswd", "....//secret.key", "..;/secret.key",
    "%c0%ae%c0%ae%c0%afsecret.key", "%ff", "%ed%a0%80", "%E2%80%AE", "file:%2f%2f%2fetc%2fpasswd", "~root", "*", "'--",
    "%0d%0aX-Planted:%201", quote("\N{GRINNING FACE}"), "a" * 5000,
)  # fmt: skip
"""What is put in place of every string of every address."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "M\u00dcLL")


@pytest.fixture
def guest(app: Flask) -> Guest:
    return Guest(database_of(app))


@pytest.fixture
def ada(app: Flask) -> str:
    """An owner."""
    return person(database_of(app), "ada", "owner")


@pytest.fixture
def on_either(published: Database, either: Settings) -> Iterator[Flask]:
    """The application on SQLite, then on PostgreSQL, which refuses texts that SQLite takes."""
    yield create_app(either, published)


def put(client: FlaskClient, address: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    sent = body if isinstance(body, bytes) else as_json(body)
    given = ORIGIN if headers is None else headers
    return client.put(address, data=sent, content_type="application/json", headers=given)


def stored(app: Flask, table: type) -> int:
    with database_of(app).reading() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def addresses(app: Flask, token: str) -> Iterator[tuple[str, str]]:
    """Every address with each of its strings replaced by each attempt, the others being right."""
    right = {"study": "tiny", "token": token, "step": "sides", "side": "left", "attempt": "1", "number": "1"}
    for rule in app.url_map.iter_rules():
        for name in rule.arguments:
            for attempt in TRAVERSALS:
                fill = right | {name: attempt}
                yield rule.endpoint, re.sub(r"<(?:\w+:)?(\w+)>", lambda found: fill.get(found[1], "x"), rule.rule)  # noqa: B023


# Paths and texts


def test_no_address_leads_out_of_its_folder(on_either: Flask) -> None:
    person(database_of(on_either), "ada", "owner")
    client, guest = inside(on_either, "ada"), Guest(database_of(on_either))
    settings = on_either.extensions["mushra"].settings
    secrets = (secret_key(settings), studio_key(settings), "root:")
    asked = 0
    for endpoint, address in addresses(on_either, guest.token):
        answer = client.get(address, headers={"User-Agent": "x"})
        asked += 1
        refused = (401,) if endpoint.startswith("api.") else ()  # a cookie opens nothing there
        assert answer.status_code in (200, 301, 308, 400, 404, 405, *refused), (endpoint, address, answer.status_code)
        assert answer.status_code != 200 or endpoint in ("studio.alignment_noise",), (endpoint, address)
        assert not any(secret in answer.get_data(as_text=True) for secret in secrets), address
        assert "X-Planted" not in answer.headers
    assert asked > 300


def test_text_that_a_database_refuses_is_refused_in_a_sentence(on_either: Flask) -> None:
    """PostgreSQL keeps no NUL, and no database keeps half a character."""
    client, guest = on_either.test_client(), Guest(database_of(on_either))
    page = guest.trial()
    for wrong in ({"comment": "a\0b"}, {"engine": "a\0b"}, {"comment": "\ud800"}):
        answer = put(client, page.save_url, body_of(page, **wrong))
        assert answer.status_code == 400 and answer.json["error"].endswith("nothing was saved"), wrong
    other = Guest(database_of(on_either))
    form = {"csrf_token": csrf(client.get(f"{other.base}/").text), "ears": "yes", "remarks": "a\0b"}
    assert client.post(f"{other.base}/", data=form).status_code == 400
    for address in ("/listen/tiny?lang=%00", "/listen/tiny?place=%00", "/listen/tiny?as=%00", "/studio/?key=%00%ff"):
        assert client.get(address).status_code in (200, 400, 403), address
    assert log_in(client, "a\0b").status_code == 400
    assert stored(on_either, Save) == 0


def test_numbers_in_addresses_may_be_of_any_size(client: FlaskClient, guest: Guest) -> None:
    for attempt, number in ((10**30, 1), (1, 10**30), (2**63, 2**63), (0, 0), ("-1", 1), ("1e9", 1), ("٣", 1)):
        assert client.get(f"{guest.base}/setup/level/{attempt}/{number}").status_code in (400, 404)


# Whose page it was


BY_ORIGIN = ("/session/<token>/error",)
"""What scripts send: tried out below with other origins."""
FILLED = {"study": "tiny", "number": "1", "version": "1", "pseudonym": "L-222222", "token": "en-headphones-7-0"}


def test_no_form_is_taken_without_its_token_or_from_elsewhere(app: Flask, ada: str, guest: Guest) -> None:
    """Every address that takes a form, whoever added it; programs come by tokens, which no browser sends by itself."""
    client = inside(app, ada)
    own = csrf(client.get("/studio/account").text)
    strangers = csrf(app.test_client().get("/studio/login").text)
    rules = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())} - set(BY_ORIGIN)
    forms = sorted(rule for rule in rules if not rule.startswith("/api/"))
    assert len(forms) > 30
    for rule in forms:
        filled = rule.replace("/session/<token>", guest.base) if rule.startswith("/session/") else rule
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: FILLED[found[1]], filled)
        for token in ("", "x", strangers, own[:-1], own + "x"):
            fields = {"name": "Booth", "level_db_a": "78", "transducer": "headphones", "device": "x", "key": "k"}
            assert client.post(address, data=fields | {"csrf_token": token}).status_code == 400, (address, token)
    assert client.get("/studio/").status_code == 200 and stored(app, Place) == 0 and stored(app, Listener) == 1
    assert client.post("/studio/logout", data={"csrf_token": own}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "http://LOCALHOST:8000"},
        {"Origin": "null"},
        {"Referer": "http://localhost/"},
        {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_what_scripts_send_is_taken_from_our_own_pages_only(
    app: Flask, client: FlaskClient, guest: Guest, headers: dict[str, str]
) -> None:
    page = guest.trial()
    assert put(client, page.save_url, body_of(page), headers).status_code == 403
    assert client.post(f"{guest.base}/error", data="x", headers=headers).status_code == 403
    assert stored(app, Save) == 0


def test_a_method_is_the_one_that_was_used(app: Flask, client: FlaskClient, guest: Guest) -> None:
    page = guest.trial()
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = client.post(page.save_url, data=as_json(body_of(page)), headers=ORIGIN | {name: "PUT"})
        assert answer.status_code in (400, 405)
        assert "You have withdrawn" not in client.get(f"{guest.base}/withdraw", headers={name: "POST"}).text
        assert client.get(f"{guest.base}/error", headers={name: "POST"}).status_code == 405
    form = {"_method": "PUT", "csrf_token": csrf(client.get("/listen/tiny").text)}
    assert client.post(page.save_url, data=form).status_code == 405
    assert client.get(f"{guest.base}/?_method=POST").status_code == 200 and stored(app, Save) == 0
    assert guest.trial().token == page.token, "the listener is still here"


def test_no_method_makes_any_address_fall_over(app: Flask, ada: str, guest: Guest) -> None:
    page, asked = guest.trial(), 0
    fill = {"study": "tiny", "token": guest.token, "trial": page.token, "slot": page.sounds[0].token, "side": "left"}
    fill |= {
        "step": "level",
        "attempt": "1",
        "number": "1",
        "clip": "1",
        "version": "1",
        "pseudonym": "L-222222",
        "name": "bundle.zip",
        "filename": "css/site.css",
    }
    for client in (app.test_client(), inside(app, ada)):
        for rule in app.url_map.iter_rules():
            address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: fill[found[1]], rule.rule)
            for method in METHODS:
                answer = client.open(address, method=method)
                asked += 1
                assert answer.status_code < 500, (method, address)
                assert "script-src 'self'" in answer.headers["Content-Security-Policy"], (method, address)
                assert method != "HEAD" or answer.data == b""
                assert method != "TRACE" or answer.status_code in (400, 401, 405), address
    assert asked > 400 and stored(app, Save) == 0


# Whose session it is


def test_tokens_can_neither_be_guessed_nor_borrowed(client: FlaskClient, guest: Guest) -> None:
    page, other = guest.trial(), Guest(guest.database)
    others = other.trial()
    own, slot = guest.token, page.sounds[0].token
    wrong = (
        other.token[:11] + own[11:],
        own[:-1],
        own[:1],
        own.swapcase(),
        own + "x",
        own + "=",
        f" {own}",
        "x" * 9999,
    )
    answers = [client.get(f"/session/{quote(token)}/") for token in wrong]
    assert {answer.status_code for answer in answers} == {404} and len({answer.data for answer in answers}) == 1
    assert client.get(f"/session/{own}/").status_code == 200
    hidden = others.sounds[0].token
    slots = (hidden, slot[:-1], slot.swapcase(), slot + "x", page.token, "x" * 9999, "1", "0")
    answers = [client.get(f"{guest.base}/sound/{token}") for token in slots]
    assert {answer.status_code for answer in answers} == {404} and len({answer.data for answer in answers}) == 1
    assert client.get(f"{guest.base}/sound/{slot}").status_code == 200
    assert put(client, f"{guest.base}/trials/{others.token}", body_of(others)).status_code == 404
    assert put(client, page.save_url, body_of(others)).status_code == 400, "the sounds are another page's"


def test_no_two_wrong_tokens_take_another_way(client: FlaskClient, guest: Guest) -> None:
    """The hash of a token is looked up, so that nothing is compared letter by letter."""
    page = guest.trial()
    answers = [client.get(f"{base}/sound/{page.sounds[0].token}") for base in ("/session/x", f"{guest.base}x")]
    unknown = client.get(f"{guest.base}/sound/{'x' * 22}")
    assert {answer.data for answer in answers} == {unknown.data}


def test_a_saves_key_is_of_its_own_trial_and_session(app: Flask, client: FlaskClient, guest: Guest) -> None:
    page, other = guest.trial(), Guest(guest.database)
    sent = guest.save(page)
    foreign = other.trial()
    answer = put(client, foreign.save_url, body_of(foreign, key=sent["key"]))
    assert answer.status_code == 409 and "another trial" in answer.json["error"]
    following = guest.trial()
    assert put(client, following.save_url, body_of(following, key=sent["key"])).status_code == 409
    again = put(client, page.save_url, sent | {"comment": "changed on the way"})
    assert again.json["revision"] == 1 and stored(app, Save) == 1
    with guest.database.reading() as db:
        assert db.scalars(select(Save.comment)).all() == [""]


def test_a_cookie_that_was_copied_ends_with_the_login(app: Flask, client: FlaskClient, ada: str) -> None:
    log_in(client, ada)
    thief = app.test_client()
    thief.set_cookie("mushra", copied := client.get_cookie("mushra").value)  # pyright: ignore[reportOptionalMemberAccess]
    assert thief.get("/studio/").status_code == 200
    client.post("/studio/logout", data={"csrf_token": csrf(client.get("/studio/").text)})
    for cookie in (copied, copied[:-1], copied.swapcase(), "", "x" * 4000):
        thief.set_cookie("mushra", cookie)
        assert thief.get("/studio/").status_code == 401


def test_a_cookie_of_before_a_change_of_password_opens_nothing(app: Flask, client: FlaskClient, ada: str) -> None:
    log_in(client, ada)
    copied = client.get_cookie("mushra").value  # pyright: ignore[reportOptionalMemberAccess]
    form = {"csrf_token": csrf(client.get("/studio/account").text), "password": PASSWORD}
    assert client.post("/studio/account", data=form | {"new_password": "another long one"}).status_code == 303
    client.set_cookie("mushra", copied)
    assert client.get("/studio/").status_code == 401


def test_a_cookie_signed_by_another_server_opens_nothing(app: Flask, ada: str, tmp_path: Any) -> None:
    stranger = create_app(Settings(data_dir=tmp_path / "another"), database_of(app))
    forged = inside(stranger, ada).get_cookie("mushra").value  # pyright: ignore[reportOptionalMemberAccess]
    client = app.test_client()
    client.set_cookie("mushra", forged)
    assert client.get("/studio/").status_code == 401


def test_nothing_that_was_in_a_browser_before_a_login_is_in_it_afterwards(app: Flask, ada: str) -> None:
    """Session fixation: a cookie that somebody else planted, with a token of theirs, is worth nothing afterwards."""
    victim = app.test_client()
    page = victim.get("/studio/login").text
    with victim.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        cookie["_user_id"] = "a token of somebody else"
    planted = victim.get_cookie("mushra").value  # pyright: ignore[reportOptionalMemberAccess]
    form = {"csrf_token": csrf(page), "name": ada, "password": PASSWORD}
    assert victim.post("/studio/login", data=form).status_code == 303
    with victim.session_transaction() as cookie:
        assert "planted" not in cookie and cookie["_user_id"] != "a token of somebody else"
        assert "csrf_token" not in cookie, "the forms of before are out of date"
    attacker = app.test_client()
    attacker.set_cookie("mushra", planted)
    assert attacker.get("/studio/").status_code == 401
    assert victim.post("/studio/login", data=form).status_code == 400, "the login form is no longer this browser's"
    assert victim.get("/studio/").status_code == 200


def test_every_login_has_a_token_of_its_own(app: Flask, client: FlaskClient, ada: str) -> None:
    tokens = set()
    for _ in range(3):
        log_in(client, ada)
        with client.session_transaction() as cookie:
            tokens.add(cookie["_user_id"])
    assert len(tokens) == 3 and min(map(len, tokens)) >= 22


# What is too large, and headers


def nested(depth: int) -> bytes:
    return b'{"key":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    "body",
    [
        nested(100_000),
        b"[" * 1_000_000,
        b'{"revision": ' + b"9" * 1_000_000 + b"}",
        b'{"trial_s": 1e999999999}',
        b'{"revision": 1e5000}',
        b"{" + b",".join(b'"k%d": 1' % n for n in range(70_000)) + b"}",
        b'{"events": [' + b",".join([b"{}"] * 300_000) + b"]}",
        b'{"comment": "' + b"x" * 1_000_000 + b'"}',
        b"\xff" * 1000,
        b'{"key": "\\ud800"}',
    ],
    ids=lambda body: f"{body[:14]!r}…",
)
def test_monstrous_json_is_refused_at_once(client: FlaskClient, guest: Guest, body: bytes) -> None:
    address, began = guest.trial().save_url, time.thread_time()
    answer = put(client, address, body)
    assert answer.status_code == 400 and len(answer.data) < 2000 and len(body) < MOST_BODY_BYTES
    assert time.thread_time() - began < 3


@pytest.mark.parametrize("where", ["/studio/login", "/listen/tiny"])
def test_monstrous_forms_are_refused_at_once(client: FlaskClient, where: str) -> None:
    kind = {"content_type": "application/x-www-form-urlencoded"}
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    many_parts: dict[str, Any] = {"data": part * 5000 + b"--b--", "content_type": "multipart/form-data; boundary=b"}
    bodies: list[tuple[int, dict[str, Any]]] = [
        (400, {"data": b"a=" + b"&a=" * 40_000} | kind),
        (413, {"data": b"name=" + b"x" * MOST_FORM_BYTES} | kind),
        (413, {"data": b"x" * (MOST_BODY_BYTES + 1)} | kind),
        (400, {"data": b"%00=%ff&" * 1000} | kind),
        (413, many_parts),
        (413, {"data": part[:-4] + b"x" * MOST_FORM_BYTES + b"--b--", "content_type": many_parts["content_type"]}),
        (400, {"data": b"", "content_type": "multipart/form-data"}),
    ]
    for status, body in bodies:
        began = time.thread_time()
        assert client.post(where, **body).status_code == status, body["data"][:60]
        assert time.thread_time() - began < 2, body["data"][:60]


def test_no_header_is_planted_through_what_is_sent(app: Flask, ada: str, guest: Guest) -> None:
    client = inside(app, ada)
    planted = "x%0d%0aSet-Cookie:%20planted=1%0d%0a%0d%0a<script>"
    for address in (
        f"/studio/login?next={planted}",
        f"/listen/tiny?lang={planted}",
        f"/listen/{planted}",
        f"/studio/{planted}/ratings.csv",
        f"{guest.base}/sound/{planted}",
        f"/{planted}",
        f"/studio/{planted}",  # is led to the same with a slash
    ):
        answer = client.get(address)
        assert "planted" not in answer.headers.get("Set-Cookie", ""), address
        assert all("\n" not in value and "\r" not in value for _, value in answer.headers), address
        assert "<script>" not in answer.text, address


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:99999", "[::1", "a b", "x" * 3000, "localhost\tx"])
def test_a_host_header_of_any_kind_falls_over_nothing(client: FlaskClient, guest: Guest, host: str) -> None:
    for address in ("/", "/studio/", "/listen/tiny", f"{guest.base}/", "/studio"):
        assert client.get(address, headers={"Host": host}).status_code < 500


def test_texts_of_listeners_are_shown_as_text(app: Flask, ada: str, guest: Guest) -> None:
    text = "<img src=x onerror=alert(1)>{{7919*104729}}${7919*104729}"
    client = inside(app, ada)
    client.post(f"{guest.base}/error", data=text, headers=ORIGIN | {"User-Agent": text})
    page = client.get("/studio/tiny/").text
    assert "<img" not in page and str(7919 * 104729) not in page  # no clock shows that


def test_answers_are_not_kept_by_caches(app: Flask, ada: str, guest: Guest) -> None:
    client = inside(app, ada)
    for address in (f"{guest.base}/", "/studio/", "/studio/tiny/", "/studio/tiny/ratings.csv", "/studio/login"):
        assert client.get(address).headers["Cache-Control"] == "private, no-store", address


def test_who_is_in_the_studio_changes_nothing_of_a_sound(client: FlaskClient, guest: Guest) -> None:
    """Else a browser fetches what it has in its cache again, as soon as a cookie changes."""
    for address in (guest.trial().sounds[0].url, "/static/css/site.css"):
        assert "Vary" not in client.get(address).headers


def test_a_saved_answer_says_nothing_of_the_server(client: FlaskClient, guest: Guest) -> None:
    page = guest.trial()
    answer = put(client, page.save_url, body_of(page, key=uuid.uuid4().hex))
    assert set(json.loads(answer.data)) == {"saved", "revision", "next"}

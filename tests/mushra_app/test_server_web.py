"""The web application: who gets in, what is refused, and the headers that every answer carries."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, as_json, body_of
from sqlalchemy import select
from studio_people import close, database_of

from mushra_app import ratings
from mushra_app.models import Listener, ListeningSession, ScriptError
from mushra_app.security import secret_key, simulated_link_token, studio_key


@pytest.fixture
def guest(app: Flask) -> Guest:
    return Guest(app.extensions["mushra"].database)


def put(client: FlaskClient, address: str, body: Any, headers: dict[str, str]) -> Any:
    sent = body if isinstance(body, bytes) else as_json(body)
    return client.put(address, data=sent, content_type="application/json", headers=headers)


def csrf(html: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found, html
    return found[1]


def enrol(client: FlaskClient, address: str = "/listen/tiny", **changes: str) -> Any:
    token = csrf(client.get(address).text)
    fields = {"csrf_token": token, "consent": "yes", "transducer": "headphones", "experience": "experienced"} | changes
    return client.post(address, data={name: value for name, value in fields.items() if value})


def test_a_listener_enrols_and_lands_on_the_first_questions(client: FlaskClient) -> None:
    answer = enrol(client)
    assert answer.status_code == 303 and re.fullmatch(r"/session/[\w-]{22}/", answer.location)
    assert "Do you hear well?" in client.get(answer.location).text


def test_without_consent_or_transducer_nothing_begins(app: Flask, client: FlaskClient) -> None:
    assert "confirm that you agree" in enrol(client, consent="").text
    assert "headphones or on loudspeakers" in enrol(client, transducer="teapot").text
    with app.extensions["mushra"].database.reading() as db:
        assert db.scalars(select(Listener)).all() == []


def test_a_form_without_its_token_is_refused(client: FlaskClient) -> None:
    answer = client.post("/listen/tiny", data={"consent": "yes", "transducer": "headphones"})
    assert answer.status_code == 400 and "out of date" in answer.text


def test_a_whole_session_through_the_pages(app: Flask, client: FlaskClient) -> None:
    address, seen = enrol(client).location, []
    guest = Guest.__new__(Guest)
    guest.database, guest.token, guest.base = app.extensions["mushra"].database, address.split("/")[2], address[:-1]
    for _ in range(20):
        seen.append(type(page := guest.page()).__name__)
        html = client.get(address).text
        if seen[-1] == "TrialPage":
            assert put(client, page.save_url, body_of(page), ORIGIN).json == {
                "saved": True,
                "revision": 1,
                "next": address,
            }
        elif seen[-1] == "DonePage":
            break
        else:
            fields = {"csrf_token": csrf(html), "ears": "yes", "age": "33", "remarks": ""}
            given = fields if seen[-1] == "QuestionsPage" else {"csrf_token": fields["csrf_token"]}
            assert client.post(address, data=given).status_code == 303
    assert seen == [
        *("QuestionsPage", "InstructionsPage", "TrialPage", "InstructionsPage", "TrialPage", "TrialPage"),
        *("QuestionsPage", "DonePage"),
    ]
    with guest.database.reading() as db:
        assert db.scalars(select(ListeningSession.status)).all() == ["finished"]


def test_a_wrong_answer_is_asked_again_with_what_was_written(client: FlaskClient) -> None:
    address = enrol(client).location
    token = csrf(client.get(address).text)
    answer = client.post(address, data={"csrf_token": token, "ears": "perhaps"})
    assert answer.status_code == 400 and "Please choose one of the answers." in answer.text


def test_a_repeated_save_over_http_gives_the_same_answer(client: FlaskClient, guest: Guest) -> None:
    page = guest.trial()
    body = body_of(page)
    answers = [put(client, page.save_url, body, ORIGIN) for _ in range(3)]
    assert [(answer.status_code, answer.json) for answer in answers] == [(200, answers[0].json)] * 3
    conflict = put(client, page.save_url, body | {"key": uuid.uuid4().hex}, ORIGIN)
    assert conflict.status_code == 409 and "saved elsewhere" in conflict.json["error"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        (ORIGIN, 200),
    ],
)
def test_only_our_own_pages_may_save(client: FlaskClient, guest: Guest, headers: dict[str, str], code: int) -> None:
    page = guest.trial()
    answer = put(client, page.save_url, body_of(page), headers)
    assert answer.status_code == code and ("error" in answer.json) == (code != 200)


def test_another_sessions_token_saves_and_hears_nothing(client: FlaskClient, guest: Guest) -> None:
    page, other = guest.trial(), Guest(guest.database)
    stolen = page.save_url.replace(guest.token, other.token)
    assert put(client, stolen, body_of(page), ORIGIN).status_code == 404
    assert client.get(page.sounds[0].url).status_code == 200
    assert client.get(page.sounds[0].url.replace(guest.token, other.token)).status_code == 404
    assert put(client, page.save_url.replace(guest.token, "x" * 22), body_of(page), ORIGIN).status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"key": 1}', b"\xff\xfe", b"null"])
def test_nonsense_is_answered_in_json(client: FlaskClient, guest: Guest, body: bytes) -> None:
    answer = put(client, guest.trial().save_url, body, ORIGIN)
    assert answer.status_code == 400 and answer.json["error"].endswith("nothing was saved")


def test_a_body_that_is_too_large_is_refused(client: FlaskClient, guest: Guest) -> None:
    assert put(client, guest.trial().save_url, b"x" * (2 * 2**20 + 1), ORIGIN).status_code == 413


def test_a_finished_session_takes_no_more_but_repeats_its_answer(client: FlaskClient, guest: Guest) -> None:
    sent = guest.finish()
    page, body = sent[-1]
    assert put(client, page.save_url, body, ORIGIN).json["saved"] is True
    assert put(client, page.save_url, body_of(page, revision=2), ORIGIN).status_code == 409


def test_links_mark_simulated_listeners_and_tampered_ones_open_nothing(app: Flask, client: FlaskClient) -> None:
    services = app.extensions["mushra"]
    token = simulated_link_token(secret_key(services.settings))
    assert enrol(client, f"/listen/tiny?as={token}").status_code == 303
    assert client.get("/listen/tiny?as=simulated").status_code == 403
    assert enrol(client).status_code == 303
    with services.database.reading() as db:
        assert db.scalars(select(Listener.simulated).order_by(Listener.id)).all() == [True, False]


def test_every_answer_carries_the_headers(client: FlaskClient, guest: Guest) -> None:
    page = guest.trial()
    for address in ("/", "/listen/tiny", "/nothing", "/healthz", "/studio/", page.next_url, page.sounds[0].url):
        headers = client.get(address).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"] and "unsafe" not in str(headers)
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"


def test_cookies_are_closed_and_secure_where_the_address_is(client: FlaskClient, app: Flask) -> None:
    cookie = client.get("/listen/tiny").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    app.config["SESSION_COOKIE_SECURE"] = True
    assert "Secure" in app.test_client().get("/listen/tiny").headers["Set-Cookie"]


@pytest.mark.parametrize(
    "address", ["/nothing", "/listen/none", "/session/none/", "/session/none/sound/../../secret.key"]
)
def test_what_is_not_there_is_said_on_a_page(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404 and "Nothing here" in answer.text and "Traceback" not in answer.text


def test_only_the_page_of_who_withdrew_makes_the_browser_forget(client: FlaskClient, guest: Guest) -> None:
    token = csrf(client.get(f"{guest.base}/").text)
    assert client.post(f"{guest.base}/withdraw", data={"csrf_token": token}).status_code == 303
    page = client.get(f"{guest.base}/").text
    assert "You have withdrawn" in page and "js/forget.js" in page and "js/resume.js" not in page
    assert "forget.js" not in client.get("/").text + client.get("/session/none/").text


def test_a_crash_shows_no_trace(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/crash", "crash", lambda: 1 / 0)
    answer = client.get("/crash")
    assert answer.status_code == 500 and "What you have saved is safe" in answer.text
    assert "ZeroDivision" not in answer.text


def test_script_errors_are_kept_up_to_a_limit(client: FlaskClient, guest: Guest) -> None:
    for _ in range(55):
        answer = client.post(f"{guest.base}/error", data=b'{"message": "x"}' * 1000, headers=ORIGIN)
        assert answer.status_code == 204
    with guest.database.reading() as db:
        kept = db.scalars(select(ScriptError.text)).all()
    assert len(kept) == 50 and {len(text) for text in kept} == {4000}


def test_sounds_are_served_in_ranges(client: FlaskClient, guest: Guest) -> None:
    url = guest.trial().sounds[0].url
    whole = client.get(url)
    part = client.get(url, headers={"Range": "bytes=4-103"})
    assert part.status_code == 206 and part.data == whole.data[4:104]
    assert part.headers["Content-Range"] == f"bytes 4-103/{len(whole.data)}"
    assert client.get(url, headers={"Range": f"bytes={len(whole.data)}-"}).status_code == 416


def test_the_studio_opens_with_its_key_only(app: Flask, client: FlaskClient, guest: Guest) -> None:
    guest.finish()
    for address in ("/studio/", "/studio/tiny/", "/studio/tiny/ratings.csv"):
        assert client.get(address).status_code == 401
    assert client.get("/studio/?key=wrong").status_code == 403
    opened = client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    assert opened.status_code == 303 and opened.location == "/studio/"
    assert "A tiny test" in client.get("/studio/").text
    assert "A tiny test" in client.get("/studio/tiny/").text
    assert client.get("/studio/none/").status_code == 404


def test_the_studio_hands_out_the_ratings_file(app: Flask, client: FlaskClient, guest: Guest, tmp_path: Any) -> None:
    guest.finish()
    client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    close(database_of(app))
    (tmp_path / "ratings.csv").write_bytes(client.get("/studio/tiny/ratings.csv").data)
    assert len(ratings.read_csv(tmp_path / "ratings.csv")) == 15

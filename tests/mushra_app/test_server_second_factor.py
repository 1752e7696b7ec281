"""The second factor: the codes of RFC 6238, turning it on and off, the login, replays, brute force, jumping clocks."""

from __future__ import annotations

import base64
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from pyotp.totp import TOTP
from studio_people import PASSWORD, csrf, database_of, inside, log_in, person

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.people import account_cli, accounts, audit, second_factor, throttle, tokens
from mushra_app.security import studio_key
from mushra_app.studio.accounts import again, half_in

SECRET = base64.b32encode(b"12345678901234567890").decode()
"""Of RFC 6238, appendix B."""


class Clock:
    """The clock of the modules that look at codes; ``code`` is what an app with ``SECRET`` shows then."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def time(self) -> float:
        return self.at_s

    def code(self, steps: int = 0) -> str:
        return TOTP(SECRET).generate_otp(int(self.at_s) // 30 + steps)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock(1_800_000_000.0)
    for module in (second_factor, half_in):
        monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def ada(app: Flask, clock: Clock) -> str:
    """An owner with a second factor."""
    person(database_of(app), "ada", "owner")
    with database_of(app).writing() as db:
        accounts.named(db, "ada").totp_secret = SECRET
    return "ada"


def send(client: FlaskClient, code: str, address: str = "/studio/login/code", **more: str) -> Any:
    token = csrf(client.get("/studio/login").text)
    return client.post(address, data={"csrf_token": token, "code": code} | more)


@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_codes_are_those_of_rfc_6238(clock: Clock, at_s: int, code: str) -> None:
    clock.at_s = at_s
    assert second_factor.step_of(SECRET, code) == at_s // 30
    assert second_factor.step_of(SECRET, f"{code[:3]} {code[3:]}") == at_s // 30
    for wrong in ("", code[1:], code + "0", "000000", "１２３４５６", "\0"):
        assert second_factor.step_of(SECRET, wrong) is None


def test_a_clock_may_be_a_step_off_and_no_more(clock: Clock) -> None:
    steps = [second_factor.step_of(SECRET, clock.code(steps)) is not None for steps in (-2, -1, 0, 1, 2)]
    assert steps == [False, True, True, True, False]


def test_the_login_asks_for_a_code_after_the_password(app: Flask, client: FlaskClient, ada: str, clock: Clock) -> None:
    assert client.get("/studio/login/code").status_code == 401
    answer = log_in(client, ada, wanted="/studio/tiny/live")
    assert answer.location == "/studio/login/code" and "The code of your app" in client.get(answer.location).text
    assert client.get("/studio/").status_code == 401, "the password alone has opened nothing"
    assert send(client, "000000").status_code == 403
    assert (right := send(client, clock.code())).status_code == 303 and right.location == "/studio/tiny/live"
    assert client.get("/studio/").status_code == 200
    with database_of(app).reading() as db:
        told = [(row.who, row.what, row.about) for row in reversed(audit.latest(db))]
    assert told == [("", "failed login", "ada: wrong code"), ("ada", "login", "with a code")]


def test_a_code_opens_once(app: Flask, ada: str, clock: Clock) -> None:
    seen = clock.code()
    for expected, code in ((303, seen), (403, seen), (403, clock.code(-1)), (303, clock.code(1)), (403, seen)):
        client = app.test_client()
        log_in(client, ada)
        assert send(client, code).status_code == expected, code


def test_a_code_that_two_send_at_once_opens_once(database: Database, clock: Clock) -> None:
    person(database, "ada", "owner")
    with database.writing() as db:
        accounts.named(db, "ada").totp_secret = SECRET
    ready = threading.Barrier(8)

    def use(_: int) -> bool:
        ready.wait()
        with database.writing() as db:
            return second_factor.take(db, accounts.named(db, "ada"), clock.code())

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1


def test_codes_are_not_tried_out(app: Flask, client: FlaskClient, ada: str, clock: Clock) -> None:
    log_in(client, ada)
    tries = [send(client, f"{number:06}").status_code for number in range(throttle.BY_NAME + 1)]
    assert tries == [403] * throttle.BY_NAME + [429]
    assert send(client, clock.code()).status_code == 429, "even the right one waits"
    assert log_in(app.test_client(), ada).status_code == 429, "and a new login begins no new count"


def test_who_is_half_in_has_five_minutes_and_the_same_password(
    app: Flask, client: FlaskClient, ada: str, clock: Clock
) -> None:
    log_in(client, ada)
    clock.at_s += 301
    assert send(client, clock.code()).status_code == 403
    clock.at_s -= 400  # the clock was set back: a login of the future
    assert client.get("/studio/login/code").status_code == 401
    log_in(client, ada)
    with database_of(app).writing() as db:
        accounts.change_password(db, accounts.named(db, ada), accounts.hashed("another long password"))
    assert send(client, clock.code()).status_code == 403
    with database_of(app).writing() as db:
        accounts.change_password(db, accounts.named(db, ada), accounts.hashed(PASSWORD))
    log_in(client, ada)
    with database_of(app).writing() as db:
        accounts.set_active(db, accounts.named(db, ada), False)
    assert send(client, clock.code()).status_code == 403


def test_a_clock_that_was_set_back_opens_nothing_with_old_codes(app: Flask, ada: str, clock: Clock) -> None:
    yesterdays = clock.code()
    for days in (0, 1):
        client = app.test_client()
        clock.at_s += days * 86400
        log_in(client, ada)
        assert send(client, clock.code()).status_code == 303
    clock.at_s -= 86400
    client = app.test_client()
    log_in(client, ada)
    answer = send(client, yesterdays)
    assert answer.status_code == 503 and "clock was set back" in answer.text
    assert client.get("/studio/").status_code == 401


def test_it_is_turned_on_with_a_code_and_off_with_password_and_code(app: Flask, clock: Clock) -> None:
    page = "/studio/account/second-factor"
    client = inside(app, person(database_of(app), "eve", "viewer"))
    html = client.get(page).text
    sealed, shown = (re.findall(pattern, html)[0] for pattern in (r'sealed" value="([^"]+)"', r'secret">([^<]+)<'))
    totp = TOTP(shown.replace(" ", ""))
    assert "<svg" in html and "style=" not in html and len(shown.replace(" ", "")) == 32
    wrong = send(client, "000000", page, change="on", password=PASSWORD, sealed=sealed)
    assert wrong.status_code == 403 and shown in wrong.text, "the same secret, which the app has by now"
    stranger = inside(app, person(database_of(app), "bob", "viewer"))
    for planted in ("", "x", sealed[:-1]):
        assert (
            "out of date"
            in send(client, totp.at(clock.at_s), page, change="on", password=PASSWORD, sealed=planted).text
        )  # pyright: ignore[reportArgumentType]
    assert (
        "out of date"
        in send(stranger, totp.at(int(clock.at_s)), page, change="on", password=PASSWORD, sealed=sealed).text
    )
    assert (
        send(client, totp.at(int(clock.at_s)), page, change="on", password=PASSWORD, sealed=sealed).status_code == 303
    )
    assert "from now on you are asked for a code" in client.get(page).text
    assert shown not in client.get(page).text, "once it is on, nobody sees the secret again"
    clock.at_s += 30
    now = totp.at(int(clock.at_s))
    assert send(client, now, page, change="off", password="not the password").status_code == 403
    assert send(client, "000000", page, change="off", password=PASSWORD).status_code == 403
    assert send(client, now, page, change="off", password=PASSWORD).status_code == 303
    assert "your password alone lets you in" in client.get(page).text
    assert "/studio/login/code" not in log_in(app.test_client(), "eve").location
    with database_of(app).reading() as db:
        assert accounts.named(db, "eve").totp_secret is None


def test_an_owner_and_the_command_line_turn_it_off(app: Flask, settings: Settings, ada: str) -> None:
    vera = person(database_of(app), "vera", "viewer")
    with database_of(app).writing() as db:
        account = accounts.named(db, vera)
        account.totp_secret, number = SECRET, account.id
    owner = inside(app, ada)
    assert "Turn the codes off" in owner.get(f"/studio/people/{number}").text
    send(owner, "", f"/studio/people/{number}", change="totp off", password=PASSWORD)
    assert log_in(app.test_client(), vera).location == "/studio/"
    done = CliRunner().invoke(account_cli.account, ["totp-off", "ada", "--data", str(settings.data_dir)])
    assert done.output == "ada: second factor turned off\n" and log_in(app.test_client(), ada).location == "/studio/"


def told(app: Flask, what: str) -> list[tuple[str, str]]:
    """Who and what of the audit log's rows of that kind, the oldest first."""
    with database_of(app).reading() as db:
        return [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what == what]


def test_the_password_is_asked_for_again_and_a_wrong_one_changes_nothing(app: Flask, clock: Clock) -> None:
    page = "/studio/account/second-factor"
    client = inside(app, person(database_of(app), "eve", "viewer"))
    html = client.get(page).text
    sealed, secret = (re.findall(pattern, html)[0] for pattern in (r'sealed" value="([^"]+)"', r'secret">([^<]+)<'))
    code = TOTP(secret.replace(" ", "")).at(int(clock.at_s))
    for wrong in ({}, {"password": ""}, {"password": "not the password"}):
        answer = send(client, code, page, change="on", sealed=sealed, **wrong)
        assert answer.status_code == 403 and "not the one of your account" in answer.text and secret in answer.text
    with database_of(app).reading() as db:
        assert accounts.named(db, "eve").totp_secret is None
    assert send(client, code, page, change="on", sealed=sealed, password=PASSWORD).status_code == 303
    clock.at_s += 30
    assert send(client, "000000", page, change="off", password=PASSWORD).status_code == 403
    assert told(app, "failed login") == [("eve", "asked again for the password")] * 3 + [
        ("eve", "asked again for the password or a code")
    ]


def test_an_owner_turns_nobodys_codes_off_without_the_password_of_their_own(app: Flask, ada: str) -> None:
    vera = person(database_of(app), "vera", "viewer")
    with database_of(app).writing() as db:
        account = accounts.named(db, vera)
        account.totp_secret, number = SECRET, account.id
    owner, address = inside(app, ada), f"/studio/people/{number}"
    answer = send(owner, "", address, change="totp off", password="vera's, perhaps")
    assert answer.status_code == 403 and "not the one of your account" in answer.text
    with database_of(app).reading() as db:
        assert accounts.named(db, vera).totp_secret == SECRET
    assert told(app, "failed login") == [("ada", "asked again for the password")]


def test_a_password_is_not_tried_out_where_it_is_asked_for_again(app: Flask, ada: str) -> None:
    client, fields = inside(app, ada), {"name": "x", "may": "view", "days": "30"}
    statuses = [send(client, "", "/studio/account/tokens", password="wrong", **fields).status_code for _ in range(10)]
    assert statuses == [403] * 10
    for address, more in (
        ("/studio/account/tokens", fields),
        ("/studio/account/second-factor", {"change": "off"}),
        ("/studio/people/1", {"change": "totp off"}),
    ):
        answer = send(client, "", address, password=PASSWORD, **more)
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
        assert "Too many wrong passwords" in answer.text


def test_the_password_that_was_right_must_be_the_one_still(app: Flask, ada: str, monkeypatch: Any) -> None:
    client = inside(app, ada)
    before = again.door.right_password

    def meanwhile(name: str, password: str) -> str | None:
        right = before(name, password)
        with database_of(app).writing() as db:
            accounts.named(db, name).password_hash = "another"
        return right

    monkeypatch.setattr(again.door, "right_password", meanwhile)
    fields = {"name": "x", "may": "view", "days": "30", "password": PASSWORD}
    assert send(client, "", "/studio/account/tokens", **fields).status_code == 403
    with database_of(app).reading() as db:
        assert tokens.of_account(db, accounts.named(db, ada).id) == []


def test_by_the_studios_key_there_is_no_password_to_ask_for(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    client.get(f"/studio/?key={studio_key(settings)}")
    vera = person(database_of(app), "vera", "viewer")
    with database_of(app).writing() as db:
        account = accounts.named(db, vera)
        account.totp_secret, number = SECRET, account.id
    assert 'type="password"' not in client.get(f"/studio/people/{number}").text
    assert send(client, "", f"/studio/people/{number}", change="totp off").status_code == 303
    assert send(client, "", "/studio/account/tokens", name="x", may="view", days="30").status_code == 403

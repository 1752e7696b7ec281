"""Accounts: passwords, the login page, how often it can be tried, the key's end, the audit log, the command."""

from __future__ import annotations

import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest, calibrate
from sqlalchemy import select
from studio_people import PASSWORD, close, csrf, database_of, inside, log_in, person

from mushra_app import server_cli
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.people import account_cli, accounts, audit, logins, throttle
from mushra_app.people.tables import LoginAttempt, StudioLogin
from mushra_app.security import studio_key


@pytest.fixture
def ada(app: Flask) -> str:
    """An owner."""
    return person(database_of(app), "ada@example.org", "owner")


def audited(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as db:
        return [(row.who, row.what, row.about) for row in reversed(audit.latest(db))]


def make_older(app: Flask, table: type, column: str, by: timedelta) -> None:
    with database_of(app).writing() as db:
        for row in db.scalars(select(table)):
            setattr(row, column, getattr(row, column) - by)


def test_a_hash_is_argon2id_as_its_authors_recommend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "HASHER", PasswordHasher())
    found = accounts.hashed(PASSWORD)
    assert found.startswith("$argon2id$v=19$m=65536,t=3,p=4$") and found != accounts.hashed(PASSWORD)
    assert accounts.is_right(found, PASSWORD) and not accounts.is_right(found, PASSWORD + " ")
    assert not accounts.is_right(None, "nobody has this password") and not accounts.is_right("", PASSWORD)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("elevenchars", "found 11 characters; expected at least 12"),
        ("e\u0301" * 11, "found 11 characters"),
        ("x" * 1001, "at most 1000 bytes"),
        ("\N{GRINNING FACE}" * 251, "at most 1000 bytes"),
        ("\ufdfa" * 100, "at most 1000 bytes"),  # one character that NFKC makes 18 of
    ],
)
def test_passwords_that_will_not_do(password: str, said: str) -> None:
    with pytest.raises(AppError, match=said):
        accounts.hashed(password)


@pytest.mark.parametrize("password", ["x" * 12, "x" * 1000, " " * 12, "\0" * 12, "ein schönes Wort", "\ud800" * 12])
def test_passwords_that_will_do(password: str) -> None:
    assert accounts.is_right(accounts.hashed(password), password)


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert accounts.is_right(accounts.hashed("Zoë Müller 12"), "Zoe\u0308 Mu\u0308ller 12")


def test_a_very_long_password_is_refused_before_it_is_looked_at() -> None:
    began = time.perf_counter()
    assert not accounts.is_right(None, "a" + "\u0316\u0301" * 500_000)
    assert time.perf_counter() - began < 0.5


def test_names_are_one_whatever_their_case_and_form(database: Database) -> None:
    with database.writing() as db:
        assert accounts.add(db, " Zoe\u0308@Lab.ORG ", "no hash", role="viewer").name == "zoë@lab.org"
        with pytest.raises(AppError, match="there is such an account already"):
            accounts.add(db, "ZOË@lab.org", "no hash", role="viewer")
        for wrong in ("", "two words", "x" * 101, "line\nbreak", "a\0b"):
            with pytest.raises(AppError, match="the name: expected"):
                accounts.add(db, wrong, "no hash", role="viewer")


def test_in_with_a_password_and_out_again(app: Flask, client: FlaskClient, ada: str) -> None:
    assert "Log in" in client.get("/studio/tiny/").text
    answer = log_in(client, "Ada@Example.ORG", wanted="/studio/tiny/")
    assert (answer.status_code, answer.location) == (303, "/studio/tiny/")
    assert ada in (page := client.get("/studio/tiny/")).text and page.headers["Cache-Control"] == "private, no-store"
    assert client.post("/studio/logout").status_code == 400  # without the form's token
    assert client.post("/studio/logout", data={"csrf_token": csrf(page.text)}).status_code == 303
    assert client.get("/studio/tiny/").status_code == 401
    assert audited(database_of(app)) == [(ada, "login", "")]


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example/studio/", "https://evil.example", "/\\evil.example", "/listen/tiny", "javascript:alert(1)", "",
     "/studio/\r\nSet-Cookie: a=b", "studio/", "http:/studio/", "\t/studio/"],
)  # fmt: skip
def test_nobody_is_led_elsewhere_by_a_login(client: FlaskClient, ada: str, wanted: str) -> None:
    assert log_in(client, ada, wanted=wanted).location == "/studio/"


def test_a_wrong_name_is_answered_as_a_wrong_password(app: Flask, client: FlaskClient, ada: str) -> None:
    person(database_of(app), "gone", "owner")
    with database_of(app).writing() as db:
        accounts.set_active(db, accounts.named(db, "gone"), False)
    answers = [log_in(client, ada, "a wrong password"), log_in(client, "eve"), log_in(client, "gone")]
    pages = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
    assert {answer.status_code for answer in answers} == {403} and len(set(pages)) == 1
    assert "don't belong together" in answers[0].text.replace("&#39;", "'")
    told = [("", "failed login", about) for about in (ada, "a name that nobody has", "gone")]
    assert audited(database_of(app)) == told


def test_a_wrong_name_takes_as_long_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "HASHER", PasswordHasher(time_cost=1, memory_cost=2**13, parallelism=1))
    accounts._nobodys_hash.cache_clear()
    stored, taken = accounts.hashed(PASSWORD), {"known": [], "unknown": []}
    accounts.is_right(None, "warming up")
    for _ in range(15):
        for who, found in (("known", stored), ("unknown", None)):
            began = time.thread_time()
            accounts.is_right(found, "a wrong password")
            taken[who].append(time.thread_time() - began)
    accounts._nobodys_hash.cache_clear()
    known, unknown = (statistics.median(times) for times in taken.values())
    assert 0.5 < unknown / known < 2 and known > 0.001


def test_a_hash_of_other_parameters_is_renewed_by_a_login(
    app: Flask, client: FlaskClient, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_of(app).reading() as db:
        before = accounts.named(db, ada).password_hash
    monkeypatch.setattr(accounts, "HASHER", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert log_in(client, ada).status_code == 303
    with database_of(app).reading() as db:
        after = accounts.named(db, ada).password_hash
    assert "m=8,t=1" in before and "m=16,t=2" in after and accounts.is_right(after, PASSWORD)


def test_the_eleventh_try_waits_whatever_its_password_and_address(app: Flask, client: FlaskClient, ada: str) -> None:
    for number in range(throttle.BY_NAME):
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert log_in(client, ada, f"wrong {number}").status_code == 403
    answer = log_in(client, ada.upper())
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 900
    assert "Too many wrong passwords. Try again in 15 minutes." in answer.text
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert "Zu viele falsche Passwörter. Bitte versuchen Sie es in 15 Minuten wieder." in log_in(client, ada).text
    assert log_in(client, "eve").status_code == 403  # others are let try
    make_older(app, LoginAttempt, "at", timedelta(minutes=16))
    assert log_in(client, ada).status_code == 303
    with database_of(app).reading() as db:
        assert db.scalars(select(LoginAttempt)).all() == [], "what counts no more is deleted"


def test_a_clock_that_is_set_back_keeps_nobody_out_for_long(app: Flask, client: FlaskClient, ada: str) -> None:
    for _ in range(throttle.BY_NAME):
        log_in(client, ada, "wrong")
    make_older(app, LoginAttempt, "at", timedelta(minutes=-10))
    answer = log_in(client, ada)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) <= 2 * throttle.WINDOW.total_seconds()
    make_older(app, LoginAttempt, "at", timedelta(days=-400))
    assert log_in(client, ada).status_code == 303


def test_a_password_that_is_set_anew_forgives_the_wrong_ones(app: Flask, client: FlaskClient, ada: str) -> None:
    for name in (ada, "eve"):
        for _ in range(throttle.BY_NAME):
            log_in(client, name, "wrong")
    assert log_in(client, ada).status_code == 429
    with database_of(app).writing() as db:
        accounts.change_password(db, accounts.named(db, ada), accounts.hashed("another long password"))
    assert log_in(client, ada, "another long password").status_code == 303
    assert log_in(client, "eve", "wrong").status_code == 429, "nobody else's"


def test_unknown_names_are_counted_alike(client: FlaskClient, ada: str) -> None:
    statuses = [log_in(client, "eve", "x").status_code for _ in range(throttle.BY_NAME + 1)]
    assert statuses == [403] * throttle.BY_NAME + [429]


def test_tries_are_counted_by_network_too_and_right_ones_are_not(
    client: FlaskClient, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "BY_NETWORK", 3)
    for _ in range(5):
        assert log_in(client, ada).status_code == 303
    assert [log_in(client, f"name {n}", "x").status_code for n in range(4)] == [403, 403, 403, 429]
    client.environ_base["REMOTE_ADDR"] = "2001:db8:1:2::1"
    assert log_in(client, ada).status_code == 303


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_networks(address: str | None, network: str) -> None:
    assert throttle.network_of(address) == network


def test_tries_at_once_are_counted_one_by_one(database: Database) -> None:
    ready = threading.Barrier(12)

    def one_try(_: int) -> bool:
        ready.wait()
        try:
            with database.writing() as db:
                throttle.begin(db, "ada", "192.0.2.1")
        except throttle.TooManyTriesError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(one_try, range(12))) == throttle.BY_NAME


def test_another_password_ends_all_other_logins(app: Flask, client: FlaskClient, ada: str) -> None:
    elsewhere = inside(app, ada)
    assert elsewhere.get("/studio/").status_code == 200
    log_in(client, ada)
    form = {"csrf_token": csrf(client.get("/studio/account").text), "password": PASSWORD}
    assert client.post("/studio/account", data=form | {"new_password": "short"}).status_code == 400
    wrong = form | {"password": "wrong", "new_password": "another long password"}
    assert client.post("/studio/account", data=wrong).status_code == 403
    answer = client.post("/studio/account", data=form | {"new_password": "another long password"})
    assert answer.status_code == 303 and "The password is changed" in client.get(answer.location).text
    assert elsewhere.get("/studio/").status_code == 401
    assert log_in(app.test_client(), ada).status_code == 403
    assert log_in(app.test_client(), ada, "another long password").status_code == 303
    assert (ada, "account", f"{ada}: another password") in audited(database_of(app))


def test_a_login_ends_after_a_fortnight(app: Flask, ada: str) -> None:
    browser = inside(app, ada)
    make_older(app, StudioLogin, "began_at", logins.LASTS - timedelta(minutes=1))
    assert browser.get("/studio/").status_code == 200
    make_older(app, StudioLogin, "began_at", timedelta(minutes=2))
    assert browser.get("/studio/").status_code == 401


def test_a_role_holds_at_once_and_who_is_shut_out_stays_out(app: Flask, ada: str) -> None:
    browser = inside(app, ada)
    with database_of(app).writing() as db:
        accounts.named(db, ada).role = "viewer"
    assert browser.get("/studio/tiny/").status_code == 404
    with database_of(app).writing() as db:
        accounts.named(db, ada).active = False  # by itself, as for a login that begins at the same moment
    assert browser.get("/studio/").status_code == 401
    for active in (False, True):
        with database_of(app).writing() as db:
            accounts.set_active(db, accounts.named(db, ada), active)
        assert browser.get("/studio/").status_code == 401


def test_the_key_opens_until_there_is_an_owner(app: Flask, client: FlaskClient) -> None:
    link = f"/studio/?key={studio_key(app.extensions['mushra'].settings)}"
    person(database_of(app), "vera", "viewer")
    assert client.get(link).status_code == 303 and "the studio&#39;s key" in client.get("/studio/").text
    assert "mushra account add NAME --role owner" in client.get("/studio/account").text
    page = app.test_client().get("/studio/login").text
    assert 'name="key"' in page and 'name="password"' in page
    person(database_of(app), "ada", "owner")
    assert client.get("/studio/").status_code == 401, "whoever was in by the key is out"
    refused = client.get(link)
    assert refused.status_code == 403 and "opens nothing any more" in refused.text
    assert 'name="key"' not in refused.text
    form = {"csrf_token": csrf(refused.text), "key": link.partition("=")[2]}
    assert client.post("/studio/login", data=form).status_code == 403
    with database_of(app).writing() as db:
        accounts.set_active(db, accounts.named(db, "ada"), False)
    assert client.get("/studio/").status_code == 401, "and stays out when the owner goes"
    assert client.get(link).status_code == 303, "without an owner nobody would get in"


def test_exports_and_calibrations_are_in_the_audit_log(app: Flask, ada: str) -> None:
    browser = inside(app, ada)
    close(database_of(app))
    browser.get("/studio/tiny/ratings.csv")
    browser.get("/studio/tiny/answers.csv")
    fields = {"name": "Booth 1", "level_db_a": "78.5", "transducer": "headphones", "device": "HD 650"}
    browser.post("/studio/places", data=fields | {"csrf_token": csrf(browser.get("/studio/places").text)})
    assert audited(database_of(app)) == [
        (ada, "export", "tiny: ratings, version 1"),
        (ada, "export", "tiny: answers, version 1"),
        (ada, "calibration", "Booth 1: 78.5 dB(A)"),
    ]


def test_answers_come_without_personal_ones_and_nothing_that_a_listener_wrote_is_a_formula(
    app: Flask, ada: str
) -> None:
    guest = Guest(database_of(app))
    guest.save(guest.trial(), comment="@risky", engine="=cmd|' /C calc'!A0")
    guest.finish()
    browser = inside(app, ada)
    answers = browser.get("/studio/tiny/answers.csv")
    assert answers.headers["Content-Disposition"] == 'attachment; filename="tiny-v1-answers.csv"'
    close(database_of(app))
    assert "'@risky" in answers.text and "'=1+1" in answers.text and ",age," not in answers.text
    assert ",'=cmd|' /C calc'!A0," in browser.get("/studio/tiny/ratings.csv").text


def typed(settings: Settings, *arguments: str, password: str = "") -> Any:
    done = CliRunner().invoke(account_cli.account, [*arguments, "--data", str(settings.data_dir)], input=password)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_command_makes_lists_and_changes_accounts(app: Flask, settings: Settings) -> None:
    assert "no account yet" in typed(settings, "list") and "the studio's key" in typed(settings, "list")
    said = typed(settings, "add", "Eve", "--role", "experimenter", "--password-stdin", password=PASSWORD + "\n")
    assert "eve: new account, experimenter" in said and "grant eve STUDY" in said and "no active owner" in said
    asked = typed(settings, "add", "ada", "--role", "owner", password=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in asked and "no active owner" not in asked
    assert typed(settings, "grant", "eve", "tiny") == "eve: given tiny\n"
    assert "eve  experimenter  active    tiny (change)" in (listed := typed(settings, "list"))
    assert "ada  owner         active    every study" in listed
    typed(settings, "role", "eve", "viewer")
    typed(settings, "grant", "eve", "tiny", "--view-only")
    typed(settings, "disable", "eve")
    assert "eve  viewer        disabled  tiny (view)" in typed(settings, "list")
    typed(settings, "enable", "eve")
    typed(settings, "revoke", "eve", "tiny")
    typed(settings, "password", "eve", "--password-stdin", password="another long password\n")
    assert log_in(app.test_client(), "eve", "another long password").status_code == 303
    by_command = [about for who, _, about in audited(database_of(app)) if who == audit.COMMAND_LINE]
    assert by_command == [
        *("eve: new account, experimenter", "ada: new account, owner", "eve: given tiny", "eve: viewer"),
        *("eve: given tiny, to look at", "eve: disabled", "eve: enabled", "eve: no longer given tiny"),
        "eve: another password",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("password", "nobody", "--password-stdin"), "nobody: no such account; see: mushra account list"),
        (("grant", "ada", "nosuch"), "nosuch: no such study; found tiny"),
        (("add", "ada", "--role", "viewer", "--password-stdin"), "ada: there is such an account already"),
    ],
)
def test_the_command_says_what_is_wrong(app: Flask, settings: Settings, arguments: tuple[str, ...], said: str) -> None:
    person(database_of(app), "ada", "owner")
    with pytest.raises(AppError, match=re.escape(said)):
        typed(settings, *arguments, password=PASSWORD)


def test_no_command_takes_a_password_as_an_argument() -> None:
    commands = account_cli.account.commands.values()
    names = {option for command in commands for one in command.params for option in one.opts}
    assert {name for name in names if "password" in name} == {"--password-stdin"}


def test_once_there_is_an_owner_no_command_prints_the_key(
    app: Flask, settings: Settings, stimuli: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server_cli.say_links(settings, database_of(app), 8000)
    assert f"/studio/?key={studio_key(settings)}\n" in capsys.readouterr().out
    person(database_of(app), "ada", "owner")
    server_cli.say_links(settings, database_of(app), 8000)
    assert "experimenter: http://127.0.0.1:8000/studio/\n" in capsys.readouterr().out
    data = ["--data", str(settings.data_dir)]
    said = CliRunner().invoke(server_cli.publish, [str(stimuli), *data]).output
    assert "/studio/\n" in said and "key=" not in said


def test_exports_and_calibrations_by_command_are_noted(app: Flask, settings: Settings, tmp_path: Any) -> None:
    from mushra_app import place_cli

    data = ["--data", str(settings.data_dir)]
    assert CliRunner().invoke(server_cli.export, [*data, "--out", str(tmp_path / "r.csv")]).exit_code == 0
    measured = ["--level-db-a", "78", "--transducer", "headphones", "--device", "HD 650"]
    assert CliRunner().invoke(place_cli.place, ["add", "Booth 1", *measured, *data]).exit_code == 0
    calibrate(database_of(app))
    who = audit.COMMAND_LINE
    assert audited(database_of(app)) == [
        (who, "export", "tiny: ratings while it ran"),
        (who, "calibration", "Booth 1: 78 dB(A)"),
    ]

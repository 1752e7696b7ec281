"""People in the studio: invitations, what each may do, the last owner, who may see a study, the audit log."""

from __future__ import annotations

import html
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from studio_people import AN_OWNER, PASSWORD, csrf, database_of, inside, log_in, password_hash, person

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.people import account_cli, accounts, audit, invitations, permissions, throttle
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.people.tables import AccountInvitation
from mushra_app.security import studio_key, token_sha256
from mushra_app.studio.accounts.words import KIND_WORDS
from mushra_app.studio.test.routes import MOVED
from mushra_app.study import lifecycle


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An owner's browser."""
    person(database_of(app), "ada", "owner")
    return inside(app, "ada")


def post(client: FlaskClient, address: str, **fields: Any) -> Any:
    """Send a form of the studio."""
    return client.post(address, data=fields | {"csrf_token": csrf(client.get("/studio/login").text)})


def invited(ada: FlaskClient, **fields: Any) -> str:
    """The path of a new invitation's link."""
    assert post(ada, "/studio/people", **fields).status_code == 303
    found = re.search(r"http://localhost(/studio/people/join/[\w-]+)", ada.get("/studio/people").text)
    assert found
    return found[1]


def number_of(app: Flask, name: str) -> int:
    with database_of(app).reading() as db:
        return accounts.named(db, name).id


def audited(app: Flask) -> list[tuple[str, str]]:
    with database_of(app).reading() as db:
        return [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what == "account"]


# Invitations


def test_whoever_opens_an_invitation_chooses_name_and_password_and_is_in(app: Flask, ada: FlaskClient) -> None:
    link = invited(ada, role="experimenter", study="tiny")
    with database_of(app).reading() as db:
        (kept,) = invitations.waiting(db)
        assert kept.token_sha256 == token_sha256(link.rpartition("/")[2]) and kept.invited_by == "ada"
    assert link not in (people := ada.get("/studio/people").text) and "Invitations that wait" in people
    guest = app.test_client()
    assert "ada invites you" in guest.get(link).text
    assert "at least 12" in post(guest, link, name="Eve@Lab.org", password="short").text
    assert "there is such an account" in post(guest, link, name="ADA", password=PASSWORD).text
    assert post(guest, link, name="Eve@Lab.org", password=PASSWORD).status_code == 303
    assert "A tiny test" in guest.get("/studio/").text and guest.get("/studio/people").status_code == 403
    assert log_in(app.test_client(), "eve@lab.org").status_code == 303
    again = post(app.test_client(), link, name="mallory", password=PASSWORD)
    assert again.status_code == 404 and "it opens once" in again.text
    assert audited(app) == [
        ("ada", "an invitation: experimenter, given tiny"),
        ("eve@lab.org", "eve@lab.org: new account, experimenter, by invitation"),
    ]


def test_an_invitation_ends_after_seven_days_or_when_it_is_taken_back(app: Flask, ada: FlaskClient) -> None:
    old, revoked = invited(ada, role="viewer"), invited(ada, role="viewer")
    with database_of(app).writing() as db:
        newest, oldest = invitations.waiting(db)
        assert oldest.expires_at - oldest.created_at == pytest.approx(timedelta(days=7), abs=timedelta(seconds=5))
        oldest.expires_at -= timedelta(days=7, seconds=5)
        number = newest.id
    assert post(ada, f"/studio/people/invitations/{number}/revoke").status_code == 303
    assert post(ada, f"/studio/people/invitations/{number}/revoke").status_code == 404
    for link, said in ((old, "too old"), (revoked, "taken back"), (revoked + "x", "no such invitation")):
        answers = (app.test_client().get(link), post(app.test_client(), link, name="eve", password=PASSWORD))
        assert [answer.status_code for answer in answers] == [404, 404] and said in answers[0].text
    with database_of(app).reading() as db:
        assert accounts.found(db, "eve") is None


def test_an_invitation_that_two_use_at_once_makes_one_account(database: Database) -> None:
    with database.writing() as db:
        token = invitations.invite(db, "ada", "owner")
    ready = threading.Barrier(8)

    def use(number: int) -> bool:
        ready.wait()
        try:
            with database.writing() as db:
                invitations.accept(db, token, f"guest-{number}", password_hash())
        except AppError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1
    with database.reading() as db:
        (made,) = accounts.all_accounts(db)
        assert db.query(AccountInvitation).one().used_by == made.id


def test_invitations_are_not_guessed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "BY_NETWORK", 3)
    hashes: list[str] = []
    monkeypatch.setattr(accounts, "hashed", hashes.append)
    client = app.test_client()
    tries = [post(client, f"/studio/people/join/guess-{n}", name="eve", password=PASSWORD) for n in range(4)]
    assert [answer.status_code for answer in tries] == [404, 404, 404, 429] and "Retry-After" in tries[-1].headers
    assert hashes == [], "who has no invitation costs no hash"


def test_the_command_line_invites_too(app: Flask, settings: Settings) -> None:
    arguments = ["invite", "experimenter", "--study", "tiny", "--view-only", "--data", str(settings.data_dir)]
    said = CliRunner().invoke(account_cli.account, arguments).output
    link = re.findall(r"http://127.0.0.1:8000(/studio/people/join/[\w-]+)\n", said)[0]
    guest = app.test_client()
    assert post(guest, link, name="eve", password=PASSWORD).status_code == 303
    assert guest.get("/studio/tiny/").status_code == 200 and post(guest, "/studio/tiny/archive").status_code == 403
    assert audited(app)[0] == (audit.COMMAND_LINE, "an invitation: experimenter, given tiny")


def test_the_first_owner_is_invited_by_the_studios_key(app: Flask, client: FlaskClient) -> None:
    client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    assert "Invite the first owner" in client.get("/studio/account").text
    assert "no owner with an account yet" in client.get("/studio/people").text
    link = invited(client, role="owner")
    guest = app.test_client()
    assert post(guest, link, name="ada", password=PASSWORD).status_code == 303
    assert client.get("/studio/").status_code == 401 and guest.get("/studio/people").status_code == 200
    assert inside(app, "ada").get("/studio/account/tokens").status_code == 200


@pytest.mark.parametrize(
    "fields", [{}, {"role": "king"}, {"role": "viewer", "may": "all"}, {"role": "viewer", "study": "x"}]
)
def test_an_invitation_that_makes_no_sense_is_refused_in_a_sentence(ada: FlaskClient, fields: dict[str, str]) -> None:
    answer = post(ada, "/studio/people", **fields)
    assert (
        answer.status_code in (400, 404)
        and 'role="alert"' in answer.text
        and "Invitations that wait" not in answer.text
    )


# One account


def test_an_owner_changes_what_somebody_may_do(app: Flask, ada: FlaskClient) -> None:
    eve = inside(app, person(database_of(app), "eve", "experimenter"))
    page = f"/studio/people/{number_of(app, 'eve')}"
    assert "they can log in, and see none" in ada.get(page).text and eve.get("/studio/tiny/").status_code == 404
    assert post(ada, page, change="give", study="tiny", may="change").status_code == 303
    assert eve.get("/studio/tiny/").status_code == 200
    assert post(ada, page, change="role", role="viewer").status_code == 303
    assert post(eve, "/studio/tiny/archive").status_code == 403
    assert post(ada, page, change="take", study="tiny").status_code == 303
    assert eve.get("/studio/tiny/").status_code == 404
    assert post(ada, page, change="shut out").status_code == 303 and eve.get("/studio/").status_code == 401
    assert "shut out" in ada.get("/studio/people").text and log_in(app.test_client(), "eve").status_code == 403
    assert post(ada, page, change="let in").status_code == 303 and log_in(app.test_client(), "eve").status_code == 303
    for wrong in ({}, {"change": "role", "role": "king"}, {"change": "give", "study": "nosuch"}):
        answer = post(ada, page, **wrong)
        assert answer.status_code == 409 and 'role="alert"' in answer.text
    told = [about for _, about in audited(app)]
    assert told == [f"eve: {done}" for done in ("given tiny", "viewer", "no longer given tiny", "disabled", "enabled")]
    assert ada.get("/studio/people/99").status_code == 404 and ada.get(f"/studio/people/{10**30}").status_code == 404


def test_the_last_owner_stays(app: Flask, ada: FlaskClient) -> None:
    page = f"/studio/people/{number_of(app, 'ada')}"
    for change in ({"change": "shut out"}, {"change": "role", "role": "viewer"}):
        answer = post(ada, page, **change)
        assert answer.status_code == 409 and "ada is the last owner" in answer.text
    person(database_of(app), "bob", "owner")
    assert post(ada, page, change="role", role="viewer").status_code == 303
    assert ada.get("/studio/people").status_code == 403


def test_of_two_owners_who_shut_each_other_out_at_once_one_stays(database: Database) -> None:
    for name in ("ada", "bob"):
        person(database, name, "owner")
    ready = threading.Barrier(2)

    def shut_out(name: str) -> bool:
        ready.wait()
        try:
            with database.writing() as db:
                account = accounts.named(db, name)
                accounts.require_another_owner(db, account)
                accounts.set_active(db, account, False)
        except AppError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(shut_out, ("ada", "bob"))) == [False, True]


def test_whoever_publishes_a_study_is_given_it(published: Database) -> None:
    person(published, "eve", "experimenter")
    with published.writing() as db:
        eve = accounts.named(db, "eve")
        visitor = Visitor("", eve.id, "eve", "experimenter")
        assert permissions.right_of(db, visitor, "tiny") == Right.NONE
        for who in (visitor, visitor, AN_OWNER):
            permissions.grant_own(db, who, "tiny")
        assert permissions.right_of(db, visitor, "tiny") == Right.CHANGE
        assert [(one.name, may) for one, may in permissions.sharers(db, "tiny")] == [("eve", "change")]


# Who may see a study


def test_who_may_change_a_study_shares_it_with_an_account_by_its_name(app: Flask, ada: FlaskClient) -> None:
    person(database_of(app), "eve", "experimenter", "tiny")
    person(database_of(app), "bob", "experimenter")
    person(database_of(app), "vera", "viewer")
    eve, bob, vera = (inside(app, name) for name in ("eve", "bob", "vera"))
    page = eve.get("/studio/tiny/access").text
    assert "eve" in page and "ada" in page and "bob" not in page, "the names of all accounts are for owners"
    assert "no account of this name" in post(eve, "/studio/tiny/access", name="nobody", may="view").text
    assert post(eve, "/studio/tiny/access", name="bob", may="all").status_code == 400
    assert post(eve, "/studio/tiny/access", name="bob", may="view").status_code == 303
    assert bob.get("/studio/tiny/access").status_code == 200 and post(bob, "/studio/tiny/access").status_code == 403
    assert post(eve, "/studio/tiny/access", name="vera", may="change").status_code == 303
    assert post(vera, "/studio/tiny/access", name="bob", may="none").status_code == 403, "a viewer changes nothing"
    assert post(eve, "/studio/tiny/access", name="bob", may="none").status_code == 303
    assert bob.get("/studio/tiny/access").status_code == 404
    assert post(eve, "/studio/tiny/access", name="eve", may="none").location == "/studio/"
    assert audited(app)[:2] == [("eve", "bob: given tiny, to look at"), ("eve", "vera: given tiny, to look at")]


# The audit log


def test_the_audit_log_is_paged_and_filtered(app: Flask, ada: FlaskClient) -> None:
    with database_of(app).writing() as db:
        for number in range(120):
            audit.note(db, "ada" if number % 2 else "", "export" if number % 2 else "failed login", f"thing <{number}>")
    seen, address = [], "/studio/audit"
    for _ in range(3):
        page = ada.get(address).text
        seen += re.findall(r"thing &lt;(\d+)&gt;", page)
        older = re.search(r'href="([^"]+before[^"]+)"[^>]*>\s*Older', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert seen == [str(number) for number in range(119, -1, -1)] and address == ""
    exports = ada.get("/studio/audit?what=export&who=ada").text
    assert re.findall(r"thing &lt;(\d+)&gt;", exports) == [str(n) for n in range(119, 19, -2)]
    assert "what=export" in exports and "Older" in exports
    for odd in ("before=x", "before=-1", f"before={10**40}", "what=nosuch", "before=%D9%A3"):
        assert ada.get(f"/studio/audit?{odd}").status_code == 200
    assert "Nothing of this kind" in ada.get("/studio/audit?who=nobody").text


def notice(client: FlaskClient, answer: Any) -> str:
    """What the page says that an answer leads to, as a screen reader says it by itself."""
    assert answer.status_code == 303, answer.text
    said = re.findall(r'<div class="notice" role="status"><p>([^<]+)</p>', client.get(answer.location).text)
    assert len(said) == 1, said
    return html.unescape(said[0])


def test_whatever_was_done_is_said_on_the_page_that_follows(app: Flask, ada: FlaskClient) -> None:
    eve = person(database_of(app), "eve", "experimenter")
    person(database_of(app), "vera", "viewer")
    page, access = f"/studio/people/{number_of(app, eve)}", "/studio/tiny/access"
    done = [
        (access, {"name": "Eve", "may": "view"}, "eve may look at tiny now."),
        (access, {"name": "eve", "may": "change"}, "eve may change tiny now."),
        (access, {"name": "vera", "may": "change"}, "vera may look at tiny now."),
        (access, {"name": "eve", "may": "none"}, "tiny was taken away from eve."),
        (page, {"change": "give", "study": "tiny"}, "eve may see tiny now."),
        (page, {"change": "take", "study": "tiny"}, "tiny was taken away from eve."),
        (page, {"change": "role", "role": "viewer"}, "eve has another role now."),
        (page, {"change": "shut out"}, "eve is shut out: all their logins and tokens have ended."),
        (page, {"change": "let in"}, "eve can come in again."),
        (page, {"change": "totp off", "password": PASSWORD}, "eve is asked for no code any more."),
        ("/studio/tiny/versions/1/status", {"status": "paused"}, "Version 1 is paused now: nobody new can come, and"),
        ("/studio/tiny/versions/1/status", {"status": "closed"}, "Version 1 is closed now: nobody new can come, and"),
        ("/studio/tiny/versions/1/status", {"status": "open"}, "Version 1 is open now: listeners can come."),
    ]
    for address, fields, said in done:
        assert notice(ada, post(ada, address, **fields)).startswith(said)
    assert 'class="notice"' not in ada.get(access).text, "once"
    post(ada, "/studio/account/tokens", name="nightly", may="view", days="30", password=PASSWORD)
    (number,) = re.findall(r"tokens/(\d+)/revoke", ada.get("/studio/account/tokens").text)
    said = notice(ada, post(ada, f"/studio/account/tokens/{number}/revoke"))
    assert said == "The token nightly is revoked: it opens nothing any more."
    refused = post(ada, "/studio/tiny/versions/1/status", status="piloting")
    assert refused.status_code == 409 and 'class="notice"' not in refused.text


def test_every_state_that_a_version_is_brought_into_has_its_sentence() -> None:
    assert set(MOVED) == {status for following in lifecycle.FOLLOWS.values() for status in following}


def test_every_kind_of_the_audit_log_has_a_word() -> None:
    assert set(KIND_WORDS) == {*audit.KINDS}

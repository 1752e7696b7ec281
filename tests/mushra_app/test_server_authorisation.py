"""The authorisation matrix: every address, asked by everybody, and what each is answered. New ones have to be in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, as_json
from sqlalchemy import select
from studio_people import PASSWORD, csrf, database_of, inside, password_hash, person

from mushra_app import jobs
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import TrialPage
from mushra_app.models import Listener, ListeningSession, Slot, Trial
from mushra_app.people import accounts, invitations, tokens
from mushra_app.publish import publish
from mushra_app.security import token_sha256
from mushra_app.session import preview
from mushra_app.studio import guard
from mushra_app.study import lifecycle
from mushra_app.table_base import now

WHO = ("nobody", "listener", "other listener", "viewer", "stranger", "experimenter", "owner")
"""The viewer and the experimenter were given the study that is asked for, the stranger another one.

A listener asks for what is theirs by the token in the address; the other listener asks for the same with their own
token, and everybody else with one that they made up.
"""
PROGRAMS = (
    *("no token", "a cookie", "revoked", "expired", "of one shut out", "viewer", "stranger", "experimenter"),
    *("experimenter, to look", "owner, to look", "owner"),
)
"""Who asks the API: by the tokens of these accounts, which may change what the accounts may, or only look."""
EVERYBODY = (200,) * 7
OWN_SESSION = (404, 200, 200, 404, 404, 404, 404)
THEIRS_ALONE = (404, 200, 404, 404, 404, 404, 404)
IN_THE_STUDIO = (401, 401, 401, 200, 200, 200, 200)
THE_STUDYS = (401, 401, 401, 200, 404, 200, 200)
CHANGES_THE_STUDY = (401, 401, 401, 403, 404, 200, 200)
OWNERS_ALONE = (401, 401, 401, 403, 403, 403, 200)
BY_TOKEN = (*(401,) * 5, *(200,) * 6)
ITS_STUDYS = (*(401,) * 5, 200, 404, *(200,) * 4)
CHANGES_ITS_STUDY = (*(401,) * 5, 403, 404, 200, 403, 403, 200)
OF_OWNERS = (*(401,) * 5, *(403,) * 4, 200, 200)


def each(statuses: tuple[int, ...], answered: int) -> tuple[int, ...]:
    """The same with another status in place of 200."""
    return tuple(answered if status == 200 else status for status in statuses)


MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/static/<path:filename>"): EVERYBODY,
    ("GET", "/listen/<study>"): EVERYBODY,
    ("POST", "/listen/<study>"): each(EVERYBODY, 303),
    ("GET", "/session/<token>/"): OWN_SESSION,
    ("POST", "/session/<token>/"): each(OWN_SESSION, 303),
    ("GET", "/openapi.json"): EVERYBODY,
    ("GET", "/withdraw"): EVERYBODY,
    ("POST", "/withdraw"): each(EVERYBODY, 404),  # with a code that nobody has
    ("GET", "/session/<token>/withdraw"): OWN_SESSION,
    ("POST", "/session/<token>/withdraw"): each(OWN_SESSION, 303),
    ("POST", "/session/<token>/error"): each(OWN_SESSION, 204),
    ("GET", "/session/<token>/setup/<step>/<int:attempt>/<int:number>"): OWN_SESSION,
    ("GET", "/session/<token>/sound/<slot>"): THEIRS_ALONE,
    ("PUT", "/session/<token>/trials/<trial>"): THEIRS_ALONE,
    ("GET", "/studio/login"): EVERYBODY,
    ("POST", "/studio/login"): each(EVERYBODY, 403),  # with a wrong password
    ("POST", "/studio/logout"): each(EVERYBODY, 303),
    ("GET", "/studio/"): IN_THE_STUDIO,
    ("GET", "/studio/account"): IN_THE_STUDIO,
    ("POST", "/studio/account"): each(IN_THE_STUDIO, 403),  # with a wrong password
    ("GET", "/studio/places"): IN_THE_STUDIO,
    ("POST", "/studio/places"): (401, 401, 401, 403, 303, 303, 303),
    ("GET", "/studio/places/noise/<study>/<side>"): THE_STUDYS,
    ("GET", "/studio/<study>/"): THE_STUDYS,
    ("GET", "/studio/new"): (401, 401, 401, 403, 200, 200, 200),
    ("POST", "/studio/new"): (401, 401, 401, 403, 409, 409, 409),  # there is a study of that name
    ("GET", "/studio/<study>/design"): THE_STUDYS,
    ("POST", "/studio/<study>/design"): each(CHANGES_THE_STUDY, 404),  # nobody has begun a draft
    ("POST", "/studio/<study>/design/check"): CHANGES_THE_STUDY,
    ("POST", "/studio/<study>/design/draft"): each(CHANGES_THE_STUDY, 303),
    ("POST", "/studio/<study>/design/publish"): each(CHANGES_THE_STUDY, 409),  # nothing to publish
    ("POST", "/studio/<study>/design/work"): each(CHANGES_THE_STUDY, 303),
    ("GET", "/studio/<study>/experiment.toml"): THE_STUDYS,
    ("GET", "/studio/<study>/live"): THE_STUDYS,
    ("GET", "/studio/<study>/results"): THE_STUDYS,
    ("POST", "/studio/<study>/versions/<int:number>/status"): each(CHANGES_THE_STUDY, 409),  # it is open already
    ("POST", "/studio/<study>/archive"): each(CHANGES_THE_STUDY, 409),  # it runs
    ("GET", "/studio/<study>/ratings.csv"): each(THE_STUDYS, 409),  # it runs
    ("GET", "/studio/<study>/answers.csv"): THE_STUDYS,
    ("GET", "/studio/login/code"): each(EVERYBODY, 401),  # whose password was not asked for
    ("POST", "/studio/login/code"): each(EVERYBODY, 403),
    ("GET", "/studio/account/second-factor"): IN_THE_STUDIO,
    ("POST", "/studio/account/second-factor"): each(IN_THE_STUDIO, 403),  # with a wrong password
    ("GET", "/studio/account/tokens"): IN_THE_STUDIO,
    ("POST", "/studio/account/tokens"): each(IN_THE_STUDIO, 303),
    ("POST", "/studio/account/tokens/<int:number>/revoke"): (401, 401, 401, 404, 404, 404, 404),  # somebody else's
    ("GET", "/studio/people"): OWNERS_ALONE,
    ("POST", "/studio/people"): each(OWNERS_ALONE, 303),
    ("POST", "/studio/people/invitations/<int:number>/revoke"): each(OWNERS_ALONE, 303),
    ("GET", "/studio/people/<int:number>"): OWNERS_ALONE,
    ("POST", "/studio/people/<int:number>"): each(OWNERS_ALONE, 303),
    ("GET", "/studio/people/join/<token>"): each(EVERYBODY, 404),  # with a token that nobody was sent
    ("POST", "/studio/people/join/<token>"): each(EVERYBODY, 404),
    ("GET", "/studio/audit"): OWNERS_ALONE,
    ("GET", "/studio/<study>/access"): THE_STUDYS,
    ("POST", "/studio/<study>/access"): each(CHANGES_THE_STUDY, 303),
    ("GET", "/studio/publish"): (401, 401, 401, 403, 200, 200, 200),
    ("POST", "/studio/publish/upload"): (401, 401, 401, 403, 400, 400, 400),  # without the token in the address
    ("POST", "/studio/publish/folder"): (401, 401, 401, 403, 400, 400, 400),  # owners may, but there is none
    ("GET", "/studio/<study>/sounds"): THE_STUDYS,
    ("GET", "/studio/<study>/sounds/<int:clip>"): THE_STUDYS,
    ("GET", "/studio/<study>/sounds/<int:clip>/spectrogram"): each(THE_STUDYS, 404),  # none is drawn
    ("POST", "/studio/<study>/versions/<int:number>/pictures"): each(CHANGES_THE_STUDY, 303),
    ("GET", "/studio/<study>/preview/<int:version>"): THE_STUDYS,
    ("POST", "/studio/<study>/preview/<int:version>"): each(THE_STUDYS, 303),
    ("GET", "/studio/<study>/preview/<int:version>/session/<token>/"): THE_STUDYS,
    ("POST", "/studio/<study>/preview/<int:version>/session/<token>/"): each(THE_STUDYS, 303),
    ("PUT", "/studio/<study>/preview/<int:version>/session/<token>/trials/<trial>"): THE_STUDYS,
    ("GET", "/studio/<study>/preview/<int:version>/session/<token>/sound/<slot>"): THE_STUDYS,
    (
        "GET",
        "/studio/<study>/preview/<int:version>/session/<token>/setup/<step>/<int:attempt>/<int:number>",
    ): THE_STUDYS,
    ("GET", "/studio/<study>/listeners"): THE_STUDYS,
    ("POST", "/studio/<study>/recruiting"): each(CHANGES_THE_STUDY, 409),  # over what somebody else has changed
    ("POST", "/studio/<study>/invitations"): each(CHANGES_THE_STUDY, 303),
    ("POST", "/studio/<study>/invitations/list"): each(CHANGES_THE_STUDY, 303),
    ("POST", "/studio/<study>/invitations/<int:number>/revoke"): each(CHANGES_THE_STUDY, 404),  # there is none
    ("GET", "/studio/<study>/invitations.csv"): CHANGES_THE_STUDY,
    ("GET", "/studio/<study>/invitations/tickets"): CHANGES_THE_STUDY,
    ("GET", "/studio/<study>/lab"): CHANGES_THE_STUDY,
    ("POST", "/studio/<study>/lab"): each(CHANGES_THE_STUDY, 404),  # at a place that there is not
    ("POST", "/studio/<study>/lab/back"): each(CHANGES_THE_STUDY, 404),
    ("POST", "/studio/<study>/live/screen"): each(THE_STUDYS, 303),
    ("POST", "/studio/<study>/live/precision"): each(CHANGES_THE_STUDY, 303),
    ("GET", "/studio/<study>/listeners/<pseudonym>"): THE_STUDYS,
    ("POST", "/studio/<study>/ratings.csv"): CHANGES_THE_STUDY,
    ("POST", "/studio/<study>/jobs"): each(CHANGES_THE_STUDY, 409),  # a bundle, while it runs
    ("GET", "/studio/<study>/report.html"): each(THE_STUDYS, 404),  # nobody has made one
    ("GET", "/studio/<study>/files/<name>"): each(THE_STUDYS, 404),
    ("POST", "/studio/<study>/withdraw"): each(CHANGES_THE_STUDY, 404),  # with a name that nobody has
    ("POST", "/studio/<study>/withdrawn"): each(CHANGES_THE_STUDY, 404),
    ("POST", "/studio/<study>/duplicate"): each(CHANGES_THE_STUDY, 409),  # there is a study of that name
    ("GET", "/studio/<study>/erase"): CHANGES_THE_STUDY,
    ("POST", "/studio/<study>/erase"): each(CHANGES_THE_STUDY, 303),
}
API: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/api/v1/me"): BY_TOKEN,
    ("GET", "/api/v1/studies"): BY_TOKEN,
    ("GET", "/api/v1/studies/<study>"): ITS_STUDYS,
    ("GET", "/api/v1/studies/<study>/versions"): ITS_STUDYS,
    ("POST", "/api/v1/studies/<study>/versions/<int:number>/status"): each(CHANGES_ITS_STUDY, 409),  # it is open
    ("POST", "/api/v1/studies/<study>/duplicate"): each(CHANGES_ITS_STUDY, 409),  # there is a study of that name
    ("GET", "/api/v1/studies/<study>/progress"): ITS_STUDYS,
    ("GET", "/api/v1/studies/<study>/sessions"): ITS_STUDYS,
    ("GET", "/api/v1/studies/<study>/recruiting"): CHANGES_ITS_STUDY,
    ("PUT", "/api/v1/studies/<study>/recruiting"): each(CHANGES_ITS_STUDY, 409),  # over other settings
    ("GET", "/api/v1/studies/<study>/invitations"): ITS_STUDYS,
    ("POST", "/api/v1/studies/<study>/invitations"): each(CHANGES_ITS_STUDY, 201),
    ("DELETE", "/api/v1/studies/<study>/invitations/<int:number>"): each(CHANGES_ITS_STUDY, 404),  # not of that number
    ("POST", "/api/v1/studies/<study>/lab"): each(CHANGES_ITS_STUDY, 404),  # no such place
    ("POST", "/api/v1/studies/<study>/lab/back"): each(CHANGES_ITS_STUDY, 404),
    ("GET", "/api/v1/studies/<study>/ratings.csv"): each(ITS_STUDYS, 409),  # it runs
    ("GET", "/api/v1/studies/<study>/ratings.jsonl"): each(ITS_STUDYS, 409),
    ("GET", "/api/v1/studies/<study>/jobs"): ITS_STUDYS,
    ("POST", "/api/v1/studies/<study>/jobs"): each(CHANGES_ITS_STUDY, 202),
    ("GET", "/api/v1/studies/<study>/jobs/<int:number>"): ITS_STUDYS,
    ("GET", "/api/v1/studies/<study>/jobs/<int:number>/output"): ITS_STUDYS,
    ("GET", "/api/v1/studies/<study>/files/<name>"): each(ITS_STUDYS, 404),  # none is made
    ("GET", "/api/v1/audit"): OF_OWNERS,
}
BODIES = {
    "/api/v1/studies/<study>/versions/<int:number>/status": {"status": "open"},
    "/api/v1/studies/<study>/duplicate": {"name": "other"},
    "/api/v1/studies/<study>/jobs": {"kind": "check"},
    "/api/v1/studies/<study>/recruiting": {"seen": "x"},
    "/api/v1/studies/<study>/invitations": {"invitations": [{"label": "Ada"}]},
    "/api/v1/studies/<study>/lab": {"place": "nowhere"},
    "/api/v1/studies/<study>/lab/back": {"place": "nowhere", "code": "2222222222"},
}
FORMS: dict[str, dict[str, str]] = {
    "/studio/account/second-factor": {"change": "off", "password": "a wrong password", "code": "000000"},
    "/studio/account/tokens": {"name": "nightly", "may": "view", "days": "30", "password": PASSWORD},
    "/studio/people": {"role": "viewer"},
    "/studio/people/<int:number>": {"change": "take", "study": "other"},
    "/studio/people/join/<token>": {"name": "eve", "password": "a password that is long"},
    "/studio/<study>/access": {"name": "viewer", "may": "view"},
    "/studio/new": {"name": "tiny"},
    "/studio/<study>/design": {"text": "# another text", "revision": "1"},
    "/studio/<study>/design/draft": {"discard": "yes"},
    "/studio/<study>/design/work": {"kind": "preregister"},
    "/studio/<study>/recruiting": {"seen": "x"},
    "/studio/<study>/invitations": {"count": "1"},
    "/studio/<study>/invitations/list": {"text": "Ada"},
    "/studio/<study>/lab": {"place": "nowhere"},
    "/studio/<study>/lab/back": {"place": "nowhere"},
    "/studio/<study>/versions/<int:number>/status": {"status": "open"},
    "/studio/<study>/archive": {"archived": "yes"},
    "/studio/<study>/duplicate": {"name": "other"},
    "/studio/<study>/ratings.csv": {"layout": "wide", "reason": "somebody has to know"},
    "/studio/<study>/jobs": {"kind": "bundle", "reason": "somebody has to know"},
    "/studio/<study>/withdraw": {"who": "nobody"},
    "/studio/<study>/withdrawn": {"listener": "nobody"},
    "/listen/<study>": {"consent": "yes", "transducer": "headphones", "experience": "experienced"},
    "/session/<token>/": {"ears": "yes"},
    "/studio/login": {"name": "owner", "password": "a wrong password"},
    "/studio/account": {"password": "a wrong password", "new_password": "a long new password"},
    "/studio/publish/folder": {"folder": "/nowhere"},
    "/studio/<study>/preview/<int:version>": {
        "consent": "yes",
        "transducer": "headphones",
        "experience": "experienced",
    },
    "/studio/<study>/preview/<int:version>/session/<token>/": {"ears": "yes"},
    "/studio/places": {"name": "Booth", "level_db_a": "78", "transducer": "headphones", "device": "HD 650"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Flask]:
    """Two studies, the tiny one with a check of the sound, and somebody of every role."""
    from server_guests import opened

    folder = tmp_path_factory.mktemp("matrix")
    settings = Settings(data_dir=folder / "data")
    database = opened(settings, empty_sqlite)
    for name in ("tiny", "other"):
        described = {"name": name, "title": f"Study {name}", "contact": "lab@example.org"}
        tiny_set.make(folder / name, experiment=described, setup={"level": False, "sides": True})
        publish(folder / name, database, settings)
    person(database, "viewer", "viewer", "tiny")
    person(database, "stranger", "experimenter", "other")
    person(database, "experimenter", "experimenter", "tiny")
    person(database, "owner", "owner")
    with database.writing() as db:  # another's, of the number 1, which nobody here can revoke
        somebody = accounts.add(db, "somebody", "no hash", role="viewer")
        tokens.make(db, somebody, "of somebody else", may="view", days=30)
        jobs.ask(db, "check", ["nowhere"]).study_id = lifecycle.current(db, "tiny").study_id
    yield create_app(settings, database)
    database.close()


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def browser_of(app: Flask, who: str) -> FlaskClient:
    return app.test_client() if "listener" in who or who == "nobody" else inside(app, who)


def address(app: Flask, rule: str, who: str) -> tuple[str, dict[str, Any]]:
    """Where somebody asks, and a save that would do there."""
    fill, body = {"<study>": "tiny", "<side>": "left", "<path:filename>": "css/site.css", "<step>": "sides"}, {}
    fill |= {"<int:attempt>": "1", "<int:clip>": "1", "<int:version>": "1", "<name>": "bundle.zip"}
    fill |= {"<int:number>": "999" if "<study>/invitations" in rule else "1"}
    if "<pseudonym>" in rule:
        fill["<pseudonym>"] = somebody(app)
    if "/preview/" in rule:
        with database_of(app).reading() as db:
            found = preview_of(database_of(app), lifecycle.current(db, "tiny").id)
        fill |= {"<token>": found[0 if "trials" not in rule else 1], "<trial>": found[2], "<slot>": found[3][0]}
        if "setup" in rule:
            fill["<token>"] = f"{found[0][:-1]}1"
        body = save_of(found[3])
    elif "<token>" in rule:
        guest = at_the_check(app)
        tokens = {"listener": guest.token, "other listener": at_the_check(app).token}
        trial, slots = first_trial(app, guest)
        fill |= {"<token>": tokens.get(who, "a-token-that-I-made-up"), "<trial>": trial, "<slot>": slots[0]}
        body = save_of(slots)
    for name, value in fill.items():
        rule = rule.replace(name, value)
    return rule, body


def preview_of(database: Database, version: int) -> tuple[str, str, str, list[str]]:
    """Tokens of a preview's first page, of its first trial's page, of that trial, and of its hidden sounds."""
    walk = first = preview.Walk("en", "headphones", 7)
    while not isinstance(page := preview.page(database, version, walk, "", ""), TrialPage):
        walk = walk.next
    return first.token, walk.token, page.token, [sound.token for sound in page.sounds]


def somebody(app: Flask) -> str:
    """The pseudonym of a listener of the tiny study."""
    guest = Guest(database_of(app))
    with database_of(app).reading() as db:
        own = select(Listener.pseudonym).join(ListeningSession)
        return db.scalars(own.where(ListeningSession.token_sha256 == token_sha256(guest.token))).one()


def at_the_check(app: Flask) -> Guest:
    """A listener who has answered the first questions."""
    guest = Guest(database_of(app))
    guest.pass_by(guest.page())
    return guest


def first_trial(app: Flask, guest: Guest) -> tuple[str, list[str]]:
    """Tokens of the first trial, and of its hidden sounds."""
    with database_of(app).reading() as db:
        own = select(ListeningSession.id).where(ListeningSession.token_sha256 == token_sha256(guest.token))
        trial = db.scalars(select(Trial).where(Trial.session_id.in_(own)).order_by(Trial.position)).first()
        assert trial is not None
        slots = db.scalars(select(Slot.token).where(Slot.trial_id == trial.id, Slot.hidden)).all()
        return trial.token, list(slots)


def save_of(slots: list[str]) -> dict[str, Any]:
    ratings = [{"sound": slot, "value": 50, "moved": True, "heard_s": 1.0, "plays": 1} for slot in slots]
    how = {"trial_s": 9.0, "engine": "buffer", "fade_mode": "bs1534", "rate_hz": 44100}
    return {"key": slots[0].encode().hex()[:32], "revision": 1, "ratings": ratings} | how


def ask(app: Flask, method: str, rule: str, who: str) -> int:
    """The status of the answer."""
    client = browser_of(app, who)
    where, save = address(app, rule, who)
    if method == "PUT":
        return client.put(where, data=as_json(save), headers=ORIGIN).status_code
    if "invitations" in rule:
        with database_of(app).writing() as db:
            invitations.invite(db, "owner", "viewer")
            where = where.replace("/1/", f"/{invitations.waiting(db)[0].id}/")
    if method == "POST":
        form = FORMS.get(rule, {}) | {"csrf_token": csrf(client.get("/studio/login").text)}
        return client.post(where, data=form, headers=ORIGIN).status_code
    return client.get(where).status_code


def token_of(app: Flask, who: str) -> dict[str, str]:
    """The header of a program."""
    if who in ("no token", "a cookie"):
        return {}
    name, _, look = who.partition(",")
    name = {"revoked": "owner", "expired": "owner", "of one shut out": "shut out"}.get(name, name)
    with database_of(app).writing() as db:
        account = accounts.found(db, name.replace(" ", "-"))
        account = account or accounts.add(db, name.replace(" ", "-"), password_hash(), role="owner")
        account.active = name != "shut out"
        token = tokens.make(db, account, "matrix", may="view" if look else "change", days=30)
        kept = tokens.of_account(db, account.id)[0]
        if who == "expired":
            kept.expires_at = now()
        if who == "revoked":
            tokens.revoke(db, account.id, kept.id)
    return {"Authorization": f"Bearer {token}"}


def ask_api(app: Flask, method: str, rule: str, who: str) -> int:
    client = inside(app, "owner") if who == "a cookie" else app.test_client()
    where = rule.replace("<study>", "tiny").replace("<int:number>", "999" if "invitations" in rule else "1")
    answer = client.open(where, method=method, json=BODIES.get(rule), headers=ORIGIN | token_of(app, who))
    assert answer.status_code < 400 or set(answer.json) == {"error"}, (who, answer.data)
    return answer.status_code


def test_every_address_is_in_the_matrix(app: Flask) -> None:
    assert routes(app) == set(MATRIX) | set(API), "say in MATRIX who is answered what there"


@pytest.mark.parametrize(("method", "rule"), API)
def test_every_program_is_answered_as_the_matrix_says(
    app: Flask, method: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST", 1000)
    assert dict(zip(PROGRAMS, (ask_api(app, method, rule, who) for who in PROGRAMS), strict=True)) == dict(
        zip(PROGRAMS, API[method, rule], strict=True)
    )


@pytest.mark.parametrize(("method", "rule"), MATRIX)
def test_everybody_is_answered_as_the_matrix_says(
    app: Flask, method: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mushra_app.people import throttle

    monkeypatch.setattr(tokens, "MOST", 1000)
    monkeypatch.setattr(throttle, "BY_NAME", 100)
    monkeypatch.setattr(throttle, "BY_NETWORK", 1000)
    assert dict(zip(WHO, (ask(app, method, rule, who) for who in WHO), strict=True)) == dict(
        zip(WHO, MATRIX[method, rule], strict=True)
    )


def test_a_study_that_one_may_not_see_is_answered_as_one_that_is_not_there(app: Flask) -> None:
    stranger = inside(app, "stranger")
    stranger.get("/studio/")  # the first page makes the forms' token, which comes in a cookie
    for path in (
        "/studio/{}/",
        "/studio/{}/ratings.csv",
        "/studio/{}/answers.csv",
        "/studio/{}/files/bundle.zip",
        "/studio/{}/access",
        "/studio/places/noise/{}/left",
    ):
        hidden, absent = (stranger.get(path.format(study)) for study in ("tiny", "nosuch"))
        assert (hidden.status_code, absent.status_code) == (404, 404)
        # The token of a page's form says in which second it was made, and the two pages may lie in two.
        with_form, as_well = (
            re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", page.text) for page in (hidden, absent)
        )
        assert with_form.replace("tiny", "nosuch") == as_well
        assert {k: v for k, v in hidden.headers if k != "Content-Length"} == {
            k: v for k, v in absent.headers if k != "Content-Length"
        }


def test_lists_show_the_studies_that_one_may_see_and_no_other(app: Flask) -> None:
    seen = {
        name: [study for study in ("tiny", "other") if f"Study {study}" in inside(app, name).get("/studio/").text]
        for name in ("viewer", "stranger", "experimenter", "owner")
    }
    assert seen == {"viewer": ["tiny"], "stranger": ["other"], "experimenter": ["tiny"], "owner": ["tiny", "other"]}
    assert "Study tiny" not in inside(app, "stranger").get("/studio/places").text


def test_who_may_only_look_sees_no_form_of_a_calibration(app: Flask) -> None:
    assert "Write down a calibration" not in inside(app, "viewer").get("/studio/places").text
    assert "Write down a calibration" in inside(app, "stranger").get("/studio/places").text


def test_an_experimenter_may_be_let_look_only(app: Flask) -> None:
    from mushra_app.people import permissions
    from mushra_app.people.logins import Visitor
    from mushra_app.people.permissions import Right

    with database_of(app).writing() as db:
        account = accounts.add(db, "guest", "no hash", role="experimenter")
        visitor = Visitor("", account.id, "guest", "experimenter")
        permissions.grant(db, account, "other", view_only=True)
        permissions.grant(db, account, "tiny")
        rights = [permissions.right_of(db, visitor, study) for study in ("other", "tiny", "nosuch", None)]
        assert rights == [Right.VIEW, Right.CHANGE, Right.NONE, Right.CHANGE]
        permissions.revoke(db, account, "tiny")
        assert permissions.right_of(db, visitor, "tiny") == Right.NONE


def test_a_view_of_the_studio_that_says_nothing_of_its_needs_answers_nobody(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(("studio.", "api.")):
            assert hasattr(view, guard.NEEDS), endpoint
    view = app.view_functions["studio.study"]
    app.view_functions["studio.study"] = lambda study: "forgotten"
    try:
        assert inside(app, "owner").get("/studio/tiny/").status_code == 500
    finally:
        app.view_functions["studio.study"] = view

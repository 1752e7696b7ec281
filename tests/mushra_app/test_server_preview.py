"""A preview is the whole test, page by page as a listener has it, and not one row of it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, as_json, body_of
from sqlalchemy import func, select
from studio_people import csrf, database_of, inside, person

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import (
    CheckPage,
    DonePage,
    InstructionsPage,
    LevelPage,
    MessagePage,
    QuestionsPage,
    TrialPage,
)
from mushra_app.models import Base, SetupStep, StudyVersion
from mushra_app.publish import publish
from mushra_app.session import enrolment, listening, preview
from mushra_app.session.preview import Walk
from mushra_app.study import lifecycle, recruiting

EVERYTHING = {
    "setup": {"level": True, "sides": True, "headphones": "huggins"},
    "test": {"references": ["reference", "mixture"], "break_every": 1, "sessions": 2, "replicates": 1},
}
START = Walk("en", "headphones", 4711)


@pytest.fixture
def on_either(database: Database, either: Settings, tmp_path: Path) -> Iterator[Flask]:
    """A draft that goes through everything, on SQLite and then on PostgreSQL."""
    tiny_set.make(tmp_path / "set", **EVERYTHING)
    publish(tmp_path / "set", database, either, as_draft=True)
    yield create_app(either, database)


@pytest.fixture
def viewer(on_either: Flask) -> FlaskClient:
    """Whoever may look may preview."""
    return inside(on_either, person(database_of(on_either), "vera", "viewer", "tiny"))


def rows(database: Database) -> dict[str, int]:
    with database.reading() as db:
        return {
            name: db.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def walked(client: FlaskClient, address: str) -> Iterator[tuple[str, str]]:
    """Every page from an address on, with its address: answered, gone on, or saved."""
    for _ in range(60):
        page = client.get(address).text
        yield address, page
        if found := re.search(r'id="trial"[^>]*>(.*?)</script>', page, re.DOTALL):
            trial = json.loads(found[1])
            for sound in (*trial["references"], *trial["sounds"]):
                assert client.get(sound["url"]).mimetype == "audio/flac"
            ratings = [
                {"sound": one["token"], "value": 50, "moved": True, "heard_s": 1.0, "plays": 1}
                for one in trial["sounds"]
            ]
            how = {"trial_s": 9.0, "engine": "buffer", "fade_mode": "bs1534", "rate_hz": 44100}
            body = {"key": "0" * 32, "revision": 1, "ratings": ratings} | how
            answer = client.put(trial["save_url"], data=as_json(body), headers=ORIGIN)
            assert answer.status_code == 200 and answer.json
            address = answer.json["next"]
        elif "<form" in page:
            for url in re.findall(r'data-url="([^"]+)"', page)[:1]:
                assert client.get(url).mimetype == "audio/wav"
            address = client.post(address, data={"csrf_token": csrf(page), "ears": "yes"}).headers["Location"]
        elif later := re.search(r'class="button primary" href="([^"]+)"', page):
            address = later[1]
        else:
            return
    raise AssertionError("the preview did not end")


def test_the_whole_way_stores_nothing(on_either: Flask, viewer: FlaskClient) -> None:
    before = rows(database_of(on_either))
    first = viewer.get("/studio/tiny/preview/1")
    consent = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
    begun = viewer.post("/studio/tiny/preview/1", data=consent | {"csrf_token": csrf(first.text)})
    pages = [first.text, *(page for _, page in walked(viewer, begun.headers["Location"]))]
    assert all('<aside class="preview"' in page and "/studio/tiny/sounds" in page for page in pages)
    with database_of(on_either).reading() as db:
        trials = enrolment.welcome(lifecycle.current(db, "tiny")).trials
    assert sum('id="trial"' in page for page in pages) == trials >= 5
    assert "PREVIEW" in pages[-1] and len(pages) > 18
    assert rows(database_of(on_either)) == before


def test_whatever_ends_a_session_can_be_shown_in_a_preview(on_either: Flask) -> None:
    """Refused and withdrawn: what they ask of the database is there, too."""
    database = database_of(on_either)
    with database.reading() as db:
        version = lifecycle.current(db, "tiny").id
    for status, said in (("refused", "headphones"), ("withdrawn", "erased")):
        with preview._at(database, version, START) as (db, sitting):
            sitting.setup_steps.append(SetupStep(step="headphones", attempt=2, passed=False, detail={}))
            sitting.status = status
            found = listening.next_page(db, sitting, "")
        assert isinstance(found, MessagePage) and said in found.paragraphs[0]


def test_a_preview_has_the_pages_that_a_listener_has(on_either: Flask) -> None:
    """The same version, opened, and a listener who passes every check: page by page."""
    database = database_of(on_either)
    with database.writing() as db:
        lifecycle.move(db, version := lifecycle.current(db, "tiny"), "open")
        version_id = version.id
    guest, walk = Guest(database), START
    for _ in range(60):
        own = guest.page()
        seen = preview.page(database, version_id, walk, "/b", "/n")
        assert type(seen) is type(own) and seen.title == own.title
        if isinstance(own, TrialPage) and isinstance(seen, TrialPage):
            fields = ("number", "total", "training", "question", "labels", "rate_hz", "frames", "switching", "revision")
            assert [getattr(seen, name) for name in fields] == [getattr(own, name) for name in fields]
            assert (len(seen.sounds), len(seen.references)) == (len(own.sounds), len(own.references))
            guest.save(own)
        elif (isinstance(own, QuestionsPage) and isinstance(seen, QuestionsPage)) or isinstance(own, InstructionsPage):
            assert seen == own
            guest.pass_by(own)
        elif isinstance(own, LevelPage | CheckPage):
            pass_check(guest, own)
        else:
            assert isinstance(seen, DonePage) and seen.next_url == "/n/"
            return
        walk = walk.next
    raise AssertionError("no end")


def pass_check(guest: Guest, page: LevelPage | CheckPage) -> None:
    with guest.database.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        sitting.setup_steps.append(SetupStep(step=page.step, attempt=1, passed=True, detail={}))


def test_the_same_token_is_the_same_page_in_another_process(on_either: Flask) -> None:
    database = database_of(on_either)
    with database.reading() as db:
        version = lifecycle.current(db, "tiny").id
    token, once = first_trial(on_either)
    walk = Walk.read(token)
    preview._reached.cache_clear()
    assert first_trial(on_either)[1] == once and preview.page(database, version, walk, "", "") == once
    other = preview.page(database, version, Walk("en", "headphones", 4712, walk.at), "", "")
    assert isinstance(other, TrialPage) and other.token != once.token


def test_answers_and_saves_that_a_session_refuses_are_refused(on_either: Flask, viewer: FlaskClient) -> None:
    address = f"/studio/tiny/preview/1/session/{START.token}/"
    page = viewer.get(address).text
    refused = viewer.post(address, data={"csrf_token": csrf(page), "ears": "perhaps"})
    assert refused.status_code == 400 and "Please choose one of the answers." in refused.text
    trial = first_trial(on_either)
    save = f"/studio/tiny/preview/1/session/{trial[0]}/trials/{trial[1].token}"
    body = body_of(trial[1])
    assert viewer.put(save, data=as_json(body), headers={"Origin": "http://evil.example"}).status_code == 403
    assert viewer.put(save, data=as_json(body | {"ratings": body["ratings"][1:]}), headers=ORIGIN).status_code == 400
    assert viewer.put(save, data=b"{}", headers=ORIGIN).status_code == 400
    assert viewer.put(save + "x", data=as_json(body), headers=ORIGIN).status_code == 404
    after = Walk.read(trial[0]).next.token
    taken = {"saved": True, "revision": 1, "next": f"/studio/tiny/preview/1/session/{after}/"}
    assert viewer.put(save, data=as_json(body), headers=ORIGIN).json == taken


def first_trial(app: Flask) -> tuple[str, TrialPage]:
    database, walk = database_of(app), START
    with database.reading() as db:
        version = lifecycle.current(db, "tiny").id
    while not isinstance(page := preview.page(database, version, walk, "", ""), TrialPage):
        walk = walk.next
    return walk.token, page


@pytest.mark.parametrize(
    "token",
    [
        *("x", "---", "en-headphones-1", "en-headphones-1-99", "en-headphones-01-0", "en-nothing-1-0"),
        *(
            "en-headphones-1-0-0",
            "en-headphones-1-0-away",
            "en-headphones-1-0-away-away",
            "en-headphones--1-0",
            "xx-headphones-1-0",
            "en-headphones-1-999999999",
        ),
        "en-headphones-\u0661-0",
    ],
)
def test_a_token_that_was_made_up_opens_nothing(
    sqlite: Database, settings: Settings, stimuli: Path, token: str
) -> None:
    publish(stimuli, sqlite, settings, as_draft=True)
    client = inside(create_app(settings, sqlite), person(sqlite, "vera", "viewer", "tiny"))
    answer = client.get(f"/studio/tiny/preview/1/session/{token}/")
    assert answer.status_code == 404 and "Please begin it again" in answer.text
    assert client.get("/studio/tiny/preview/2").status_code == 404
    assert client.get(f"/studio/tiny/preview/2/session/{START.token}/").status_code == 404


def test_a_preview_speaks_the_language_that_was_chosen(on_either: Flask, viewer: FlaskClient) -> None:
    first = viewer.get("/studio/tiny/preview/1?lang=de").text
    assert 'lang="de"' in first and "Beginnen" in first
    consent: dict[str, Any] = {"consent": "yes", "transducer": "loudspeakers", "experience": "inexperienced"}
    begun = viewer.post("/studio/tiny/preview/1?lang=de", data=consent | {"csrf_token": csrf(first)})
    address = begun.headers["Location"]
    assert "/session/de-loudspeakers-" in address and 'lang="de"' in viewer.get(address).text
    token = Walk.read(address.rstrip("/").rpartition("/")[2])
    with database_of(on_either).reading() as db:
        version = lifecycle.current(db, "tiny").id
    steps = []
    while not isinstance(page := preview.page(database_of(on_either), version, token, "", ""), TrialPage):
        steps.append(getattr(page, "step", ""))
        token = token.next
    assert "sides" in steps and "headphones" not in steps  # who listens on loudspeakers


def test_nobody_is_told_that_a_page_is_a_preview_but_in_a_preview(on_either: Flask, viewer: FlaskClient) -> None:
    with database_of(on_either).writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), "open")
    for address in ("/listen/tiny", "/studio/tiny/", "/studio/tiny/sounds", f"{Guest(database_of(on_either)).base}/"):
        page = viewer.get(address)
        assert page.status_code == 200 and '<aside class="preview"' not in page.text
    with database_of(on_either).reading() as db:
        assert db.scalars(select(StudyVersion.status)).all() == ["open"]


SCREENED = {
    "questions": [
        {"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before",
         "required": True, "accept": ["yes"]},
    ],
    "completion": {"code": "DONE-1"},
}  # fmt: skip


@pytest.fixture
def screened(sqlite: Database, settings: Settings, tmp_path: Path) -> Flask:
    """A draft that takes only those who hear well and on headphones, with all the codes of a panel."""
    tiny_set.make(tmp_path / "set", **SCREENED)
    publish(tmp_path / "set", sqlite, settings, as_draft=True)
    codes = {"screen_out_code": "OUT-1", "attention_code": "ATT-1", "return_url": "https://panel.example/?cc={code}"}
    with sqlite.writing() as db:
        recruiting.change(lifecycle.current(db, "tiny").study, codes | {"transducer": "headphones"})
    return create_app(settings, sqlite)


def test_the_page_of_whoever_is_turned_away_is_seen_in_a_preview(screened: Flask) -> None:
    """The very page that a listener is left with, without the panel's codes and with nothing stored."""
    database, viewer = database_of(screened), inside(screened, person(database_of(screened), "vera", "viewer", "tiny"))
    before, address = rows(database), f"/studio/tiny/preview/1/session/{START.token}/"
    asked = viewer.get(address).text
    assert "Nothing is stored, and every check of the sound is passed." in asked
    away = viewer.post(address, data={"csrf_token": csrf(asked), "ears": "no"})
    assert away.status_code == 303 and away.location == address.replace("-0/", "-0-away/")
    page = viewer.get(away.location).text
    assert "This study looks for listeners of another kind than your answers describe." in page
    assert f'<a href="{address}">Back to the question</a>' in page
    assert '<code class="code">PREVIEW</code>' in page and 'href="https://panel.example/?cc=PREVIEW"' in page
    accepted = viewer.post(address, data={"csrf_token": csrf(asked), "ears": "yes"})
    assert accepted.status_code == 303 and "-away" not in accepted.location
    assert not any("OUT-1" in one or "DONE-1" in one or "ATT-1" in one for _, one in walked(viewer, address))
    assert rows(database) == before


def test_a_listener_is_left_with_the_page_that_the_preview_shows(screened: Flask) -> None:
    database = database_of(screened)
    with database.writing() as db:
        lifecycle.move(db, version := lifecycle.current(db, "tiny"), "open")
        version_id = version.id
    guest = Guest(database)
    with database.writing() as db:
        listening.answer(db, listening.sitting_of(db, guest.token), {"ears": "no"})
    own, seen = guest.page(), preview.page(database, version_id, replace(START, away=True), "/b", "/n")
    assert isinstance(own, MessagePage) and own.code == "OUT-1"
    assert seen == replace(own, code="PREVIEW", return_url=own.return_url.replace("OUT-1", "PREVIEW"))


def test_criteria_turn_away_in_a_preview_too(screened: Flask) -> None:
    viewer = inside(screened, person(database_of(screened), "vera", "viewer", "tiny"))
    before, first = rows(database_of(screened)), "/studio/tiny/preview/1"
    form = {"csrf_token": csrf(viewer.get(first).text), "consent": "yes", "experience": "experienced"}
    answer = viewer.post(first, data=form | {"transducer": "loudspeakers"})
    assert answer.status_code == 403 and "Thank you for your interest" in answer.text
    assert "OUT-1" not in answer.text and 'href="https://panel.example/?cc=PREVIEW"' in answer.text
    assert viewer.post(first, data=form | {"transducer": "headphones"}).status_code == 303
    assert rows(database_of(screened)) == before

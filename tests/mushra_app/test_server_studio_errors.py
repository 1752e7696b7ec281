"""Errors of the pages' scripts, where the experimenter sees them: the study's page, and its card in the list."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest
from sqlalchemy import update
from studio_looks import session_of
from studio_people import AN_OWNER

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Study
from mushra_app.publish import publish
from mushra_app.security import studio_key
from mushra_app.session import listening, saving
from mushra_app.studio import overview
from mushra_app.studio.browsers import browser
from mushra_app.studio.live import progress
from mushra_app.studio.live.pages import LivePage
from mushra_app.studio.pages import StudiesPage

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) {}Chrome/126.0.6478.61 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "


def report(guest: Guest, text: str, user_agent: str = "") -> None:
    with guest.database.writing() as db:
        saving.store_script_error(db, listening.sitting_of(db, guest.token), text, user_agent)


def pages(database: Database, name: str = "tiny") -> tuple[LivePage, StudiesPage]:
    """The study's page and the list."""
    with database.reading() as db:
        return progress.live(db, name, AN_OWNER, progress.Place("", Path())), overview.studies(db, str)


def test_the_newest_fifty_are_shown_and_all_are_counted(published: Database) -> None:
    guests = [Guest(published), Guest(published)]
    for number in range(30):
        for guest in guests:
            report(guest, f"error {number}\n  at {guest.token}")
    page, listed = pages(published)
    assert page.page_errors_in_all == listed.studies[0].script_errors == 60 and len(page.page_errors) == 50
    assert [error.first_line for error in page.page_errors[:3]] == ["error 29", "error 29", "error 28"]
    assert page.page_errors[0].text == f"error 29\n  at {guests[1].token}"
    assert [error.listener for error in page.page_errors[:2]] == [
        session_of(published, guest).listener.pseudonym for guest in reversed(guests)
    ]


def test_errors_are_those_of_the_study_and_no_other(published: Database, either: Settings, stimuli) -> None:
    report(Guest(published), "of the older study")
    with published.writing() as db:
        db.execute(update(Study).values(name="older"))
    publish(stimuli, published, either)
    report(Guest(published), "of this one")
    report(Guest(published), "and this")
    assert [error.text for error in pages(published)[0].page_errors] == ["and this", "of this one"]
    assert [error.text for error in pages(published, "older")[0].page_errors] == ["of the older study"]
    assert [(row.name, row.script_errors) for row in pages(published)[1].studies] == [("older", 1), ("tiny", 2)]


@pytest.mark.parametrize(
    ("text", "first_line"),
    [
        ("", "(an error without words)"),
        ("\n \n", "(an error without words)"),
        ("\n one\ntwo", "one"),
        ("x" * 160, "x" * 160),
        ("x" * 161, "x" * 160 + "…"),
    ],
)
def test_the_first_line_is_short(published: Database, text: str, first_line: str) -> None:
    report(Guest(published), text)
    (error,) = pages(published)[0].page_errors
    assert (error.text, error.first_line) == (text, first_line)


def test_the_page_shows_what_a_listeners_page_reported_and_trusts_none_of_it(app: Flask, client: FlaskClient) -> None:
    guest = Guest(app.extensions["mushra"].database)
    client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    assert "script error" not in client.get("/studio/").text + client.get("/studio/tiny/live").text
    headers = ORIGIN | {"User-Agent": "<b>me</b>"}
    client.post(f"{guest.base}/error", data="<script>alert(1)</script>\nsecond line", headers=headers)
    page = client.get("/studio/tiny/live").text
    assert "<summary><code>&lt;script&gt;alert(1)&lt;/script&gt;</code></summary>" in page
    assert "second line" in page and "<b>me</b>" not in page and "<b>me</b>" in html.unescape(page)
    assert "1 error was reported" in page and "1 script error<" in client.get("/studio/").text


@pytest.mark.parametrize(
    ("user_agent", "short"),
    [
        (CHROME.format(""), "Chrome 126, Linux"),
        (CHROME.format("Headless"), "Chrome 126, Linux"),
        (CHROME.format("").replace("X11; Linux x86_64", "Linux; Android 14; K"), "Chrome 126, Android"),
        (CHROME.format("") + " Edg/126.0.0.0", "Edge 126, Linux"),
        (CHROME.format("") + " OPR/111.0.0.0", "Opera 111, Linux"),
        (CHROME.format("").replace("X11; Linux x86_64", "X11; CrOS x86_64"), "Chrome 126, ChromeOS"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox 127, Windows"),
        (IPHONE + "Version/17.4.1 Mobile/15E148 Safari/604.1", "Safari 17.4, iPhone"),
        (IPHONE + "CriOS/126.0.1 Mobile/15E148 Safari/604.1", "Chrome 126, iPhone"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17 Safari/605.1",
            "Safari 17, macOS",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 300, "x" * 40),
        ("", "unknown browser"),
    ],
)
def test_a_browser_in_a_few_words(user_agent: str, short: str) -> None:
    assert browser(user_agent) == short

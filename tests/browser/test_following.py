"""Work that was asked for, in a real browser: every tab shows how far it is, and that it has ended, by itself.

A worker is played by the test. The script's intervals are shortened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from server_guests import Guest
from sqlalchemy import delete

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job
from mushra_app.security import studio_key
from mushra_app.study import lifecycle

TABS = {
    "design": ("preregister", "Write it down", "# A plan"),
    "live": ("screen", "Look at them", ""),
    "sounds": ("pictures", "Draw them", "{}"),
    "results": ("report", "Make the report", ""),
}
"""The kind of work of a tab, the button that asks for it, and what a worker prints."""


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    """One listener has finished, and nobody has asked for anything."""
    found = Database(Settings(data_dir=data_dir))
    with found.writing() as db:
        db.execute(delete(Job))
        version = lifecycle.current(db, "tiny")
        version.status = "open"
    Guest(found).finish()
    yield found
    found.close()


@pytest.fixture
def inside(page: Page, server: Any, data_dir: Path) -> Page:
    """Somebody in the studio, whose pages ask sooner and look at their own rules only when they are told to."""

    def sooner(route: Route) -> None:
        answer = route.fetch()
        body = answer.text()
        assert "EVERY_MS = 3_000" in body
        body = body.replace("EVERY_MS = 3_000", "EVERY_MS = 200").replace('"form[data-ask]"', '"form.none"')
        route.fulfill(response=answer, body=body)

    page.route("**/js/follow.js", sooner)
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    return page


def opened(page: Page, url: str, tab: str, database: Database) -> Any:
    """The tab, where its work was asked for just now; the box that says how far it is."""
    kind, button, _ = TABS[tab]
    if tab == "results":
        with database.writing() as db:
            lifecycle.current(db, "tiny").status = "closed"
    page.goto(f"{url}/studio/tiny/{tab}")
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()
    box = page.locator(f"#work-{kind}")
    expect(box).to_contain_text("Waits for its turn")
    return box


def begun(database: Database, progress: str = "") -> jobs.Taken:
    with database.writing() as db:
        job = jobs.take(db, "a worker")
        assert job and jobs.beat(db, job, progress)
    return job


@pytest.mark.parametrize("tab", TABS)
def test_work_is_followed_to_its_end_on_every_tab(inside: Page, server: Any, database: Database, tab: str) -> None:
    box = opened(inside, server.url, tab, database)
    inside.evaluate("window.same = true")
    job = begun(database, "the second of three songs")
    expect(box).to_contain_text("At work: the second of three songs")
    expect(inside.locator("#aloud")).to_contain_text("At work")
    with database.writing() as db:
        jobs.end(db, job, output="", reason="the set is gone")
    expect(box.locator(".trouble")).to_contain_text("the set is gone")
    expect(inside.locator("#aloud")).to_contain_text("the set is gone")
    assert inside.evaluate("window.same"), "it was not loaded anew"
    again = inside.get_by_role("button", name="Try again", exact=True).first
    with inside.expect_navigation():
        again.click()
    expect(box).to_contain_text("Waits for its turn")
    job = begun(database)
    with database.writing() as db:
        jobs.end(db, job, output=TABS[tab][2])
    expect(box.locator(".work")).to_have_count(0)
    if tab == "design":
        expect(inside.locator(".words")).to_have_text("# A plan")


def test_what_has_ended_is_asked_for_no_more(inside: Page, server: Any, database: Database) -> None:
    box = opened(inside, server.url, "design", database)
    with database.writing() as db:
        jobs.end(db, jobs.take(db, "a worker"), output="# A plan")  # type: ignore[arg-type]
    expect(box.locator(".work")).to_have_count(0)
    asked: list[str] = []
    inside.on("request", lambda request: asked.append(request.url))
    inside.wait_for_timeout(1200)
    assert asked == []


def test_what_is_typed_and_not_saved_outlives_the_end_of_the_work(
    inside: Page, server: Any, database: Database
) -> None:
    inside.goto(f"{server.url}/studio/tiny/design")
    if (begin := inside.get_by_role("button", name="Write the next version")).count():
        begin.click()
    box = opened(inside, server.url, "design", database)
    inside.get_by_label("Title title", exact=True).fill("Not saved yet")
    with database.writing() as db:
        jobs.end(db, jobs.take(db, "a worker"), output="# A plan")  # type: ignore[arg-type]
    expect(box.locator(".work")).to_have_count(0)
    assert inside.get_by_label("Title title", exact=True).input_value() == "Not saved yet"
    expect(inside.get_by_role("button", name="Write it down")).to_be_disabled()


def test_nothing_is_asked_for_while_nobody_looks(inside: Page, server: Any, database: Database) -> None:
    opened(inside, server.url, "results", database)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    inside.evaluate(hide % "true")
    inside.wait_for_timeout(300)
    asked: list[str] = []
    inside.on("request", lambda request: asked.append(request.url))
    inside.wait_for_timeout(1000)
    assert asked == []
    begun(database, "now")
    inside.evaluate(hide % "false")
    expect(inside.locator("#work-report")).to_contain_text("At work: now")

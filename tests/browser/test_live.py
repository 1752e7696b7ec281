"""The tab "Live" in a real browser: it stays fresh, loses nothing that somebody is at, and says when it can't.

The script's intervals are shortened where a test would wait for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from server_guests import Guest
from studio_looks import jobs_of, looked_at, session_of

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.security import studio_key

SOONER = (("EVERY_MS = 3_000", "EVERY_MS = 300"), ("LONGEST_MS = 60_000", "LONGEST_MS = 1_000"))


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    found = Database(Settings(data_dir=data_dir))
    yield found
    found.close()


@pytest.fixture
def live(page: Page, server: Any, data_dir: Path) -> Page:
    """The page, not opened yet, with a script that asks sooner."""

    def sooner(route: Route) -> None:
        answer = route.fetch()
        body = answer.text()
        for text, other in SOONER:
            assert text in body
            body = body.replace(text, other)
        route.fulfill(response=answer, body=body)

    page.route("**/js/follow.js", sooner)
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    return page


def started(page: Page) -> Any:
    return page.locator("#count-all b")


def test_it_follows_and_keeps_focus_scroll_and_what_is_open(
    live: Page, server: Any, database: Database, data_dir: Path
) -> None:
    looked_at(database, Settings(data_dir=data_dir))
    live.set_viewport_size({"width": 800, "height": 300})
    live.goto(f"{server.url}/studio/tiny/live")
    before = int(started(live).inner_text())
    opened, counted = live.locator("#pace-numbers"), live.locator("#pace-numbers td").first
    saves = int(counted.text_content() or "")
    opened.locator("summary").click()
    live.locator("[id^=row-]").first.focus()
    focused = live.evaluate("document.activeElement.id")
    live.evaluate("scrollTo(0, 400)")
    guest = Guest(database)
    guest.save(guest.trial())
    expect(started(live)).to_have_text(str(before + 1))
    expect(counted).to_have_text(str(saves + 1))
    assert live.evaluate("document.activeElement.id") == focused
    assert live.evaluate("scrollY") == 400 and opened.evaluate("details => details.open")


def test_what_is_selected_stays_until_it_is_not(live: Page, server: Any, database: Database) -> None:
    """A pseudonym is being copied while somebody else begins: that part waits, and the others don't."""
    guest = Guest(database)
    live.goto(f"{server.url}/studio/tiny/live")
    name = session_of(database, guest).listener.pseudonym
    live.locator(f"#row-{name}-1").select_text()
    before, rows = int(started(live).inner_text()), live.locator("#live-sessions tbody tr").count()
    Guest(database)
    expect(started(live)).to_have_text(str(before + 1))
    live.wait_for_timeout(700)
    assert live.evaluate("getSelection().toString()") == name
    assert live.locator("#live-sessions tbody tr").count() == rows
    live.evaluate("getSelection().removeAllRanges()")
    expect(live.locator("#live-sessions tbody tr")).to_have_count(rows + 1)


def test_a_button_keeps_the_focus_and_a_field_what_was_filled_in(live: Page, server: Any, database: Database) -> None:
    """Neither has an id; another part of the same kind comes before them."""
    Guest(database)
    live.goto(f"{server.url}/studio/tiny/live")
    added = '<form><input name="why"><button type="button">Go</button><button type="button">Stop</button></form>'

    def with_a_form(route: Route) -> None:
        answer = route.fetch()
        if answer.status == 304:
            return route.fulfill(response=answer)
        body = answer.text().replace(
            '<section id="live-counts" data-part>', f'<section id="live-counts" data-part>{added}'
        )
        return route.fulfill(response=answer, body=body)

    live.route("**/tiny/live", with_a_form)
    live.reload()
    live.locator("[name=why]").fill("because")
    live.get_by_role("button", name="Stop", exact=True).focus()
    before = int(started(live).inner_text())
    Guest(database)
    expect(started(live)).to_have_text(str(before + 1))
    assert live.evaluate("document.activeElement.textContent") == "Stop"
    assert live.locator("[name=why]").input_value() == "because"


def test_while_nothing_happens_it_is_told_so_and_touches_nothing(live: Page, server: Any, database: Database) -> None:
    Guest(database)
    statuses: list[int] = []
    live.on("response", lambda answer: statuses.append(answer.status) if answer.url.endswith("/tiny/live") else None)
    live.goto(f"{server.url}/studio/tiny/live")
    live.evaluate("document.querySelector('#live-sessions table').marked = true")
    live.wait_for_timeout(1500)
    assert 304 in statuses and set(statuses) <= {200, 304} and statuses.count(200) <= 1
    assert live.evaluate("document.querySelector('#live-sessions table').marked") is True
    expect(live.locator("#followed")).to_contain_text("Updated")


def test_a_server_that_is_away_is_said_to_be_and_found_again(live: Page, server: Any, database: Database) -> None:
    Guest(database)
    live.goto(f"{server.url}/studio/tiny/live")
    shown = started(live).inner_text()
    asked: list[str] = []
    live.route("**/tiny/live", lambda route: (asked.append(route.request.url), route.abort()))
    expect(live.locator("#followed")).to_contain_text("Not connected")
    live.wait_for_timeout(2500)
    assert 2 <= len(asked) <= 6, "less and less often"
    assert started(live).inner_text() == shown, "what was there stays"
    live.unroute("**/tiny/live")
    expect(live.locator("#followed")).not_to_contain_text("Not connected")


def test_a_browsers_clock_may_jump(live: Page, server: Any, database: Database) -> None:
    """Its date goes a day ahead and a day back; the page goes on, and says seconds."""
    Guest(database)
    live.add_init_script("const real = Date.now; window.off = 0; Date.now = () => real() + window.off")
    live.goto(f"{server.url}/studio/tiny/live")
    for days in (1, -1):
        live.evaluate(f"window.off = {days} * 864e5")
        before = int(started(live).inner_text())
        Guest(database)
        expect(started(live)).to_have_text(str(before + 1))
        expect(live.locator("#followed")).to_have_text("Updated just now.")


def test_the_rules_are_asked_again_by_the_page_itself(live: Page, server: Any, database: Database) -> None:
    guest = Guest(database)
    name = session_of(database, guest).listener.pseudonym
    live.goto(f"{server.url}/studio/tiny/live")
    before = jobs_of(database)
    from sqlalchemy import delete

    from mushra_app.models import Job

    with database.writing() as db:  # what other tests of this module have asked for
        db.execute(delete(Job))
    guest.finish()
    expect(live.locator("#live-quality")).to_contain_text("Waits for its turn")
    assert jobs_of(database) == [("screen", "waiting")], (before, name)


def test_it_works_without_its_script(browser: Any, server: Any, database: Database, data_dir: Path) -> None:
    guest = Guest(database)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    page.goto(f"{server.url}/studio/tiny/live")
    before = int(started(page).inner_text())
    Guest(database)
    page.reload()
    assert int(started(page).inner_text()) == before + 1 and not page.locator("#followed").is_visible()
    page.get_by_role("link", name=session_of(database, guest).listener.pseudonym).click()
    expect(page.locator("h2").first).to_contain_text(session_of(database, guest).listener.pseudonym)
    context.close()


def test_who_is_logged_out_is_told_so_and_asks_no_more(live: Page, server: Any, database: Database) -> None:
    Guest(database)
    live.goto(f"{server.url}/studio/tiny/live")
    live.context.clear_cookies()
    expect(live.locator("#followed")).to_contain_text("Reload it to log in again")
    asked: list[str] = []
    live.on("request", lambda request: asked.append(request.url))
    live.wait_for_timeout(1200)
    assert asked == []

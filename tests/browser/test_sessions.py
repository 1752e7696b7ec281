"""A listener with two sessions and German pages, from the first page to the way back, in a real browser."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    return {
        "test": {"sessions": 2, "hours_between_sessions": 20, "attention_checks": 1},
        "setup": {"level": False, "sides": False},
        "completion": {"code": "C0FFEE", "return_url": "https://panel.example/done?cc={code}"},
        "questions": [],
    }


def rate_all(page: Page) -> None:
    """Hear and rate every sound of a German trial, by keys, and go on in spite of the reminder."""
    for number in range(1, len(a.trial(page)["sounds"]) + 1):
        page.keyboard.press(str(number))
        page.wait_for_selector(f".sound.heard #rating-{number}", state="attached")
        page.keyboard.press("ArrowUp")
    expect(page.locator("#left")).to_have_text("Alle Klänge gehört und bewertet")
    following = page.get_by_role("button", name="Weiter", exact=True)
    following.click()
    expect(page.locator("#hint")).to_contain_text("Noch keiner der Klänge steht bei 100.")
    with page.expect_navigation():
        following.click()


def finish(page: Page) -> int:
    """The rest of a session; how many trials it had."""
    count = 0
    while page.locator("h1").inner_text() != "Danke":
        if page.locator("#trial").count():
            rate_all(page)
            count += 1
        else:
            a.fill_in(page)
    return count


def test_two_sessions_lead_from_one_to_the_next_and_back_home(page: Page, server, data_dir: Path) -> None:
    page.goto(f"{server.url}/listen/tiny?lang=de")
    a.fill_in(page)
    first = page.url
    assert finish(page) == 3  # training, one item, one attention check
    expect(page.get_by_role("main")).to_contain_text(
        "Es folgt noch eine Sitzung. Sie kann in etwa 20 Stunden beginnen."
    )
    page.set_viewport_size({"width": 390, "height": 844})
    address = page.get_by_role("main").get_by_role("link").first
    expect(address).to_have_text(re.compile(rf"^{server.url}/session/[\w-]{{22}}/$"))
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        database.execute("update session set finished_at = datetime(finished_at, '-20 hours') where part = 1")
    page.reload()
    with page.expect_navigation():
        page.get_by_role("link", name="Weiter zur nächsten Sitzung").click()
    assert page.url != first
    expect(page.locator("h1")).to_have_text("Willkommen zurück")
    assert finish(page) == 2
    back = page.get_by_role("link", name="Zurück, woher Sie kamen")
    expect(back).to_have_attribute("href", "https://panel.example/done?cc=C0FFEE")
    expect(page.locator("code").first).to_have_text("C0FFEE")
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        query = "select part, status, language, (select count(*) from trial t join save s on s.trial_id = t.id"
        found = database.execute(f"{query} where t.session_id = session.id) from session order by part").fetchall()
    assert found == [(1, "finished", "de", 3), (2, "finished", "de", 2)]
    page.goto(first)  # the first address still leads on
    expect(page.get_by_role("link", name="Weiter zur nächsten Sitzung")).to_be_visible()

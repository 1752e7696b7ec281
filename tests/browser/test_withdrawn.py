"""A listener who withdrew: their browser keeps and sends nothing more of the session, and all of everybody else's."""

from __future__ import annotations

from pathlib import Path

import listener as a
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.session import listening, privacy

MISSING = {
    "nothing": "",
    "a store": "delete window.indexedDB; Object.defineProperty(window, 'indexedDB', {value: undefined})",
    "a channel between tabs": "delete window.BroadcastChannel",
}


def withdraw(data_dir: Path, address: str) -> None:
    """Take back the consent to the session of an address, as its page would."""
    database = Database(Settings(data_dir=data_dir))
    with database.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, address.split("/session/")[1].split("/")[0]).listener)
    database.close()


def forgotten(page: Page) -> None:
    """Wait until the page says so, and the browser has dropped all drafts and parcels."""
    expect(page.locator("h1")).to_have_text("You have withdrawn")
    for _ in range(100):
        if a.kept(page) == {"drafts": [], "parcels": []}:
            return
        page.wait_for_timeout(50)
    raise AssertionError(a.kept(page))


def test_what_was_rated_but_not_sent_is_dropped_and_not_sent(context: BrowserContext, page: Page, server, data_dir):
    trial, sent = a.leave_unsent(context, server.url), []
    page.goto(f"{server.url}/listen/tiny")
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == [trial["token"]] and a.kept(page)["drafts"]
    withdraw(data_dir, trial["next_url"])
    page.on("request", lambda request: sent.append(request.method))
    page.goto(server.url + trial["next_url"])
    forgotten(page)
    page.reload()
    forgotten(page)
    assert set(sent) == {"GET"} and a.keys(data_dir, trial["token"]) == []


def test_what_others_left_at_the_machine_stays_for_them(context: BrowserContext, page: Page, server, data_dir):
    first, second = (a.leave_unsent(context, server.url) for _ in range(2))
    withdraw(data_dir, first["next_url"])
    page.goto(server.url + first["next_url"])
    expect(page.locator("h1")).to_have_text("You have withdrawn")
    page.wait_for_function("() => document.readyState === 'complete'")
    for _ in range(100):
        if len(a.kept(page)["parcels"]) == 1:
            break
        page.wait_for_timeout(50)
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == [second["token"]]
    page.goto(server.url + second["next_url"])
    a.gone_on(page)
    assert len(a.keys(data_dir, second["token"])) == 1 and a.keys(data_dir, first["token"]) == []


def test_a_trial_that_is_open_in_another_tab_leaves_nothing_either(
    context: BrowserContext, page: Page, server, data_dir
):
    """It has a draft in memory, which it writes when it is left."""
    other = context.new_page()
    trial, _ = a.rated(other, server.url)
    bystander = context.new_page()
    a.begin(bystander, server.url)
    withdraw(data_dir, trial["next_url"])
    page.goto(server.url + trial["next_url"])
    expect(other.locator("h1")).to_have_text("You have withdrawn")
    forgotten(page)
    other.close()
    forgotten(page)
    loads: list[str] = []
    page.on("load", lambda _: loads.append("again"))
    page.wait_for_timeout(300)
    assert loads == [], "two withdrawn tabs leave each other alone"
    assert bystander.locator("#trial").count() == 1, "another listener's tab is left alone"


@pytest.mark.parametrize("missing", MISSING)
def test_a_browser_without_it_shows_the_page_without_an_error(page: Page, server, data_dir, missing: str) -> None:
    page.add_init_script(MISSING[missing])
    trial = a.begin(page, server.url)
    withdraw(data_dir, trial["next_url"])
    page.reload()
    expect(page.locator("h1")).to_have_text("You have withdrawn")
    page.wait_for_timeout(200)

"""What a listener does on the pages, in a line each, and what is kept of it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from mushra_app.simulated.browser import _fill_in as fill_in

PUTS = "**/session/*/trials/*"
"""Addresses of saves."""


def begin(page: Page, url: str) -> dict[str, Any]:
    """Enrol and go on to the first trial; what that page was given."""
    page.goto(f"{url}/listen/tiny")
    while not page.locator("#trial").count():
        fill_in(page)
    return trial(page)


def trial(page: Page) -> dict[str, Any]:
    """The trial that is shown, once it can be heard."""
    page.wait_for_selector("body.ready")
    return json.loads(page.locator("#trial").text_content() or "")


def play(page: Page, number: int) -> None:
    """Press the button of a hidden sound, and listen until the page knows that it was heard."""
    page.get_by_role("button", name=f"Play sound {number}", exact=True).click()
    page.wait_for_selector(f".sound.heard #rating-{number}", state="attached")


def slider(page: Page, number: int):
    """The slider of a hidden sound."""
    return page.get_by_role("slider", name=f"Rating of sound {number}", exact=True)


def rate(page: Page, number: int, share: float) -> None:
    """Click into a slider's track: 0 is the bottom, 1 the top."""
    box = slider(page, number).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - share))


def rate_all(page: Page) -> str:
    """Hear every sound of the trial that is shown, rate it 100 and go on; the trial's token."""
    shown = trial(page)
    for number in range(1, len(shown["sounds"]) + 1):
        play(page, number)
        rate(page, number, 1.0)
    with page.expect_navigation():
        next_button(page).click()
    return shown["token"]


def values(page: Page) -> list[str]:
    """What the numbers under the sliders say."""
    return page.locator(".hear output").all_inner_texts()


def next_button(page: Page):
    """The button that goes on."""
    return page.get_by_role("button", name="Next", exact=True)


def rate_everything(page: Page, share: float = 1.0) -> None:
    """Hear and rate every sound of the trial."""
    for number in range(1, len(values(page)) + 1):
        play(page, number)
        rate(page, number, share)


def kept(page: Page) -> dict[str, list[Any]]:
    """Everything in the outbox of this page's browser, whosever it is."""
    return page.evaluate(KEPT)


KEPT = """() => new Promise((resolve) => {
  const request = indexedDB.open("mushra-outbox", 1);
  request.onsuccess = () => {
    const found = {};
    const transaction = request.result.transaction(["drafts", "parcels"]);
    for (const store of ["drafts", "parcels"]) {
      transaction.objectStore(store).getAll().onsuccess = (event) => (found[store] = event.target.result);
    }
    transaction.oncomplete = () => {
      request.result.close();
      resolve(found);
    };
  };
})"""


def keys(data_dir: Path, trial: str) -> list[str]:
    """Keys of the saves of a trial."""
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        query = "select s.key from save s join trial t on t.id = s.trial_id where t.token = ?"
        return [key for (key,) in database.execute(query, (trial,))]


def rated(page: Page, url: str) -> tuple[dict[str, Any], list[str]]:
    """A first trial, heard and rated; with the numbers shown."""
    trial = begin(page, url)
    rate_everything(page)
    return trial, values(page)


def gone_on(page: Page) -> None:
    """Wait until the page is another one."""
    page.wait_for_function("() => document.body && !document.querySelector('#trial')", timeout=30_000)


def leave_unsent(context: BrowserContext, url: str) -> dict[str, Any]:
    """A listener whose first trial never got through, and who has gone."""
    page = context.new_page()
    trial, _ = rated(page, url)
    page.route(PUTS, lambda route: route.abort())
    next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    page.close()
    return trial

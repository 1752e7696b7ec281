"""A simulated listener in a real Chromium: opens the real pages, presses what a person presses.

Every sound is played on the page and its slider moved by the keyboard; only the ear is a program's.
Defines: ``take_in_browser``.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from mushra_app.doctor import browser_path
from mushra_app.errors import AppError
from mushra_app.simulated.ear import Ear, Listener

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
HEARD_MS = 150
"""How long each sound is listened to: a rehearsal needs to hear it start, not to enjoy it."""
MOST_PAGES = 2000


def take_in_browser(url: str, listener: Listener, ear: Ear) -> int:
    """Take the whole test that begins at ``url``; returns how many trials were saved."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(url)
        saved = 0
        for _ in range(MOST_PAGES):
            if page.locator("#trial").count():
                _rate(page, context, listener, ear)
                saved += 1
            elif page.locator("form[method=post]").count():
                _fill_in(page)
            else:
                return saved
        raise AppError(f"{page.url}: still not at the end after {MOST_PAGES} pages")


def _fill_in(page: Page) -> None:
    """Answer everything on a form page, and send it."""
    for group in {radio.get_attribute("name") for radio in page.locator("input[type=radio]").all()}:
        page.locator(f"input[type=radio][name='{group}']").first.check()
    for box in page.locator("input[type=checkbox]").all():
        box.check()
    for field in page.locator("input[type=text], input[type=number]").all():
        field.fill("33" if field.get_attribute("type") == "number" else "simulated")
    with page.expect_navigation():
        page.locator("form[method=post] button[type=submit]").click()


def _rate(page: Page, context: BrowserContext, listener: Listener, ear: Ear) -> None:
    """Play every sound, move its slider by the keyboard, go on once the server has acknowledged."""
    trial = json.loads(page.locator("#trial").inner_text() or page.locator("#trial").text_content() or "")
    page.wait_for_selector("body.ready")
    reference = _bytes(context, page, trial["references"][0])
    qualities = [ear.quality(reference, _bytes(context, page, sound)) for sound in trial["sounds"]]
    ratings = listener.ratings(trial["number"], qualities)
    for number, rating in enumerate(ratings, 1):
        page.get_by_role("button", name=f"Play sound {number}", exact=True).click()
        page.wait_for_timeout(HEARD_MS)
        slider = page.get_by_role("slider", name=f"Rating of sound {number}", exact=True)
        slider.press("ArrowUp")  # the first move: from nothing to 51
        up, steps = rating > 51, abs(rating - 51)
        for key, times in (
            ("PageUp" if up else "PageDown", steps // 10),
            ("ArrowUp" if up else "ArrowDown", steps % 10),
        ):
            for _ in range(times):
                slider.press(key)
    following = page.get_by_role("button", name="Next", exact=True)
    if 100 not in ratings:
        following.click()  # the page reminds once where nothing is at 100
    with page.expect_navigation():
        following.click()


def _bytes(context: BrowserContext, page: Page, sound: dict[str, Any]) -> bytes:
    address = "/".join(page.url.split("/")[:3]) + sound["url"]
    return context.request.get(address).body()

"""What a screen reader is told of each listener's page, held against committed snapshots.

A page that is meant to have changed: ``MUSHRA_RENEW=aria python -m pytest tests/browser/test_said_aloud.py`` writes
``tests/browser/aria/*.yaml`` anew; read the difference as a listener would hear it, then commit it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent / "aria"
RENEW = os.environ.get("MUSHRA_RENEW") == "aria"
PAGES = (
    "welcome",
    "before-you-begin",
    "set-the-volume",
    "left-and-right",
    "headphones",
    "practice",
    "training",
    "the-test",
    "trial",
    "trial-rated",
    "keys",
    "before-you-leave",
    "thank-you",
    "link-refused",
    "no-such-session",
)
"""Every page that a listener can meet, in order: a session's by its heading, then those of ``LINKS``."""
LINKS = {"link-refused": "/listen/tiny?as=forged", "no-such-session": "/session/nobody/"}
CODE = re.compile(r"\b[A-Z0-9]{10}\b")


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    """Every step of setting up, and none that stops somebody without ears."""
    return {"setup": {"level": True, "sides": True, "headphones": "antiphase", "on_failure": "note"}}


def said(page: Page) -> str:
    """The page's title and accessibility tree, without what is drawn anew for every session.

    Sliders as they are read: by their text, "not yet rated", which the tree leaves out in favour of the number.
    """
    tree = CODE.sub("COMPLETIONCODE", page.locator("body").aria_snapshot())
    for slider in page.locator("input[type=range]:visible").all():
        name, text = slider.get_attribute("aria-label"), slider.get_attribute("aria-valuetext")
        tree = re.sub(rf'(slider "{name}".*): "\d+"', rf'\1: "{text}"', tree)
    return f"# {page.title()}\n{tree}\n"


def session(page: Page, url: str) -> Iterator[tuple[str, str]]:
    """Each page of a session by its name, and what is said of it; a trial before and after it is rated."""
    page.goto(f"{url}/listen/tiny")
    yield "welcome", said(page)
    a.fill_in(page)
    while True:
        if not page.locator("#trial").count():
            yield page.locator("h1").inner_text().lower().replace(" ", "-"), said(page)
            if not page.locator("form[method=post]").count():
                return
            a.fill_in(page)
            continue
        kind = "training" if a.trial(page)["training"] else "trial"
        yield kind, said(page)
        a.rate_everything(page)
        if kind == "trial":
            page.get_by_role("button", name="Sort by rating").click()
            yield "trial-rated", said(page)
            page.locator("#keys-button").click()
            yield "keys", said(page)
            page.keyboard.press("Escape")
        with page.expect_navigation():
            a.next_button(page).click()


@pytest.fixture(scope="module")
def heard(browser: Browser, server) -> dict[str, str]:
    """What is said of every page, by its name; the first of several alike."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, found = context.new_page(), {}
    for name, snapshot in session(page, server.url):
        found.setdefault(name, snapshot.replace(server.url, "SERVER"))
    for name, path in LINKS.items():
        page.goto(server.url + path)
        found[name] = said(page)
    context.close()
    return found


@pytest.mark.parametrize("name", PAGES)
def test_what_is_said_of_a_page_is_what_was_agreed_on(heard, name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    if RENEW:
        path.parent.mkdir(exist_ok=True)
        path.write_text(heard[name], encoding="utf-8")
    agreed = path.read_text(encoding="utf-8") if path.exists() else ""
    change = "".join(difflib.unified_diff(agreed.splitlines(True), heard[name].splitlines(True), "agreed", "now"))
    assert not change, f"{name} says something else. If it should, see the top of {Path(__file__).name}.\n{change}"


CONTROL = re.compile(r'^\s*- (button|slider|radio|checkbox|textbox|spinbutton|link|combobox)(?: "(?P<name>[^"]*)")?')


@pytest.mark.parametrize("name", PAGES)
def test_every_control_has_its_own_name_and_every_page_a_heading_and_a_main_part(heard, name: str) -> None:
    """Radio buttons are named within their question, so "yes" may come once in each."""
    lines = heard[name].splitlines()
    controls = [match for line in lines if (match := CONTROL.match(line))]
    names = [(match[1], match["name"]) for match in controls if match[1] != "radio"]
    assert all(match["name"] for match in controls) and len(names) == len(set(names)), names
    assert sum("- heading" in line and "[level=1]" in line for line in lines) == 1
    assert sum(line.lstrip().startswith("- main") for line in lines) == 1
    assert not any(line.lstrip().startswith("- radio") and not line.startswith("    ") for line in lines)


def test_every_page_of_a_listener_is_among_them(heard) -> None:
    assert set(heard) == set(PAGES), "a page came or went: mend PAGES, which is one line"
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(PAGES)

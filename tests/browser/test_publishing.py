"""A set is sent from a real browser, with and without scripts; its sheet is played by keyboard; a preview is walked."""

from __future__ import annotations

from pathlib import Path

import listener as a
import pytest
import tiny_set
from archives import zipped
from playwright.sync_api import Browser, Page
from server_guests import Served

from mushra_app.config import Settings
from mushra_app.security import studio_key


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study "sent", zipped, with something beside it that makes it larger than other requests may be."""
    folder = tmp_path_factory.mktemp("sent")
    tiny_set.make(folder / "set", experiment={"name": "sent", "title": "Sent", "contact": "lab@example.org"})
    (folder / "set" / "more.bin").write_bytes(bytes(range(256)) * 2**14)
    (folder / "set.zip").write_bytes(zipped(folder / "set"))
    return folder / "set.zip"


def enter(page: Page, server: Served, data_dir: Path) -> None:
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    page.get_by_role("link", name="Publish a stimulus set").click()


def test_an_archive_is_sent_looked_at_and_previewed(page: Page, server: Served, data_dir: Path, archive: Path) -> None:
    enter(page, server, data_dir)
    wrong = archive.with_name("wrong.zip")
    wrong.write_bytes(b"PK\x03\x04 half of it")
    page.locator("#archive").set_input_files(wrong)
    page.get_by_role("button", name="Send and publish").click()
    page.get_by_role("alert").get_by_text("cut off or damaged").wait_for()
    page.locator("#archive").set_input_files(archive)
    page.get_by_role("button", name="Send and publish").click()
    page.wait_for_url("**/studio/sent/sounds?**")
    assert page.locator(".notice[role=status]").inner_text().startswith("Every file is the one that was built")
    players = page.locator("button[data-url]")
    players.nth(0).focus()
    page.keyboard.press("Space")
    page.locator('button[data-url][aria-pressed="true"]').wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    pressed = page.locator('button[data-url][aria-pressed="true"]')
    assert pressed.count() == 1 and pressed.get_attribute("data-url") == players.nth(1).get_attribute("data-url")
    page.keyboard.press("ArrowDown")
    focused = page.locator(":focus")
    assert focused.get_attribute("data-condition") == pressed.get_attribute("data-condition")
    page.get_by_role("link", name="Preview the whole test").click()
    for _ in range(12):
        assert page.get_by_text("Nothing is stored").is_visible()
        if page.locator("#trial").count():
            rate(page)
        elif "Thank you" in page.locator("h1").inner_text() and "PREVIEW" in page.content():
            return
        else:
            a.fill_in(page)
    raise AssertionError("the preview did not end")


def rate(page: Page) -> None:
    """The real trial page with its real scripts: hear, rate, go on."""
    for number in range(1, len(a.trial(page)["sounds"]) + 1):
        a.play(page, number)
        page.keyboard.press("PageUp")
    a.next_button(page).click()  # reminds once: nothing is at 100
    with page.expect_navigation():
        a.next_button(page).click()


def test_without_scripts_it_is_a_plain_form(browser: Browser, server: Served, data_dir: Path, archive: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter(page, server, data_dir)
    page.locator("#archive").set_input_files(archive)
    page.get_by_role("button", name="Send and publish").click()
    page.wait_for_url("**/studio/sent/sounds?**")
    assert page.get_by_text("Every file is the one").or_(page.get_by_text("published before")).is_visible()
    context.close()

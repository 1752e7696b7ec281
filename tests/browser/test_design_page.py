"""The design page in a browser: the file is looked at while it is written, and nothing typed gets lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from server_guests import Served

from mushra_app.config import Settings
from mushra_app.security import studio_key


@pytest.fixture
def draft(page: Page, server: Served, data_dir: Path) -> Page:
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    page.goto(f"{server.url}/studio/tiny/design")
    if (begin := page.get_by_role("button", name="Write the next version")).count():
        begin.click()
    return page


def test_what_is_wrong_is_marked_while_it_is_typed_and_leads_to_its_field(draft: Page) -> None:
    title = draft.get_by_label("Title title", exact=True)
    title.fill("")
    mistake = draft.locator("#findings [data-place='experiment.title'] a")
    expect(mistake).to_be_visible()
    expect(title).to_have_attribute("aria-invalid", "true")
    draft.get_by_role("button", name="Save the draft").focus()
    mistake.click()
    expect(title).to_be_focused()
    title.fill("A better title")
    expect(draft.locator("#findings")).to_contain_text("Time per listener")
    expect(title).not_to_have_attribute("aria-invalid", "true")
    draft.get_by_role("button", name="Save the draft").click()
    expect(draft.get_by_label("Title title", exact=True)).to_have_value("A better title")


def test_the_time_follows_what_is_typed(draft: Page) -> None:
    trials = draft.locator("#findings .times")
    expect(trials).to_contain_text("3 trials")
    draft.locator("#test > summary").click()
    draft.get_by_label("Trials that come twice").fill("1")
    expect(trials).to_contain_text("5 trials")


def test_leaving_with_something_unsaved_is_asked_about(draft: Page) -> None:
    asked: list[str] = []
    draft.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    draft.get_by_label("Whom listeners can write to").fill("somebody@example.org")
    draft.get_by_role("link", name="Live").click()
    draft.wait_for_url("**/live")
    assert asked == ["beforeunload"]


def test_an_entry_is_added_and_stands_open_to_be_filled_in(draft: Page) -> None:
    draft.locator("#systems > summary").click()
    before = draft.locator("#systems .entry").count()
    draft.locator("select[name='kind of systems']").select_option("rpca")
    draft.locator("#systems button[value='systems']").click()
    draft.wait_for_url("**#systems")
    expect(draft.locator("#systems .entry")).to_have_count(before + 1)
    expect(draft.locator("#systems")).to_have_attribute("open", "")
    expect(draft.locator("#systems .entry summary").last).to_contain_text("rpca")


@pytest.mark.parametrize("where", ["form", "text"])
def test_nothing_is_worked_out_before_it_is_saved(draft: Page, where: str) -> None:
    buttons = [draft.get_by_role("button", name=name) for name in ("Work it out", "Write it down")]
    if where == "form":
        draft.get_by_label("Whom listeners can write to").fill("somebody.else@example.org")
    else:
        draft.get_by_text("The file as text").click()
        draft.locator("textarea.file[name='text']").press("End")
        draft.locator("textarea.file[name='text']").press_sequentially(" ")
    for button in buttons:
        expect(button).to_be_disabled()
    expect(draft.get_by_text("Save the draft first.").first).to_be_visible()
    draft.get_by_role("button", name="Save the draft" if where == "form" else "Save the text").click()
    draft.wait_for_url("**/design")
    for button in buttons:
        expect(button).to_be_enabled()

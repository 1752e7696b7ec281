"""A whole session with no mouse: Tab, arrows, Space, Enter and letters, nothing else, and never lost on the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import listener as a
from playwright.sync_api import Page, expect

from mushra_app.security import token_sha256

FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const [box, name] = [one.getBoundingClientRect(), one.id || one.name || one.textContent.trim()];
  const signs = one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? name;
  return {
    tag: one.tagName.toLowerCase(), type: one.type ?? "", name: signs.replace(/\\s+/g, " ").trim(),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def tab(page: Page, key: str = "Tab") -> dict:
    """Go on to the next control; it has to be seen where the keyboard is."""
    page.keyboard.press(key)
    found = page.evaluate(FOCUSED)
    assert found["tag"] == "body" or (found["ring"] and found["inside"]), f"{page.title()}: {found}"
    return found


def tab_to(page: Page, name: str, key: str = "Tab") -> dict:
    """Tab until a control of this name has the focus."""
    seen = []
    for _ in range(40):
        found = tab(page, key)
        if found["name"].startswith(name):
            return found
        seen.append(found["name"])
    raise AssertionError(f"{page.title()}: no {name} among {seen}")


def fill_in(page: Page) -> None:
    """A form, from its first field to its button."""
    for _ in range(30):
        found = tab(page)
        if found["type"] == "submit":
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
        if found["type"] in ("radio", "checkbox"):
            page.keyboard.press("Space")
        elif found["type"] in ("text", "number"):
            page.keyboard.type("33")
    raise AssertionError(f"{page.title()}: no button")


def rate(page: Page, wanted: list[int]) -> None:
    """Each sound by its number, its rating by arrows from 50; a comment; Next."""
    for number, value in enumerate(wanted, 1):
        page.keyboard.press(str(number))
        page.wait_for_selector(f".sound:nth-child({number}).heard")
        tens, ones = divmod(abs(value - 50), 10)
        for times, key in ((tens, "Shift+Arrow"), (ones, "Arrow")):
            for _ in range(times):
                page.keyboard.press(f"{key}{'Up' if value > 50 else 'Down'}")
    tab_to(page, "Comment")
    page.keyboard.type("by keys 1 2 3")
    tab_to(page, "next")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def ratings(data_dir: Path, session: str) -> list[tuple[str, list[int]]]:
    """Comment and numbers of every trial of a session, in its order."""
    query = """select t.position, v.comment, r.number from session n join trial t on t.session_id = n.id
               join save v on v.trial_id = t.id join response r on r.save_id = v.id join slot s on s.id = r.slot_id
               where n.token_sha256 = ? order by t.position, s.position"""
    found: dict[int, tuple[str, list[int]]] = {}
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        for position, comment, number in database.execute(query, (token_sha256(session),)):
            found.setdefault(position, (comment, []))[1].append(number)
    return list(found.values())


def test_a_session_by_keyboard_alone_is_stored_as_it_was_set(page, server, data_dir) -> None:
    page.goto(f"{server.url}/listen/tiny")
    wanted = [[100, 61, 39, 72, 28], [45, 100, 52, 80, 11], [31, 64, 47, 100, 58]]
    left = list(wanted)
    for _ in range(20):
        if page.locator("#trial").count():
            a.trial(page)
            rate(page, left.pop(0))
        elif page.get_by_role("heading", name="Thank you").count():
            break
        else:
            fill_in(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert ratings(data_dir, page.url.rstrip("/").rsplit("/", 1)[1]) == [("by keys 1 2 3", one) for one in wanted]


def test_the_trial_page_traps_nobody_and_leaves_nothing_out(page, server) -> None:
    """Tab goes through every control and out at the end, Shift+Tab the same way back; the dialog is left by Escape."""
    a.begin(page, server.url)
    forwards: list[str] = []
    while (found := tab(page))["tag"] != "body":
        forwards.append(found["name"])
        assert len(forwards) < 40, forwards
    controls = page.locator("button:enabled:visible, input:visible, textarea").count()
    assert len(forwards) == len(set(forwards)) == controls, forwards
    backwards = [tab(page, "Shift+Tab")["name"] for _ in forwards]
    assert backwards == forwards[::-1]
    tab_to(page, "keys-button", "Shift+Tab")
    page.keyboard.press("Enter")
    for _ in range(4):
        assert tab(page)["name"] in ("Close", "Withdraw from this test", "") or page.evaluate(
            "document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED)["name"] == "keys-button"
    expect(page.locator("#keys")).to_be_hidden()


def test_a_slider_with_the_focus_is_rated_where_it_is_heard(page, server) -> None:
    """Arrows rate what sounds; a slider of a silent sound says why it doesn't move, also where it has the focus."""
    a.begin(page, server.url)
    page.keyboard.press("2")
    page.wait_for_selector(".sound:nth-child(2).heard")
    tab_to(page, "Rating of sound 2", "Shift+Tab")
    page.keyboard.press("ArrowUp")
    assert a.values(page) == ["–", "51", "–", "–", "–"]
    tab_to(page, "Rating of sound 4")
    page.keyboard.press("Home")
    expect(page.locator("#hint")).to_have_text("Play sound 4 first: only the sound you are listening to can be rated.")
    assert a.values(page) == ["–", "51", "–", "–", "–"]


def test_what_has_no_ring_would_be_found(page, server) -> None:
    a.begin(page, server.url)
    page.evaluate("document.querySelector('#toggle').style.outline = 'none'")
    try:
        tab_to(page, "Reference")
    except AssertionError as error:
        assert "toggle" in str(error)
    else:
        raise AssertionError("a control without a ring went unseen")

"""Pages fit where they are shown: twelve sounds on a desk without scrolling, all on a phone, right to left too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import listener as a
import pytest
import tiny_set
from playwright.sync_api import Browser, Page, expect
from server_guests import Served, published_in

from mushra_app.config import Settings
from mushra_app.security import studio_key

BOXES = """() => [...document.querySelectorAll(
    "button, input:not([type=hidden]), textarea, .question, .waveform, .scale, .place, #left")]
  .filter((one) => one.checkVisibility() && !one.closest("dialog, label"))
  .map((one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    const name = one.getAttribute("aria-label") ?? (one.id || one.className);
    const clipped = !one.matches("input, .waveform") &&
      (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
    return { name, kind: one.matches(".loop-handle") ? "handle" : one.tagName, left, top, right, bottom, clipped };
  })"""
"""Everything that a trial page shows, with its box; ``clipped`` where its text doesn't fit into it."""


def boxes(page: Page) -> list[dict[str, Any]]:
    return page.evaluate(BOXES)


def overlaps(found: list[dict[str, Any]]) -> list[str]:
    """Pairs of controls that lie on one another; loop handles lie on the waveform, and that is what they are for."""
    controls = [one for one in found if one["kind"] in ("BUTTON", "TEXTAREA", "INPUT")]
    return [
        f"{one['name']} / {other['name']}"
        for i, one in enumerate(controls)
        for other in controls[:i]
        if min(one["right"], other["right"]) - max(one["left"], other["left"]) > 0.5
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 0.5
    ]


def sideways(page: Page) -> int:
    """By how many pixels a page is wider than its window, to either side."""
    return page.evaluate(
        "() => Math.max(document.documentElement.scrollWidth - document.documentElement.clientWidth,"
        " ...[...document.body.querySelectorAll('*')].filter((one) => one.checkVisibility())"
        "   .map((one) => Math.ceil(-one.getBoundingClientRect().left)))"
    )


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Served]:
    """A study with twelve hidden sounds: the reference, two anchors and nine systems."""
    folder = tmp_path_factory.mktemp("twelve")
    systems = [{"name": f"system-{n}", "kind": "centre_cancellation"} for n in range(9)]
    items = [item.model_dump(exclude_unset=True) for item in tiny_set.experiment().items[1:2]]
    tiny_set.make(folder / "set", systems=systems, items=items)
    found = Served(published_in(folder / "data", folder / "set", empty_sqlite))
    yield found
    found.stop()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page in a window of a size; a narrow one is a phone's."""
    contexts = []

    def open_page(width: int, height: int, **further: Any) -> Page:
        phone = {"is_mobile": True, "has_touch": True} if width < 720 else {}
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **phone, **further))
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def test_twelve_sounds_lie_in_one_view_on_a_desk(window, twelve) -> None:
    page = window(1280, 800)
    a.begin(page, twelve.url)
    found = boxes(page)
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") == [800, 1280]
    assert [
        one["name"] for one in found if min(one["left"], one["top"]) < 0 or one["right"] > 1280 or one["bottom"] > 800
    ] == []
    assert overlaps(found) == [] and [one["name"] for one in found if one["clipped"]] == []
    sliders = [one for one in found if one["name"].startswith("Rating of sound")]
    assert len(sliders) == 12 and min(one["bottom"] - one["top"] for one in sliders) >= 280


def test_twelve_sounds_can_be_rated_by_touch_on_a_phone(window, twelve) -> None:
    page = window(390, 844)
    trial = a.begin(page, twelve.url)
    chips = page.locator(".hear")
    assert sideways(page) == 0 and overlaps(boxes(page)) == [] and len(trial["sounds"]) == 12
    assert page.evaluate("document.documentElement.scrollHeight") == 844
    for number in range(1, 13):
        chip = chips.nth(number - 1)
        box = chip.bounding_box()
        assert box and box["height"] >= 44 and box["width"] >= 44 and box["y"] + box["height"] <= 844
        chip.tap()
        page.wait_for_selector(f".sound:nth-child({number}).heard", state="attached")
        track = a.slider(page, number).bounding_box()
        assert track
        page.touchscreen.tap(track["x"] + track["width"] / 2, track["y"] + track["height"] / 4)
        assert 70 <= int(a.values(page)[number - 1]) <= 80
        assert sideways(page) == 0
    a.next_button(page).tap()  # nothing is at 100: it asks once
    with page.expect_navigation():
        a.next_button(page).tap()
    expect(page.locator("#trial")).to_have_count(0)


def every_page(page: Page, url: str) -> Iterator[str]:
    """Each page of a session in turn, a trial before it is rated; all ratings are 100."""
    page.goto(f"{url}/listen/tiny")
    for _ in range(20):
        if page.locator("#trial").count():
            a.trial(page)
            yield page.title()
            for number in range(1, len(a.values(page)) + 1):
                a.play(page, number)
                a.slider(page, number).focus()
                page.keyboard.press("End")
            with page.expect_navigation():
                a.next_button(page).click()
            continue
        yield page.locator("h1").inner_text()
        if page.get_by_role("heading", name="Thank you").count():
            return
        a.fill_in(page)
    raise AssertionError(f"no end: {page.title()}")


@pytest.mark.parametrize("width", [390, 320])
def test_no_page_scrolls_sideways_on_a_phone_in_either_direction(window, server, width: int) -> None:
    page, seen = window(width, 844), []
    for name in every_page(page, server.url):
        seen.append(name)
        for way in ("rtl", "ltr"):
            page.evaluate("way => (document.documentElement.dir = way)", way)
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            assert sideways(page) == 0, (name, way)
            assert overlaps(boxes(page)) == [], (name, way)
            assert [one["name"] for one in boxes(page) if one["clipped"]] == [], (name, way)
            small = [one["name"] for one in boxes(page) if one["kind"] == "BUTTON" and one["bottom"] - one["top"] < 36]
            assert small == [], (name, way)
    assert len(seen) == len(set(seen)) == 9, seen


def test_right_to_left_time_still_runs_to_the_right(window, server) -> None:
    """Handles, shades and playhead agree with the audio, which is sought by a press at three quarters of the width."""
    page = window(1280, 800)
    a.begin(page, server.url)
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert overlaps(boxes(page)) == [] and sideways(page) == 0
    box = page.locator(".waveform canvas").bounding_box()
    assert box
    x = lambda share: box["x"] + share * box["width"]  # noqa: E731
    y = box["y"] + box["height"] - 8
    page.mouse.move(x(0), y)
    page.mouse.down()
    page.mouse.move(x(0.3), y, steps=4)
    page.mouse.up()
    assert float(page.get_by_role("slider", name="Loop start").input_value()) == pytest.approx(0.3, abs=0.02)
    expect(page.locator("#loop")).to_have_text("Loop 0.3 – 1.0 s")
    shade = page.locator(".shade.before").bounding_box()
    assert (
        shade
        and shade["x"] == pytest.approx(x(0), abs=1)
        and shade["width"] == pytest.approx(0.3 * box["width"], abs=20)
    )
    page.mouse.click(x(0.75), box["y"] + 20)
    page.wait_for_timeout(150)
    head = page.locator(".playhead").bounding_box()
    assert head and head["x"] == pytest.approx(x(0.75), abs=3)


def test_right_to_left_the_arrows_go_where_they_point(window, server) -> None:
    page = window(1280, 800)
    a.begin(page, server.url)
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.keyboard.press("2")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Play sound 3", exact=True)).to_be_focused()
    left, right = (page.locator(".hear").nth(n).bounding_box() for n in (2, 1))
    assert left and right and left["x"] < right["x"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_on_a_phone_every_tab_of_the_studio_is_in_sight(window, server, data_dir: Path, language: str) -> None:
    page = window(360, 740)
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}&lang={language}")
    for address in ("tiny/results", "account"):
        page.goto(f"{server.url}/studio/{address}")
        assert page.locator("html").get_attribute("lang") == language
        tabs = [one.bounding_box() for one in page.locator(".tabs a").all()]
        assert tabs and all(box and box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in tabs)
        assert sideways(page) == 0
        assert page.locator(".tabs").evaluate("tabs => tabs.scrollWidth - tabs.clientWidth") == 0


def test_on_a_phone_a_notice_covers_nothing_that_was_gone_to(window, server, data_dir: Path) -> None:
    page = window(360, 740)
    page.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    page.goto(f"{server.url}/studio/tiny/listeners")
    page.locator("#count").fill("3")
    page.get_by_role("button", name="Make invitations").click()
    page.get_by_role("button", name="Take back", exact=False).first.click()
    notice, heading = page.locator(".notice"), page.locator("#invitations")
    expect(notice).to_contain_text("is taken back")
    said, gone_to = notice.bounding_box(), heading.bounding_box()
    assert said and gone_to and said["y"] >= 0, "it is in sight"
    assert said["y"] + said["height"] <= gone_to["y"] and gone_to["y"] + gone_to["height"] <= 740


def test_what_does_not_fit_would_be_found(window, server) -> None:
    page = window(390, 844)
    page.goto(f"{server.url}/listen/tiny")
    page.evaluate("document.querySelector('h1').style.marginLeft = '-40px'")
    assert sideways(page) > 0
    page.evaluate("document.querySelector('h1').style.cssText = 'width: 500px'")
    assert sideways(page) > 0
    piece = {"left": 0, "top": 0, "right": 50, "bottom": 50, "kind": "BUTTON"}
    assert overlaps([piece | {"name": "one"}, piece | {"name": "two", "left": 49}]) == ["two / one"]

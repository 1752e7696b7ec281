"""The contact sheet in a real Chromium, opened as a file: it plays, fits, and is legible."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_set
from playwright.sync_api import Browser, Locator, Page

from stimuli import manifest as manifests
from stimuli.inspection.page import show
from stimuli.manifest import RuleResult

CONTRAST = """(element) => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let below = element;
  while (getComputedStyle(below).backgroundColor === "rgba(0, 0, 0, 0)") below = below.parentElement;
  const [ink, paper] = [getComputedStyle(element).color, getComputedStyle(below).backgroundColor].map(luminance);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""
SOUNDING = "[...document.querySelectorAll('audio')].filter((a) => !a.paused).length"
Opened = Callable[[Path], Page]


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sheet of the tiny set."""
    folder = tmp_path_factory.mktemp("sheet") / "set"
    made = tiny_set.make(folder)
    late = [clip.token for clip in made.clips if clip.condition == "zebra-net"][:2]
    told = {"clause": "7", "severity": "must", "message": "late: zebra-net"}
    rules = (
        RuleResult(rule="lag", passed=False, clips=tuple(late), **told),
        RuleResult(rule="polarity", passed=True, **told),
    )
    manifests.write(folder, made.model_copy(update={"rules": rules}))
    return show(folder, progress=False)


@pytest.fixture
def opened(page: Page, sheet: Path) -> Page:
    page.goto(sheet.as_uri())
    return page


def play(page: Page, name: str, item: int = 0) -> Locator:
    """The play button of a clip."""
    return page.locator(".item").nth(item).get_by_role("button", name=f"Play {name}", exact=True)


def moment(page: Page, name: str) -> float:
    """Where the clip of the first item is, in seconds."""
    return page.locator(".item").first.locator(f".card[aria-label='{name}'] audio").evaluate("(a) => a.currentTime")


def test_switching_goes_on_at_the_same_moment_and_one_sounds_at_a_time(opened: Page) -> None:
    play(opened, "reference").click()
    opened.wait_for_timeout(400)
    before = moment(opened, "reference")
    assert before > 0.1 and opened.evaluate(SOUNDING) == 1
    play(opened, "lowpass-3500").click()
    opened.wait_for_timeout(150)
    assert before <= moment(opened, "lowpass-3500") < before + 0.5
    assert opened.evaluate(SOUNDING) == 1
    assert play(opened, "reference").get_attribute("aria-pressed") == "false"
    assert play(opened, "lowpass-3500").get_attribute("aria-pressed") == "true"
    play(opened, "lowpass-3500").click()
    assert opened.evaluate(SOUNDING) == 0


def test_a_click_into_a_picture_jumps_there(opened: Page) -> None:
    picture = opened.locator(".item").first.locator(".card[aria-label='lowpass-3500'] .wave")
    box = picture.bounding_box()
    assert box
    length_s = float(opened.locator(".item").first.get_attribute("data-length") or 0)
    picture.click(position={"x": box["width"] * 0.5, "y": 10})
    opened.wait_for_timeout(100)
    assert length_s * 0.5 - 0.05 <= moment(opened, "lowpass-3500") <= length_s * 0.5 + 0.4


def test_it_can_be_played_by_keyboard(opened: Page) -> None:
    play(opened, "reference").focus()
    opened.keyboard.press("Enter")
    opened.wait_for_timeout(200)
    assert opened.evaluate(SOUNDING) == 1
    opened.keyboard.press("ArrowRight")
    opened.wait_for_timeout(200)
    assert opened.locator(".card.sounding").count() == 1
    assert play(opened, "reference").get_attribute("aria-pressed") == "false"
    opened.keyboard.press("ArrowLeft")
    opened.wait_for_timeout(100)
    assert play(opened, "reference").get_attribute("aria-pressed") == "true"


def test_a_clip_that_is_gone_is_said_on_its_card(page: Page, sheet: Path, tmp_path: Path) -> None:
    shutil.copytree(sheet.parent, tmp_path / "set")
    page.goto((tmp_path / "set" / sheet.name).as_uri())
    card = page.locator(".item").first.locator(".card[aria-label='reference']")
    (tmp_path / "set" / str(card.locator("audio").get_attribute("src"))).unlink()
    assert not card.get_by_role("alert").is_visible()
    play(page, "reference").click()
    card.get_by_role("alert").wait_for()
    assert "can't be played" in card.get_by_role("alert").inner_text() and page.evaluate(SOUNDING) == 0
    assert page.locator(".trouble:not([hidden])").count() == 1


def test_it_asks_for_nothing_until_something_is_played(page: Page, sheet: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(sheet.as_uri())
    page.wait_for_timeout(200)
    assert [url for url in asked if not url.startswith("data:")] == [sheet.as_uri()]
    play(page, "reference").click()
    page.wait_for_timeout(200)
    (clip,) = {url for url in asked if not url.startswith("data:")} - {sheet.as_uri()}
    assert clip.startswith(f"{sheet.parent.as_uri()}/clips/")


def test_the_filter_leaves_the_clips_that_break_a_rule(opened: Page, sheet: Path) -> None:
    marked = opened.locator(".card .marks").count()
    assert 2 == marked < opened.locator(".card").count()
    opened.get_by_label("only clips that break a rule").check()
    assert opened.locator(".card:visible").count() == marked


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_legible(browser: Browser, sheet: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(sheet.as_uri())
    page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for selector in ("h1", ".quiet", "dt", "dd", "nav a", ".rules a", ".play", ".spectrum span", ".pill", "summary"):
        for element in page.locator(selector).all()[:6]:
            assert element.evaluate(CONTRAST) >= (4.5 if selector in ("nav a", ".rules a") else 7), selector
    context.close()


def test_without_a_script_the_native_controls_play(browser: Browser, sheet: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sheet.as_uri())
    assert page.locator("audio[controls]").first.is_visible() and not page.locator(".keys").is_visible()
    context.close()

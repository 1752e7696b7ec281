"""The contact sheet in a real Chromium, as people open it: a file on the disk that plays the clips beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from inspected import SHIFTED
from playwright.sync_api import Browser, Locator, Page

from stimuli.inspection.show import show

PLAYING = "[...document.querySelectorAll('audio')].filter((a) => !a.paused).map((a) => a.closest('.clip').id)"
BEGUN = """() => {
  window.begun = [];
  const note = ({ target }) => begun.push([target.closest(".clip").id, target.currentTime]);
  document.addEventListener("playing", note, true);
}"""
"""Notes at which second each clip begins to sound."""
RATIOS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && one.parentElement ? behind(one.parentElement) : colour;
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() &&
    !one.closest("script, style") && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return texts.map((one) => {
    const [ink, paper] = [getComputedStyle(one).color, behind(one)].map(light);
    return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), one.className + " " + one.textContent];
  });
}"""


@pytest.fixture(scope="module")
def sheet_file(spoiled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the faulty set with its sheet."""
    folder = tmp_path_factory.mktemp("opened") / "set"
    shutil.copytree(spoiled_folder, folder)
    return show(folder, progress=False)


class Opened:
    """The page, what it asked for and what it complained about."""

    def __init__(self, browser: Browser, file: Path, **more: object) -> None:
        options: dict = {"viewport": {"width": 1280, "height": 844}, **more}
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())

    def clip(self, name: str, item: int = 1) -> Locator:
        return self.page.locator(f"#i{item} .clip").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def seconds(self, name: str, item: int = 1) -> float:
        return self.clip(name, item).locator("audio").evaluate("(audio) => audio.currentTime")

    def playing(self) -> list[str]:
        return self.page.evaluate(PLAYING)

    def go_round(self) -> None:
        """Tick "Repeat": a clip of two seconds has ended before a busy machine gets to the next click."""
        self.page.locator("#repeat").check()

    def begun(self) -> dict[str, float]:
        """At which second each clip began to sound first; one that goes round begins again and again."""
        return dict(reversed(self.page.evaluate("window.begun")))

    def until(self, name: str, seconds: float, item: int = 1) -> None:
        """Wait until a clip has played as far as that."""
        handle = self.clip(name, item).locator("audio").element_handle()
        self.page.wait_for_function("([a, s]) => !a.paused && a.currentTime > s", arg=[handle, seconds])


@pytest.fixture
def opened(browser: Browser, sheet_file: Path) -> Iterator[Opened]:
    """The sheet at 1280 pixels."""
    found = Opened(browser, sheet_file)
    yield found
    found.context.close()


def test_another_clip_goes_on_where_the_last_one_was_and_only_one_sounds(opened: Opened, sheet_file: Path) -> None:
    opened.go_round()
    opened.page.evaluate(BEGUN)
    opened.clip("reference").locator(".pictures").click(position={"x": 100, "y": 40})  # about half of two seconds
    opened.until("reference", 0.95)
    button = opened.clip("home").get_by_role("button")
    button.click()
    opened.until("home", 0.95)
    home = str(opened.clip("home").get_attribute("id"))
    assert opened.playing() == [home]
    assert opened.begun()[home] == pytest.approx(opened.seconds("reference"), abs=0.15)
    assert button.get_attribute("aria-pressed") == "true"
    assert opened.page.locator("[aria-pressed=true]").count() == 1
    button.click()
    assert opened.playing() == [] and button.get_attribute("aria-pressed") == "false"
    opened.clip(SHIFTED, 2).get_by_role("button").click()  # another item has a place of its own
    opened.until(SHIFTED, 0.05, 2)
    assert opened.begun()[str(opened.clip(SHIFTED, 2).get_attribute("id"))] < 0.2
    assert opened.complaints == []
    clips = {
        (sheet_file.parent / "clips" / name).as_uri() for name in (p.name for p in sheet_file.parent.glob("clips/*"))
    }
    assert set(opened.asked) - {sheet_file.as_uri()} <= clips and len(opened.asked) > 2


def test_nothing_is_asked_for_before_anything_is_played(opened: Opened, sheet_file: Path) -> None:
    opened.page.wait_for_timeout(200)
    assert opened.asked == [sheet_file.as_uri()] and opened.complaints == []


def test_keys_play_switch_seek_and_stop(opened: Opened) -> None:
    opened.go_round()
    keys, ids = opened.page.keyboard, [f"i1c{number}" for number in range(1, 4)]
    keys.press("2")
    opened.page.wait_for_function(
        f"({PLAYING}).join() === '{ids[1]}' && document.querySelector('#i1').dataset.place > 0"
    )
    keys.press("ArrowRight")
    keys.press("3")
    opened.page.wait_for_function(
        f"({PLAYING}).join() === '{ids[2]}' && document.querySelector('#i1').dataset.place > 1"
    )
    opened.page.locator("#repeat").blur()  # which has a use of its own for the space bar, and for no other key
    place = opened.page.evaluate("scrollY")
    keys.press(" ")
    opened.page.wait_for_timeout(200)  # a page that scrolls takes its time
    assert opened.playing() == [] and opened.page.evaluate("scrollY") == place
    keys.press("ArrowLeft")
    slider = opened.page.locator(f"#{ids[2]}").get_by_role("slider")
    assert 0 <= float(slider.get_attribute("aria-valuenow") or "nan") < 1
    opened.page.locator("#i1c1").get_by_role("button").focus()
    keys.press(" ")
    opened.page.wait_for_function(f"({PLAYING}).join() === '{ids[0]}'")
    assert opened.complaints == []


def test_the_playhead_is_where_the_sound_is(opened: Opened) -> None:
    opened.go_round()
    pictures = opened.clip("home").locator(".pictures")
    pictures.click(position={"x": 60, "y": 20})
    opened.until("home", 0.05)
    opened.clip("home").get_by_role("button").click()
    box, head = pictures.bounding_box(), opened.clip("home").locator(".playhead").bounding_box()
    assert box and head
    share = (head["x"] - box["x"]) / box["width"]
    assert share == pytest.approx(opened.seconds("home") / 2, abs=0.01) and share > 60 / box["width"] - 0.02


def test_at_its_end_a_clip_stops_and_begins_anew(opened: Opened) -> None:
    opened.clip("home").locator(".pictures").click(position={"x": 180, "y": 20})
    opened.page.wait_for_function("document.querySelector('#i1').dataset.place === '0'")
    assert opened.playing() == [] and opened.page.locator("[aria-pressed=true]").count() == 0


def test_a_clip_that_is_gone_says_so_and_the_others_play(browser: Browser, sheet_file: Path, tmp_path: Path) -> None:
    shutil.copytree(sheet_file.parent, tmp_path / "set")
    shown = Opened(browser, tmp_path / "set" / sheet_file.name)
    gone = shown.clip("home").get_attribute("data-file")
    (tmp_path / "set" / str(gone)).unlink()
    shown.clip("home").get_by_role("button").click()
    alert = shown.clip("home").get_by_role("alert")
    alert.wait_for()
    assert str(gone) in alert.inner_text() and shown.page.get_by_role("alert").count() == 1
    assert shown.page.locator("[aria-pressed=true]").count() == 0
    shown.clip("reference").get_by_role("button").click()
    shown.until("reference", 0.05)
    shown.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_seven_to_one_and_the_page_never_scrolls_sideways(
    browser: Browser, sheet_file: Path, scheme: str
) -> None:
    for width in (390, 1280):
        shown = Opened(browser, sheet_file, viewport={"width": width, "height": 844}, color_scheme=scheme)
        shown.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        shown.clip("home").get_by_role("button").click()
        ratios = shown.page.evaluate(RATIOS)
        assert len(ratios) > 300 and min(ratios)[0] >= 7, min(ratios)
        assert shown.page.evaluate("document.documentElement.scrollWidth") == width
        shown.context.close()


def test_only_the_broken_ones_beside_their_references(opened: Opened) -> None:
    opened.page.get_by_label("Only clips with broken rules").check()
    seen = opened.page.locator("#i1 .clip:visible h3").all_inner_texts()
    assert seen == ["reference", "upside-down"]
    assert opened.clip(SHIFTED, 2).is_visible() and not opened.clip("lowpass-3500", 2).is_visible()


def test_without_script_there_are_the_browsers_own_players(browser: Browser, sheet_file: Path) -> None:
    shown = Opened(browser, sheet_file, java_script_enabled=False)
    assert shown.page.locator("audio:visible").count() == shown.page.locator(".clip").count() > 10
    assert shown.page.locator("button:visible").count() == 0
    shown.context.close()

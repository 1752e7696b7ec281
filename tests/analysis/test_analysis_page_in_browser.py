"""The page in a real Chromium: it fits a phone, asks for nothing, and is legible in light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_study
from playwright.sync_api import Browser, Page

from analysis.report import assemble, page
from analysis.report.assemble import Source
from stimuli.manifest import Manifest

RATIO = """(selector) => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ink = luminance(getComputedStyle(document.querySelector(selector)).color);
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory, study_folder: Path, study: Manifest) -> Path:
    """A report of simulated ratings."""
    folder = tmp_path_factory.mktemp("page")
    ratings = small_study.save(folder / "ratings.csv", small_study.rows(study, simulated=True))
    (folder / "report.html").write_text(page.html(assemble.assemble(Source(ratings, study_folder))), encoding="utf-8")
    return folder / "report.html"


def show(browser: Browser, file: Path, *, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The page at this width, and what it asked for."""
    shown = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri())
    return shown, asked


@pytest.mark.parametrize("width", [390, 1280])
def test_it_never_scrolls_sideways_and_asks_for_nothing(browser: Browser, report_file: Path, width: int) -> None:
    shown, asked = show(browser, report_file, width=width, scheme="light")
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert asked == [report_file.as_uri()]
    assert shown.get_by_role("alert").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("selector", ["h1", "figcaption", ".banner", ".mark", "svg text"])
def test_text_stands_out_seven_to_one(browser: Browser, report_file: Path, scheme: str, selector: str) -> None:
    shown, _ = show(browser, report_file, width=900, scheme=scheme)
    assert shown.evaluate(RATIO, selector) >= 7


def test_words_in_figures_are_nine_pixels_at_least_on_a_phone(browser: Browser, report_file: Path) -> None:
    shown, _ = show(browser, report_file, width=390, scheme="light")
    heights = shown.evaluate("[...document.querySelectorAll('svg text')].map((t) => t.getBoundingClientRect().height)")
    assert len(heights) > 50 and min(heights) >= 9

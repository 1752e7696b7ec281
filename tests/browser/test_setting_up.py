"""Setting up in a real browser: sounds that sound, a volume that stays, checks that are passed and failed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Browser, Page, expect
from test_accessibility import VIEWS, complaints

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.session import setting_up
from mushra_app.session.listening import sitting_of

LOUDEST = """async (button) => {
  const loud = [0, 0];
  const before = AudioNode.prototype.connect;
  window.scopes = [];
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      const splitter = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
      before.call(this, splitter);
      window.scopes = [0, 1].map((side) => {
        const scope = new AnalyserNode(this.context, { fftSize: 32768 });
        before.call(splitter, scope, side);
        return scope;
      });
    }
    return before.call(this, target, ...rest);
  };
  button.click();
  let until = Infinity;
  const given_up = performance.now() + 20_000;
  while (performance.now() < given_up && !(window.scopes[0]?.context.currentTime > until)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const [side, scope] of window.scopes.entries()) {
      const heard = new Float32Array(scope.fftSize);
      scope.getFloatTimeDomainData(heard);
      loud[side] = Math.max(loud[side], ...heard.map(Math.abs));
      if (loud[side] > 0) until = Math.min(until, scope.context.currentTime + 0.3);
    }
  }
  AudioNode.prototype.connect = before;
  return loud;
}"""
"""Press a button and listen behind the page's volume, from when something is heard: the loudest sample of each side."""


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    setup = {"level": True, "sides": True, "headphones": "huggins", "on_failure": "refuse"}
    return {"setup": setup, "test": {"show_numbers": False}, "questions": []}


def begin(page: Page, url: str) -> None:
    """Enrol, as far as the level."""
    page.goto(f"{url}/listen/tiny")
    a.fill_in(page)
    expect(page.locator("h1")).to_have_text("Set the volume")


def go_on(page: Page, name: str = "Continue") -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def right(page: Page, data_dir: Path) -> list[str]:
    """What is right in each round of the check that is shown."""
    _, session, token, *_ = page.url.split("/")[2:]
    assert session == "session"
    url = page.locator("[data-url]").first.get_attribute("data-url") or ""
    database = Database(Settings(data_dir=data_dir))
    with database.reading() as db:
        found = setting_up._right_answers(sitting_of(db, token), url.split("/")[-3], int(url.split("/")[-2]))
    database.close()
    return found


def answer(page: Page, answers: list[str]) -> None:
    """Play every round and answer it."""
    for number, text in enumerate(answers, 1):
        page.locator(f"input[name=heard-{number}][value='{text}']").check()
    go_on(page)


def stored(data_dir: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        return database.execute(query).fetchall()


def test_the_volume_is_set_kept_within_a_trial_and_logged_between(page: Page, server, data_dir: Path) -> None:
    begin(page, server.url)
    full = page.locator(".sound-button").first.evaluate(LOUDEST)  # a tone is as loud at every moment
    gain = page.get_by_role("slider", name="Volume of this page")
    for _ in range(6):
        gain.press("ArrowLeft")
    expect(gain).to_have_attribute("aria-valuetext", "−10 dB")
    expect(page.locator("output[for=gain]")).to_have_text("−10 dB")
    page.reload()
    for _ in range(6):
        gain.press("ArrowLeft")
    softer = page.locator(".sound-button").first.evaluate(LOUDEST)
    assert softer[0] / full[0] == pytest.approx(10 ** (-6 / 20), rel=0.02) and full[0] == pytest.approx(full[1])
    go_on(page)
    answer(page, right(page, data_dir))
    answer(page, right(page, data_dir))
    while not page.locator("#trial").count():
        a.fill_in(page)
    trial = a.trial(page)
    assert (trial["gain_db"], trial["lowest_gain_db"], trial["highest_gain_db"]) == (-10, -14, -6)
    volume = page.get_by_role("slider", name="Volume", exact=True)
    volume.press("ArrowRight")
    volume.press("ArrowRight")
    expect(page.locator("output[for=volume]")).to_have_text("+2 dB")
    a.play(page, 1)
    expect(volume).to_be_disabled()
    page.reload()
    a.trial(page)
    expect(volume).to_be_disabled()  # what was heard so far was heard at this level
    expect(page.locator("output[for=volume]")).to_have_text("+2 dB")
    a.rate_all(page)
    assert stored(data_dir, "select gain_db from save") == [(-8.0,)]
    assert stored(data_dir, "select value from event where kind = 'gain' order by id") == [(-9.0,), (-8.0,)]
    while not page.locator("#trial").count():
        a.fill_in(page)
    assert a.trial(page)["gain_db"] == -8
    expect(volume).to_be_enabled()
    a.play(page, 1)
    page.keyboard.press("ArrowUp")
    assert a.values(page)[:2] == ["✓", "–"]  # this study shows no numbers, and says them to those who don't see
    expect(a.slider(page, 1)).to_have_attribute("aria-valuetext", "51, Fair")


def test_each_side_sounds_alone_and_the_form_says_what_the_output_is(page: Page, server, data_dir: Path) -> None:
    begin(page, server.url)
    go_on(page)
    for number, side in enumerate(right(page, data_dir)):
        button = page.locator(".sound-button").nth(number)
        left, middle_or_right = button.evaluate(LOUDEST)
        expect(button).to_have_attribute("aria-pressed", "false")  # it has ended: the next one sounds by itself
        heard = (left > 1e-3, middle_or_right > 1e-3)
        assert heard == {"left": (True, False), "middle": (True, True), "right": (False, True)}[side]
    page.wait_for_function("document.querySelector('[name=output]').value")
    output = json.loads(page.locator("[name=output]").input_value())
    assert output["rate_hz"] >= 44100 and 0 < output["latency_s"] < 1
    expect(page.locator("#late")).to_be_hidden()


def test_two_failures_end_the_session_where_the_policy_is_to_refuse(page: Page, server, data_dir: Path) -> None:
    begin(page, server.url)
    go_on(page)
    answer(page, right(page, data_dir))
    button = page.locator(".sound-button").first
    button.click()
    expect(button).to_be_disabled()  # heard once, as in the studies that the screening is known from
    answer(page, ["1"] * 6)
    expect(page.get_by_role("alert")).to_contain_text("make sure that you wear headphones")
    assert page.get_by_role("button", name="Go on as it is").count() == 0
    answer(page, ["1"] * 6)
    expect(page.locator("h1")).to_have_text("This test can't be taken here")
    page.reload()
    expect(page.locator("h1")).to_have_text("This test can't be taken here")


def test_a_sound_that_does_not_come_is_told_and_can_be_tried_again(page: Page, server) -> None:
    begin(page, server.url)
    page.route("**/setup/level/**", lambda route: route.abort())
    tone = page.locator(".sound-button").first
    tone.click()
    expect(page.locator("#trouble")).to_contain_text("This sound could not be played. Please try again.")
    expect(tone).to_have_attribute("aria-pressed", "false")
    page.unroute("**/setup/level/**")
    tone.click()
    expect(page.locator("#trouble")).to_be_hidden()
    expect(tone).to_have_attribute("aria-pressed", "true")
    tone.click()
    expect(tone).to_have_attribute("aria-pressed", "false")


def test_an_error_of_its_script_is_told_to_the_server(context, server, data_dir: Path) -> None:
    page = context.new_page()  # not the fixture, which lets no error pass
    begin(page, server.url)
    with page.expect_response("**/error"):
        page.evaluate("() => setTimeout(() => undefinedThing.call(), 0)")
    (text,) = stored(data_dir, "select text from script_error")[-1]
    assert "undefinedThing" in text


def test_a_late_output_is_called_bluetooth(page: Page, server) -> None:
    begin(page, server.url)
    page.evaluate("() => Object.defineProperty(AudioContext.prototype, 'outputLatency', { get: () => 0.21 })")
    page.locator(".sound-button").first.click()
    expect(page.locator("#late")).to_contain_text("as Bluetooth makes it")


def test_it_works_on_plain_http(lab_page: Page, server, data_dir: Path) -> None:
    begin(lab_page, server.url.replace("127.0.0.1", "lab.test"))
    assert min(lab_page.locator(".sound-button").nth(1).evaluate(LOUDEST)) > 1e-3
    go_on(lab_page)
    answer(lab_page, right(lab_page, data_dir))
    expect(lab_page.locator("h1")).to_have_text("Headphones")


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_sticks_out(browser: Browser, server, data_dir: Path, view: str) -> None:
    context = browser.new_context(**VIEWS[view], bypass_csp=True)
    page, found = context.new_page(), []
    begin(page, server.url)
    for _ in range(3):
        found += complaints(page)
        width = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]
        if page.locator("[name=gain_db]").count():
            go_on(page)
        else:
            answer(page, right(page, data_dir))
    assert found == []
    context.close()

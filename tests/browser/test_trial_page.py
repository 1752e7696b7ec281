"""The trial page in a real browser: hearing, rating, saving, and what happens when something fails."""

from __future__ import annotations

import sqlite3
import time

import listener as a
import pytest
import tiny_set
from playwright.sync_api import expect
from server_guests import Served


def saved(data_dir, token: str) -> list[tuple]:
    """Number, moved, heard_s and plays of the responses to a trial, by position on the page."""
    query = """select r.number, r.moved, r.heard_s, r.plays from response r join slot s on s.id = r.slot_id
               join trial t on t.id = s.trial_id where t.token = ? order by s.position"""
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        return database.execute(query, (token,)).fetchall()


def test_a_trial_by_mouse_is_heard_rated_and_saved(page, server, data_dir) -> None:
    trial = a.begin(page, server.url)
    count = len(trial["sounds"])
    for number in range(1, count + 1):
        a.play(page, number)
        a.rate(page, number, 1.0 if number == 2 else 0.5)
    expect(page.locator("#left")).to_have_text("All sounds heard and rated")
    shown = [int(value) for value in a.values(page)]
    with page.expect_navigation():
        a.next_button(page).click()
    rows = saved(data_dir, trial["token"])
    assert [row[0] for row in rows] == shown and shown[1] == 100 and all(45 <= v <= 55 for v in shown[:1] + shown[2:])
    assert all(moved and heard > 0.05 and plays == 1 for _, moved, heard, plays in rows)


def test_a_trial_by_keyboard_alone(page, server, data_dir) -> None:
    trial = a.begin(page, server.url)
    for number in range(1, len(trial["sounds"]) + 1):
        page.keyboard.press(str(number))
        page.wait_for_timeout(120)
        for _ in range(6 if number == 1 else 2):
            page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    page.keyboard.press("ArrowUp")
    assert a.values(page) == ["100", "69", "69", "69", "69"]
    assert a.slider(page, 2).get_attribute("aria-valuetext") == "69, Good"
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Reference")).to_have_attribute("aria-pressed", "true")
    a.next_button(page).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert [row[0] for row in saved(data_dir, trial["token"])] == [100, 69, 69, 69, 69]


def test_space_pauses_what_is_heard_wherever_the_focus_was(page, server) -> None:
    a.begin(page, server.url)
    a.play(page, 1)
    page.keyboard.press("4")
    expect(page.get_by_role("button", name="Play sound 4", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#toggle")).to_have_text("Play")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play sound 4", exact=True)).to_have_attribute("aria-pressed", "true")
    a.play(page, 4)
    expect(page.locator("#toggle")).to_have_text("Play")


def test_a_reload_brings_everything_back_and_a_save_takes_it_away(page, server) -> None:
    trial = a.begin(page, server.url)
    a.play(page, 1)
    a.rate(page, 1, 0.8)
    a.play(page, 3)
    before = a.values(page)
    page.get_by_label("Comment").fill("a click at 0.5 s")
    page.reload()
    assert a.trial(page)["token"] == trial["token"]
    assert a.values(page) == before and before[0] != "–"
    assert page.get_by_label("Comment").input_value() == "a click at 0.5 s"
    expect(page.locator("#left")).to_have_text("3 to hear, 4 to rate")
    a.rate_everything(page)
    with page.expect_navigation():
        a.next_button(page).click()
    page.wait_for_function("() => !document.querySelector('#trial')")
    assert a.kept(page) == {"drafts": [], "parcels": []}
    assert page.evaluate("Object.keys(localStorage)") == []


def test_sorted_by_rating_neighbours_lie_side_by_side(page, server, data_dir) -> None:
    """Numbers stay with their sounds, the keyboard follows the page, and what is saved is what was rated."""
    trial = a.begin(page, server.url)
    sort = page.get_by_role("button", name="Sort by rating")
    expect(sort).to_be_disabled()
    for number, share in enumerate((0.9, 0.2, 1.0, 0.5, 0.3), 1):
        a.play(page, number)
        a.rate(page, number, share)
    values = a.values(page)
    sort.click()
    expect(sort).to_have_attribute("aria-pressed", "true")
    assert page.locator(".hear b").all_inner_texts() == ["2", "5", "4", "1", "3"]
    assert a.values(page) == sorted(values, key=int)
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Play sound 5", exact=True)).to_have_attribute("aria-pressed", "true")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    assert page.locator(".hear b").all_inner_texts() == ["2", "5", "4", "1", "3"], "nothing runs from under a hand"
    page.keyboard.press("s")
    assert page.locator(".hear b").all_inner_texts() == ["1", "2", "3", "4", "5"]
    shown = [int(value) for value in a.values(page)]
    with page.expect_navigation():
        a.next_button(page).click()
    assert [row[0] for row in saved(data_dir, trial["token"])] == shown and shown[4] == int(values[4]) + 30


def test_nothing_can_be_sent_that_was_not_heard_and_rated(page, server) -> None:
    a.begin(page, server.url)
    expect(a.next_button(page)).to_be_disabled()
    a.rate(page, 2, 0.9)
    expect(page.locator("#hint")).to_have_text("Play sound 2 first: only the sound you are listening to can be rated.")
    assert a.values(page) == ["–"] * 5
    a.play(page, 1)
    a.rate(page, 1, 0.3)
    a.rate(page, 2, 0.9)
    assert a.values(page)[0] != "–" and a.values(page)[1:] == ["–"] * 4
    assert a.slider(page, 2).get_attribute("aria-valuetext") == "not yet rated"
    expect(a.next_button(page)).to_be_disabled()


def test_without_a_hundred_the_page_reminds_once_and_tells_nothing(page, server) -> None:
    a.begin(page, server.url)
    for number in range(1, 6):
        a.play(page, number)
        a.rate(page, number, 0.4)
    a.next_button(page).click()
    expect(page.locator("#hint")).to_contain_text("None of the sounds is at 100")
    with page.expect_navigation():
        a.next_button(page).click()


def test_a_server_that_is_away_is_waited_for(browser, tmp_path_factory, data_dir, server) -> None:
    """The page says so, goes on trying, and is believed only once the server has acknowledged."""
    context = browser.new_context()
    page = context.new_page()
    trial = a.begin(page, server.url)
    for number in range(1, 6):
        a.play(page, number)
        a.rate(page, number, 1.0)
    away = {"yes": True}
    page.route("**/trials/**", lambda route: route.abort() if away["yes"] else route.continue_())
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet: no connection")
    assert saved(data_dir, trial["token"]) == []
    away["yes"] = False
    page.wait_for_url(lambda url: True)
    page.wait_for_function("() => document.querySelector('#trial') === null || false", timeout=20_000)
    assert len(saved(data_dir, trial["token"])) == 5
    context.close()


def test_a_server_that_died_and_came_back_has_it_once(browser, tmp_path, data_dir) -> None:
    first = Served(data_dir)
    context = browser.new_context()
    page = context.new_page()
    trial = a.begin(page, first.url)
    for number in range(1, 6):
        a.play(page, number)
        a.rate(page, number, 1.0)
    first.process.kill()
    first.process.wait()
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    again = Served(data_dir, port=int(first.url.rsplit(":", 1)[1]))
    try:
        page.wait_for_function("() => !document.querySelector('#trial')", timeout=30_000)
        assert len(saved(data_dir, trial["token"])) == 5
    finally:
        again.stop()
        context.close()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda route: route.fulfill(status=404, body="gone"), "could not be fetched: the server answered 404."),
        (lambda route: route.abort(), "could not be fetched: the connection failed."),
        (lambda route: route.fulfill(status=200, body=b"fLaC not really"), "arrived damaged and can't be played."),
    ],
)
def test_a_sound_that_does_not_come_says_so_and_can_be_tried_again(page, server, fault, says) -> None:
    a.begin(page, server.url)
    page.route("**/sound/**", fault)
    page.reload()
    expect(page.locator("#trouble")).to_contain_text(says)
    page.unroute("**/sound/**")
    page.get_by_role("button", name="Try again").click()
    a.trial(page)
    expect(page.locator("#trouble")).to_be_hidden()


def altered(data_dir, token: str) -> list[int | None]:
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        query = "select s.altered from save s join trial t on t.id = s.trial_id where t.token = ?"
        return [row[0] for row in database.execute(query, (token,))]


def test_what_was_decoded_is_held_against_what_was_built(page, server, data_dir) -> None:
    a.begin(page, server.url)
    assert altered(data_dir, a.rate_all(page)) == [0]


def test_sounds_that_were_altered_on_the_way_are_noticed(page, server, data_dir) -> None:
    """A proxy that gives one sound in the place of two others, as a cache gone wrong would."""
    trial = a.begin(page, server.url)
    taken, *others = (f"{server.url}{sound['url']}" for sound in trial["sounds"][:3])
    body = page.request.get(taken).body()
    for other in others:
        page.route(other, lambda route: route.fulfill(body=body, content_type="audio/flac"))
    page.reload()
    assert altered(data_dir, a.rate_all(page)) == [2]


def test_the_next_trials_sounds_are_there_before_it_is(page, server) -> None:
    """Fetched while this one is rated: the next page takes them from the browser's cache."""
    trial = a.begin(page, server.url)
    entries = "performance.getEntriesByType('resource').filter((e) => e.name.includes('/sound/'))"
    page.wait_for_function(f"() => {entries}.length === {7 + len(trial['next_sounds'])}")
    first = page.evaluate(f"{entries}.map((e) => e.transferSize)")
    assert len(trial["next_sounds"]) == 7 and min(first) > 10_000
    a.rate_all(page)
    while page.locator("form[method=post]").count():
        a.fill_in(page)
    after = a.trial(page)
    assert {sound["url"] for sound in (*after["references"], *after["sounds"])} == set(trial["next_sounds"])
    now = page.evaluate(f"{entries}.slice(0, 7).map((e) => [e.transferSize, e.decodedBodySize])")
    assert [sent for sent, _ in now] == [0] * 7 and all(body > 10_000 for _, body in now)


def test_trying_again_fetches_only_what_failed(page, server) -> None:
    trial = a.begin(page, server.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    lost = trial["sounds"][2]["url"]
    page.route(f"**{lost}", lambda route: route.abort())
    page.reload()
    expect(page.locator("#trouble")).to_contain_text("3 could not be fetched: the connection failed.")
    page.unroute(f"**{lost}")
    asked.clear()
    page.get_by_role("button", name="Try again").click()
    a.trial(page)
    own = [sound["url"] for sound in (*trial["references"], *trial["sounds"])]  # the next trial's may come already
    assert [url for url in own if any(other.endswith(url) for other in asked)] == [lost]
    a.play(page, 3)
    expect(page.locator(".sound").nth(2)).to_contain_class("heard")


def test_the_first_sound_comes_within_a_second_of_the_click(page, server) -> None:
    a.begin(page, server.url)
    began = time.monotonic()
    page.get_by_role("button", name="Play sound 1", exact=True).click()
    page.wait_for_selector(".sound.heard")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_sideways_scrolling(browser, server, data_dir, scheme) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    page = context.new_page()
    trial = a.begin(page, server.url)
    for number in range(1, 6):
        page.get_by_role("button", name=f"Play sound {number}", exact=True).tap()
        page.wait_for_timeout(120)
        box = a.slider(page, number).bounding_box()
        assert box
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 2)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    a.next_button(page).tap()
    page.wait_for_function("() => !document.querySelector('#trial')")
    assert len(saved(data_dir, trial["token"])) == 5
    context.close()


def test_everything_is_in_one_view_on_a_desk(page, server) -> None:
    a.begin(page, server.url)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    box = a.slider(page, 1).bounding_box()
    assert box and box["height"] >= 280


def test_the_loop_keeps_half_a_second_and_can_be_set_by_keys(page, server) -> None:
    a.begin(page, server.url)
    start, end = (page.get_by_role("slider", name=name) for name in ("Loop start", "Loop end"))
    end.focus()
    for _ in range(80):
        page.keyboard.press("ArrowLeft")
    assert float(end.input_value()) - float(start.input_value()) == pytest.approx(0.5, abs=0.011)
    page.keyboard.press("Tab")
    page.keyboard.press("l")
    assert float(end.input_value()) == 1.0


FORBIDDEN = (*tiny_set.SYSTEMS, "lowpass", "anchor", "hidden_reference", "Walrus", "yonder", ".flac", "mixture-open")


def test_nothing_that_reaches_the_browser_names_what_is_heard(page, server) -> None:
    """Every response of a whole session, addresses and headers included, except the sounds' samples."""
    seen: list[str] = []

    def remember(response) -> None:
        seen.append(f"{response.url} {response.all_headers()}")
        if "audio" not in response.headers.get("content-type", "") and response.status < 300:
            seen.append(response.text())

    page.on("response", remember)
    a.begin(page, server.url)
    while page.locator("#trial").count():
        a.rate_all(page)
        while page.locator("form[method=post]").count():
            a.fill_in(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert len(seen) > 30
    for text in seen:
        for word in FORBIDDEN:
            assert word not in text, (word, text[:300])


def test_the_shell_of_the_page_is_small(page, browser, server) -> None:
    """In a browser that has nothing of it yet: what a cache answers with 304 has no size."""
    a.begin(page, server.url)
    fresh, responses = browser.new_context(), []
    first = fresh.new_page()
    first.on("response", lambda response: responses.append(response))
    first.goto(page.url)
    a.trial(first)
    shell = {response.url: len(response.body()) for response in responses if "/sound/" not in response.url}
    assert any(url.endswith("/js/trial.js") for url in shell), shell
    assert len(shell) <= 12 and sum(shell.values()) <= 120_000, shell
    fresh.close()

"""Every sound of a trial, in turn, does not come as it should: the page says which and what, and one press mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Browser, Page, Route, expect


def half(route: Route) -> None:
    """A file that ends too early, as a proxy or a full disk leaves it; FLAC decodes as far as it goes."""
    whole = route.fetch()
    route.fulfill(response=whole, body=whole.body()[: len(whole.body()) // 2], headers={"Content-Type": "audio/flac"})


FAULTS: dict[str, tuple[Callable[[Route], None], str]] = {
    "404": (lambda route: route.fulfill(status=404, body="gone"), "could not be fetched: the server answered 404."),
    "half": (half, "arrived damaged and can't be played."),
    "aborted": (lambda route: route.abort(), "could not be fetched: the connection failed."),
}


@pytest.fixture(scope="module")
def opened(browser: Browser, server) -> Iterator[tuple[Page, list[dict[str, Any]]]]:
    """A first trial and what it plays, as the page names it: two open references, then five hidden sounds."""
    context = browser.new_context()
    page = context.new_page()
    trial = a.begin(page, server.url)
    yield page, [*trial["references"], *trial["sounds"]]
    context.close()


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("fault", FAULTS)
def test_one_sound_fails_and_one_press_mends_it(opened, place: int, fault: str) -> None:
    page, sounds = opened
    assert len(sounds) == 7
    address, (fail, says) = f"**{sounds[place]['url']}", FAULTS[fault]
    page.route(address, fail)
    page.reload()
    expect(page.locator("#trouble p")).to_have_text(f"{sounds[place]['label']} {says}")
    expect(page.locator("#state")).to_be_empty()
    expect(a.next_button(page)).to_be_disabled()
    page.unroute(address)
    asked = fetched_by(page, page.get_by_role("button", name="Try again"))
    assert [sound["url"] for sound in sounds if any(url.endswith(sound["url"]) for url in asked)] == [
        sounds[place]["url"]
    ]
    sounding(page, sounds[place]["label"], hidden=place - 2)


def fetched_by(page: Page, button) -> list[str]:
    """Addresses that are asked for from a press until the page plays."""
    asked: list[str] = []

    def remember(request) -> None:
        asked.append(request.url)

    page.on("request", remember)
    button.click()
    a.trial(page)
    page.remove_listener("request", remember)
    expect(page.locator("#trouble")).to_be_hidden()
    return asked


def sounding(page: Page, label: str, hidden: int) -> None:
    """The sound that had failed is heard: the engine's own report says so, or the playhead, which only it moves."""
    if hidden >= 0:
        a.play(page, hidden + 1)
        expect(page.locator(".sound").nth(hidden)).to_contain_class("heard")
    else:
        page.get_by_role("button", name=label, exact=True).click()
        position = "document.querySelector('#waveform').style.getPropertyValue('--position')"
        page.wait_for_function(f"() => Number({position}) > 0.01")


def test_several_that_fail_are_told_one_at_a_time_and_mended_together(opened) -> None:
    page, sounds = opened
    for sound in sounds[1:4]:
        page.route(f"**{sound['url']}", lambda route: route.abort())
    page.reload()
    expect(page.locator("#trouble p")).to_have_text(f"{sounds[1]['label']} {FAULTS['aborted'][1]}")
    page.unroute_all()
    asked = fetched_by(page, page.get_by_role("button", name="Try again"))
    assert sum(any(url.endswith(sound["url"]) for url in asked) for sound in sounds) == 3


def test_a_press_while_the_cause_is_there_says_it_again(opened) -> None:
    page, sounds = opened
    page.route(f"**{sounds[2]['url']}", half)
    page.reload()
    expect(page.locator("#trouble")).to_be_visible()
    with page.expect_response(f"**{sounds[2]['url']}"):
        page.get_by_role("button", name="Try again").click()
    expect(page.locator("#trouble p")).to_have_text(f"{sounds[2]['label']} {FAULTS['half'][1]}")
    expect(page.locator("#trouble")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    a.trial(page)


def test_a_player_that_does_not_come_says_so_and_can_be_tried_again(opened) -> None:
    """Its address is changed in the page, because nothing can be put between a browser and a worklet's own request."""
    page, _ = opened

    def without(route: Route) -> None:
        page_as_sent = route.fetch()
        route.fulfill(response=page_as_sent, body=page_as_sent.text().replace("engine-worklet.js", "gone.js"))

    page.route("**/session/*/", without)
    page.reload()
    expect(page.locator("#trouble p")).to_have_text("The player could not be fetched.")
    expect(page.locator("#state")).to_be_empty()
    page.unroute_all()
    page.evaluate("document.querySelector('#trial').dataset.worklet = '/static/js/engine-worklet.js'")
    page.get_by_role("button", name="Try again").click()
    a.trial(page)
    sounding(page, "Sound 1", hidden=0)

"""One browser, several listeners, tabs and days: whose outbox is whose."""

from __future__ import annotations

import listener as a
import pytest
from playwright.sync_api import expect
from test_trial_page import saved

DAY_MS = 24 * 3600 * 1000


READS = """for (const name of ["get", "getAll", "getAllKeys", "openCursor"]) {
  const real = IDBObjectStore.prototype[name];
  IDBObjectStore.prototype[name] = function (...query) {
    const request = real.apply(this, query);
    request.addEventListener("success", () => void note(JSON.stringify(request.result ?? null)));
    return request;
  };
}"""


def test_the_next_listener_at_the_machine_neither_sees_nor_sends_it(context, server, data_dir) -> None:
    first = a.leave_unsent(context, server.url)
    page, read, asked = context.new_page(), [], []
    page.expose_function("note", lambda found: read.append(found))
    page.add_init_script(READS)
    page.on("request", lambda request: asked.append(request.url))
    second = a.begin(page, server.url)
    expect(page.locator("#unsent")).to_be_hidden()
    assert a.values(page) == ["–"] * 5
    a.play(page, 1)
    a.rate(page, 1, 0.5)
    assert first["token"] not in "".join(read + asked) and len(read) > 2
    assert a.keys(data_dir, first["token"]) == []
    assert [len(draft["ratings"]) for draft in a.kept(page)["drafts"]] == [5], "only the second listener's"
    assert a.kept(page)["drafts"][0]["ratings"][0]["sound"] == second["sounds"][0]["token"]
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == [first["token"]], "kept for its own link"
    page.goto(f"{server.url}{first['next_url']}")
    a.gone_on(page)
    assert len(a.keys(data_dir, first["token"])) == 1


def test_a_trial_page_leaves_no_other_listeners_draft(context, server) -> None:
    """Two listeners in turn, without a page between their trials that would tidy up."""
    addresses = []
    for _ in range(2):
        page = context.new_page()
        a.begin(page, server.url)
        a.play(page, 1)
        a.rate(page, 1, 0.5)
        addresses.append(page.url)
        page.close()
    page = context.new_page()
    page.goto(addresses[0])
    a.trial(page)
    assert a.values(page) == ["–"] * 5, "the second listener's pages removed the draft"
    assert a.kept(page) == {"drafts": [], "parcels": []}, "and now the second's is gone as well"


@pytest.mark.parametrize("days", [6, 8])
def test_what_a_stranger_left_is_kept_for_a_week(context, server, days) -> None:
    first = a.leave_unsent(context, server.url)
    page = context.new_page()
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {days * DAY_MS}")
    a.begin(page, server.url)
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == ([first["token"]] if days < 7 else [])


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_moved_does_no_harm(context, server, data_dir, days) -> None:
    first = a.leave_unsent(context, server.url)
    page = context.new_page()
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {days * DAY_MS}")
    page.goto(f"{server.url}{first['next_url']}")
    a.gone_on(page)
    assert len(a.keys(data_dir, first["token"])) == 1
    while not page.locator("#trial").count():
        a.fill_in(page)
    second = a.trial(page)
    a.rate_everything(page)
    page.reload()
    a.trial(page)
    assert "–" not in a.values(page)
    a.next_button(page).click()
    page.wait_for_function(
        "token => !document.querySelector('#trial')?.textContent.includes(token)", arg=second["token"]
    )
    assert len(a.keys(data_dir, second["token"])) == 1


def test_of_two_tabs_the_later_one_is_told_and_can_load_what_is_stored(context, server, data_dir) -> None:
    page = context.new_page()
    trial, shown = a.rated(page, server.url)
    other = context.new_page()
    other.goto(page.url)
    assert a.trial(other)["token"] == trial["token"] and a.values(other) == shown, "the draft is the browser's"
    a.play(other, 1)
    a.rate(other, 1, 0.2)
    page.bring_to_front()
    a.next_button(page).click()
    a.gone_on(page)
    other.bring_to_front()
    a.next_button(other).click()
    expect(other.locator("#unsent")).to_contain_text(
        "This page was saved elsewhere meanwhile (revision 1, this one is 1)"
    )
    expect(a.next_button(other)).to_be_disabled()
    assert [parcel["body"]["ratings"][0]["value"] for parcel in a.kept(other)["parcels"]] != [100]
    other.reload()
    expect(other.locator("#unsent")).to_contain_text("saved elsewhere"), "nothing is dropped without a word"
    with other.expect_download():
        other.get_by_role("button", name="Download your answers").click()
    other.get_by_role("button", name="Load what is stored").click()
    expect(other.locator("#unsent")).to_be_hidden()
    assert a.kept(other)["parcels"] == []
    assert [str(int(row[0])) for row in saved(data_dir, trial["token"])] == shown


def test_another_browser_with_the_same_link_is_at_the_same_trial(context, browser, server) -> None:
    page = context.new_page()
    trial, _ = a.rated(page, server.url)
    a.next_button(page).click()
    a.gone_on(page)
    while not page.locator("#trial").count():
        a.fill_in(page)
    elsewhere = browser.new_context()
    there = elsewhere.new_page()
    there.goto(page.url)
    assert a.trial(there)["token"] == a.trial(page)["token"] != trial["token"]
    assert a.values(there) == ["–"] * 5
    elsewhere.close()

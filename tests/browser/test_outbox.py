"""The outbox in a real browser on a profile of its own: killed, reloaded, shared, refused, and by file."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect
from server_guests import Served
from test_trial_page import FORBIDDEN, saved

from mushra_app.doctor import browser_path
from mushra_app.simulated.browser import FLAGS

DAY_MS = 24 * 3600 * 1000
PUTS = "**/session/*/trials/*"
LEAVES = """() => dispatchEvent(new Event("beforeunload", {cancelable: true}))"""


@pytest.fixture
def profile(browser: Browser, tmp_path: Path) -> Iterator[Callable[[], BrowserContext]]:
    """Opens one profile's browser, again and again; its script errors fail the test."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def open_browser() -> BrowserContext:
        found = browser.browser_type.launch_persistent_context(
            tmp_path / "profile",
            executable_path=browser_path(),
            args=list(FLAGS),
            viewport={"width": 1280, "height": 800},
        )
        found.on("weberror", lambda error: errors.append(str(error.error)))
        opened.append(found)
        return found

    yield open_browser
    for context in opened:
        with suppress(Error):  # it was killed
            context.close()
    assert errors == []


def kill_browser(folder: Path) -> None:
    """SIGKILL to the processes of one profile and to no others, without a chance to write anything."""
    flag = f"--user-data-dir={folder}".encode()
    own = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if flag in _read(path)]
    assert own
    for process in own:
        os.kill(process, signal.SIGKILL)
    for _ in range(100):
        if not any(flag in _read(Path(f"/proc/{process}/cmdline")) for process in own):
            return
        time.sleep(0.05)
    raise AssertionError("the browser lives on")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def keys(data_dir: Path, trial: str) -> list[str]:
    """Keys of the saves of a trial."""
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        query = "select s.key from save s join trial t on t.id = s.trial_id where t.token = ?"
        return [key for (key,) in database.execute(query, (trial,))]


def rated(page: Page, url: str) -> tuple[dict[str, Any], list[str]]:
    """A first trial, heard and rated; with the numbers shown."""
    trial = a.begin(page, url)
    a.rate_everything(page)
    return trial, a.values(page)


def gone_on(page: Page) -> None:
    """Wait until the page is another one."""
    page.wait_for_function("() => document.body && !document.querySelector('#trial')", timeout=30_000)


def test_a_browser_killed_while_the_server_is_away_sends_it_when_both_are_back(profile, tmp_path, data_dir) -> None:
    first = Served(data_dir)
    page = profile().pages[0]
    trial, shown = rated(page, first.url)
    first.process.kill()
    first.process.wait()
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet: no connection")
    (parcel,), address = a.kept(page)["parcels"], page.url
    assert page.evaluate(LEAVES), "nobody is held up where all is on the disk"
    kill_browser(tmp_path / "profile")
    again = Served(data_dir, port=int(first.url.rsplit(":", 1)[1]))
    try:
        page = profile().pages[0]
        page.goto(address)
        gone_on(page)
        assert keys(data_dir, trial["token"]) == [parcel["body"]["key"]]
        assert [str(int(row[0])) for row in saved(data_dir, trial["token"])] == shown
        assert a.kept(page) == {"drafts": [], "parcels": []}
    finally:
        again.stop()


def test_a_reload_without_a_server_loses_neither_ratings_nor_save(page, data_dir) -> None:
    first = Served(data_dir)
    trial, shown = rated(page, first.url)
    first.process.kill()
    first.process.wait()
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    with pytest.raises(Error):
        page.reload()
    again = Served(data_dir, port=int(first.url.rsplit(":", 1)[1]))
    try:
        page.route(PUTS, lambda route: route.abort())
        page.goto(f"{first.url}{trial['next_url']}")
        expect(page.locator("#state")).to_contain_text("Not saved yet")
        assert a.values(page) == shown
        expect(a.next_button(page)).to_be_disabled()
        assert keys(data_dir, trial["token"]) == []
        page.unroute(PUTS)
        gone_on(page)
        assert len(keys(data_dir, trial["token"])) == 1
    finally:
        again.stop()


COUNT_AT_PUT = f"""const real = window.fetch;
const kept = {a.KEPT};
window.fetch = async (url, options) => {{
  if (options?.method === "PUT") await note((await kept()).parcels.length, JSON.parse(options.body).key);
  return real(url, options);
}};"""


def test_it_is_on_the_disk_before_every_try_under_one_key(page, server, data_dir) -> None:
    """The first request is lost on its way, the answer to the second one is lost on its way back."""
    noted: list[tuple[int, str]] = []
    fates = iter(("lost", "unanswered"))

    def meet_fate(route: Any) -> None:
        fate = next(fates, "fine")
        if fate == "fine":
            return route.continue_()
        if fate == "unanswered":
            route.fetch()
        return route.abort()

    page.expose_function("note", lambda count, key: noted.append((count, key)))
    page.add_init_script(COUNT_AT_PUT)
    trial, _ = rated(page, server.url)
    page.route(PUTS, meet_fate)
    a.next_button(page).click()
    gone_on(page)
    assert noted == [(1, noted[0][1])] * 3
    assert keys(data_dir, trial["token"]) == [noted[0][1]]
    assert a.kept(page)["parcels"] == []


def test_a_proxys_own_pages_are_no_acknowledgement(page, server, data_dir) -> None:
    """Nor is a refusal that isn't ours; the page tries again as soon as the browser is back in a network."""
    answers = [(200, "<h1>Please log in</h1>"), (200, "{}"), (404, "nothing here"), (502, "{}")]
    tries: list[int] = []

    def answer(route: Any) -> None:
        tries.append(len(tries))
        if len(tries) > len(answers):
            return route.continue_()
        status, text = answers[len(tries) - 1]
        return route.fulfill(status=status, body=text)

    trial, _ = rated(page, server.url)
    page.route(PUTS, answer)
    a.next_button(page).click()
    for number in range(1, 5):
        while len(tries) < number:
            page.wait_for_timeout(50)
        expect(page.locator("#state")).to_contain_text("Not saved yet")
        assert keys(data_dir, trial["token"]) == [] and len(a.kept(page)["parcels"]) == 1
        page.evaluate("dispatchEvent(new Event('online'))")
    gone_on(page)
    assert len(keys(data_dir, trial["token"])) == 1


READS = """for (const name of ["get", "getAll", "getAllKeys", "openCursor"]) {
  const real = IDBObjectStore.prototype[name];
  IDBObjectStore.prototype[name] = function (...query) {
    const request = real.apply(this, query);
    request.addEventListener("success", () => void note(JSON.stringify(request.result ?? null)));
    return request;
  };
}"""


def leave_unsent(context: BrowserContext, url: str) -> dict[str, Any]:
    """A listener whose first trial never got through, and who has gone."""
    page = context.new_page()
    trial, _ = rated(page, url)
    page.route(PUTS, lambda route: route.abort())
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    page.close()
    return trial


def test_the_next_listener_at_the_machine_neither_sees_nor_sends_it(context, server, data_dir) -> None:
    first = leave_unsent(context, server.url)
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
    assert keys(data_dir, first["token"]) == []
    assert [len(draft["ratings"]) for draft in a.kept(page)["drafts"]] == [5], "only the second listener's"
    assert a.kept(page)["drafts"][0]["ratings"][0]["sound"] == second["sounds"][0]["token"]
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == [first["token"]], "kept for its own link"
    page.goto(f"{server.url}{first['next_url']}")
    gone_on(page)
    assert len(keys(data_dir, first["token"])) == 1


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
    first = leave_unsent(context, server.url)
    page = context.new_page()
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {days * DAY_MS}")
    a.begin(page, server.url)
    assert [parcel["trial"] for parcel in a.kept(page)["parcels"]] == ([first["token"]] if days < 7 else [])


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_moved_does_no_harm(context, server, data_dir, days) -> None:
    first = leave_unsent(context, server.url)
    page = context.new_page()
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {days * DAY_MS}")
    page.goto(f"{server.url}{first['next_url']}")
    gone_on(page)
    assert len(keys(data_dir, first["token"])) == 1
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
    assert len(keys(data_dir, second["token"])) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        "Object.defineProperty(window, 'indexedDB', {value: undefined}); delete window.IDBKeyRange;",
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };",
        "IDBFactory.prototype.open = () => ({});",
        "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    ],
    ids=["missing", "refused", "silent", "full"],
)
def test_without_a_store_it_still_rates_waits_and_saves(page, server, data_dir, refusal) -> None:
    page.add_init_script(refusal)
    trial, _ = rated(page, server.url)
    expect(page.locator("#fleeting")).to_contain_text("reloading this page would lose what you set on it")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.route(PUTS, lambda route: route.abort())
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    assert not page.evaluate(LEAVES), "the browser asks first"
    page.unroute(PUTS)
    gone_on(page)
    assert len(keys(data_dir, trial["token"])) == 1


ON_PLAIN_HTTP = """async () => {
  const { Outbox } = await import("/static/js/outbox.js");
  const { newKey } = await import("/static/js/saving.js");
  const outbox = await Outbox.open("a trial");
  await outbox.put("a trial", { key: newKey() });
  const again = await Outbox.open("a trial");
  return [isSecureContext, outbox.durable, (await again.pending()).map((parcel) => parcel.body.key.length)];
}"""


def test_it_works_where_browsers_hold_back_what_is_for_secure_pages(browser, server) -> None:
    rules = f"--host-resolver-rules=MAP lab.test {server.url.split('/')[2].split(':')[0]}"
    plain = browser.browser_type.launch(executable_path=browser_path(), args=[*FLAGS, rules])
    page = plain.new_page()
    page.goto(f"http://lab.test:{server.url.rsplit(':', 1)[1]}/session/a-token/")
    assert page.evaluate(ON_PLAIN_HTTP) == [False, True, [32]]
    plain.close()


def mushra(*arguments: object) -> str:
    """What the real command says, errors included."""
    command = [Path(sys.executable).with_name("mushra"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_answers_can_be_downloaded_and_imported_and_may_still_arrive(page, server, data_dir, tmp_path) -> None:
    page.clock.install()
    trial, shown = rated(page, server.url)
    page.get_by_label("Comment").fill("a click at 0.5 s")
    page.route(PUTS, lambda route: route.abort())
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    page.clock.run_for(18_000)
    expect(page.locator("#unsent")).to_be_hidden()
    page.clock.run_for(3_000)
    expect(page.locator("#unsent")).to_contain_text("has not taken your answers yet. They are kept in this browser")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download your answers").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    text, session = file.read_text(), trial["next_url"].split("/")[2]
    assert [word for word in (*FORBIDDEN, session) if word in text] == []
    assert json.loads(text)["trials"][0]["body"]["comment"] == "a click at 0.5 s"
    assert f"{file}: 1 stored, 0 there already" in mushra("import", file, "--data", data_dir)
    assert f"{file}: 0 stored, 1 there already" in mushra("import", file, "--data", data_dir)
    assert [str(int(row[0])) for row in saved(data_dir, trial["token"])] == shown
    page.unroute(PUTS)
    page.clock.run_for(40_000)
    page.clock.resume()
    gone_on(page)
    assert len(keys(data_dir, trial["token"])) == 1


def test_of_two_tabs_the_later_one_is_told_and_can_load_what_is_stored(context, server, data_dir) -> None:
    page = context.new_page()
    trial, shown = rated(page, server.url)
    other = context.new_page()
    other.goto(page.url)
    assert a.trial(other)["token"] == trial["token"] and a.values(other) == shown, "the draft is the browser's"
    a.play(other, 1)
    a.rate(other, 1, 0.2)
    page.bring_to_front()
    a.next_button(page).click()
    gone_on(page)
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
    trial, _ = rated(page, server.url)
    a.next_button(page).click()
    gone_on(page)
    while not page.locator("#trial").count():
        a.fill_in(page)
    elsewhere = browser.new_context()
    there = elsewhere.new_page()
    there.goto(page.url)
    assert a.trial(there)["token"] == a.trial(page)["token"] != trial["token"]
    assert a.values(there) == ["–"] * 5
    elsewhere.close()

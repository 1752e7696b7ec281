"""The outbox in a real browser: killed, reloaded, on plain http, without a store, and by file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import listener as a
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect
from server_guests import Served
from test_trial_page import FORBIDDEN, saved

from mushra_app.doctor import browser_path
from mushra_app.simulated.browser import FLAGS

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


def test_a_browser_killed_while_the_server_is_away_sends_it_when_both_are_back(profile, tmp_path, data_dir) -> None:
    first = Served(data_dir)
    page = profile().pages[0]
    trial, shown = a.rated(page, first.url)
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
        a.gone_on(page)
        assert a.keys(data_dir, trial["token"]) == [parcel["body"]["key"]]
        assert [str(int(row[0])) for row in saved(data_dir, trial["token"])] == shown
        assert a.kept(page) == {"drafts": [], "parcels": []}
    finally:
        again.stop()


def test_a_reload_without_a_server_loses_neither_ratings_nor_save(page, data_dir) -> None:
    first = Served(data_dir)
    trial, shown = a.rated(page, first.url)
    first.process.kill()
    first.process.wait()
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    with pytest.raises(Error):
        page.reload()
    again = Served(data_dir, port=int(first.url.rsplit(":", 1)[1]))
    try:
        page.route(a.PUTS, lambda route: route.abort())
        page.goto(f"{first.url}{trial['next_url']}")
        expect(page.locator("#state")).to_contain_text("Not saved yet")
        assert a.values(page) == shown
        expect(a.next_button(page)).to_be_disabled()
        assert a.keys(data_dir, trial["token"]) == []
        page.unroute(a.PUTS)
        a.gone_on(page)
        assert len(a.keys(data_dir, trial["token"])) == 1
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
    trial, _ = a.rated(page, server.url)
    page.route(a.PUTS, meet_fate)
    a.next_button(page).click()
    a.gone_on(page)
    assert noted == [(1, noted[0][1])] * 3
    assert a.keys(data_dir, trial["token"]) == [noted[0][1]]
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

    trial, _ = a.rated(page, server.url)
    page.route(a.PUTS, answer)
    a.next_button(page).click()
    for number in range(1, 5):
        while len(tries) < number:
            page.wait_for_timeout(50)
        expect(page.locator("#state")).to_contain_text("Not saved yet")
        assert a.keys(data_dir, trial["token"]) == [] and len(a.kept(page)["parcels"]) == 1
        page.evaluate("dispatchEvent(new Event('online'))")
    a.gone_on(page)
    assert len(a.keys(data_dir, trial["token"])) == 1


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
    trial, _ = a.rated(page, server.url)
    expect(page.locator("#fleeting")).to_contain_text("reloading this page would lose what you set on it")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.route(a.PUTS, lambda route: route.abort())
    a.next_button(page).click()
    expect(page.locator("#state")).to_contain_text("Not saved yet")
    assert not page.evaluate(LEAVES), "the browser asks first"
    page.unroute(a.PUTS)
    a.gone_on(page)
    assert len(a.keys(data_dir, trial["token"])) == 1


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
    trial, shown = a.rated(page, server.url)
    page.get_by_label("Comment").fill("a click at 0.5 s")
    page.route(a.PUTS, lambda route: route.abort())
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
    page.unroute(a.PUTS)
    page.clock.run_for(40_000)
    page.clock.resume()
    a.gone_on(page)
    assert len(a.keys(data_dir, trial["token"])) == 1

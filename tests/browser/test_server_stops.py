"""The server dies (SIGKILL) at every kind of request of a session, twice: before the request arrives, and after it was
acted on but before the answer is seen. The listener does what people do (waits, goes back, reloads) and loses nothing.

A form or a page that is not answered leaves the browser's own error page; behind it lies the page before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import listener as a
import pytest
import tiny_set
from playwright.sync_api import Browser, Page, Route
from playwright.sync_api import Error as BrowserError
from server_guests import Served, published_in

from mushra_app.security import token_sha256


class Mortal:
    """A server process that is killed and started again on the same port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.served = Served(data)
        self.url = self.served.url
        self.deaths = 0

    def kill(self) -> None:
        self.served.process.kill()
        self.served.process.wait()
        self.deaths += 1

    @property
    def dead(self) -> bool:
        return self.served.process.poll() is not None

    def revive(self) -> None:
        """Start it again if it is dead."""
        if self.dead:
            self.served = Served(self.data, int(self.url.rsplit(":", 1)[1]))


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Mortal]:
    """Over a study with one page of training, one to rate, three sounds each."""
    folder = tmp_path_factory.mktemp("mortal")
    described = tiny_set.experiment()
    anchors = [{"kind": "lowpass", "cutoff_hz": 3500}]
    items = [item.model_dump(exclude_unset=True) for item in described.items[:2]]
    tiny_set.make(folder / "set", systems=[described.systems[0].model_dump()], anchors=anchors, items=items)
    found = Mortal(published_in(folder / "data", folder / "set", empty_sqlite))
    yield found
    if not found.dead:
        found.served.stop()


@pytest.fixture(scope="module")
def impatient(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser that doesn't load its error pages again by itself: here it is the listener who does."""
    found = launch("--disable-auto-reload")
    yield found
    found.close()


KINDS: dict[str, tuple[str, str, str]] = {
    "welcome page": ("GET", "**/listen/tiny", ""),
    "consent": ("POST", "**/listen/tiny", ""),
    "questions before": ("POST", "**/session/*/", "Before you begin"),
    "instructions": ("POST", "**/session/*/", "The test"),
    "questions after": ("POST", "**/session/*/", "Before you leave"),
    "trial page": ("GET", "**/session/*/", "Training 1"),
    "sound": ("GET", "**/session/*/sound/*", "Trial 1"),
    "script error": ("POST", "**/session/*/error", "Trial 1"),
    "first save": ("PUT", a.PUTS, "Training 1"),
    "last save": ("PUT", a.PUTS, "Trial 1"),
}
"""Method, address, and words of the page that asks; empty: any page."""
SAID = {
    "sound": "could not be fetched",
    "script error": "",
    "first save": "Not saved yet",
    "last save": "Not saved yet",
}
"""What the listener is told; of what fails while the browser itself loads a page, by the browser; empty: nothing."""
OWN_PAGE = "the browser's own page"
BEING_LEFT = ("net::ERR", "chrome-error", "Execution context was destroyed")
MOMENTS = ("before it arrives", "before it is answered")


class Patient:
    """A listener at a server that dies at the first two requests of some kinds."""

    def __init__(self, page: Page, mortal: Mortal, kinds: tuple[str, ...]) -> None:
        self.page, self.mortal = page, mortal
        self.left = [(kind, moment) for kind in kinds for moment in MOMENTS]
        self.now: tuple[str, str] = ("", "")
        self.shown = ""  # looked at before acting: a page that is being left answers nothing
        self.said: dict[tuple[str, str], str] = {}
        page.route("**/*", self._at)

    def _at(self, route: Route) -> None:
        due = next((one for one in self.left if self._is(route, one[0])), None)
        if due is None or self.mortal.dead:
            return route.fallback()
        self.left.remove(due)
        self.now = due
        if due[1] == "before it arrives":
            self.mortal.kill()
            return route.continue_()
        route.fetch(max_redirects=0)
        self.mortal.kill()
        return route.abort()

    def _is(self, route: Route, kind: str) -> bool:
        method, address, words = KINDS[kind]
        return method == route.request.method and words in self.shown and fnmatch(route.request.url, address)

    def _due(self, kind: str) -> bool:
        return KINDS[kind][2] in self.shown and any(kind == one for one, _ in self.left)

    def take(self) -> str:
        """Take a session; its token. From what is not answered somebody goes back, or loads it again."""
        for _ in range(40):
            self.mortal.revive()
            if self.page.url == "about:blank":
                self._go(lambda: self.page.goto(f"{self.mortal.url}/listen/tiny"))
            elif self.page.url.startswith("chrome-error:"):
                self.said[self.now] = OWN_PAGE
                back = KINDS[self.now[0]][0] == "POST" and self.now[1] == MOMENTS[0]
                self._go(self.page.go_back if back else self.page.reload)
            elif self.page.locator("#trial").count():
                self._look()
                self._trial()
            elif self.page.get_by_role("heading", name="Thank you").count():
                return self.page.url.rstrip("/").rsplit("/", 1)[1]
            else:
                self._look()
                self._go(lambda: a.fill_in(self.page))
        raise AssertionError(f"still at {self.page.url}: {self.said}")

    def _look(self) -> None:
        self.shown = self.page.title() + self.page.locator("body").inner_text()

    def _go(self, act: Callable[[], Any]) -> None:
        """Leave this page; where no answer comes, the browser's own page is the next one."""
        self.page.evaluate("window.wasHere = true")
        try:
            act()
        except BrowserError as error:
            assert any(sign in error.message for sign in BEING_LEFT), error.message
        self.page.wait_for_function("() => !window.wasHere && document.readyState === 'complete'")

    def _trial(self) -> None:
        """Hear and rate everything, and go on."""
        if self._due("trial page") or self._due("sound"):
            self._go(self.page.reload)
        if not self.page.locator("#trial").count():
            return
        self._until(lambda: self.page.locator("body.ready").count() > 0)
        while self._due("script error"):
            with self.page.expect_event("requestfailed"):
                self.page.evaluate("void setTimeout(() => { throw new Error('planted') })")
            self.said[self.now] = ""
            self.mortal.revive()
        a.rate_everything(self.page)
        a.next_button(self.page).click()
        self._go(lambda: self._until(lambda: self.page.evaluate("!window.wasHere")))

    def _until(self, reached: Callable[[], bool]) -> None:
        """Wait; where the page says what is wrong, start the server again, and press what it offers."""
        retry, told = self.page.locator("#retry"), self.page.locator("#trouble:visible, #state.waiting")
        for _ in range(400):
            if reached():
                return
            if told.count() and self.mortal.dead:
                self.said[self.now] = told.inner_text()
                self.mortal.revive()
                if retry.is_visible():
                    retry.click()
                else:
                    self.page.evaluate("dispatchEvent(new Event('online'))")  # it would try again by itself, later
            self.page.wait_for_timeout(25)
        raise AssertionError(f"the page says {told.all_inner_texts()} and does not go on")


def stored(mortal: Mortal, token: str, query: str) -> list[tuple[Any, ...]]:
    """Rows of a session."""
    with sqlite3.connect(mortal.data / "mushra.sqlite3") as database:
        return database.execute(query, (token_sha256(token),)).fetchall()


OWN = "join session n on n.id = session_id where n.token_sha256 = ?"
RESPONSES = f"""select count(distinct s.id), count(r.id), min(r.number) from trial t
                left join save s on s.trial_id = t.id left join response r on r.save_id = s.id {OWN} group by t.id"""
ANSWERS = f"""select question, coalesce(personal_text.text, answer.text)
    from answer left join personal_text on answer_id = answer.id {OWN} order by question"""


FORMS = ("welcome page", "consent", "questions before", "instructions", "questions after")
TRIALS = ("trial page", "sound", "script error")
SAVES = ("first save", "last save")


@pytest.mark.parametrize("kinds", [FORMS, TRIALS, SAVES], ids=["pages and forms", "trials", "saves"])
def test_a_session_survives_every_death_and_is_stored_once(impatient: Browser, mortal: Mortal, kinds) -> None:
    context, deaths = impatient.new_context(), mortal.deaths
    patient = Patient(context.new_page(), mortal, kinds)
    token = patient.take()
    assert patient.left == [] and mortal.deaths - deaths == 2 * len(kinds)
    assert stored(mortal, token, RESPONSES) == [(1, 3, 100), (1, 3, 100)]
    assert stored(mortal, token, ANSWERS) == [("age", "33"), ("ears", "yes"), ("remarks", "simulated")]
    assert stored(mortal, token, "select status from session where token_sha256 = ?") == [("finished",)]
    assert a.kept(context.pages[0]) == {"drafts": [], "parcels": []}
    assert list(patient.said) == [(kind, moment) for kind in kinds for moment in MOMENTS]
    assert {one: said for one, said in patient.said.items() if SAID.get(one[0], OWN_PAGE) not in said} == {}
    context.close()


def test_every_kind_of_request_is_among_them() -> None:
    assert {*FORMS, *TRIALS, *SAVES} == set(KINDS)

"""The whole way in the studio, as an experimenter goes it: from a stimulus set to a report made again elsewhere.

Log in, send a set, look at it, preview, open, invite, three listeners at once in browsers of their own, watch live, one
withdraws, close, report, bundle; then the same report from the bundle alone, and out of another database.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import listener as a
import pytest
import tiny_set
from archives import zipped
from playwright.sync_api import Browser, Page, expect
from server_guests import Served, opened
from studio_people import PASSWORD, person

from mushra_app.config import Settings


@pytest.fixture
def data_dir(tmp_path: Path, empty_sqlite: Path) -> Path:
    """A data folder with nothing but an owner."""
    settings = Settings(data_dir=tmp_path / "data")
    database = opened(settings, empty_sqlite)
    person(database, "ada", "owner")
    database.close()
    return settings.data_dir


@pytest.fixture
def served(data_dir: Path) -> Iterator[Served]:
    found = Served(data_dir)
    yield found
    found.stop()


@pytest.fixture
def worker(data_dir: Path) -> Iterator[None]:
    """``mushra worker`` over it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "mushra_app.cli", "worker", "--data", str(data_dir)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(30)


def archive_of(folder: Path) -> Path:
    """Two short items and a training one, so that three people are through in a minute."""
    tiny_set.make(folder / "set", setup={"level": False, "sides": False}, questions=[])
    (folder / "set.zip").write_bytes(zipped(folder / "set"))
    return folder / "set.zip"


def listen(page: Page, link: str) -> None:
    """Come by an invitation, up to the first trial."""
    page.goto(link)
    while not page.locator("#trial").count():
        a.fill_in(page)


def finish(page: Page, codes: list[str]) -> None:
    """Rate the sounds of every trial that is left, each listener by a scale of their own; their code is kept."""
    while page.locator("h1").count() == 0 or "Thank you" not in page.locator("h1").inner_text():
        if not page.locator("#trial").count():
            a.fill_in(page)
            continue
        for number in range(1, len(a.trial(page)["sounds"]) + 1):
            a.play(page, number)
            a.rate(page, number, 1.0 if number == 1 else 0.25 + 0.1 * number + 0.02 * len(codes))
        with page.expect_navigation():
            a.next_button(page).click()
    codes.append(page.locator(".code").first.inner_text())


class Experimenter:
    """One page of the studio; ``clicks`` counts what was pressed."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url, self.clicks = page, url, 0
        self.main = page.locator("main")

    def click(self, role: Literal["button", "link"], name: str) -> None:
        """Press what is called exactly so."""
        self.clicks += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def begin(self, archive: Path) -> list[str]:
        """From the login to an open study; the links of three invitations."""
        page = self.page
        page.goto(f"{self.url}/studio/")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        self.click("button", "Log in")
        self.click("link", "Publish a stimulus set")
        page.locator("#archive").set_input_files(archive)
        self.click("button", "Send and publish")
        page.wait_for_url("**/studio/tiny/sounds?**")
        expect(page.locator(".notice[role=status]")).to_contain_text("Every file is the one that was built")
        self.click("link", "Preview the whole test")
        expect(page.get_by_text("Nothing is stored")).to_be_visible()
        page.goto(f"{self.url}/studio/tiny/")
        self.click("button", "Open")
        expect(page.locator("h1")).to_contain_text("open")
        self.click("link", "People")
        page.get_by_label("How many").fill("3")
        page.get_by_label("For whom").fill("Choir")
        self.click("button", "Make invitations")
        return [field.input_value() for field in page.locator("input.link").all()]

    def close_and_pack(self) -> Path:
        """The report, and the bundle as it is downloaded."""
        self.click("link", "Results")
        expect(self.main).to_contain_text("Sealed while it runs")
        self.click("link", "Go to Test to close it")
        self.click("button", "Close")
        self.click("link", "Results")
        self.click("button", "Make the report")
        expect(self.page.locator("iframe.report")).to_be_visible(timeout=180_000)
        expect(self.main).to_contain_text("by 2 listeners of version 1")
        self.page.locator("button[value=bundle]").first.click()
        fetched = self.page.locator("a[href*='bundle.zip']").first
        expect(fetched).to_be_visible(timeout=300_000)
        with self.page.expect_download() as download:
            fetched.click()
        return download.value.path()


def test_from_a_set_to_the_same_report_elsewhere(
    page: Page, browser: Browser, served: Served, worker: None, tmp_path: Path
) -> None:
    ada = Experimenter(page, served.url)
    links = ada.begin(archive_of(tmp_path))
    assert len(links) == 3 and ada.clicks <= 8, "a newcomer's first study: from the login to invitations"
    listeners = [browser.new_context(viewport={"width": 1280, "height": 800}).new_page() for _ in links]
    for one, link in zip(listeners, links, strict=True):
        listen(one, link)
    ada.click("link", "Live")
    expect(page.locator(".matrix tbody tr")).to_have_count(3)
    expect(ada.main).to_contain_text(re.compile(r"\b0\s*finished"))
    codes: list[str] = []
    for one in listeners:
        finish(one, codes)
    expect(ada.main).to_contain_text(re.compile(r"\b3\s*finished"), timeout=20_000)
    listeners[0].goto(f"{served.url}/withdraw")
    listeners[0].locator("input[name=code]").fill(codes[0])
    listeners[0].get_by_role("button").first.click()
    made_again(ada.close_and_pack(), tmp_path / "elsewhere")
    for one in listeners:
        one.context.close()


def made_again(archive: Path, folder: Path) -> None:
    """The commands of the bundle's README, in another folder."""
    with zipfile.ZipFile(archive) as found:
        found.extractall(folder)
    root = folder / "tiny"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    lines = (root / "README.md").read_text().splitlines()
    for command in (line for line in lines if line.startswith(("sha256sum ", "mushra re", "cmp "))):
        command = command.replace("THE-SET-THAT-WAS-HEARD", str(folder.parent / "set"))
        words = command.split()
        words = [sys.executable, "-m", "mushra_app.cli", *words[1:]] if words[0] == "mushra" else words
        ended = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)

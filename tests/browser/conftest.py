"""A real Chromium on the real pages of a real server process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from playwright.sync_api import Browser, BrowserContext, Page
from server_guests import Served, published_in


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    """What a module's study has otherwise than the tiny one: top-level parts of the experiment."""
    return {}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], empty_sqlite: Path) -> Path:
    """A data folder with the tiny study published."""
    folder = tmp_path_factory.mktemp("served")
    tiny_set.make(folder / "stimuli", **changes)
    return published_in(folder / "data", folder / "stimuli", empty_sqlite)


@pytest.fixture(scope="module")
def server(data_dir: Path) -> Iterator[Served]:
    """``mushra serve`` over it."""
    found = Served(data_dir)
    yield found
    if found.process.poll() is None:
        found.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile."""
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose script errors fail the test."""
    found = context.new_page()
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    assert errors == []


@pytest.fixture(scope="module")
def lab(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """Chromium in which lab.test is this machine: a name that makes plain http an insecure context."""
    found = launch("--host-resolver-rules=MAP lab.test 127.0.0.1")
    yield found
    found.close()


@pytest.fixture
def lab_page(lab: Browser) -> Iterator[Page]:
    """A page of it, whose script errors fail the test."""
    context = lab.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []
    context.close()

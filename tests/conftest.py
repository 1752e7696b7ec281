"""What all tests share: where things are, and that no skip goes unseen.

Every skipped test is listed by name at the end. Under ``CI=true`` a skip fails the run unless its reason is
one of ``ALLOWED_SKIPS``: a test that silently stops running proves nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright
from s3 import S3

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.doctor import browser_path
from mushra_app.simulated.browser import FLAGS

ROOT = Path(__file__).resolve().parents[1]
ALLOWED_SKIPS = ("shared data not present", "no GPU here")
LONGEST = (
    "test_chain.py",
    "test_wheel.py",
    "test_bench.py",
    "test_server_worker.py",
    "test_server_two_at_once.py",
    "test_server_openapi.py",
    "test_analysis_report.py",
    "test_training_run.py",
    "test_server_refusals.py",
    "test_server_durability.py",
    "test_server_stopping.py",
    "test_workers.py",
    # In a browser:
    "test_server_stops.py",
    "test_whole_way.py",
    "test_outbox.py",
    "test_trial_page.py",
)
"""Files that begin first, so that no worker is left alone with one of them at the end."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real songs, real ratings and R's answers, beside the repository; skips where they are not."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("shared data not present")
    return folder


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for all rooms: there can't be a second one in a process."""
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def launch(playwright: Playwright) -> Callable[..., Browser]:
    """Start the installed Chromium, with further flags if wanted.

    Without its windows where it can be had so: the same engine in the same release, at a fifth of the processor's time
    for every profile. What people start is the whole one, and the chain's listeners come with it.
    """
    path = shutil.which("chromium-headless-shell") or browser_path()
    assert path, "these tests need Chromium: make test installs it on Debian"
    return lambda *flags: playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """The installed Chromium."""
    found = launch()
    yield found
    found.close()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with this release's tables and nothing in them: to copy it is faster than to migrate."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"))
    database = Database(settings)
    schema.require(database, settings)
    database.close()
    return settings.database_file


@pytest.fixture(scope="session")
def _s3_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = S3.start(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def s3_server(_s3_process: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An S3-compatible server, which fsspec finds by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": _s3_process.url,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return _s3_process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; all else in the order of the folders."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def _skips(reporter: pytest.TerminalReporter) -> list[tuple[str, str]]:
    """Name and reason of every skipped test."""
    return [
        (report.nodeid, report.longrepr[2].removeprefix("Skipped: "))
        for report in reporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    ]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI, a skip that is not allowed fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    if any(not reason.startswith(ALLOWED_SKIPS) for _, reason in _skips(reporter)) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the skips by name, and say which of them CI refuses."""
    skips = _skips(terminalreporter)
    if skips:
        terminalreporter.section("skipped, by name")
    for name, reason in skips:
        verdict = "allowed" if reason.startswith(ALLOWED_SKIPS) else "REFUSED under CI=true"
        terminalreporter.line(f"{verdict}: {name}: {reason}")

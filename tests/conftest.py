"""What all tests share: where things are, and that no skip goes unseen.

Every skipped test is listed by name at the end. Under ``CI=true`` a skip fails the run unless its reason is
one of ``ALLOWED_SKIPS``: a test that silently stops running proves nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED_SKIPS = ("shared data not present",)


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

"""No skip goes unseen: a run of its own, with a test that skips."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize(
    ("reason", "ci", "at_once", "code"),
    [
        ("because", "true", "2", 1),
        ("because", "true", "0", 1),
        ("because", "", "2", 0),
        ("shared data not present", "true", "2", 0),
        ("no GPU here: a test was NOT run", "true", "0", 0),
    ],
)
def test_a_skip_is_listed_and_refused_under_ci_unless_allowed(
    tmp_path: Path, reason: str, ci: str, at_once: str, code: int
) -> None:
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        f"import pytest\ndef test_one(): pass\ndef test_two(): pytest.skip('{reason}')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", at_once, str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"CI": ci, "PYTHONPATH": str(HERE)}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout
    assert f"test_it.py::test_two: {reason}" in done.stdout and ("REFUSED" in done.stdout) == (reason == "because")

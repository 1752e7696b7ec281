"""Runs of the demo as a person would type them, and what comes out of it.

Defines: ``CONDITIONS``, ``run``, ``ratings``.
"""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path

CONDITIONS = {
    *("reference", "lowpass-3500", "lowpass-7000", "mixture"),
    *("repet-sim", "centre-cancellation", "oracle-ratio-mask", "take-home"),
}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the tree; its output, or the test's failure with it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MUSHRA_", "PYTHONPATH"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def ratings(folder: Path) -> list[dict[str, str]]:
    """The exported rows."""
    with (folder / "ratings.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))

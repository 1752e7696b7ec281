"""The whole way, as a person would type it: real songs, real server, real browser, report.

Two runs: in the checkout with everything installed, and from the built wheel in a clean environment outside
the tree, where templates, migrations and static files must have come along.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path

import pytest

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


LISTENERS, BROWSERS = 4, 1
"""Of the small version; the demo's own sixteen and two are for ``make proof``."""


def rehearsed(folder: Path, listeners: int, browsers: int) -> Path:
    """The demo's folder after simulated listeners, some of them in Chromium."""
    count = ("--simulate", str(listeners), "--browsers", str(browsers))
    run(sys.executable, "-m", "mushra_app.cli", "demo", *count, "--out", folder / "out", cwd=folder)
    return folder / "out"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder after a few listeners."""
    return rehearsed(tmp_path_factory.mktemp("chain"), LISTENERS, BROWSERS)


@pytest.mark.proof
def test_the_whole_demo_with_sixteen_listeners(tmp_path: Path) -> None:
    engines = Counter({row["listener"]: row["engine"] for row in ratings(rehearsed(tmp_path, 16, 2))}.values())
    assert engines == {"audioworklet": 2, "simulated": 14}


def ratings(folder: Path) -> list[dict[str, str]]:
    """The exported rows."""
    with (folder / "ratings.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_listener_rated_every_condition_of_every_item(chain: Path) -> None:
    rows = [row for row in ratings(chain) if row["training"] == "false"]
    manifest = json.loads((chain / "stimuli" / "manifest.json").read_text())
    tested = [item["name"] for item in manifest["items"] if item["use"] != "training"]
    assert {row["condition"] for row in rows} == CONDITIONS | {"spleeter-2stems"}
    assert len({row["listener"] for row in rows}) == LISTENERS
    assert len(rows) == LISTENERS * len(tested) * 9


def test_some_listeners_came_through_a_real_browser(chain: Path) -> None:
    engines = {row["listener"]: row["engine"] for row in ratings(chain)}
    assert sorted(engines.values()) == ["audioworklet"] * BROWSERS + ["simulated"] * (LISTENERS - BROWSERS)


def test_simulated_ratings_are_marked_in_sql_export_and_report(chain: Path) -> None:
    with sqlite3.connect(chain / "data" / "mushra.sqlite3") as database:
        assert database.execute("select count(*), sum(simulated) from listener").fetchone() == (LISTENERS, LISTENERS)
    assert {row["simulated"] for row in ratings(chain)} == {"true"}
    assert "simulated" in (chain / "report.html").read_text().lower()


def test_the_report_is_self_contained(chain: Path) -> None:
    html = (chain / "report.html").read_text()
    assert "<svg" in html and "Friedman" in html and "Wilcoxon" in html and "SI-SDR" in html
    assert 'src="http' not in html and "@import" not in html and '<link rel="stylesheet"' not in html


def test_a_second_start_builds_nothing_twice(chain: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in (chain / "stimuli").rglob("*")
        if path.suffix in (".flac", ".json", ".wav")
    }
    run(
        sys.executable,
        "-m",
        "mushra_app.cli",
        "stimuli",
        "build",
        chain / "experiment.toml",
        "--out",
        chain / "stimuli",
        cwd=chain,
    )
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_ratings_of_another_study_are_refused(chain: Path, tmp_path: Path) -> None:
    text = (chain / "ratings.csv").read_text()
    identity = ratings(chain)[0]["stimuli_id"]
    (tmp_path / "other.csv").write_text(text.replace(identity, "f" * 64))
    report = [
        sys.executable,
        "-m",
        "mushra_app.cli",
        "report",
        str(tmp_path / "other.csv"),
        "--stimuli",
        str(chain / "stimuli"),
    ]
    done = subprocess.run([*report, "--out", str(tmp_path / "r.html")], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "stimuli_id" in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_the_wheel_runs_the_simulated_demo_outside_the_tree(root: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, root, cwd=root)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "-c", root / "constraints.txt", f"{wheel}[demo]"]
    run(*install, cwd=tmp_path)
    said = run(python.with_name("mushra"), "demo", "--simulate", "2", "--browsers", "1", "--out", "d", cwd=tmp_path)
    assert "spleeter" in said and "torch" in said, "a system whose extra is missing is left out with a printed reason"
    assert {row["condition"] for row in ratings(tmp_path / "d")} == CONDITIONS
    assert len({row["listener"] for row in ratings(tmp_path / "d")}) == 2
    assert (tmp_path / "d" / "report.html").stat().st_size > 10_000

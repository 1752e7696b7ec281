"""The whole way, as a person would type it: real songs, real server, real browser, report; in the checkout."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import pytest
from commands import mushra
from demo_runs import CONDITIONS, ratings, run

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.study import lifecycle

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


def test_the_report_of_the_database_is_that_of_the_export(chain: Path, tmp_path: Path) -> None:
    """Straight from SQL, as JSON, once it is closed: the same, the hash of what an export holds among it."""
    database = Database(Settings(data_dir=chain / "data"))
    with database.writing() as db:
        lifecycle.move(db, lifecycle.current(db, "demo"), "closed")
    database.close()
    told = []
    for source in ([chain / "ratings.csv"], ["--data", chain / "data"]):
        out = tmp_path / f"{len(told)}.json"
        done = mushra("report", *source, "--stimuli", chain / "stimuli", "--format", "json", "--out", out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        told.append(json.loads(out.read_text()))
    assert told[0] == told[1] and "ratings" in told[0]["hashes"] and told[0]["listeners"] == LISTENERS


def test_a_second_start_builds_nothing_twice(chain: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in (chain / "stimuli").rglob("*")
        if path.suffix in (".flac", ".json", ".wav")
    }
    again = ("stimuli", "build", chain / "experiment.toml", "--out", chain / "stimuli")
    assert mushra(*again, cwd=chain).returncode == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_ratings_of_another_study_are_refused(chain: Path, tmp_path: Path) -> None:
    text = (chain / "ratings.csv").read_text()
    identity = ratings(chain)[0]["stimuli_id"]
    (tmp_path / "other.csv").write_text(text.replace(identity, "f" * 64))
    wanted = ("--stimuli", chain / "stimuli", "--out", tmp_path / "r.html")
    done = mushra("report", tmp_path / "other.csv", *wanted)
    assert done.returncode == 2 and "stimuli_id" in done.stderr
    assert not (tmp_path / "r.html").exists()

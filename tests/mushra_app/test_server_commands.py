"""``mushra publish`` and ``mushra db``, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from mushra_app import schema, server_cli
from mushra_app.config import Settings, load_settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.operation import db_cli
from mushra_app.publish import publish
from mushra_app.study import lifecycle
from stimuli.errors import ManifestError

HEAD = schema.head()


def typed(command, *arguments: str | Path) -> str:
    """What a command says; its error where it fails."""
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_publish_prints_the_links_and_the_second_time_that_nothing_changed(stimuli: Path, tmp_path: Path) -> None:
    first = typed(server_cli.publish, stimuli, "--data", tmp_path / "data")
    assert "tiny: published" in first and "/listen/tiny" in first and "/studio/?key=" in first
    assert "nothing changed" in typed(server_cli.publish, stimuli, "--data", tmp_path / "data")


def test_nobody_publishes_a_broken_set_without_having_been_told(stimuli: Path, tmp_path: Path) -> None:
    shutil.copytree(stimuli, tmp_path / "set")
    path = tmp_path / "set" / "manifest.json"
    told = json.loads(path.read_text())
    rule = {"clause": "practice", "passed": False, "message": "upside down: ours in Song 0; turn it", "clips": []}
    told["rules"] = [rule | {"rule": "polarity", "severity": "must"}, rule | {"rule": "covers", "severity": "note"}]
    path.write_text(json.dumps(told))
    said = typed(server_cli.publish, tmp_path / "set", "--data", tmp_path / "data")
    assert "FAIL  polarity (good practice): upside down: ours in Song 0; turn it" in said and "covers" not in said
    assert "a multi-stimulus test, not a MUSHRA test" in said
    assert "multi-stimulus" not in typed(server_cli.publish, stimuli, "--data", tmp_path / "data")


def test_publishing_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file; build the set with"):
        typed(server_cli.publish, tmp_path / "nothing", "--data", tmp_path / "data")


def test_the_database_is_made_and_says_where_it_stands(tmp_path: Path) -> None:
    assert typed(db_cli.db, "upgrade", "--data", tmp_path) == f"empty -> {HEAD}\n"
    assert typed(db_cli.db, "current", "--data", tmp_path) == f"database: {HEAD}; this release: {HEAD}\n"
    assert f"{HEAD}: these are this release's tables already; nothing" in typed(
        db_cli.db, "upgrade", "--data", tmp_path
    )


def test_serving_a_newer_releases_database_is_refused(tmp_path: Path) -> None:
    typed(db_cli.db, "upgrade", "--data", tmp_path)
    database = Database(Settings(data_dir=tmp_path))
    with database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    database.close()
    with pytest.raises(AppError, match="made by a newer release"):
        typed(server_cli.serve, "--data", tmp_path, "--port", "0")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("open", "listeners:    http://127.0.0.1:8000/listen/tiny"),
        ("piloting", "listeners:    http://127.0.0.1:8000/listen/tiny"),
        ("draft", "draft:        tiny waits to be opened, in the studio or with: mushra study open tiny"),
        ("paused", "no study takes listeners now; see: mushra study list"),
        ("closed", "no study takes listeners now; see: mushra study list"),
    ],
)
def test_the_server_says_how_a_study_stands(
    stimuli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str, said: str
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    with server_cli.opened(settings) as database:
        publish(stimuli, database, settings)
        with database.writing() as db:
            lifecycle.current(db, "tiny").status = status
        server_cli.say_links(settings, database, 8000)
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == said and second.startswith("experimenter: ")


def test_the_server_says_that_nothing_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    with server_cli.opened(settings) as database:
        server_cli.say_links(settings, database, 8000)
    assert capsys.readouterr().out.startswith("no study is published yet")

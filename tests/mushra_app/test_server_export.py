"""The export says what was sent: row by row against what the guests saved, through a file and back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from many_sessions import stock
from server_guests import Guest, calibrate
from sqlalchemy import event, select

from analysis.reading import export as reading
from mushra_app import ratings, schema, server_cli, stored_ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.export import rows, write_answers
from mushra_app.models import Answer, Slot
from mushra_app.publish import publish
from mushra_app.session import listening, privacy
from mushra_app.study import lifecycle
from stimuli.manifest import Manifest


def exported(database: Database, path: Path, **choices: bool) -> list[ratings.Row]:
    with database.reading() as db:
        ratings.write_csv(path, rows(db, "tiny", **choices))
    return ratings.read_csv(path)


def test_the_export_equals_what_was_sent(published: Database, manifest: Manifest, tmp_path: Path) -> None:
    sent = {
        (trial.token, rating["sound"]): (rating, body)
        for trial, body in Guest(published).finish()
        for rating in body["ratings"]
    }
    found = exported(published, tmp_path / "ratings.csv")
    assert len(found) == len(sent) == 15
    with published.reading() as db:
        for slot in db.scalars(select(Slot).where(Slot.hidden)):
            (row,) = (row for row in found if row["trial"] == str(slot.trial_id) and row["slot"] == slot.position)
            rating, body = next(value for (_, sound), value in sent.items() if sound == slot.token)
            assert row["rating"] == rating["value"] and row["plays"] == rating["plays"]
            assert row["condition"] == slot.clip.condition.name and row["role"] == slot.clip.role
            assert row["item"] == slot.clip.item.name and row["trial_s"] == body["trial_s"]
    assert {row["study_id"] for row in found} == {manifest.study_id}
    assert {row["training"] for row in found} == {True, False} and {row["finished"] for row in found} == {True}


def test_the_analysis_reads_the_same_from_the_database(
    published: Database, either: Settings, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Guest(published).finish()
    Guest(published).trial()
    file = tmp_path / "ratings.csv"
    exported(published, file)
    if either.database_url:
        monkeypatch.setenv("MUSHRA_DATABASE_URL", either.database_url)
    with published.writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), "closed")
    stored, saved = reading.load(reading.Place(either.data_dir), manifest), reading.load(file, manifest)
    assert stored.run == saved.run and len(stored.frame) == 10 and stored.training == saved.training == 5
    # A file holds six digits of a time.
    pd.testing.assert_frame_equal(stored.frame, saved.frame, rtol=1e-5, check_dtype=False)
    with pytest.raises(AppError, match="--study other: no such study; found tiny"):
        stored_ratings.read_database(either.data_dir, "other")


def test_a_folder_without_a_database_stays_without(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no such database"):
        stored_ratings.read_database(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_every_column_is_filled_in(published: Database, tmp_path: Path) -> None:
    calibrate(published)
    Guest(published, simulated=True, at="Booth 1").finish()
    row = exported(published, tmp_path / "ratings.csv")[-1]
    empty = [column.name for column in ratings.COLUMNS if row[column.name] in (None, "")]
    unknown = ["sides_check", "headphone_check", "language", "altered"]  # a guest without a browser has none of these
    assert empty == ["listener_group", *unknown]
    assert row["simulated"] is True and row["excerpt"] in ("1-2", "2-3") and row["saved_at"].endswith("+00:00")
    assert row["session"].isdigit() and row["transducer"] == "headphones"
    assert (row["place"], row["level_db_a"]) == ("Booth 1", 78.0)


def test_the_latest_revision_counts_and_only_it(published: Database, tmp_path: Path) -> None:
    guest = Guest(published)
    page = guest.trial()
    first = guest.save(page)
    guest.save(page, revision=2, ratings=[rating | {"value": 99.5} for rating in first["ratings"]])
    found = exported(published, tmp_path / "ratings.csv")
    assert [row["rating"] for row in found] == [99.5] * 5
    assert {row["revision"] for row in found} == {2} and {row["finished"] for row in found} == {False}


def test_training_and_unfinished_sessions_can_be_left_out(published: Database, tmp_path: Path) -> None:
    Guest(published).finish()
    started = Guest(published)
    started.save(started.trial())
    assert len(exported(published, tmp_path / "a.csv")) == 20
    assert len(exported(published, tmp_path / "b.csv", training=False)) == 10
    assert len(exported(published, tmp_path / "c.csv", unfinished=False)) == 15


def test_who_withdraws_leaves_the_export_and_what_they_wrote_is_gone(published: Database, tmp_path: Path) -> None:
    guest = Guest(published)
    guest.finish()
    with published.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, guest.token).listener)
    assert exported(published, tmp_path / "ratings.csv") == []
    with published.reading() as db:
        answers = set(db.scalars(select(Answer.question)))
        assert set(db.scalars(select(Answer.text))) == {""}
    assert answers == {"ears", "age", "remarks"} and "withdrawn" in guest.page().heading


def test_answers_go_apart_without_personal_ones_and_without_formulas(published: Database, tmp_path: Path) -> None:
    guest = Guest(published)
    guest.save(guest.trial(), comment="@risky")
    guest.finish()
    with published.reading() as db:
        assert write_answers(tmp_path / "answers.csv", db, "tiny") == 3
    with (tmp_path / "answers.csv").open(newline="") as stream:
        found = {row["question"]: row["answer"] for row in csv.DictReader(stream)}
    assert found == {"comment": "'@risky", "ears": "yes", "remarks": "'=1+1"}


def test_the_command_writes_both_files_and_refuses_a_folder_without_a_database(
    app, settings: Settings, tmp_path: Path
) -> None:
    Guest(app.extensions["mushra"].database).finish()
    files = ["--out", str(tmp_path / "r.csv"), "--answers", str(tmp_path / "a.csv")]
    done = CliRunner().invoke(server_cli.export, ["--data", str(settings.data_dir), *files])
    assert done.exit_code == 0 and "15 ratings" in done.output and (tmp_path / "a.csv").is_file()
    missing = CliRunner().invoke(server_cli.export, ["--data", str(tmp_path / "nowhere"), *files])
    assert "no such database" in str(missing.exception) and not (tmp_path / "nowhere").exists()


def test_postgresql_knows_beforehand_that_nearly_all_ratings_are_exported(
    on_postgresql: Settings, stimuli: Path
) -> None:
    """Who expects a few of them only goes through all of them once for every session."""
    database = Database(on_postgresql)
    schema.require(database, on_postgresql)
    publish(stimuli, database, on_postgresql)
    stock(database, 40, "many", saved=True)
    asked: list[Any] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    with database.reading() as db:
        count = len(list(rows(db)))
        ((statement, values),) = [one for one in asked if "FROM response" in one[0]]
        plan = db.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
    database.close()
    assert count == 40 * 15 and plan[0]["Plan"]["Plan Rows"] > count / 10

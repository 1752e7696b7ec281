"""What is left in the data folder goes, and nothing that is needed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import tiny_set
from sqlalchemy import select

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job
from mushra_app.operation import leftovers, retention
from mushra_app.publish import publish
from mushra_app.studio.design import editor
from mushra_app.study import sets


def aged(path: Path, hours: float) -> Path:
    """The same file, or folder, from so many hours ago."""
    moment = time.time() - 3600 * hours
    os.utime(path, (moment, moment))
    return path


def test_experiment_files_go_when_no_job_needs_them(database: Database, either: Settings) -> None:
    drafts = either.drafts_dir.absolute()
    laid = {name: aged(editor.lay_down(drafts, f"# {name}"), 2) for name in ("waits", "runs", "done", "never asked")}
    new = editor.lay_down(drafts, "# new")
    with database.writing() as db:
        for name, status in {"waits": "waiting", "runs": "running", "done": "done"}.items():
            jobs.ask(db, "plan", [str(laid[name]), "--format", "json"]).status = status
    leftovers.clear(database, either)
    assert set(drafts.iterdir()) == {laid["waits"], laid["runs"], new}
    with database.writing() as db:
        for job in db.scalars(select(Job)):
            job.status = "failed"
    leftovers.clear(database, either)
    assert list(drafts.iterdir()) == [new]


def test_a_file_that_lies_there_is_as_new_when_it_is_asked_for_again(database: Database, either: Settings) -> None:
    file = aged(editor.lay_down(either.drafts_dir, "# the same"), 2)
    assert editor.lay_down(either.drafts_dir, "# the same") == file
    leftovers.clear(database, either)
    assert file.read_text() == "# the same"


def test_what_was_half_written_goes_when_nobody_can_be_at_it(sqlite: Database, settings: Settings) -> None:
    results = settings.data_dir / "results" / "tiny" / "v1-w0"
    results.mkdir(parents=True)
    settings.drafts_dir.mkdir()
    settings.uploads_dir.mkdir()
    kept = [results / "report.html", results / ".report.html.0a.part", settings.drafts_dir / ".x.toml.0a.part"]
    old = [results / ".report.json.0b.part", settings.drafts_dir / ".y.toml.0b.part"]
    for path in (*kept, *old):
        path.touch()
    arriving, arrived = settings.uploads_dir / ".0a.part", settings.uploads_dir / ".0b.part"
    for path in (arriving, arrived):
        path.mkdir()
    for path in (*old, kept[0]):
        aged(path, 2)
    aged(arrived, 25)
    leftovers.clear(sqlite, settings)
    assert all(path.exists() for path in (*kept, arriving)) and not any(path.exists() for path in (*old, arrived))


def test_only_a_set_that_was_being_published_and_that_no_version_names_goes(
    database: Database, either: Settings
) -> None:
    """A database that names none of them, such as a wrong one, costs nobody a set that was published."""
    killed, named, other = (either.uploads_dir / f"tiny-{letter * 12}" for letter in "abc")
    for folder in (killed, named, other):
        tiny_set.make(folder)
        aged(folder, 48)
    publish(named, database, either)
    marks = [folder.with_name(f".{folder.name}.publishing") for folder in (killed, named)]
    for mark in marks:
        mark.touch()
    leftovers.clear(database, either)
    assert killed.is_dir(), "it may be under way"
    for mark in marks:
        aged(mark, 25)
    leftovers.clear(database, either)
    assert sorted(path.name for path in either.uploads_dir.iterdir()) == [named.name, other.name]


def test_a_set_is_marked_while_it_is_published_and_goes_where_that_fails(settings: Settings) -> None:
    folder = settings.sets_dir / "tiny-abcdefabcdef"
    with pytest.raises(RuntimeError), sets.laid_down(folder):
        tiny_set.make(folder)
        assert [path.name for path in settings.sets_dir.glob(".*")] == [f".{folder.name}.publishing"]
        raise RuntimeError
    assert list(settings.sets_dir.iterdir()) == []
    with sets.laid_down(folder):
        tiny_set.make(folder)
    assert list(settings.sets_dir.iterdir()) == [folder]


def test_every_server_and_worker_clears(sqlite: Database, settings: Settings) -> None:
    left = aged(editor.lay_down(settings.drafts_dir, "# left"), 2)
    with retention.enforced(sqlite, settings, every_s=60):
        ends = time.monotonic() + 5
        while left.exists() and time.monotonic() < ends:
            time.sleep(0.02)
    assert not left.exists()

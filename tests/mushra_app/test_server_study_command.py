"""``mushra study``: what the studio does with a study, from a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tiny_set
from flask import Flask
from server_guests import Guest
from studio_people import database_of, study_typed

from mushra_app.config import Settings
from mushra_app.errors import AppError
from mushra_app.people import audit
from mushra_app.publish import publish
from mushra_app.study import lifecycle


@pytest.fixture
def study(app: Flask, settings: Settings):
    """Types ``mushra study`` on the tiny study's data; what was said."""
    return study_typed(settings)


def another_draft(app: Flask, settings: Settings, folder: Path) -> None:
    """A second version of the tiny study, with other words."""
    described = {"name": "tiny", "title": "A tiny test, reworded", "contact": "lab@example.org"}
    tiny_set.make(folder, experiment=described)
    publish(folder, database_of(app), settings, as_draft=True)


def test_a_study_goes_through_its_states(app: Flask, study) -> None:
    Guest(database_of(app)).finish()
    Guest(database_of(app))
    assert study("list") == "tiny  open       version 1, 1 of 2 listeners finished\n"
    assert study("pause", "tiny") == (
        "tiny: version 1 from open to paused; it takes nobody new; whoever has begun goes on\n"
    )
    assert "from paused to open" in study("open", "tiny")
    assert study("close", "tiny") == (
        "tiny: version 1 from open to closed; it takes nobody new; whoever has begun may finish (1 is under way now)\n"
    )
    assert study("archive", "tiny") == "tiny: archived\n"
    assert "no study yet" in study("list") and "tiny  closed" in study("list", "--archived")
    assert study("archive", "tiny", "--back") == "tiny: back on the list\n"
    assert study("list", "--archived") == "no study is archived\n"
    with database_of(app).reading() as db:
        told = [(row.who, row.about) for row in reversed(audit.latest(db))]
    assert told == [
        (audit.COMMAND_LINE, f"tiny: {done}")
        for done in (
            *("version 1 from open to paused", "version 1 from paused to open", "version 1 from open to closed"),
            *("archived", "back on the list"),
        )
    ]


def test_a_newer_draft_takes_the_place_of_what_runs(app: Flask, settings: Settings, tmp_path: Path, study) -> None:
    another_draft(app, settings, tmp_path / "second")
    assert "a newer draft" in study("list")
    shown = study("show", "tiny")
    assert "version 1  open        published" in shown and "version 2  draft" in shown
    assert "version 2 from draft to piloting" in study("pilot", "tiny")
    with database_of(app).reading() as db:
        assert lifecycle.version_of(db, "tiny", 1).status == "superseded"
    assert "version 1 from superseded to open" in study("open", "tiny", "--version", "1")


def test_where_two_versions_may_be_meant_it_asks_which(app: Flask, settings: Settings, tmp_path: Path, study) -> None:
    another_draft(app, settings, tmp_path / "second")
    study("pause", "tiny")
    with pytest.raises(
        AppError, match=r"version 1 is paused, and version 2 waits as a draft; say which with --version"
    ):
        study("open", "tiny")
    assert "version 2 from draft to open" in study("open", "tiny", "--version", "2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pilot", "tiny"), "tiny, version 1 is open, which can't become 'piloting'; expected one of: paused, closed"),
        (("archive", "tiny"), "tiny is open: close it first"),
        (("open", "tiny", "--version", "7"), "tiny: no version 7"),
        (("show", "nosuch"), "There is no study “nosuch”"),
    ],
)
def test_the_command_says_what_is_wrong(app: Flask, study, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(AppError, match=re.escape(said)):
        study(*arguments)
    with database_of(app).reading() as db:
        assert audit.latest(db) == [] and lifecycle.current(db, "tiny").status == "open"

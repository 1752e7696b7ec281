"""``mushra import``: a listener's file is stored once, whole or not at all, and each refusal is one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from server_guests import Guest, body_of
from sqlalchemy import func, select
from test_server_commands import typed

from mushra_app import answer_file, server_cli
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.listener.pages import TrialPage
from mushra_app.models import Event, ListeningSession, Response, Save
from mushra_app.session import listening, privacy


@pytest.fixture
def guest(published: Database) -> Guest:
    return Guest(published)


def file_of(folder: Path, *trials: tuple[str, dict[str, Any]], **changes: Any) -> Path:
    """A file as the page writes it."""
    parts = [{"trial": trial, "body": body} for trial, body in trials]
    content = {"format": "mushra-answers", "schema": 1, "user_agent": "Firefox", "trials": parts} | changes
    path = folder / "answers.json"
    path.write_text(json.dumps(content, indent=1))
    return path


def stored(guest: Guest, path: Path) -> list[answer_file.Outcome]:
    """Import a file."""
    with guest.database.writing() as db:
        return answer_file.store(db, answer_file.read(path), path)


def counts(guest: Guest) -> tuple[int, ...]:
    with guest.database.reading() as db:
        return tuple(db.scalar(select(func.count(table.id))) or 0 for table in (Save, Response, Event))


def test_a_file_is_the_save_it_stands_for(guest: Guest, tmp_path: Path) -> None:
    page = guest.trial()
    body = body_of(page, comment="a click")
    path = file_of(tmp_path, (page.token, body))
    ((said, new),) = stored(guest, path)
    assert re.fullmatch(r"tiny, L-\w+, page 1: stored", said) and new
    with guest.database.reading() as db:
        save = db.scalars(select(Save)).one()
        assert (save.key, save.comment, save.user_agent) == (body["key"], "a click", "Firefox (imported)")
    assert guest.trial().token != page.token, "the session goes on behind it"


def test_file_and_save_may_both_arrive_in_any_order_and_often(guest: Guest, tmp_path: Path) -> None:
    first = guest.trial()
    body = guest.save(first)
    path = file_of(tmp_path, (first.token, body))
    assert [outcome.new for outcome in stored(guest, path) + stored(guest, path)] == [False, False]
    second = guest.trial()
    path = file_of(tmp_path, (second.token, later := body_of(second)), (first.token, body))
    assert [outcome.new for outcome in stored(guest, path)] == [True, False]
    guest.save(second, key=later["key"])
    assert counts(guest) == (2, 10, 2)


def test_a_file_with_the_last_page_leaves_the_questions_and_then_the_session_is_finished(guest, tmp_path) -> None:
    while isinstance(page := guest.page(), TrialPage) or page.heading != "Before you leave":
        if isinstance(page, TrialPage):
            stored(guest, file_of(tmp_path, (page.token, body_of(page))))
        else:
            guest.pass_by(page)
    guest.pass_by(page)
    with guest.database.reading() as db:
        assert db.scalars(select(ListeningSession.status)).one() == "finished"


def test_one_refused_trial_leaves_the_whole_file_outside(guest: Guest, tmp_path: Path) -> None:
    page = guest.trial()
    good, bad = (page.token, body_of(page)), (page.token, body_of(page, ratings=[]))
    path = file_of(tmp_path, good, bad)
    with pytest.raises(AppError) as error:
        stored(guest, path)
    assert str(error.value).startswith(f"{path}: trial {page.token}: ")
    assert counts(guest) == (0, 0, 0)


def test_what_was_rated_anew_elsewhere_stays(guest: Guest, tmp_path: Path) -> None:
    page = guest.trial()
    late = file_of(tmp_path, (page.token, body_of(page)))
    kept = guest.save(page)
    with pytest.raises(AppError, match=rf"trial {page.token}: This page was saved elsewhere meanwhile"):
        stored(guest, late)
    with guest.database.reading() as db:
        assert db.scalars(select(Save.key)).all() == [kept["key"]]


def test_whoever_withdrew_stays_withdrawn(guest: Guest, tmp_path: Path) -> None:
    page = guest.trial()
    with guest.database.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, guest.token).listener)
    with pytest.raises(AppError, match=f"trial {page.token}: This session takes no more answers"):
        stored(guest, file_of(tmp_path, (page.token, body_of(page))))
    assert counts(guest) == (0, 0, 0)


def test_a_file_for_another_server_says_so(guest: Guest, tmp_path: Path) -> None:
    page = guest.trial()
    with pytest.raises(AppError, match="trial elsewhere: no such trial in this database; is it the data folder"):
        stored(guest, file_of(tmp_path, ("elsewhere", body_of(page))))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "schema 2, this release reads 1; nothing was stored"),
        ({"format": "something"}, "format: found 'something'; expected 'mushra-answers'; "),
        ({"trials": []}, "trials: found a list of 0; expected at least 1 entries; "),
        ({"trials": [{"trial": "a"}]}, "trials[0].body: is missing; add it (see: a file that "),
        ({"surprise": 1}, "surprise: this key is not known; "),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = file_of(tmp_path, ("a", {}), **change)
    with pytest.raises(AppError) as error:
        answer_file.read(path)
    assert str(error.value).startswith(f"{path}: {says}") and str(error.value).endswith("nothing was stored")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"ratings,1,2", b"[]", b"[" * 100_000])
def test_any_other_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(AppError, match="nothing was stored"):
        answer_file.read(path)


def test_the_command_says_what_it_stored(settings: Settings, stimuli: Path, tmp_path: Path) -> None:
    typed(server_cli.publish, stimuli, "--data", settings.data_dir)
    database = Database(settings)
    guest = Guest(database)
    page = guest.trial()
    path = file_of(tmp_path, (page.token, body_of(page)))
    said = typed(server_cli.import_answers, path, "--data", settings.data_dir)
    assert said.endswith(f", page 1: stored\n{path}: 1 stored, 0 there already\n")
    said = typed(server_cli.import_answers, path, "--data", settings.data_dir)
    assert said.endswith(f", page 1: there already\n{path}: 0 stored, 1 there already\n")
    database.close()


def test_the_command_makes_no_database_out_of_a_mistyped_folder(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no such database"):
        typed(server_cli.import_answers, file_of(tmp_path, ("a", {})), "--data", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()

"""Nobody looks while a study runs: a report of it wants a reason, which is noted, and printed for ever after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from careful_guests import listened
from click.testing import CliRunner, Result
from flask import Flask
from server_guests import Guest
from sqlalchemy import select
from studio_people import csrf, database_of, inside, person

from analysis.cli import report
from mushra_app import ratings, stored_ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import RatingsError
from mushra_app.people import accounts, audit, tokens
from mushra_app.people.tables import AuditEntry
from mushra_app.publish import publish
from mushra_app.study import lifecycle, peeking
from mushra_app.study.study_cli import study

WHY = "the headphones of two listeners were broken"


@pytest.fixture
def rated(published: Database, either: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Three listeners finished; the study is open."""
    listened(published, 3)
    if either.database_url:
        monkeypatch.setenv("MUSHRA_DATABASE_URL", either.database_url)
    return published


def brought_to(database: Database, *statuses: str) -> None:
    with database.writing() as db:
        for status in statuses:
            lifecycle.move(db, lifecycle.current(db, "tiny"), status)


def peeked(database: Database) -> list[tuple[str, str]]:
    with database.reading() as db:
        entries = db.scalars(select(AuditEntry).where(AuditEntry.what == "peek").order_by(AuditEntry.id))
        return [(entry.who, entry.about) for entry in entries]


def reported(settings: Settings, stimuli: Path, out: Path, *more: str) -> Result:
    source = ["--data", str(settings.data_dir), "--study", "tiny", "--stimuli", str(stimuli)]
    return CliRunner().invoke(report, [*source, "--out", str(out), "--format", "json", *more])


@pytest.mark.parametrize("status", ["open", "paused"])
def test_ratings_of_a_running_study_are_not_read_without_a_reason(
    rated: Database, either: Settings, status: str
) -> None:
    brought_to(rated, *([status] if status != "open" else []))
    for reason in ("", " \n "):
        with pytest.raises(peeking.PeekError, match=r"tiny is still running.* --peek"):
            stored_ratings.read_database(either.data_dir, "tiny", peek=reason)
    with pytest.raises(peeking.PeekError, match="has 501 characters"):
        stored_ratings.read_database(either.data_dir, "tiny", peek="x" * 501)
    assert peeked(rated) == []
    found = stored_ratings.read_database(either.data_dir, "tiny", peek=f" {WHY}\n", who="ada")
    assert len(found.rows) == 45 and found.running and [one.reason for one in found.peeks] == [WHY]
    assert peeked(rated) == [("ada", f"tiny: {WHY}")]


def test_another_version_that_runs_makes_the_study_run(rated: Database, either: Settings, tmp_path: Path) -> None:
    import tiny_set

    brought_to(rated, "closed")
    assert not stored_ratings.read_database(either.data_dir, "tiny").running
    tiny_set.make(tmp_path / "next", experiment={"name": "tiny", "title": "Another", "contact": "lab@example.org"})
    publish(tmp_path / "next", rated, either)
    with pytest.raises(peeking.PeekError):
        stored_ratings.read_database(either.data_dir, "tiny", version=1)
    Guest(rated).finish()
    brought_to(rated, "closed")
    assert [len(stored_ratings.read_database(either.data_dir, "tiny", version=n).rows) for n in (1, 2)] == [45, 15]


def test_looks_at_a_study_whose_name_begins_alike_are_not_its_own(rated: Database) -> None:
    with rated.writing() as db:
        peeking.note(db, "ada", "tiny-two", "another")
        peeking.note(db, "ada", "tiny", "50%: odd_names")
        assert [one.reason for one in peeking.peeks(db, "tiny")] == ["50%: odd_names"]


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_a_report_is_refused_or_says_that_somebody_looked_and_so_does_the_last_one(
    rated: Database, either: Settings, stimuli: Path, tmp_path: Path
) -> None:
    refused = reported(either, stimuli, out := tmp_path / "report.json")
    assert "still running" in str(refused.exception) and not out.exists()
    early = reported(either, stimuli, out, "--peek", WHY)
    assert early.exit_code == 0, early.output
    told = json.loads(out.read_text())
    assert any(sentence.endswith(WHY) for sentence in told["deviations"])
    assert [(one["status"], one["why"]) for one in told["sections"]] == [("exploratory", "the study is still running")]
    brought_to(rated, "closed")
    assert reported(either, stimuli, out).exit_code == 0
    last = json.loads(out.read_text())
    assert last["deviations"] == told["deviations"] and "running" not in last["sections"][0]["why"]
    assert peeked(rated) == [("the command line", f"tiny: {WHY}")]


def test_who_closes_looks_and_opens_again_is_named_in_every_report(
    rated: Database, either: Settings, stimuli: Path
) -> None:
    brought_to(rated, "closed")
    with rated.reading() as db:
        closed_at = f"{lifecycle.current(db, 'tiny').closed_at:%Y-%m-%d %H:%M}"
    for reason, told in ((" \n", "was closed at .* results could be looked at"), ("x" * 501, "has 501 characters")):
        with pytest.raises(peeking.PeekError, match=told), rated.writing() as db:
            lifecycle.move(db, lifecycle.current(db, "tiny"), "open", reason=reason, who="ada")
    with pytest.raises(peeking.PeekError):
        publish(stimuli, rated, either)
    assert peeked(rated) == []
    data = ["--data", str(either.data_dir)]
    assert CliRunner().invoke(study, ["open", "tiny", *data]).exit_code
    done = CliRunner().invoke(study, ["open", "tiny", "--reason", WHY, *data])
    assert done.exit_code == 0, done.output
    note = f"tiny: closed at {closed_at}, results could be looked at, opened again: "
    assert peeked(rated) == [("the command line", note + WHY)]
    brought_to(rated, "paused", "open", "closed")  # who only paused has seen nothing
    assert publish(stimuli, rated, either, reason="some were ill").change == "back"
    assert [about.rpartition(": ")[2] for _, about in peeked(rated)] == [WHY, "some were ill"]


def test_a_version_was_closed_too_when_nothing_ran_in_its_place(
    rated: Database, either: Settings, tmp_path: Path
) -> None:
    import tiny_set

    tiny_set.make(tmp_path / "next", experiment={"name": "tiny", "title": "Another", "contact": "lab@example.org"})
    publish(tmp_path / "next", rated, either)
    brought_to(rated, "closed")
    for number in (2, 1):  # the second has no ratings, and says that nobody could look at any
        with rated.writing() as db:
            version = lifecycle.version_of(db, "tiny", number)
            assert peeking.needs_reason_to_reopen(db, version) is (number == 1)
            if number == 2:
                lifecycle.move(db, version, "open")
    with pytest.raises(peeking.PeekError), rated.writing() as db:
        lifecycle.move(db, lifecycle.version_of(db, "tiny", 1), "open")


def test_the_page_and_the_api_ask_for_the_reason(app: Flask) -> None:
    database = database_of(app)
    Guest(database).finish()
    browser = inside(app, person(database, "owner", "owner"))
    address = "/studio/tiny/versions/1/status"
    token = {"csrf_token": csrf(browser.get("/studio/account").text)}
    assert 'name="reason"' not in browser.get("/studio/tiny/").text
    assert browser.post(address, data=token | {"status": "closed"}).status_code == 303
    assert 'name="reason"' in browser.get("/studio/tiny/").text
    refused = browser.post(address, data=token | {"status": "open"})
    assert refused.status_code == 409 and "Give a reason why it is opened again" in refused.text
    assert browser.post(address, data=token | {"status": "open", "reason": WHY}).status_code == 303
    assert browser.post(address, data=token | {"status": "closed"}).status_code == 303
    with database.writing() as db:
        bearer = tokens.make(db, accounts.named(db, "owner"), "a program", may="change", days=30)

    def moved(**body: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = app.test_client().post("/api/v1/studies/tiny/versions/1/status", json=body, headers=headers)
        return answer.status_code

    assert [moved(status="open"), moved(status="open", reason="for a program")] == [409, 200]
    assert [(who, about.rpartition(": ")[2]) for who, about in peeked(database)] == [
        ("owner", WHY),
        ("owner", "for a program"),
    ]


def test_a_look_that_needs_no_reason_is_noted_where_it_is_said(rated: Database, either: Settings) -> None:
    assert stored_ratings.read_database(either.data_dir, "tiny", blind=True, look="how wide the intervals are").rows
    assert stored_ratings.read_database(either.data_dir, "tiny", blind=True).rows
    with rated.reading() as db:
        noted = [(one.who, one.what, one.about) for one in audit.latest(db)]
    assert noted == [("the command line", "look", "tiny: how wide the intervals are")]


def test_looks_travel_as_a_file(tmp_path: Path) -> None:
    looks = (ratings.Peek("2026-11-26T16:20+00:00", 'a "reason", with commas'),)
    ratings.write_peeks(tmp_path / "peeks.csv", looks)
    assert ratings.read_peeks(tmp_path / "peeks.csv") == looks
    for text in ("", "at\n", "at,reason\nonly one\n"):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(RatingsError, match=r"bad\.csv: "):
            ratings.read_peeks(tmp_path / "bad.csv")

"""The tab "Live": who is where, and that polling it costs next to nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import update
from studio_looks import live, seen_at, session_of, statements
from studio_people import database_of

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job, Listener, ListeningSession, Study
from mushra_app.publish import publish
from mushra_app.session import privacy
from mushra_app.studio.live import progress
from mushra_app.studio.live.pages import LivePage
from mushra_app.study import lifecycle, monitoring, recruiting, sittings
from mushra_app.table_base import now


def numbers(page: LivePage) -> dict[str, int]:
    return {count.state: count.number for count in page.counts}


# Who is where


def test_every_state_is_told_from_every_other(published: Database) -> None:
    guests = {name: Guest(published) for name in ("new", "now", "quiet", "finished", "withdrawn", "refused")}
    for name in ("now", "quiet"):
        guests[name].save(guests[name].trial())
    guests["finished"].finish()
    seen_at(published, guests["quiet"], now() - timedelta(minutes=16))
    with published.writing() as db:
        privacy.withdraw(db, db.get_one(Listener, session_of(published, guests["withdrawn"]).listener_id))
        db.get_one(ListeningSession, session_of(published, guests["refused"]).id).status = "refused"
    page = live(published)
    names = {session_of(published, guest).listener.pseudonym: name for name, guest in guests.items()}
    found = {names[row.listener]: (row.state, row.says, row.saved, row.trials) for row in page.sessions}
    assert found == {
        "new": ("now", "at trial 1 of 3", 0, 3),
        "now": ("now", "at trial 2 of 3", 1, 3),
        "quiet": ("stopped", "stopped at trial 2 of 3", 1, 3),
        "finished": ("finished", "finished", 3, 3),
        "withdrawn": ("withdrawn", "withdrawn", 0, 3),
        "refused": ("refused", "turned away by a check or an answer", 0, 3),
    }
    assert numbers(page) == {"": 6, "now": 2, "finished": 1, "stopped": 1, "withdrawn": 1, "refused": 1}
    assert [(bar.name, bar.count) for bar in page.stops] == [("1", 0), ("2", 1), ("3", 0)]
    assert [row.state for row in page.sessions][:3] == ["now", "now", "stopped"]
    assert [row.listener for row in live(published, state="stopped").sessions] == [page.sessions[2].listener]


def test_whose_place_is_free_again_is_said_apart_and_as_the_tab_people_counts(app: Flask, owner: FlaskClient) -> None:
    database = database_of(app)
    for _ in range(3):
        guest = Guest(database)
        guest.save(guest.trial())
        seen_at(database, guest, now() - timedelta(hours=25))
    Guest(database)
    assert "their places are free again" not in owner.get("/studio/tiny/live").text
    with database.writing() as db:
        recruiting.change(lifecycle.current(db, "tiny").study, {"capacity": 4, "free_after_h": 24})
    page = live(database)
    assert (page.given_free, page.free_after_h, numbers(page)["stopped"]) == (3, 24, 3)
    assert "3 listeners have saved nothing for 24 hours or longer" in owner.get("/studio/tiny/live").text
    people = " ".join(owner.get("/studio/tiny/listeners").text.split())
    assert "1 of 4" in people and "3 stopped, whose places are free again" in people and 'value="24"' in people


def test_who_has_saved_everything_is_at_the_last_questions(published: Database) -> None:
    guest = Guest(published)
    for _ in range(3):
        guest.save(guest.trial())
    (row,) = live(published).sessions
    assert (row.state, row.says) == ("now", "at the last questions")
    seen_at(published, guest, now() - timedelta(hours=1))
    page = live(published)
    assert page.sessions[0].says == "stopped at the last questions" and page.stops[-1].name == "end"


def test_pilots_and_simulated_listeners_are_marked_and_can_be_left_out(published: Database) -> None:
    assert live(published).kinds == ()
    _, _, pilot = Guest(published), Guest(published, simulated=True), Guest(published)
    with published.writing() as db:
        db.get_one(Listener, session_of(published, pilot).listener_id).pilot = True
    page = live(published)
    assert sorted((row.simulated, row.pilot) for row in page.sessions) == [(False, False), (False, True), (True, False)]
    assert [(kind.who, kind.number) for kind in page.kinds] == [
        ("all", 3),
        ("people", 1),
        ("pilot", 1),
        ("simulated", 1),
    ]
    for who in ("people", "pilot", "simulated"):
        chosen = live(published, who=who)
        assert numbers(chosen)[""] == 1 == len(chosen.sessions)
        assert (chosen.sessions[0].simulated, chosen.sessions[0].pilot) == (who == "simulated", who == "pilot")


def test_only_the_newest_save_of_a_trial_counts_and_other_studies_don_t(
    published: Database, either: Settings, stimuli: Path
) -> None:
    guest = Guest(published)
    page = guest.trial()
    guest.save(page, trial_s=10.0)
    guest.save(page, trial_s=20.0, revision=2)
    found = live(published).pace
    assert found and [(step.position, step.count, step.median) for step in found.steps] == [(1, 1, 20.0)]
    with published.writing() as db:
        db.execute(update(Study).values(name="older"))
    publish(stimuli, published, either)
    assert live(published).sessions == () and live(published).pace is None


def test_of_many_sessions_a_hundred_are_shown_until_all_are_wanted(published: Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(progress, "MOST_ROWS", 2)
    guests = [Guest(published) for _ in range(3)]
    seen_at(published, guests[0], now() - timedelta(hours=2))
    page, every = live(published), live(published, every=True)
    assert (len(page.sessions), page.in_view, len(every.sessions)) == (2, 3, 3)
    assert {row.state for row in page.sessions} == {"now"} and every.sessions[2].state == "stopped"


# Clocks


def test_a_clock_that_jumped_makes_no_age_negative_and_drops_nobody(published: Database) -> None:
    ahead, behind = Guest(published), Guest(published)
    seen_at(published, ahead, now() + timedelta(hours=3))  # saved before the clock was set back
    seen_at(published, behind, now() - timedelta(minutes=14))
    assert {row.state for row in live(published).sessions} == {"now"}
    assert {row.seen for row in live(published).sessions} == {"just now", "14 minutes ago"}
    done_at = now() + timedelta(days=1)
    with published.writing() as db:
        version = lifecycle.current(db, "tiny")
        job = monitoring.ask(db, Settings(), version, "screen", "ada")
        job.status, job.created_at = "failed", done_at
        db.get_one(ListeningSession, session_of(published, ahead).id).status = "finished"
        db.get_one(ListeningSession, session_of(published, ahead).id).finished_at = done_at + timedelta(minutes=1)
    assert live(published).ask, "a look that was asked for in the future must not stop all that follow"


# Polling


def test_what_has_not_changed_is_one_query_and_no_page(app: Flask, owner: FlaskClient) -> None:
    database = database_of(app)
    Guest(database)
    first = owner.get("/studio/tiny/live")
    known = {"If-None-Match": first.headers["ETag"]}
    with statements(database) as by_the_guard:
        owner.get("/studio/tiny/nosuch")
        owner.get("/studio/places/noise/tiny/nosuch")
    with statements(database) as asked:
        again = owner.get("/studio/tiny/live", headers=known)
    assert (again.status_code, again.data) == (304, b"") and first.headers["ETag"].startswith('W/"')
    ours = [said for said in asked if "login" not in said and "account" not in said and said != "BEGIN"]
    assert len(ours) == 1 and ours[0].startswith("SELECT sum(session.read_to)"), ours
    assert by_the_guard


def test_the_page_begins_with_its_own_tag(app: Flask, owner: FlaskClient) -> None:
    page = owner.get("/studio/tiny/live").text
    etag = page.partition('data-etag="')[2].partition('"')[0]
    answer = owner.get("/studio/tiny/live", headers={"If-None-Match": f'W/"{etag}"'})
    assert answer.status_code in (304, 200) and (answer.status_code == 304 or etag[-8:] not in answer.headers["ETag"])


def test_whatever_changes_the_page_changes_its_tag(published: Database, either: Settings) -> None:
    guest = Guest(published)
    moment = now()

    def tag() -> str:
        with published.reading() as db:
            return progress.tag(db, "tiny", moment)

    seen = [tag()]
    assert tag() == seen[0]

    def changed() -> bool:
        seen.append(tag())
        return seen[-1] not in seen[:-1]

    Guest(published)
    assert changed(), "somebody came"
    guest.pass_by(guest.page())
    assert changed(), "an answer"
    trial = guest.trial()
    assert changed(), "instructions that were read"
    guest.save(trial)
    assert changed(), "a save"
    guest.save(trial, revision=2)
    assert changed(), "the same trial saved again"
    with published.writing() as db:
        db.get_one(ListeningSession, session_of(published, guest).id).status = "withdrawn"
    assert changed(), "a withdrawal"
    with published.writing() as db:
        monitoring.ask(db, either, lifecycle.current(db, "tiny"), "screen", "ada")
    assert changed(), "a look that was asked for"
    for status in ("running", "failed"):
        with published.writing() as db:
            db.execute(update(Job).values(status=status))
        assert changed(), status
        if status == "running":
            with published.writing() as db:
                db.execute(update(Job).values(progress="the second of three"))
            assert changed(), "how far it is"
    with published.writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), "paused")
    assert changed(), "the study's state"
    moment += timedelta(seconds=31)
    assert changed(), "ages are in words"


def test_a_page_takes_the_same_few_queries_however_many_listeners_there_are(published: Database) -> None:
    def queries() -> int:
        with statements(published) as asked:
            live(published)
        return len(asked)

    Guest(published).finish()
    before = queries()
    for _ in range(3):
        Guest(published).finish()
    assert queries() == before <= 25


def test_the_sessions_are_read_as_rows_and_not_as_trials(published: Database) -> None:
    """A row per trial would make the page wait for the interpreter thousands of times among the listeners' saves."""
    for _ in range(2):
        Guest(published).finish()
    with published.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert len(db.execute(sittings._SITTINGS, {"study": version.study_id}).all()) == 2

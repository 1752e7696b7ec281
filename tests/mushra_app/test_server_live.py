"""The tab "Live": who is where, what the rules found, and that polling it costs next to nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import event, update
from studio_looks import done, jobs_of, looked_at, screening, seen_at, session_of, widths
from studio_people import AN_OWNER, csrf, database_of, inside, person

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Event, Job, Listener, ListeningSession, Save, Study
from mushra_app.people import audit
from mushra_app.publish import publish
from mushra_app.session import privacy
from mushra_app.studio.live import health, progress, sittings
from mushra_app.studio.live import listener as one_listener
from mushra_app.studio.live.pages import ListenerPage, LivePage, View
from mushra_app.study import lifecycle, monitoring, recruiting, work
from mushra_app.table_base import now
from stimuli.manifest import Manifest

PLACE = progress.Place("", Path())


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    return inside(app, person(database_of(app), "ada", "owner"))


def live(database: Database, **view: Any) -> LivePage:
    with database.reading() as db:
        return progress.live(db, "tiny", AN_OWNER, PLACE, View(**view))


def listener(database: Database, pseudonym: str) -> ListenerPage:
    with database.reading() as db:
        return one_listener.listener(db, "tiny", pseudonym, AN_OWNER)


def numbers(page: LivePage) -> dict[str, int]:
    return {count.state: count.number for count in page.counts}


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield said
    event.remove(database.engine, "before_cursor_execute", note)


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


# What the rules found


def test_a_look_is_asked_for_once_and_by_whoever_may_see_the_study(app: Flask, owner: FlaskClient) -> None:
    viewer = inside(app, person(database_of(app), "vera", "viewer", "tiny"))
    Guest(database_of(app)).finish()
    form = {"csrf_token": csrf(viewer.get("/studio/tiny/live").text)}
    for _ in range(2):
        answer = viewer.post("/studio/tiny/live/screen", data=form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/studio/tiny/live#quality")
    assert jobs_of(database_of(app)) == [("screen", "waiting")]
    assert "Waits for its turn" in viewer.get("/studio/tiny/live").text
    assert viewer.post("/studio/tiny/live/precision", data=form).status_code == 403
    assert (
        owner.post(
            "/studio/tiny/live/precision", data={"csrf_token": csrf(owner.get("/studio/tiny/live").text)}
        ).status_code
        == 303
    )
    with database_of(app).reading() as db:
        assert [(entry.who, entry.what) for entry in audit.latest(db)] == [("ada", "look")]


def test_the_page_asks_again_by_itself_only_where_somebody_has_finished_since(
    published: Database, either: Settings
) -> None:
    Guest(published)
    assert not live(published).ask and not live(published).finished
    first = Guest(published)
    first.finish()
    name = session_of(published, first).listener.pseudonym
    assert live(published).ask and live(published).finished
    done(published, either, "screen", screening(judged=(name,)))
    assert not live(published).ask
    Guest(published).finish()
    assert not live(published).ask, "not so soon after the last look"
    with published.writing() as db:
        db.execute(update(Job).values(created_at=now() - timedelta(minutes=5)))
    assert live(published).ask
    with published.writing() as db:
        monitoring.ask(db, either, lifecycle.current(db, "tiny"), "screen", "ada")
    assert not live(published).ask, "it waits already"


def test_verdicts_are_shown_by_rule_and_by_listener(published: Database, either: Settings) -> None:
    good, bad = Guest(published), Guest(published)
    names = []
    for guest in (good, bad):
        guest.finish()
        names.append(session_of(published, guest).listener.pseudonym)
    done(published, either, "screen", screening(names[1], judged=tuple(names)))
    page = live(published)
    assert [(rule.rule, rule.planned, rule.judged, rule.failed) for rule in page.quality.rules] == [
        ("bs1534-hidden-reference", True, 2, ((names[1], "2 of 2 trials"),)),
        ("too-fast", False, 2, ()),
    ]
    strips = {row.listener: row.strip for row in page.sessions}
    assert [bool(strips[name].crossed) for name in names if strips[name]] == [False, True]  # type: ignore[union-attr]
    assert (
        listener(published, names[1]).failed[0].reason == "2 of 2 trials" and not listener(published, names[0]).failed
    )
    done(published, either, "screen", "the stimulus set is gone")
    after = live(published)
    assert "only whoever asked" in after.works["screen"].sentence and after.quality.rules == page.quality.rules, (
        "the older look stays"
    )
    with published.reading() as db:
        asker = dataclasses.replace(AN_OWNER, name="ada")
        assert progress.live(db, "tiny", asker, PLACE).works["screen"].sentence == "the stimulus set is gone"


def test_verdicts_on_who_has_withdrawn_are_forgotten_and_asked_for_anew(published: Database, either: Settings) -> None:
    stays, goes = Guest(published), Guest(published)
    names = []
    for guest in (stays, goes):
        guest.finish()
        names.append(session_of(published, guest).listener.pseudonym)
    done(published, either, "screen", screening(names[1], judged=tuple(names)))
    with published.writing() as db:
        monitoring.ask(db, either, lifecycle.current(db, "tiny"), "screen", "ada")
        under_way = jobs.take(db, "a worker")
    with published.writing() as db:
        privacy.withdraw(db, db.query(Listener).filter_by(pseudonym=names[1]).one())
    with published.writing() as db:
        assert under_way and not jobs.end(db, under_way, output=json.dumps(screening(names[1], judged=tuple(names))))
        assert [(job.status, job.output) for job in db.query(Job).order_by(Job.id)] == [("done", ""), ("waiting", "")]
        again = jobs.take(db, "a worker")
        assert again and again.id == under_way.id
        jobs.end(db, again, output="", reason="away")
    assert live(published).quality.rules == () and live(published).ask
    done(published, either, "screen", screening(judged=(names[0],)))
    assert len(live(published).quality.rules) == 2 and not live(published).ask


def test_a_look_at_another_version_says_nothing_of_this_one(published: Database, either: Settings) -> None:
    done(published, either, "screen", screening(judged=("L",)) | {"study_id": "of an older version"})
    assert live(published).quality.rules == ()


def test_widths_are_held_against_the_plan_and_nothing_else_is_said(
    app: Flask, owner: FlaskClient, settings: Settings
) -> None:
    looked_at(database_of(app), settings)
    said = owner.get("/studio/tiny/live").text
    assert "they are no reason to end it earlier" in said and "± 4.2" in said and "no interval yet" in said
    assert "The plan lets the test end here" not in said
    with database_of(app).writing() as db:
        version = lifecycle.current(db, "tiny")
        version.experiment = version.experiment | {"analysis": version.experiment["analysis"] | {"precision": 5.0}}
    assert "The plan lets the test end here" not in owner.get("/studio/tiny/live").text, "one has no interval"
    done(database_of(app), settings, "precision", widths(4.2, 5.0))
    assert "The plan lets the test end here" in owner.get("/studio/tiny/live").text
    done(database_of(app), settings, "precision", widths(4.2, 5.1))
    assert "The plan lets the test end here" not in owner.get("/studio/tiny/live").text


def test_no_page_of_a_running_study_names_a_condition(
    app: Flask, owner: FlaskClient, settings: Settings, manifest: Manifest
) -> None:
    name = looked_at(database_of(app), settings)
    systems = {clip.condition for clip in manifest.clips} - {"reference"}
    for address in ("live", f"listeners/{name}"):
        said = owner.get(f"/studio/tiny/{address}").text
        assert name in said and not [system for system in systems if system in said], address


# One listener


def test_a_listeners_page_tells_their_way_and_no_rating(published: Database, either: Settings) -> None:
    guest = Guest(published)
    page = guest.trial()
    sounds = [sound.token for sound in page.sounds]
    events = [
        {"at_s": 1.0, "kind": "play", "sound": sounds[0], "value": None},
        {"at_s": 3.0, "kind": "switch", "sound": sounds[1], "value": None},
        {"at_s": 3.5, "kind": "slider", "sound": sounds[1], "value": 61.7},
        {"at_s": 5.0, "kind": "pause", "sound": None, "value": None},
    ]
    guest.save(page, events=events, comment="It <crackles>", trial_s=6.0)
    found = listener(published, session_of(published, guest).listener.pseudonym)
    (part,) = found.parts
    first = part.trials[0]
    assert (part.says, first.state, first.comment, first.seconds) == ("at trial 2 of 3", "saved", "It <crackles>", 6.0)
    assert first.timeline and part.trials[1].timeline is None
    lanes = {lane.name: (lane.heard_s, lane.moved) for lane in first.timeline.lanes}
    assert lanes["1"] == (2.0, 0) and lanes["2"] == (2.0, 1) and lanes["Reference"] == (0.0, 0)
    assert "61.7" not in repr(dataclasses.asdict(found))


def test_a_listener_who_is_not_there_is_said_not_to_be(app: Flask, owner: FlaskClient) -> None:
    answer = owner.get("/studio/tiny/listeners/L-nobody")
    assert answer.status_code == 404 and "no listener L-nobody" in answer.text


def test_a_listeners_page_takes_few_queries_however_long_the_log(published: Database) -> None:
    guest = Guest(published)
    guest.finish()
    name = session_of(published, guest).listener.pseudonym
    with statements(published) as before:
        listener(published, name)
    with published.writing() as db:
        save = db.query(Save).first()
        assert save is not None
        db.add_all([Event(save_id=save.id, at_s=float(n), kind="blur") for n in range(50)])
    with statements(published) as after:
        listener(published, name)
    assert len(after) == len(before) <= 25


# Health


def test_a_worker_that_is_not_there_is_missed(published: Database, either: Settings, tmp_path: Path) -> None:
    def found() -> health.Health:
        with published.reading() as db:
            return health.health(db, tmp_path, now())

    guest = Guest(published)
    guest.save(guest.trial())
    assert (found().saves_per_minute, found().waiting, found().no_worker) == (1, 0, False)
    with published.writing() as db:
        monitoring.ask(db, either, lifecycle.current(db, "tiny"), "screen", "ada")
    assert (found().waiting, found().no_worker) == (1, False), "it may be on its way"
    with published.writing() as db:
        db.execute(update(Job).values(created_at=now() - timedelta(minutes=1)))
    assert found().no_worker
    for seconds, missed in ((-1, False), (1, True)):  # the work itself says the same at the same time
        with published.writing() as db:
            db.execute(update(Job).values(created_at=now() - jobs.PATIENCE - timedelta(seconds=seconds)))
            assert work.standing(db, db.query(Job).one(), "tiny", "ada").worker_missing is missed
        assert found().no_worker is missed
    with published.writing() as db:
        monitoring.ask(db, either, lifecycle.current(db, "tiny"), "precision", "ada")
        db.execute(update(Job).where(Job.kind == "screen").values(status="running", heartbeat_at=now()))
    assert (found().running, found().no_worker) == (1, False)
    seen_at(published, guest, now() - timedelta(minutes=2))
    assert found().saves_per_minute == 0


def test_the_sessions_are_read_as_rows_and_not_as_trials(published: Database) -> None:
    """A row per trial would make the page wait for the interpreter thousands of times among the listeners' saves."""
    for _ in range(2):
        Guest(published).finish()
    with published.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert len(db.execute(sittings._SITTINGS, {"study": version.study_id}).all()) == 2

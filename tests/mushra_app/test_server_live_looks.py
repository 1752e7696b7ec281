"""The tab "Live": what the rules found in a running study, the page of one listener, and the worker that looks."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import update
from studio_looks import PLACE, done, jobs_of, live, looked_at, screening, seen_at, session_of, statements, widths
from studio_people import AN_OWNER, csrf, database_of, inside, person

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Event, Job, Listener, Save
from mushra_app.people import audit
from mushra_app.session import privacy
from mushra_app.studio.live import health, progress
from mushra_app.studio.live import listener as one_listener
from mushra_app.studio.live.pages import ListenerPage
from mushra_app.study import lifecycle, monitoring, work
from mushra_app.table_base import now
from stimuli.manifest import Manifest


def listener(database: Database, pseudonym: str) -> ListenerPage:
    with database.reading() as db:
        return one_listener.listener(db, "tiny", pseudonym, AN_OWNER)


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


def finished(database: Database, count: int) -> list[str]:
    """Pseudonyms of so many who heard all of the test."""
    guests = [Guest(database) for _ in range(count)]
    for guest in guests:
        guest.finish()
    return [session_of(database, guest).listener.pseudonym for guest in guests]


def test_verdicts_are_shown_by_rule_and_by_listener(published: Database, either: Settings) -> None:
    names = finished(published, 2)
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
    names = finished(published, 2)
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

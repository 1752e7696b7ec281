"""The queue of jobs: asked for once, taken once, given up after two dead workers; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.models import Job, now


def asked(database: Database, *argv: str, kind: str = "check") -> int:
    with database.writing() as db:
        job = jobs.ask(db, kind, argv)
        db.flush()
        return job.id


def taken(database: Database, worker: str = "one") -> jobs.Taken:
    with database.writing() as db:
        found = jobs.take(db, worker)
    assert found
    return found


def forget(database: Database, job: int, ago_s: float = jobs.STALE_S + 1) -> None:
    """As if its worker had been killed a while ago."""
    with database.writing() as db:
        db.execute(update(Job).where(Job.id == job).values(heartbeat_at=now() - timedelta(seconds=ago_s)))


def state(database: Database, job: int) -> tuple[str, int, str]:
    with database.reading() as db:
        found = db.get_one(Job, job)
        return found.status, found.attempts, found.reason


def test_the_same_job_asked_for_twice_is_one_until_it_has_ended(database: Database) -> None:
    first = asked(database, "set")
    assert asked(database, "set") == first != asked(database, "set", "--strict")
    assert asked(database, "set", kind="report") != first
    job = taken(database)
    assert job.id == first == asked(database, "set")
    with database.writing() as db:
        assert jobs.end(db, job, output="[]")
    assert asked(database, "set") != first


def test_many_who_ask_at_once_get_one_job(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: asked(database, "set"), range(24)))
    with database.reading() as db:
        assert len(set(found)) == 1 == db.scalar(select(func.count(Job.id)))


def test_only_what_the_table_holds_is_a_job(database: Database) -> None:
    with (
        database.writing() as db,
        pytest.raises(AppError, match="no kind 'rm'; expected one of report, plan, preregister, bundle"),
    ):
        jobs.ask(db, "rm", ["-rf", "/"])


def test_two_who_take_at_the_same_moment_get_two_jobs(database: Database, either: Settings) -> None:
    """The second one takes while the first one's transaction is still open."""
    one, two = asked(database, "one"), asked(database, "two")
    other, begun = Database(either), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as db:
            first = jobs.take(db, "first")
            db.flush()
            later = pool.submit(lambda: (begun.set(), taken(other, "second"))[1])
            begun.wait()
            threading.Event().wait(0.3)
        second = later.result(timeout=30)
    other.close()
    assert first and (first.id, second.id) == (one, two)
    assert state(database, one)[:2] == state(database, two)[:2] == ("running", 1)


def test_a_job_whose_worker_died_is_taken_up_again_once(database: Database) -> None:
    number = asked(database, "set")
    first = taken(database, "first")
    with database.writing() as db:
        assert not jobs.is_free(db) and jobs.take(db, "second") is None
    forget(database, number)
    second = taken(database, "second")
    with database.writing() as db:
        assert not jobs.beat(db, first) and not jobs.end(db, first, output="late") and not jobs.hand_back(db, first)
        assert jobs.beat(db, second)
    forget(database, number)
    with database.writing() as db:
        assert jobs.take(db, "third") is None
    assert state(database, number) == ("failed", 2, "2 workers died while they ran it; it was not tried again")


def test_a_heartbeat_that_lies_ahead_keeps_no_job_after_the_clock_was_set_back(database: Database) -> None:
    number, waits_since = asked(database, "set"), now() - 2 * jobs.PATIENCE
    living = taken(database, "living")
    forget(database, number, -jobs.STALE_S + 10)  # a second machine's clock
    with database.reading() as db:
        assert not jobs.is_free(db) and not jobs.no_worker(db, waits_since)
    forget(database, number, -86400)
    with database.writing() as db:
        assert jobs.is_free(db) and jobs.no_worker(db, waits_since)
        assert jobs.beat(db, living) and not jobs.is_free(db), "who lives says so by the new clock"
    forget(database, number, -86400)
    assert taken(database, "second").id == number


def test_a_job_handed_back_was_never_begun_and_is_the_next(database: Database) -> None:
    number = asked(database, "set")
    asked(database, "another")
    for _ in range(4):
        with database.writing() as db:
            job = jobs.take(db, "one")
            assert job and job.id == number and jobs.hand_back(db, job)
    assert state(database, number) == ("waiting", 0, "")

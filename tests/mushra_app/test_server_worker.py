"""Real ``mushra worker`` processes on both databases: each job once, limits for all that it starts, sudden deaths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from job_workers import Workers, lives, wait_for

from mushra_app import jobs, schema, worker_cli
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job
from mushra_app.security import letters_key
from mushra_app.worker import Worker
from stimuli.starter import write_example


@pytest.fixture
def workers(database: Database, either: Settings, tmp_path: Path) -> Iterator[Workers]:
    """Workers on an empty database."""
    (folder := tmp_path / "scripts").mkdir()
    found = Workers(database, either, folder)
    yield found
    found.close()


sqlite_alone = pytest.mark.parametrize("either", ["sqlite"], indirect=True)
"""For what is the same on the other database."""


def quiet(file: Path) -> bool:
    """Whether nobody writes to the file any more."""
    before = lives(file)
    time.sleep(0.3)
    return lives(file) == before


def test_two_workers_run_twenty_jobs_each_exactly_once(workers: Workers, tmp_path: Path) -> None:
    files = [tmp_path / f"job {n}" for n in range(20)]
    for worker in (workers.start(), workers.start()):
        assert worker.stdout and worker.stdout.readline() == "waiting for jobs; stop with Ctrl-C\n"
    numbers = [workers.ask("live", file, 0.05) for file in files]
    wait_for(workers.all_ended)
    assert [len(lives(file)) for file in files] == [1] * 20
    found = [workers.job(number) for number in numbers]
    assert {(job.status, job.attempts, job.output) for job in found} == {("done", 1, "lived\n")}
    assert len({job.worker for job in found}) == 2


@sqlite_alone
def test_the_key_of_the_letters_goes_to_whom_it_is_for_and_by_no_argument(
    database: Database, either: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_it = (sys.executable, "-c", "import os; print(os.environ.get('MUSHRA_LETTERS_KEY'))")
    assert jobs.KINDS["precision"].keyed and [kind for kind in jobs.KINDS.values() if kind.keyed] == [
        jobs.KINDS["precision"]
    ]
    for name, keyed in (("told", True), ("not told", False)):
        monkeypatch.setitem(jobs.KINDS, name, jobs.Kind(say_it, keyed=keyed))
        with database.writing() as db:
            jobs.ask(db, name, [])
    worker = Worker(database, either, stale_s=60, say=str)
    assert [worker.work(once=True) for _ in range(2)] == [1, 1]
    with database.reading() as db:
        told, not_told = (job.output.strip() for job in db.query(Job).order_by(Job.id))
    assert told == letters_key(either) and len(told) == 64 and not_told == "None"


def test_a_killed_workers_job_is_taken_up_once_and_never_runs_twice_at_a_time(workers: Workers, tmp_path: Path) -> None:
    number = workers.ask("live", file := tmp_path / "alive", 60, "and a child")
    for deaths in (1, 2):
        worker = workers.start(stale_s=3)
        wait_for(lambda count=2 * deaths: len(lives(file)) == count)
        other = workers.start(stale_s=3)
        time.sleep(0.5)
        assert workers.job(number).attempts == deaths and len(lives(file)) == 2 * deaths, "a living worker was robbed"
        other.terminate()
        other.wait(timeout=20)
        worker.kill()
        worker.wait()
        wait_for(lambda: quiet(file), 3)
    workers.start(stale_s=3)
    wait_for(workers.all_ended)
    job, (first, second) = workers.job(number), sorted(lives(file).values())[1:3]
    assert first[1] < second[0], "the first one's processes were gone before the second one's began"
    assert len(lives(file)) == 4 and (job.status, job.attempts) == ("failed", 2)
    assert job.reason == "2 workers died while they ran it; it was not tried again"


@sqlite_alone
def test_what_a_killed_worker_ran_ends_at_once_and_not_when_its_time_is_up(workers: Workers, tmp_path: Path) -> None:
    workers.ask("live", file := tmp_path / "alive", 60, "and a child")
    worker = workers.start(stale_s=60)
    wait_for(lambda: len(lives(file)) == 2)
    worker.kill()
    wait_for(lambda: quiet(file), 10)


@sqlite_alone
@pytest.mark.skipif(os.name != "posix", reason="SIGSTOP")
def test_a_worker_that_hangs_loses_job_and_child(workers: Workers, tmp_path: Path) -> None:
    number = workers.ask("live", file := tmp_path / "alive", 5)
    hanging = workers.start(stale_s=3)
    wait_for(lambda: lives(file))
    hanging.send_signal(signal.SIGSTOP)
    workers.start(stale_s=3)
    wait_for(lambda: len(lives(file)) == 2)
    hanging.send_signal(signal.SIGCONT)
    wait_for(workers.all_ended)
    first, second = sorted(lives(file).values())
    assert first[1] < second[0] and (workers.job(number).status, workers.job(number).attempts) == ("done", 2)


@sqlite_alone
def test_the_time_limit_ends_what_the_job_started_too(workers: Workers, tmp_path: Path) -> None:
    number = workers.ask("live", file := tmp_path / "alive", 60, "and a child")
    began = time.monotonic()
    workers.here(job_time_limit_s=1.5)
    assert time.monotonic() - began < 15 and len(lives(file)) == 2 and quiet(file)
    assert workers.job(number).reason == "ran longer than 1.5 s (job_time_limit_s) and was ended"


@sqlite_alone
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_hands_its_job_back(workers: Workers, tmp_path: Path, stop: signal.Signals) -> None:
    number = workers.ask("live", file := tmp_path / "alive", 60, "and a child")
    worker = workers.start()
    wait_for(lambda: len(lives(file)) == 2)
    worker.send_signal(stop)
    said, _ = worker.communicate(timeout=20)
    assert worker.returncode == 0 and said.endswith(f"job {number} (live): handed back\nstopped\n") and quiet(file)
    job = workers.job(number)
    assert (job.status, job.attempts, job.worker, job.heartbeat_at) == ("waiting", 0, None, None)


@sqlite_alone
def test_the_memory_limit_holds_and_says_its_setting(workers: Workers) -> None:
    pytest.importorskip("resource")
    greedy, modest = workers.ask("eat", 2000), workers.ask("eat", 40)
    workers.here(2, job_memory_mb=1024)
    assert workers.job(greedy).reason == "needed more memory than 1024 MB (job_memory_mb)"
    assert (workers.job(modest).status, workers.job(modest).output) == ("done", "40000000\n")


@sqlite_alone
def test_what_is_printed_is_kept_and_too_much_ends_the_job(workers: Workers) -> None:
    kept, flood = workers.ask("print", "é\n", 60_000), workers.ask("flood")
    too_long = workers.ask("print", "é" * 100_000, 1)  # the system takes no such argument
    workers.here(3)
    assert (workers.job(kept).output, workers.job(kept).reason) == ("é\n" * 60_000, "")
    assert workers.job(too_long).reason == "can't be started: Argument list too long"
    job = workers.job(flood)
    assert job.reason == "printed more than 20 MB; only the beginning is kept" and job.status == "failed"
    assert 19_900_000 < len(job.output) <= 20_000_000


@sqlite_alone
def test_a_command_that_fails_says_why(workers: Workers) -> None:
    failed, answer, crash = workers.ask("fail"), workers.ask("exit", 1, "[]"), workers.ask("exit", 1, "")
    unknown = workers.ask("of a newer release")
    workers.here(4)
    job = workers.job(failed)
    assert job.status == "failed" and job.reason.startswith("ended with exit code 3: x")
    assert job.output.startswith("half\nx") and job.output.endswith("no such\ufffd song: ä\n")
    assert len(job.output.encode()) <= 20_100
    assert (workers.job(answer).status, workers.job(answer).output) == ("done", "[]")
    assert workers.job(crash).reason == "ended with exit code 1"
    assert workers.job(unknown).reason == "this release has no jobs of the kind 'of a newer release'"


@sqlite_alone
def test_how_far_a_job_is_can_be_read_while_it_runs_and_costs_nothing_of_what_it_says(workers: Workers) -> None:
    number = workers.ask("tell", 6)
    worker = workers.start("--once")
    wait_for(lambda: workers.job(number).progress)
    assert (workers.job(number).progress, workers.job(number).status) == ("a half", "running")
    worker.wait(timeout=60)
    assert workers.job(number).status == "done"


@sqlite_alone
def test_once_with_nothing_to_do_says_so(workers: Workers) -> None:
    assert workers.once() == "no job is waiting\nstopped\n"


@sqlite_alone
def test_the_houses_own_commands_are_run(workers: Workers, tmp_path: Path, stimuli: Path) -> None:
    write_example(tmp_path / "experiment.toml")
    with workers.database.writing() as db:
        good = jobs.ask(db, "check", [str(tmp_path / "experiment.toml"), "--format", "json"])
        bad = jobs.ask(db, "report", ["no ratings.csv", "--stimuli", str(stimuli), "--out", "report.html"])
        db.flush()
        numbers = good.id, bad.id
    workers.here(2)
    checked, reported = map(workers.job, numbers)
    assert checked.status == "done" and {"rule", "passed"} <= json.loads(checked.output)[0].keys()
    assert reported.status == "failed" and "mushra: no ratings.csv" in reported.reason
    assert jobs.KINDS["check"].command == (sys.executable, "-P", "-m", "mushra_app.cli", "check")


def test_a_worker_waits_for_the_server_that_makes_the_database(settings: Settings) -> None:
    command = (sys.executable, "-m", "mushra_app.cli", "worker", "--data", str(settings.data_dir))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as worker:
        assert worker.stdout and "no such database yet; waiting 30 s" in worker.stdout.readline()
        (database := Database(settings)).close()
        schema.require(database, settings)  # as the server does at its start
        assert worker.stdout.readline() == "waiting for jobs; stop with Ctrl-C\n"
        worker.terminate()
        assert worker.wait(timeout=20) == 0


def test_a_worker_on_a_mistyped_folder_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_cli, "WAIT_S", 0)
    done = CliRunner().invoke(worker_cli.worker, ["--data", str(tmp_path / "nowhere")])
    assert "start the server first: mushra serve --data" in str(done.exception)
    assert not (tmp_path / "nowhere").exists()

"""Worker processes for the tests, over a table of jobs that holds small scripts instead of other rooms' commands."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job
from mushra_app.worker import Worker

SCRIPTS = {
    # Says when it lives, a line each 20 ms: process, time. What it starts says so too.
    "live": """
        import os, subprocess, sys, time
        until = time.monotonic() + float(sys.argv[2])
        if sys.argv[3:]:
            subprocess.Popen([sys.executable, "-c", open(__file__).read(), sys.argv[1], sys.argv[2]])
        while time.monotonic() < until:
            with open(sys.argv[1], "a") as file:
                print(os.getpid(), time.monotonic(), file=file)
            time.sleep(0.02)
        print("lived")
    """,
    "print": "import sys; print(sys.argv[1] * int(sys.argv[2]), end='')",
    "fail": "import sys; print('half'); print('x' * 30_000, 'no such\\0 song: ä', file=sys.stderr); sys.exit(3)",
    "exit": "import sys; print(sys.argv[2], end=''); sys.exit(int(sys.argv[1]))",
    "eat": "import sys; print(len(bytearray(int(sys.argv[1]) * 1_000_000)))",
    "tell": """
        import os, sys, time
        print("progress: a half\\nsomething else\\nprogress: not who", end="", file=sys.stderr, flush=True)
        time.sleep(float(sys.argv[1]))
        print("le\\n" + os.environ["MUSHRA_JOB"], file=sys.stderr)
    """,
    "flood": "while True: print('x' * 1_000_000)",
}

CODE = """
import sys
from mushra_app import jobs
jobs.STALE_S = float(sys.argv[1])
for name in {names!r}:
    jobs.KINDS[name] = jobs.Kind((sys.executable, {folder!r} + "/" + name + ".py"), answers=(0, 1))
from mushra_app.worker_cli import worker
worker(sys.argv[2:])
"""


class Workers:
    """Starts workers on one database, and asks what became of the jobs."""

    def __init__(self, database: Database, settings: Settings, folder: Path) -> None:
        self.database, self.settings, self.folder = database, settings, folder
        self.started: list[subprocess.Popen[str]] = []
        for name, text in SCRIPTS.items():
            (folder / f"{name}.py").write_text(f"__file__ = {str(folder / name)!r} + '.py'\n{textwrap.dedent(text)}")

    def start(self, *arguments: str, stale_s: float = 60, **limits: object) -> subprocess.Popen[str]:
        """A worker process; limits are settings."""
        code = CODE.format(names=list(SCRIPTS), folder=str(self.folder))
        said = {f"MUSHRA_{name.upper()}": str(value) for name, value in limits.items()}
        if self.settings.database_url:
            said["MUSHRA_DATABASE_URL"] = self.settings.database_url
        command = [sys.executable, "-c", code, str(stale_s), "--data", str(self.settings.data_dir), *arguments]
        made = subprocess.Popen(command, env=os.environ | said, stdout=subprocess.PIPE, text=True)
        self.started.append(made)
        return made

    def once(self, **limits: object) -> str:
        """Let a worker process do one job; what it said."""
        said, _ = (made := self.start("--once", **limits)).communicate(timeout=60)
        assert made.returncode == 0, said
        return said

    def here(self, jobs_to_do: int = 1, **limits: Any) -> None:
        """Let a worker in this process do so many jobs, one by one: the job is a process of its own all the same."""
        scripts = {name: jobs.Kind((sys.executable, f"{self.folder / name}.py"), answers=(0, 1)) for name in SCRIPTS}
        with mock.patch.dict(jobs.KINDS, scripts):
            worker = Worker(self.database, self.settings.model_copy(update=limits), stale_s=60, say=str)
            assert [worker.work(once=True) for _ in range(jobs_to_do)] == [1] * jobs_to_do

    def ask(self, kind: str, *argv: object) -> int:
        """Put one of the scripts in, as ``jobs.ask`` would if it knew it."""
        with self.database.writing() as db:
            count = db.scalar(select(func.count(Job.id)))
            db.add(job := Job(kind=kind, argv=[str(argument) for argument in argv], key=f"test {count}"))
            db.flush()
            return job.id

    def job(self, number: int) -> Job:
        """How a job stands."""
        with self.database.reading() as db:
            return db.scalars(select(Job).where(Job.id == number).options(undefer(Job.output))).one()

    def all_ended(self) -> bool:
        """Whether no job is under way."""
        with self.database.reading() as db:
            return not db.scalar(select(func.count(Job.id)).where(Job.status.in_(("waiting", "running"))))

    def close(self) -> None:
        """End what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)
            if process.stdout:
                process.stdout.close()


def wait_for(true: Callable[[], object], most_s: float = 40) -> None:
    """Wait until it is."""
    until = time.monotonic() + most_s
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


def lives(file: Path) -> dict[int, tuple[float, float]]:
    """For every process that wrote to the file: when it was first and last alive."""
    found: dict[int, tuple[float, float]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        process, at = int(line.split()[0]), float(line.split()[1])
        found[process] = (found.get(process, (at, at))[0], at)
    return found

"""What an open studio costs listeners, and how long its pages take: a study of 500 sessions, and sixteen who save.

A real ``mushra serve`` over SQLite, or gunicorn as it is shipped over PostgreSQL. Sixteen listeners save a trial every
quarter of a second each, a hundred times as often as people do. In turn, repeated: without the studio; with it open,
which means that two browsers follow the tab Live as its script does and somebody goes through all pages, one every two
seconds; and with pages asked for four times as often, for their times alone. Rules and widths have been looked at, so
that the pages hold all that they can. Each page was asked for once before. The load comes from the same cores.

    make bench, or: python tests/bench/bench_studio.py             prints and writes tests/bench/results/studio.json
    python tests/bench/bench_studio.py --gunicorn                  the same, and studio_gunicorn.json
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import bench_stimuli
import load
import outcome

HERE = Path(__file__).resolve()
sys.path.append(str(HERE.parents[1] / "mushra_app"))  # as pytest has it: these are modules of the tests

import postgresql_server  # noqa: E402
from durability import Gunicorn, Serve, published  # noqa: E402
from many_sessions import Place, stock  # noqa: E402
from sqlalchemy import func, select, update  # noqa: E402

from mushra_app import schema  # noqa: E402
from mushra_app.config import Settings  # noqa: E402
from mushra_app.db import Database  # noqa: E402
from mushra_app.models import Listener, ListeningSession, Save  # noqa: E402
from mushra_app.people import logins  # noqa: E402
from mushra_app.security import secret_key  # noqa: E402
from mushra_app.study import lifecycle, monitoring  # noqa: E402

RESULTS = HERE.parent / "results"
LISTENERS, TRIALS, SYSTEMS, SESSIONS = 16, 20, 5, 500
SAVE_EVERY_S, POLL_EVERY_S, TABS = 0.25, 3.0, 2
CLOSED, OPEN, ASKED = None, 2.0, 0.5
"""How the studio is used: seconds from page to page, None where it is not."""
WARM_ROUNDS, WARM_S = 3, 2.0
"""The first pages start the processes that make pages; asked again, their templates are compiled too."""
PAGES = {
    "studies": "/studio/",
    "test": "/studio/tiny/",
    "live": "/studio/tiny/live",
    "live, every session": "/studio/tiny/live?every=",
    "listener": "/studio/tiny/listeners/L-stored0",
    "results": "/studio/tiny/results",
}
AT_MOST = {"slowest page, p95 in ms": 200.0, "p99 of saves, studio open / closed": 1.3}


class Shipped(Gunicorn):
    """gunicorn with the workers and threads that it has where nothing is set."""

    size: ClassVar[dict[str, str]] = {}


class World:
    """A data folder to begin each run from, and what is saved in it.

    ``postgresql`` is the address of a server; without one the database is SQLite's, and ``mushra serve`` serves it.
    """

    def __init__(self, folder: Path, *, sessions: int, seconds: float, postgresql: str = "") -> None:
        self.folder, self.seconds, self.postgresql = folder, seconds, postgresql
        self.start = settings = self._settings(folder / "start")
        database = Database(settings)
        schema.require(database, settings)
        published(folder / "set", database, settings, trials=TRIALS, systems=SYSTEMS)
        stock(database, sessions, "stored", saved=True)
        per_listener = round(seconds / SAVE_EVERY_S) + TRIALS
        self.places = stock(database, LISTENERS * (per_listener // TRIALS + 1), "fresh")
        _finish(database)
        for kind in ("screen", "precision"):
            with database.writing() as db:
                monitoring.ask(db, settings, lifecycle.current(db, "tiny"), kind, "the bench")
            worker = [sys.executable, "-m", "mushra_app.cli", "worker", "--data", str(settings.data_dir), "--once"]
            own = {"MUSHRA_DATABASE_URL": settings.database_url} if settings.database_url else {}
            subprocess.run(worker, check=True, stdout=subprocess.DEVNULL, env=os.environ | own)
        with database.reading() as db:
            version = lifecycle.current(db, "tiny")
            looks = [monitoring.latest(db, version, kind, "the bench") for kind in ("screen", "precision")]
        assert all(look.found for look in looks), [look.work for look in looks]
        database.close()

    def run(self, page_every_s: float | None) -> dict[str, list[float]]:
        """Seconds of every save, and of every page by its name."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            shutil.copytree(self.start.data_dir, Path(name) / "data")
            settings = self._settings(Path(name) / "data", like=self.start.database_url or "")
            database = Database(settings)
            with database.writing() as db:
                cookie = _cookie(settings, logins.begin(db, None))
                before = db.scalar(select(func.count()).select_from(Save)) or 0
            server = Shipped(settings) if self.postgresql else Serve(settings)
            try:
                crowd = Crowd(server.port, self.places, cookie, self.seconds)
                with ThreadPoolExecutor(1) as apart:  # Playwright keeps a loop running on the thread of the tests
                    found = apart.submit(asyncio.run, crowd.work(page_every_s)).result()
            finally:
                server.close()
            with database.reading() as db:
                stored = (db.scalar(select(func.count()).select_from(Save)) or 0) - before
            database.close()
        assert stored == len(found["save"]), f"stored {stored}, answered {len(found['save'])}"
        return found

    def _settings(self, data_dir: Path, like: str = "/template1") -> Settings:
        """Of a new database, a copy of the one at the address ``like``; SQLite's lies in the folder."""
        if not self.postgresql:
            return Settings(data_dir=data_dir)
        address = postgresql_server.new_database(self.postgresql, like.rpartition("/")[2])
        return Settings(data_dir=data_dir, database_url=address)


def _finish(database: Database) -> None:
    """All stored sessions are finished, but for each tenth, which stopped or is under way."""
    with database.writing() as db:
        own = db.scalars(select(ListeningSession.id).join(Listener).where(Listener.pseudonym.like("L-stored%"))).all()
        done = [number for count, number in enumerate(own) if count % 10]
        values = {"status": "finished", "finished_at": datetime.now(UTC) - timedelta(hours=1)}
        db.execute(update(ListeningSession).where(ListeningSession.id.in_(done)).values(values))


def _cookie(settings: Settings, token: str) -> str:
    """What a browser that is in the studio sends."""
    from flask import Flask
    from flask.sessions import SecureCookieSessionInterface

    app = Flask("bench")
    app.secret_key = secret_key(settings)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    return f"mushra={signer.dumps({'_user_id': token})}"


class Crowd:
    """Listeners and experimenters on one thread, each with a connection that is kept."""

    def __init__(self, port: int, places: list[Place], cookie: str, seconds: float) -> None:
        self.port, self.places, self.cookie, self.seconds = port, places, cookie, seconds
        self.times: dict[str, list[float]] = defaultdict(list)
        self.until = 0.0

    async def work(self, page_every_s: float | None) -> dict[str, list[float]]:
        """Everybody at once, until the time is over; templates are compiled and statements put together before."""
        await asyncio.gather(*(self.warm() for _ in range(TABS)))
        self.times.clear()
        self.until = time.perf_counter() + self.seconds
        share = len(self.places) // LISTENERS
        everybody = [self.listener(n, self.places[n * share : (n + 1) * share]) for n in range(LISTENERS)]
        if page_every_s is not None:
            everybody += [self.reader(page_every_s), *(self.follower() for _ in range(TABS))]
        await asyncio.gather(*everybody)
        return dict(self.times)

    async def warm(self) -> None:
        """Ask for every page a few times."""
        async with self.connection() as ask:
            for _ in range(WARM_ROUNDS):
                for name, path in PAGES.items():
                    await ask(name, self.get(path))
                await asyncio.sleep(WARM_S)

    async def listener(self, number: int, places: list[Place]) -> None:
        """Saves one trial after the other; a slow answer makes the next save no later."""
        draw = random.Random(number)
        await asyncio.sleep(draw.random() * SAVE_EVERY_S)
        async with self.connection() as ask:
            due = time.perf_counter()
            for path, sounds in places:
                if time.perf_counter() >= self.until:
                    return
                status, _ = await ask("save", load.http("PUT", path, self.port, _body(sounds)))
                assert status == 200, status
                due += SAVE_EVERY_S * (0.5 + draw.random())
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def reader(self, every_s: float) -> None:
        """Goes through all pages in turn."""
        async with self.connection() as ask:
            for name, path in _forever(PAGES):
                if time.perf_counter() >= self.until:
                    return
                status, _ = await ask(name, self.get(path))
                assert status == 200, (name, status)
                await asyncio.sleep(every_s)

    async def follower(self) -> None:
        """Asks whether the tab Live has changed."""
        known = ""
        async with self.connection() as ask:
            while time.perf_counter() < self.until:
                status, known = await ask("live, followed", self.get(PAGES["live"], known))
                assert status in (200, 304), status
                await asyncio.sleep(min(POLL_EVERY_S, max(0.0, self.until - time.perf_counter())))

    def get(self, path: str, known: str = "") -> bytes:
        """A page of the studio."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
        return (head + (f"If-None-Match: {known}\r\n" if known else "") + "\r\n").encode()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection on which one asks for named things and is told status and ETag."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def answered(request: bytes) -> tuple[list[str], int]:
            writer.write(request)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            return lines[1:], int(lines[0].split()[1])

        async def ask(name: str, request: bytes) -> tuple[int, str]:
            nonlocal reader, writer
            sent = time.perf_counter()
            try:
                lines, status = await answered(request)
            except (asyncio.IncompleteReadError, ConnectionError):  # gunicorn closes what was idle for two seconds
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                lines, status = await answered(request)
            head = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
            await reader.readexactly(int(head.get("content-length", 0)))
            self.times[name].append(time.perf_counter() - sent)
            return status, head.get("etag", "")

        yield ask
        writer.close()


def _body(sounds: tuple[str, ...]) -> dict[str, Any]:
    ratings = [
        {"sound": sound, "value": 10.0 * n, "moved": True, "heard_s": 1.5, "plays": 2} for n, sound in enumerate(sounds)
    ]
    body = {"key": uuid.uuid4().hex, "revision": 1, "ratings": ratings, "trial_s": 30.5, "engine": "audioworklet"}
    return body | {"fade_mode": "bs1534", "rate_hz": 48000}


def _forever(pages: dict[str, str]) -> Iterator[tuple[str, str]]:
    while True:
        yield from pages.items()


def quantile_ms(times_s: list[float], share: float) -> float:
    """The time that so large a share stayed below."""
    ordered = sorted(times_s)
    return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)


def bench(folder: Path, *, repeats: int, seconds: float, sessions: int, postgresql: str = "") -> dict[str, Any]:
    """All figures; runs with and without the studio in turn, the pages' times of all runs together."""
    world = World(folder, sessions=sessions, seconds=seconds, postgresql=postgresql)
    closed, opened = [], []
    pages: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        closed.append(world.run(CLOSED)["save"])
        opened.append((beside := world.run(OPEN)).pop("save"))
        for found in (beside, world.run(ASKED)):
            found.pop("save", None)
            for name, times in found.items():
                pages[name] += times
    p99 = [[quantile_ms(times, 0.99) for times in runs] for runs in (closed, opened)]
    p95 = {name: quantile_ms(times, 0.95) for name, times in sorted(pages.items())}
    medians = [statistics.median(own) for own in p99]
    versions = {
        name: importlib.metadata.version(name) for name in ("flask", "sqlalchemy", "waitress", "gunicorn", "jinja2")
    }
    return {
        "command": "python tests/bench/bench_studio.py" + (" --gunicorn" if postgresql else ""),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"sqlite": sqlite3.sqlite_version} | versions,
        "sessions": sessions,
        "trials": TRIALS,
        "listeners": LISTENERS,
        "seconds": seconds,
        "repeats": repeats,
        "ratios": {
            "slowest page, p95 in ms": max(p95.values()),
            "p99 of saves, studio open / closed": round(medians[1] / medians[0], 2),
        },
        "at_most": AT_MOST,
        "pages": {
            name: {"asked": len(times), "p50_ms": quantile_ms(times, 0.5), "p95_ms": p95[name]}
            for name, times in sorted(pages.items())
        },
        "saves": {
            "p99_ms, closed": p99[0],
            "p99_ms, open": p99[1],
            "p50_ms, closed": quantile_ms([one for own in closed for one in own], 0.5),
            "p50_ms, open": quantile_ms([one for own in opened for one in own], 0.5),
            "per_s": round(statistics.median(len(own) / seconds for own in (*closed, *opened)), 1),
        },
    }


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--gunicorn", action="store_true", help="gunicorn as it is shipped, over PostgreSQL")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    name = "studio_gunicorn.json" if asked.gunicorn else "studio.json"
    programs = postgresql_server.programs()
    if asked.gunicorn and programs is None:
        sys.exit("the programs of PostgreSQL's server are missing; install them: make system-packages")
    server = postgresql_server.PostgreSQL(programs) if asked.gunicorn and programs else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            how = {"repeats": asked.repeats, "seconds": asked.seconds, "sessions": asked.sessions}
            found = bench(Path(folder), **how, postgresql=server.address if server else "")
    finally:
        if server is not None:
            server.close()
    outcome.keep(found, asked.out or RESULTS / name, outcome.missed(found["ratios"], AT_MOST, {}))


if __name__ == "__main__":
    main()

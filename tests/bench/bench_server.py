"""What a durable trial costs: our server beside one that only stores, in one run, on the same server software.

Trials with eight ratings, sixteen connections, every save on the disk before it is answered. Each run starts a server
over a database of its own, loads it for a few seconds, and holds the rows that are stored against what was answered.

* ``sqlite`` is ``mushra serve``, one process; ``sqlite, bare`` the insert of ``bare_server`` under waitress as well.
* ``postgresql`` is ours under gunicorn, two workers of eight threads; ``postgresql, bare`` the insert there.
* ``stored`` is ``sqlite`` again, with ten thousand sessions of ten trials in the database before.

Beside it, where it can be installed, a peer that keeps whole sessions (``peer_server``): acknowledged, and stored.
All in turn, repeated; the medians count. The load generator runs on the same cores: what it takes is ``load_cpu_s``.

    make bench, or: python tests/bench/bench_server.py             prints and writes tests/bench/results/server.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import load
from bare_server import RATING, TRIAL, opened
from peer_server import peer

HERE = Path(__file__).resolve()
sys.path.append(str(HERE.parents[1] / "mushra_app"))  # as pytest has it: these are modules of the tests

import postgresql_server  # noqa: E402
import psycopg  # noqa: E402
from durability import Gunicorn, Serve, published  # noqa: E402
from many_sessions import Place, stock  # noqa: E402
from postgresql_server import PostgreSQL, free_port, new_database  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from mushra_app import schema  # noqa: E402
from mushra_app.config import Settings  # noqa: E402
from mushra_app.db import Database  # noqa: E402
from mushra_app.models import Response, Save  # noqa: E402

RESULTS = HERE.parent / "results" / "server.json"
CLIENTS, TRIALS, SYSTEMS, STORED_SESSIONS = 16, 10, 5, 10_000
PER_S = 200.0
"""Trials per second that one process on SQLite must reach; 0.8 of what one sync per trial allows where that is less."""
AT_LEAST = {"sqlite / bare": 0.5, "postgresql / bare": 0.5}
AT_MOST = {"cost with sessions stored / none": 1.3, "sqlite, p99 in ms": 250.0}
WARM_UP_S = 0.7
MOST_PER_S = 2000
"""More than any server here; so many unsaved trials are made ready."""


def our_requests(port: int, places: list[Place]) -> Iterator[tuple[str, bytes]]:
    """Every trial once, in a drawn order: a listener saves one page at a time, so 16 clients are 16 listeners."""
    for path, sounds in random.Random(1).sample(places, len(places)):
        ratings = [
            {"sound": sound, "value": 10.0 * n, "moved": True, "heard_s": 1.5, "plays": 2}
            for n, sound in enumerate(sounds, 1)
        ]
        body = {"key": uuid.uuid4().hex, "revision": 1, "ratings": ratings, "trial_s": 30.5, "engine": "audioworklet"}
        yield path, load.http("PUT", path, port, body | {"fade_mode": "bs1534", "rate_hz": 48000})


def bare_requests(port: int) -> Iterator[tuple[str, bytes]]:
    """Trials of fifty listeners and twenty items."""
    n = 0
    while n := n + 1:
        ratings = [{"stimulus": f"s{k}", "score": 10.0 * k, "ms": 1500} for k in range(1, 9)]
        body = {"key": uuid.uuid4().hex, "listener": f"l{n % 50}", "item": f"i{n % 20}", "at": 30.5, "ratings": ratings}
        yield str(n), load.http("POST", "/", port, body)


class World:
    """Databases to begin from, and one run of each kind; figures of a run by name."""

    def __init__(self, folder: Path, postgresql: str, *, seconds: float, stored: int) -> None:
        self.folder, self.postgresql, self.seconds = folder, postgresql, seconds
        self.sessions = round((seconds + WARM_UP_S) * MOST_PER_S / TRIALS) + CLIENTS
        self.places: dict[str, list[Place]] = {}
        for name, sessions in (("none", 0), ("stored", stored)):
            database = self.studied(Settings(data_dir=folder / name))
            stock(database, sessions, "stored", saved=True)
            self.places[name] = stock(database, self.sessions, "fresh")
            database.close()

    def studied(self, settings: Settings) -> Database:
        """A database with the study."""
        database = Database(settings)
        schema.require(database, settings)
        published(settings.data_dir / "set", database, settings, trials=TRIALS, systems=SYSTEMS)
        return database

    def sqlite(self, base: str) -> dict[str, float]:
        """Ours, on a copy of one of the databases."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            shutil.copytree(self.folder / base, Path(name) / "data")
            settings = Settings(data_dir=Path(name) / "data")
            database = Database(settings)
            found = self.ours(Serve(settings), self.places[base], database)
            database.close()
        return found

    def on_postgresql(self) -> dict[str, float]:
        """Ours, in a new database."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            settings = Settings(data_dir=Path(name), database_url=new_database(self.postgresql))
            database = self.studied(settings)
            found = self.ours(Gunicorn(settings), stock(database, self.sessions, "fresh"), database)
            database.close()
        return found

    def ours(self, server: Serve, places: list[Place], database: Database) -> dict[str, float]:
        """Load a server of ours, and hold what is stored against what it answered."""

        def rows() -> tuple[int, int]:
            with database.reading() as db:
                return tuple(db.scalar(select(func.count()).select_from(table)) or 0 for table in (Save, Response))

        before = rows()
        try:
            found = self.measured(server.process.pid, server.port, our_requests(server.port, places))
        finally:
            server.close()
        hold(found, rows()[0] - before[0], rows()[1] - before[1])
        return found

    def bare(self, address: str) -> dict[str, float]:
        """The store that only stores, under the server software that ours has."""
        port, environment = free_port(), os.environ | {"BARE_DATABASE": address}
        command = [sys.executable, str(HERE.parent / "bare_server.py"), str(port)]
        if not address.startswith("sqlite"):
            workers = ["-k", "gthread", "-w", "2", "--threads", "8", "--bind", f"127.0.0.1:{port}"]
            command = [sys.executable, "-m", "gunicorn", *workers, "--chdir", str(HERE.parent), "bare_server:app"]
        opened(address).dispose()  # two workers that make the tables at once would be in each other's way
        server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            load.wait_for(port)
            found = self.measured(server.pid, port, bare_requests(port))
        finally:
            server.terminate()
            server.wait(timeout=30)
        engine = opened(address)
        with engine.connect() as connection:
            stored = [connection.scalar(select(func.count()).select_from(table)) or 0 for table in (TRIAL, RATING)]
        engine.dispose()
        hold(found, *stored)
        return found

    def bare_on_sqlite(self) -> dict[str, float]:
        """The same on a new file."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            return self.bare(f"sqlite:///{name}/bare.sqlite3")

    def bare_on_postgresql(self) -> dict[str, float]:
        """The same in a new database."""
        return self.bare(new_database(self.postgresql).replace("postgresql:", "postgresql+psycopg:"))

    def measured(self, pid: int, port: int, requests: Iterator[tuple[str, bytes]]) -> dict[str, float]:
        """A warm-up, then the seconds that count."""
        warm = load.put_on(port, requests, clients=CLIENTS, seconds=WARM_UP_S)
        sync_ms, (cpu_s, _) = load.fdatasync_ms(self.folder), load.usage(pid)
        done = load.put_on(port, requests, clients=CLIENTS, seconds=self.seconds)
        cpu_after_s, memory_mb = load.usage(pid)
        return {
            "per_s": done.per_s,
            "p50_ms": done.quantile_ms(0.5),
            "p99_ms": done.quantile_ms(0.99),
            "cpu_ms_per_trial": 1000 * (cpu_after_s - cpu_s) / len(done.times_s),
            "memory_mb": memory_mb,
            "load_cpu_s": done.own_cpu_s,
            "fdatasync_ms": sync_ms,
            "answered": len(warm.times_s) + len(done.times_s),
            "refused": warm.refused + done.refused,
        }


def hold(found: dict[str, float], trials: int, ratings: int) -> None:
    """A server that is fast because it forgets would win otherwise."""
    expected = {"refused": 0, "trials": found["answered"], "ratings": 8 * found["answered"]}
    stored = {"refused": found["refused"], "trials": trials, "ratings": ratings}
    assert stored == expected, f"stored {stored}, expected {expected}"


def bench(postgresql: str, folder: Path, *, repeats: int, seconds: float, stored: int) -> dict[str, Any]:
    """All figures: medians over the repeats, all kinds in turn."""
    world = World(folder, postgresql, seconds=seconds, stored=stored)
    kinds: dict[str, Callable[[], dict[str, float]]] = {
        "sqlite": lambda: world.sqlite("none"),
        "sqlite, bare": world.bare_on_sqlite,
        "stored": lambda: world.sqlite("stored"),
        "postgresql": world.on_postgresql,
        "postgresql, bare": world.bare_on_postgresql,
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(repeats):
        for name, run in kinds.items():
            runs[name].append({figure: round(value, 2) for figure, value in run().items()})
    medians = {
        name: {figure: round(statistics.median(run[figure] for run in own), 2) for figure in own[0]}
        for name, own in runs.items()
    }
    rate = {name: own["per_s"] for name, own in medians.items()}
    sync_ms = medians["sqlite"]["fdatasync_ms"]
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | versions(postgresql),
        "clients": CLIENTS,
        "ratings_per_trial": SYSTEMS + 3,
        "seconds": seconds,
        "repeats": repeats,
        "stored_sessions": stored,
        "ratios": {
            "sqlite / bare": round(rate["sqlite"] / rate["sqlite, bare"], 2),
            "postgresql / bare": round(rate["postgresql"] / rate["postgresql, bare"], 2),
            "sqlite, trials per s": round(rate["sqlite"], 1),
            "sqlite, p99 in ms": round(medians["sqlite"]["p99_ms"], 1),
            "cost with sessions stored / none": round(rate["sqlite"] / rate["stored"], 2),
        },
        "at_least": AT_LEAST | {"sqlite, trials per s": round(min(PER_S, 800 / sync_ms), 1)},
        "at_most": AT_MOST,
        "medians": medians,
        "runs": runs,
    }


def versions(postgresql: str) -> dict[str, str]:
    """Of the software that is compared."""
    with psycopg.connect(f"{postgresql}/postgres") as connection:
        server = connection.info.server_version
    names = ("flask", "sqlalchemy", "waitress", "gunicorn", "psycopg")
    return {"sqlite": sqlite3.sqlite_version, "postgresql": f"{server // 10000}.{server % 10000}"} | {
        name: importlib.metadata.version(name) for name in names
    }


def missed(found: dict[str, Any]) -> list[str]:
    """Limits that do not hold."""
    ratios = found["ratios"]
    over = [
        f"{name} is {ratios[name]}, at most {most}" for name, most in found["at_most"].items() if ratios[name] > most
    ]
    under = [
        f"{name} is {ratios[name]}, at least {least}"
        for name, least in found["at_least"].items()
        if ratios[name] < least
    ]
    return over + under


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--stored", type=int, default=STORED_SESSIONS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    binaries = postgresql_server.programs()
    assert binaries, "this bench needs PostgreSQL's server: make bench installs it on Debian"
    server = PostgreSQL(binaries)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder, stored = Path(name), asked.stored
            found = bench(server.address, folder, repeats=asked.repeats, seconds=asked.seconds, stored=stored)
            found["peer"] = peer(folder, free_port(), seconds=asked.seconds)
    finally:
        server.close()
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(text)
    sys.exit("\n".join(missed(found)) or 0)


if __name__ == "__main__":
    main()

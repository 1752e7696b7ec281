"""A PostgreSQL server of the tests' own: started, stopped in every way, and started again on the same port.

It listens on a free loopback port and runs as an unprivileged user, because it refuses root.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import psycopg

STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
UNPRIVILEGED: dict[str, Any] = {"user": "nobody"} if os.name == "posix" and os.geteuid() == 0 else {}


def programs() -> Path | None:
    """Where PostgreSQL's programs are, if anywhere."""
    found = [Path(at).parent for at in [shutil.which("initdb")] if at]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").is_file() and (folder / "postgres").is_file()), None)


def free_port() -> int:
    """A loopback port that nobody listens on, below those that the system gives to whoever asks for any.

    One of those is somebody else's connection or server before a process has started that was told to take it.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def new_database(server: str, like: str = "template1") -> str:
    """The address of a new database on a server: empty, or a copy of the one of that name."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    return f"{server}/{name}"


class PostgreSQL:
    """A server in a folder of its own; ``address`` is that of the server, without a database's name.

    ``before`` is put in front of the command: a tracer, for instance.
    """

    def __init__(self, binaries: Path, before: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mushra-postgresql-"))
        if UNPRIVILEGED:
            shutil.chown(self.folder, "nobody")
        self.port = free_port()
        self.address = f"postgresql://tests@127.0.0.1:{self.port}"
        data = self.folder / "data"
        initdb = [binaries / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=self.folder, **UNPRIVILEGED)
        # A database for every test, none of which lives long enough to be vacuumed.
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "autovacuum=off"]
        self.command = [*before, binaries / "postgres", "-D", data, "-p", str(self.port), *options]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder, **UNPRIVILEGED)
        for _ in range(300):
            try:
                psycopg.connect(f"{self.address}/postgres").close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, "postgres did not start"
                time.sleep(0.1)
        raise AssertionError("postgres did not answer in 30 s")

    def stop(self, how: str = "fast") -> None:
        """Shut it down: ``fast`` ends all sessions, ``immediate`` leaves it to recover at the next start."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])  # a tracer may be in front of it
        os.kill(pid, STOP[how])
        self.process.wait(timeout=30)

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

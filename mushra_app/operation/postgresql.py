"""PostgreSQL's own programs for dumping and restoring a database.

A password goes to them by the environment: a command line is shown to everybody on the machine.
Defines: ``dump``, ``restore``, ``program``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from mushra_app.errors import AppError

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version, outside of PATH."""
MOST_LINES = 3
"""Of what a program complains of: the error and its details, such as the two versions that don't fit."""


def dump(url: URL, out: Path, snapshot: str) -> None:
    """Write the database into ``out``, as a transaction that exported ``snapshot`` sees it."""
    _run("pg_dump", url, "--format=custom", f"--snapshot={snapshot}", f"--file={out}")


def restore(url: URL, dumped: Path) -> None:
    """Bring a dump into a database without tables: all of it, or nothing and AppError."""
    _run("pg_restore", url, "--single-transaction", "--exit-on-error", str(dumped))


def _run(name: str, url: URL, *arguments: str) -> None:
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    command = [program(name), "--no-owner", "--no-privileges", "--no-password", *arguments]
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command.append(f"--dbname={address.render_as_string(hide_password=False)}")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        raise AppError(f"{address.render_as_string()}: {name} failed: {'; '.join(said[:MOST_LINES])}")


def program(name: str) -> str:
    """Where a program is: on PATH, or the newest in Debian's folders; AppError where it is nowhere."""
    versions = sorted(DEBIAN.glob(f"[0-9]*/bin/{name}"), key=lambda path: float(path.parent.parent.name), reverse=True)
    if found := shutil.which(name) or next(map(str, versions), None):
        return found
    raise AppError(
        f"{name}: found neither on PATH nor in {DEBIAN}/*/bin; PostgreSQL's databases are backed up and restored with "
        "its own programs, so install its client (Debian: apt-get install postgresql-client)"
    )

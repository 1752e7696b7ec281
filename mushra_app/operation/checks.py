"""Whether database and sounds are whole and fit together.

Defines: ``Findings``, ``look_at``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, text

from mushra_app import media, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.operation.state import named_clips, row_counts
from mushra_app.refusals import said_by_the_database

MOST_LINES = 20
"""Of what SQLite says of a damaged file: enough to see what it is."""


@dataclass
class Findings:
    """What was looked at and is well, what must be mended, and what may be."""

    well: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look_at(settings: Settings) -> Findings:
    """Look at the database, then at every sound that it names, then at what else lies there. Changes nothing."""
    findings = Findings()
    try:
        database = Database(settings)
        name = database.name
        try:
            with said_by_the_database(name), database.engine.connect() as connection:
                _tables(connection, name, findings)
                revision = schema.current(database)
                _revision(revision, name, findings)
                if revision is not None:
                    counts = ", ".join(f"{table} {rows}" for table, rows in row_counts(connection).items())
                    findings.well.append(f"rows: {counts}")
                    _sounds(named_clips(connection), settings.media_dir, findings)
        finally:
            database.close()
    except AppError as error:
        findings.broken.append(str(error))
    return findings


def _tables(connection: Connection, name: str, findings: Findings) -> None:
    """SQLite's pages, indexes and references; PostgreSQL holds its references by itself."""
    if connection.dialect.name != "sqlite":
        findings.well.append(f"{name}: answers")
        return
    said = [row for row in connection.execute(text(f"PRAGMA integrity_check({MOST_LINES})")).scalars() if row != "ok"]
    lost: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
        lost[table, parent] = lost.get((table, parent), 0) + 1
    said += [
        f"{rows} rows of {table} refer to rows of {parent} that are not there" for (table, parent), rows in lost.items()
    ]
    mend = "restore a backup into a new place: mushra db restore FILE --data NEW"
    findings.broken += [f"{name}: {line}; {mend}" for line in said]
    if not said:
        findings.well.append(f"{name}: whole, every reference holds")


def _revision(found: str | None, name: str, findings: Findings) -> None:
    wanted = schema.head()
    if found == wanted:
        findings.well.append(f"revision {found}, as this release needs it")
    elif found is None:
        findings.broken.append(f"{name}: has no tables of ours; see where the data lies with: mushra config")
    else:
        mend = "run: mushra db upgrade" if schema.is_known(found) else "made by a newer release, install that one"
        findings.broken.append(f"{name}: has revision {found}, this release needs {wanted}; {mend}")


def _sounds(named: dict[str, str], folder: Path, findings: Findings) -> None:
    """Every sound that is named is there and is itself; what else is there is named."""
    mend = "publish the set again with mushra publish, or restore a backup"
    before = len(findings.broken)
    for sha256, where in sorted(named.items(), key=lambda pair: pair[1]):
        path = media.path_of(folder, sha256)
        if not path.is_file():
            findings.broken.append(f"{path} ({where}): missing; {mend}")
        elif (found := hashlib.sha256(path.read_bytes()).hexdigest()) != sha256:
            findings.broken.append(f"{path} ({where}): has the hash {found}, expected its name; delete it, then {mend}")
    if len(findings.broken) == before:
        findings.well.append(f"{folder}: all {len(named)} sounds are there and whole")
    expected = {media.path_of(folder, sha256).name for sha256 in named}
    present = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    findings.notes += [
        f"{folder / name}: belongs to no clip of the database; it may be deleted while nothing is being published"
        for name in present
        if name not in expected
    ]

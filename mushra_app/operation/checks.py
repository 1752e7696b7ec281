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
from mushra_app.serving.object_store import ObjectStore, store_of

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
                    _sounds(named_clips(connection), settings, findings)
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


def _sounds(named: dict[str, str], settings: Settings, findings: Findings) -> None:
    """Every sound that is named is there and is itself; what else is there is named."""
    folder, store = settings.media_dir, store_of(settings)
    before = len(findings.broken)
    try:
        in_store = _objects(named, store, findings) if store is not None else set()
    except AppError as error:  # it is away; what lies here is looked at all the same
        findings.broken.append(str(error))
        in_store = set(named)
    missing = 0
    mend = "publish the set again with mushra publish, or restore a backup"
    for sha256, where in _by_study(named):
        path = media.path_of(folder, sha256)
        if not path.is_file():
            missing += 1
            if sha256 not in in_store:
                findings.broken.append(f"{path} ({where}): missing; {mend}")
        elif (found := _sha256(path)) != sha256:
            then = "it is fetched again" if sha256 in in_store else f"then {mend}"
            findings.broken.append(f"{path} ({where}): has the hash {found}, expected its name; delete it, {then}")
    if len(findings.broken) == before:
        elsewhere = f", {missing} of them in the object store only" if missing else ""
        findings.well.append(f"{folder}: all {len(named)} sounds are there and whole{elsewhere}")
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    _orphans(str(folder), present, named, findings)


def _objects(named: dict[str, str], store: ObjectStore, findings: Findings) -> set[str]:
    """Which sounds the store has whole: every object that is named is read back."""
    states = {sha256: store.state(sha256) for sha256 in named}
    for sha256, where in _by_study(named):
        if states[sha256]:
            mend = "publish the set again with mushra publish, or restore a backup"
            findings.broken.append(f"{store.shown}/{media.name_of(sha256)} ({where}): {states[sha256]}; {mend}")
    whole = {sha256 for sha256, state in states.items() if not state}
    if len(whole) == len(named):
        findings.well.append(f"{store.shown}: all {len(named)} sounds are there and whole")
    _orphans(store.shown, store.names(), named, findings)
    return whole


def _orphans(place: str, present: set[str], named: dict[str, str], findings: Findings) -> None:
    findings.notes += [
        f"{place}/{name}: belongs to no clip of the database; it may be deleted while nothing is being published"
        for name in sorted(present - {media.name_of(sha256) for sha256 in named})
    ]


def _by_study(named: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(named.items(), key=lambda pair: pair[1])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

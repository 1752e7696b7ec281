"""A database of the first release opens in this one: tables, ratings, export and report, on both databases.

``tests/data/first_release.sql`` was written by the first release itself (50 ratings of four listeners, three of whom
finished, on the tiny set) and dumped with SQLite's ``iterdump``. It never changes.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tiny_set
from sqlalchemy import MetaData, create_engine, insert, select, text

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError

ROWS = {"study": 1, "session": 4, "save": 10, "response": 50, "event": 10, "answer": 10}


@pytest.fixture
def first_release(either: Settings, root: Path, tmp_path: Path) -> Database:
    """The old rows in the old tables; on PostgreSQL they are copied out of the dump."""
    file = either.database_file if either.database_url is None else tmp_path / "dump.sqlite3"
    file.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as connection:
        connection.executescript((root / "tests/data/first_release.sql").read_text())
    connection.close()
    database = Database(either)
    if either.database_url is not None:
        schema.upgrade(database, "0001")
        dump, tables = create_engine(f"sqlite:///{file}"), MetaData()
        tables.reflect(database.engine)
        with dump.connect() as old, database.writing() as db:
            for table in tables.sorted_tables:
                rows = [dict(row) for row in old.execute(select(table)).mappings()]
                if table.name != "alembic_version" and rows:
                    db.execute(insert(table), rows)
                    db.execute(
                        text(f"SELECT setval(pg_get_serial_sequence(:name, 'id'), {len(rows)})"), {"name": table.name}
                    )
        dump.dispose()
    return database


def mushra(settings: Settings, *arguments: object) -> str:
    code = "from mushra_app.cli import main; import sys; sys.argv[0] = 'mushra'; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {"MUSHRA_DATA_DIR": str(settings.data_dir), "MUSHRA_DATABASE_URL": settings.database_url or ""}
    environment = {name: value for name, value in environment.items() if value}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_database_of_the_first_release_opens_with_every_rating(
    first_release: Database, either: Settings, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(AppError, match=r"has revision 0001, this release needs .*; run: mushra db upgrade"):
        schema.require(first_release, either)
    with first_release.reading() as db:
        before = Counter(map(tuple, db.execute(text("SELECT save_id, slot_id, number FROM response"))))
        manifest = db.scalar(text("SELECT manifest FROM study_version"))
    assert mushra(either, "db", "upgrade") == f"0001 -> {schema.head()}\n"
    schema.require(first_release, either)
    with first_release.reading() as db:
        assert Counter(map(tuple, db.execute(text("SELECT save_id, slot_id, number FROM response")))) == before
        found = {name: db.scalar(text(f"SELECT count(*) FROM {name}")) for name in ROWS}
    assert found == ROWS
    assert "50 ratings" in mushra(either, "export", "--out", tmp_path / "ratings.csv")
    with (tmp_path / "ratings.csv").open() as stream:
        exported = [float(row["rating"]) for row in csv.DictReader(stream)]
    assert sorted(exported) == sorted(number for _, _, number in before.elements())
    tiny_set.make(tmp_path / "set")  # its sounds are the same to the byte, its manifest is the old one
    old = manifest if isinstance(manifest, dict) else json.loads(manifest)
    (tmp_path / "set/manifest.json").write_text(json.dumps(old))
    report = ("report", tmp_path / "ratings.csv", "--stimuli", tmp_path / "set", "--out", tmp_path / "report.html")
    assert "wrote" in mushra(either, *report)
    assert "zebra-net" in (tmp_path / "report.html").read_text()
    first_release.close()

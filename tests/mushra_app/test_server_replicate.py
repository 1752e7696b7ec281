"""A bundle put back into another database: the same ratings, answers, looks and report, or nothing at all."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from replicas import bundled, changed, listen_to_all, unpacked
from server_guests import opened
from sqlalchemy import func, select

from mushra_app import export, ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.models import Base, Listener, ListeningSession, Save, Study, StudyVersion
from mushra_app.people import audit
from mushra_app.study import bundle, lifecycle, packing, peeking
from mushra_app.study.replicating import replicate

AN_OTHER_ROOM = "{}\n"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Path]:
    """A bundle with sounds of a study that has everything; the commands of other rooms write a word each."""

    def write(tell: object, *arguments: str, where: Path) -> None:
        for option, name in pairwise(arguments):
            if option in ("--out", "--json"):
                (where / name).write_text(f"{arguments[0]}\n")
        if arguments[0] == "metrics":
            (where / "stimuli" / "metrics.json").write_text("{}\n")

    folder = tmp_path_factory.mktemp("original")
    settings = Settings(data_dir=folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_mushra", write)
        database = opened(settings, empty_sqlite)
        listen_to_all(database, settings, folder / "set")
        bundled(database, settings, folder / "silent.zip", sounds=False)
        yield bundled(database, settings, folder / "b.zip")
        database.close()


@pytest.fixture
def root(archive: Path, tmp_path: Path) -> Path:
    """The same unpacked, to be changed."""
    return unpacked(archive, tmp_path / "unpacked")


def exported(database: Database, folder: Path) -> Path:
    """What the database says of the study, as a bundle holds it."""
    folder.mkdir()
    with database.reading() as db:
        ratings.write_csv(folder / "ratings.csv", export.rows(db))
        export.write_answers(folder / "answers.csv", db)
        ratings.write_peeks(folder / "peeks.csv", peeking.peeks(db, "tiny"))
    return folder


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def nothing_is_there(database: Database, settings: Settings) -> None:
    with database.reading() as db:
        assert {
            name: db.scalar(select(func.count()).select_from(table)) for name, table in TABLES.items()
        } == dict.fromkeys(TABLES, 0)
    assert list(settings.uploads_dir.glob("*")) == []


TABLES = {name: table for name, table in Base.metadata.tables.items() if name != "account"}


def test_another_database_exports_what_the_bundle_holds(
    database: Database, either: Settings, archive: Path, root: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    done = replicate(archive, database, either, tell=told.append)
    again = exported(database, tmp_path / "again")
    for name in ("ratings.csv", "peeks.csv"):
        assert (again / name).read_bytes() == (root / name).read_bytes(), name
    assert (done.study, done.number, done.ratings) == ("tiny", 1, len(rows_of(root / "ratings.csv")) - 1)
    before, after = rows_of(root / "answers.csv"), rows_of(again / "answers.csv")
    assert len(before) == len(after) and done.unplaced == 1
    differing = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    ((one, other),) = differing
    assert one[4] and not other[4] and one[:4] == other[:4] and one[5:] == other[5:] == ["tired", "a bit"]
    assert told[:3] == ["bundle", "ratings", "sounds"] and told[-1] == "comparing"
    with database.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert version.status == "closed" and version.opened_at and version.closed_at
        assert audit.latest(db)[0].about == "tiny: version 1 put back by a bundle"
        changed = db.scalars(select(Save.comment).where(Save.revision == 2)).one()
        assert changed == '-a second\none, with "quotes"'

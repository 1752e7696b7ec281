"""Backups: a drill from a server that is being used to an empty place, on both databases; and what is refused."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tiny_set
from server_guests import Guest
from sqlalchemy import func, select, text

from mushra_app import places, schema
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.models import Response, Save, StudyVersion
from mushra_app.operation import backup as backups
from mushra_app.operation import checks, postgresql
from mushra_app.operation.backup import back_up, restore
from mushra_app.publish import publish
from mushra_app.study import results, sets
from stimuli import manifest as manifests


@dataclass
class Saving:
    """A thread that saves one trial again and again; ``acknowledged`` are the keys, in order."""

    guest: Guest
    acknowledged: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._save, daemon=True)
        self.thread.start()

    def _save(self) -> None:
        page = self.guest.trial()
        while not self.stopped.is_set():
            sent = self.guest.save(page, revision=len(self.acknowledged) + 1)
            self.acknowledged.append(sent["key"])

    def reach(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(self.acknowledged) >= count

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()


@pytest.fixture
def elsewhere(either: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """An empty place of the same kind."""
    if either.database_url is None:
        return Settings(data_dir=tmp_path / "new", threads=8)
    server, name = request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Settings(data_dir=tmp_path / "new", database_url=f"{server}/{name}", threads=8)


def saves(settings: Settings) -> dict[str, int]:
    """Every save's key with the number of its responses."""
    database = Database(settings)
    with database.reading() as db:
        rows = db.execute(
            select(Save.key, func.count(Response.id)).join(Response, Response.save_id == Save.id).group_by(Save.id)
        ).all()
    database.close()
    assert len({key for key, _ in rows}) == len(rows)
    return {key: count for key, count in rows}  # noqa: C416


def test_restore_drill(published: Database, either: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    """Rate, back up while others save, restore elsewhere, go on there: every save of before is there exactly once."""
    others = [Saving(Guest(published)) for _ in range(2)]
    finished = Guest(published)
    sent = [body["key"] for _, body in finished.finish()]
    half = Guest(published)
    sent.append(half.save(half.trial())["key"])
    for other in others:
        other.reach(20)
    before = [*sent, *(key for other in others for key in other.acknowledged)]
    made = back_up(either, tmp_path / "backup.zip")
    during = [len(other.acknowledged) for other in others]
    for other, count in zip(others, during, strict=True):
        other.reach(count + 5)
        other.stop()
    every = {*sent, *(key for other in others for key in other.acknowledged)}

    restored = restore(elsewhere, tmp_path / "backup.zip")
    found = saves(elsewhere)
    assert set(before) <= set(found) <= every and set(found.values()) == {5}
    assert restored == made and made.rows["save"] == len(found) < len(every)
    assert made.rows["response"] == 5 * len(found)
    for other in others:  # of each thread's saves a beginning, without a hole
        assert [key in found for key in other.acknowledged] == sorted(
            (key in found for key in other.acknowledged), reverse=True
        )

    database = Database(elsewhere)
    schema.require(database, elsewhere)
    client = create_app(elsewhere, database).test_client()
    half.database = database
    assert client.get(half.trial().sounds[0].url).status_code == 200
    assert len(half.finish()) == 2, "who was half-way goes on"
    Guest(database).finish()
    database.close()
    assert len(saves(elsewhere)) == len(found) + 5
    found_wrong = checks.look_at(elsewhere)
    assert (found_wrong.broken, found_wrong.notes) == ([], [])


def test_sets_that_were_sent_come_back(
    database: Database, either: Settings, elsewhere: Settings, stimuli: Path, tmp_path: Path
) -> None:
    """Of two versions of the same sounds, each file once; reports and bundles find both where they now are."""
    for name, said in (("one", "Rate."), ("two", "Rate again.")):
        made = tiny_set.make(either.uploads_dir / name, test={"consent": said})
        publish(either.uploads_dir / name, database, either, as_draft=True)
    contents = back_up(either, tmp_path / "backup.zip")
    clips = {clip.sha256 for clip in made.clips}
    assert len(contents.sets) == 2 * (len(made.clips) + 1)
    assert sum(name.startswith("files/") for name in contents.members) == len(clips) + 2
    restore(elsewhere, tmp_path / "backup.zip")
    for name in ("one", "two"):
        manifests.verify(elsewhere.data_dir / "uploads" / name)
    again = Database(elsewhere)
    with again.reading() as db:
        kept = db.scalars(select(StudyVersion.published_from).order_by(StudyVersion.id)).all()
        folders = [results.place_of(db, version, elsewhere).set_folder for version in db.scalars(select(StudyVersion))]
    again.close()
    assert list(kept) == ["uploads/one", "uploads/two"]
    assert sorted(folders) == [elsewhere.data_dir / "uploads" / name for name in ("one", "two")]


def test_sets_of_older_releases_which_kept_whole_paths_come_back(
    database: Database, either: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    """Also where the data folder was moved since, and where another version names the same set by its place."""
    sent = either.uploads_dir / "tiny-0123456789ab"
    tiny_set.make(sent)
    publish(sent, database, either)
    own = tmp_path / "of my own"
    tiny_set.make(own, test={"consent": "Rate."})
    publish(own, database, either, as_draft=True)
    with database.writing() as db:
        first, second = db.scalars(select(StudyVersion).order_by(StudyVersion.id))
        first.published_from = str(sent.absolute())
        assert second.published_from == str(own)
    contents = back_up(either, tmp_path / "backup.zip")
    assert {place.rpartition("/clips")[0] for place in contents.sets if "/clips" in place} == {f"uploads/{sent.name}"}
    assert sets.folder_of(str(sent.absolute()), either) == sent.absolute()
    either.data_dir.rename(tmp_path / "kept away")
    restore(elsewhere, tmp_path / "backup.zip")
    assert manifests.verify(sets.folder_of(str(sent.absolute()), elsewhere)).study_id
    assert sets.folder_of(str(own), elsewhere) == own


def test_no_path_leads_out_of_the_data_folder_by_its_name(settings: Settings, tmp_path: Path) -> None:
    settings.data_dir.mkdir()
    (tmp_path / "link").symlink_to(settings.data_dir)
    beside = settings.data_dir / ".." / "set"
    assert sets.place_of(str(beside), settings) == str(beside)
    assert sets.named(tmp_path / "link" / "uploads" / "x", settings) == "uploads/x"
    assert sets.place_of(f"{tmp_path}/data-of-another/uploads/x", settings).startswith("/")
    (settings.uploads_dir / "mine").mkdir(parents=True)
    assert sets.place_of("/gone/uploads/mine", settings) == "/gone/uploads/mine", "only names that we gave"


def test_a_place_in_use_is_never_overwritten(
    published: Database, either: Settings, elsewhere: Settings, stimuli: Path, tmp_path: Path
) -> None:
    back_up(either, tmp_path / "backup.zip")
    with pytest.raises(AppError, match=r"is in use \(rows: .*study 1, .*nothing was changed"):
        restore(either, tmp_path / "backup.zip")
    other = Database(elsewhere)
    schema.require(other, elsewhere)
    with other.writing() as db:
        places.add(db, "Booth 1", level_db_a=78.0, transducer="headphones", device="HD 650")
    with pytest.raises(AppError, match=r"is in use \(rows: place 1\)"):
        restore(elsewhere, tmp_path / "backup.zip")
    assert not elsewhere.media_dir.exists()
    other.close()


def test_a_server_that_has_nothing_yet_may_run(
    published: Database, either: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    """Tables of this release without a row are no use; connections that are open see what came."""
    Guest(published).finish()
    back_up(either, tmp_path / "backup.zip")
    other = Database(elsewhere)
    schema.require(other, elsewhere)
    restore(elsewhere, tmp_path / "backup.zip")
    with other.reading() as db:
        assert db.scalar(select(func.count(Save.id))) == 3
    Guest(other).finish()
    other.close()


def test_backups_of_older_tables_are_taken_restored_and_upgraded(
    published: Database, either: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    Guest(published).finish()
    schema.downgrade(published, "0003")
    made = back_up(either, tmp_path / "backup.zip")
    restore(elsewhere, tmp_path / "backup.zip")
    database = Database(elsewhere)
    assert made.revision == schema.current(database) == "0003"
    schema.upgrade(database)
    database.close()
    assert len(saves(elsewhere)) == 3


def test_a_database_that_fails_takes_its_clips_back(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Settings(data_dir=tmp_path / "new")

    def fail(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_driver", fail)
    with pytest.raises(OSError, match="No space"):
        restore(place, kept)
    assert not list(place.media_dir.glob("*")) and not list(place.data_dir.glob(".restore*"))
    monkeypatch.undo()
    restore(place, kept)
    assert len(saves(place)) == 3


def test_missing_programs_of_postgresql_are_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AppError, match=r"pg_dump: found neither on PATH nor in .*postgresql-client"):
        postgresql.program("pg_dump")


def test_what_pg_dump_complains_of_is_passed_on_without_the_password(
    postgresql: str,
    tmp_path: Path,
) -> None:
    address = postgresql.replace("tests@", "tests:hunter2@") + "/nothing_there"
    with pytest.raises(AppError) as refused:
        back_up(Settings(data_dir=tmp_path / "data", database_url=address), tmp_path / "out.zip")
    assert "nothing_there" in str(refused.value) and "hunter2" not in str(refused.value)


def test_without_pg_restore_an_empty_database_keeps_its_tables(
    published: Database, either: Settings, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if either.database_url is None:
        return  # needs no program
    back_up(either, tmp_path / "backup.zip")
    other = Database(elsewhere)
    schema.require(other, elsewhere)
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AppError, match="pg_restore: found neither"):
        restore(elsewhere, tmp_path / "backup.zip")
    assert schema.current(other) == schema.head() and not list(elsewhere.media_dir.glob("*"))
    other.close()


def test_an_empty_database_has_nothing_to_back_up(settings: Settings, tmp_path: Path) -> None:
    database = Database(settings)
    with database.writing() as db:
        db.execute(text("SELECT 1"))
    database.close()
    with pytest.raises(AppError, match="nothing to back up"):
        back_up(settings, tmp_path / "out.zip")

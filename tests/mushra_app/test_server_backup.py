"""Backups: a drill from a server that is being used to an empty place, on both databases; and what is refused."""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tiny_set
from click.testing import CliRunner
from server_guests import Guest, Served
from sqlalchemy import func, select, text

from mushra_app import media, places, schema, security
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.models import Response, Save, StudyVersion
from mushra_app.operation import backup as backups
from mushra_app.operation import checks, db_cli, postgresql
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


@pytest.fixture
def kept(settings: Settings, stimuli: Path, app: Any, tmp_path: Path) -> Iterator[Path]:
    """A backup of an SQLite database with a finished session."""
    Guest(app.extensions["mushra"].database).finish()
    back_up(settings, tmp_path / "kept.zip")
    yield tmp_path / "kept.zip"


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


def typed(*arguments: str | Path) -> tuple[int, str]:
    """What ``mushra db`` says, with its exit code."""
    done = CliRunner().invoke(db_cli.db, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


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


def test_a_lost_set_is_named_and_all_the_rest_can_be_kept(settings: Settings, sqlite: Database, tmp_path: Path) -> None:
    tiny_set.make(settings.uploads_dir / "one")
    publish(settings.uploads_dir / "one", sqlite, settings)
    lost = next((settings.uploads_dir / "one").rglob("*.flac"))
    lost.unlink()
    with pytest.raises(AppError, match=rf"{lost}: missing .*--incomplete"):
        back_up(settings, tmp_path / "kept.zip")
    made = back_up(settings, tmp_path / "kept.zip", incomplete=True)
    assert made.sets_left_out == ("uploads/one",) and made.sets == {}
    code, said = typed("restore", tmp_path / "kept.zip", "--data", tmp_path / "new")
    assert code == 0 and f"was missing already: {tmp_path / 'new' / 'uploads' / 'one'}" in said


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


def test_the_command_says_what_is_in_it_and_keys_are_not(kept: Path, settings: Settings, tmp_path: Path) -> None:
    code, said = typed("backup", tmp_path / "again.zip", "--data", settings.data_dir)
    assert code == 0 and "3 saves with 15 responses, 1 sessions of 1 studies" in said and "secret.key" in said
    secret = security.secret_key(settings).encode()
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert all(secret not in archive.read(name) and "key" not in name for name in archive.namelist())
    assert (tmp_path / "again.zip").stat().st_mode & 0o777 == 0o600
    code, said = typed("restore", tmp_path / "again.zip", "--data", tmp_path / "new")
    assert code == 0 and "3 saves with 15 responses" in said and "links signed with the old ones" in said
    assert f"mushra serve --data {tmp_path / 'new'}" in said
    server = Served(tmp_path / "new")
    assert server.stop() == 0 and "/listen/tiny" in server.said[0]
    for command in ("backup", "restore"):
        assert "secret.key" in typed(command, "--help")[1]


def test_no_backup_replaces_another(kept: Path, settings: Settings) -> None:
    before = kept.read_bytes()
    with pytest.raises(AppError, match="is there already"):
        back_up(settings, kept)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_backup_is_refused(kept: Path, tmp_path: Path, share: float) -> None:
    kept.write_bytes(kept.read_bytes()[: int(share * kept.stat().st_size)])
    with pytest.raises(AppError, match=r"damaged or no backup of ours.*nothing was changed"):
        restore(Settings(data_dir=tmp_path / "new"), kept)
    assert not (tmp_path / "new").exists()


def test_a_flipped_byte_anywhere_is_refused_or_changes_nothing(kept: Path, tmp_path: Path) -> None:
    """Most bytes are under a hash; those that are not (dates in the archive's list) carry nothing."""
    whole, place = kept.read_bytes(), Settings(data_dir=tmp_path / "new")
    with zipfile.ZipFile(kept) as archive:
        wanted = backups._verified(archive, kept)
        directory = archive.start_dir
    refused = 0
    tried = [*range(0, directory, directory // 30), *range(directory, len(whole), 13)]
    for at in tried:
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            with backups._archive(kept) as archive:
                found = backups._verified(archive, kept)
        except AppError:
            refused += 1
        else:
            assert found == wanted, at
    assert refused > len(tried) // 2
    assert not place.data_dir.exists()


def test_a_clip_changed_with_its_checksum_is_refused(kept: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(tmp_path / "changed.zip", "w") as new:
        names = old.namelist()
        clip = next(name for name in names if name.startswith("media/"))
        for name in names:
            new.writestr(name, b"fLaC" if name == clip else old.read(name))
    with pytest.raises(AppError, match=f"{clip} has the hash"):
        restore(Settings(data_dir=tmp_path / "new"), tmp_path / "changed.zip")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"revision": "0999", "release": "9.0"}, r"made by a newer release \(9.0, revision 0999"),
        ({"database": "postgresql"}, "database.dump is missing"),
        ({"format": 2}, "backup.json can't be read"),
        ({"members": {"../../etc/passwd": "0" * 64}}, "backup.json can't be read"),
        ({"sets": {"uploads/one/clip.flac": "0" * 64}}, "files of sets are missing"),
        *(
            ({"sets": {place: "0" * 64}}, "backup.json can't be read")
            for place in ("../a/b", "uploads/../../b", "/etc/x/y", "uploads/a", "a/b/./c", "C:/a/b", "a/b\\c/d")
        ),
    ],
)
def test_what_this_release_cannot_read_is_refused(kept: Path, tmp_path: Path, changes: Any, said: str) -> None:
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(tmp_path / "other.zip", "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, json.dumps(json.loads(text) | changes) if name == "backup.json" else text)
    with pytest.raises(AppError, match=said):
        restore(Settings(data_dir=tmp_path / "new"), tmp_path / "other.zip")
    assert not (tmp_path / "new").exists()


def test_another_kind_of_database_is_refused(kept: Path, tmp_path: Path) -> None:
    place = Settings(data_dir=tmp_path / "new", database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(AppError, match="holds a sqlite database, and this place is set to postgresql"):
        restore(place, kept)


@pytest.mark.parametrize("fault", ["missing", "flipped"])
def test_a_lost_clip_is_named_and_all_the_rest_can_be_kept(
    kept: Path, settings: Settings, tmp_path: Path, fault: str
) -> None:
    clip = damage(settings, fault)
    with pytest.raises(AppError, match=rf"{clip.name} \(study tiny, .*\): (missing|not what).*--incomplete"):
        back_up(settings, tmp_path / "rest.zip")
    assert sorted(path.name for path in tmp_path.iterdir() if "rest" in path.name) == []
    code, said = typed("backup", tmp_path / "rest.zip", "--incomplete", "--data", settings.data_dir)
    assert code == 0 and f"left out: {clip}" in said
    code, said = typed("restore", tmp_path / "rest.zip", "--data", tmp_path / "new")
    assert code == 0 and clip.name in said and "3 saves" in said
    code, said = typed("check", "--data", tmp_path / "new")
    assert code == 1 and f"{tmp_path / 'new' / 'media' / clip.name} (study tiny" in said


def damage(settings: Settings, fault: str) -> Path:
    """One clip, gone or with a byte that is another."""
    clip = sorted(settings.media_dir.glob("*.flac"))[0]
    if fault == "missing":
        clip.unlink()
    else:
        sound = clip.read_bytes()
        clip.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    return clip


@pytest.mark.parametrize("fault", ["missing", "flipped"])
def test_check_names_lost_clips(kept: Path, settings: Settings, fault: str) -> None:
    code, said = typed("check", "--data", settings.data_dir)
    assert code == 0 and "whole, every reference holds" in said and "FAIL" not in said and "note" not in said
    clip = damage(settings, fault)
    code, said = typed("check", "--data", settings.data_dir)
    (line,) = [line for line in said.splitlines() if line.startswith("FAIL")]
    assert code == 1 and clip.name in line and ("missing" if fault == "missing" else "has the hash") in line


def test_check_names_orphans_as_a_note(kept: Path, settings: Settings) -> None:
    media.store(settings.media_dir, b"fLaC of nobody")
    code, said = typed("check", "--data", settings.data_dir)
    assert code == 0 and "belongs to no clip" in said


def test_check_finds_lost_references_and_another_revision(kept: Path, settings: Settings, app: Any) -> None:
    database = app.extensions["mushra"].database
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DELETE FROM trial WHERE id = 1")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    code, said = typed("check", "--data", settings.data_dir)
    assert code == 1 and "refer to rows of trial that are not there" in said
    assert f"has revision 0003, this release needs {schema.head()}; run: mushra db upgrade" in said


def test_check_and_backup_of_a_damaged_database_say_so(
    kept: Path, settings: Settings, app: Any, tmp_path: Path
) -> None:
    app.extensions["mushra"].database.close()
    whole = settings.database_file.read_bytes()
    settings.database_file.write_bytes(whole[:4096] + b"\xff" * 8192 + whole[12288:])
    code, said = typed("check", "--data", settings.data_dir)
    assert code == 1 and "FAIL" in said and "mushra db restore" in said
    settings.database_file.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(AppError, match="can't be read or written"):
        back_up(settings, tmp_path / "damaged.zip")
    assert not (tmp_path / "damaged.zip").exists()


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


def test_check_of_a_database_that_is_away_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSHRA_DATABASE_URL", "postgresql://lab:hunter2@127.0.0.1:1/listening")
    code, said = typed("check", "--data", tmp_path)
    assert code == 1 and "start it or mend its address" in said and "hunter2" not in said


def test_an_empty_database_has_nothing_to_back_up(settings: Settings, tmp_path: Path) -> None:
    database = Database(settings)
    with database.writing() as db:
        db.execute(text("SELECT 1"))
    database.close()
    with pytest.raises(AppError, match="nothing to back up"):
        back_up(settings, tmp_path / "out.zip")

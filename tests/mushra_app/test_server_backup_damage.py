"""Backups that are damaged, changed or not whole, and what a check of a data folder finds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from click.testing import CliRunner
from server_guests import Served

from mushra_app import media, schema, security
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.operation import backup as backups
from mushra_app.operation import db_cli
from mushra_app.operation.backup import back_up, restore
from mushra_app.publish import publish


def typed(*arguments: str | Path) -> tuple[int, str]:
    """What ``mushra db`` says, with its exit code."""
    done = CliRunner().invoke(db_cli.db, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


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


def test_check_of_a_database_that_is_away_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSHRA_DATABASE_URL", "postgresql://lab:hunter2@127.0.0.1:1/listening")
    code, said = typed("check", "--data", tmp_path)
    assert code == 1 and "start it or mend its address" in said and "hunter2" not in said

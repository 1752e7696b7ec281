"""The replication bundle: what is in it, what is not, and that the same report comes out of it elsewhere."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from careful_guests import listened
from studio_people import close

from mushra_app import ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.publish import publish
from mushra_app.study import bundle, lifecycle, packing, peeking
from stimuli import experiment as experiments
from stimuli import manifest as sets


@pytest.fixture
def own_set(stimuli: Path, tmp_path: Path) -> Path:
    """The tiny set, to be changed."""
    return Path(shutil.copytree(stimuli, tmp_path / "a set"))


@pytest.fixture
def rated(database: Database, either: Settings, own_set: Path) -> Database:
    """Four listeners have finished, and the study is closed."""
    publish(own_set, database, either)
    listened(database, 4, comment="a remark")
    close(database)
    return database


@pytest.fixture
def other_rooms(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Their commands write a word each, and are noted: what they really write is for the proof below."""
    asked: list[tuple[str, ...]] = []

    def write(tell: object, *arguments: str, where: Path) -> None:
        asked.append(arguments)
        for option, name in pairwise(arguments):
            if option in ("--out", "--json"):
                (where / name).write_text(f"{arguments[0]}\n")
        if arguments[0] == "metrics":
            (where / "stimuli" / "metrics.json").write_text(f"{where.as_posix()}/songs: no such folder\n")

    monkeypatch.setattr(bundle, "_mushra", write)
    return asked


def packed(database: Database, out: Path, *, sounds: bool = False) -> Path:
    with database.reading() as db:
        found = bundle.contents_of(db, Settings(data_dir=out.parent), "tiny")
    bundle.write_bundle(database, found, out, sounds=sounds)
    return out


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as found:
        found.extractall(folder)
    return folder / "tiny"


def test_it_holds_what_somebody_needs_and_nothing_personal(
    rated: Database, own_set: Path, tmp_path: Path, other_rooms: list[tuple[str, ...]]
) -> None:
    with rated.writing() as db:
        peeking.note(db, "ada@example.org", "tiny", "the headphones were broken")
    root = unpacked(packed(rated, tmp_path / "b.zip", sounds=True), tmp_path / "x")
    packing.check_sums(root)
    manifest = sets.verify(root / "stimuli")
    assert manifest == sets.read(own_set) and experiments.load(root / "experiment.toml") == manifest.experiment
    found = ratings.read_csv(root / "ratings.csv")
    assert len(found) == 4 * 15 and {row["study_id"] for row in found} == {manifest.study_id}
    assert [one.reason for one in ratings.read_peeks(root / "peeks.csv")] == ["the headphones were broken"]
    everything = b"".join(path.read_bytes() for path in root.rglob("*.*") if path.suffix != ".flac")
    assert b"a remark" in everything and b"ada@example.org" not in everything and b",age," not in everything
    with (root / "data_dictionary.csv").open(newline="") as stream:
        told = {(row["file"], row["column"]) for row in csv.DictReader(stream)}
    for name in ("ratings.csv", "answers.csv", "peeks.csv"):
        with (root / name).open(newline="") as stream:
            assert {(name, column) for column in next(csv.reader(stream))} <= told
    assert [arguments[0] for arguments in other_rooms] == ["metrics", "preregister", "report"]
    assert str(tmp_path) not in (root / "stimuli" / "metrics.json").read_text()


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_the_same_study_gives_the_same_bytes_with_sounds_or_without(
    rated: Database, tmp_path: Path, other_rooms: list[tuple[str, ...]]
) -> None:
    first, second = (packed(rated, tmp_path / folder / "b.zip") for folder in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.endswith(".flac")] and "tiny/stimuli/manifest.json" in names
    assert names == sorted(names) and [path.name for path in (tmp_path / "one").iterdir()] == ["b.zip"]
    packing.check_sums(unpacked(first, tmp_path / "x"))
    (tmp_path / "x" / "tiny" / "ratings.csv").write_text("another")
    with pytest.raises(AppError, match=r"not what was packed: ratings\.csv"):
        packing.check_sums(tmp_path / "x" / "tiny")


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_what_can_not_be_packed_is_refused_and_leaves_nothing(
    rated: Database, own_set: Path, tmp_path: Path, other_rooms: list[tuple[str, ...]]
) -> None:
    import tiny_set

    (out := tmp_path / "out").mkdir()
    with rated.reading() as db:
        before = bundle.contents_of(db, Settings(data_dir=out.parent), "tiny")
    shutil.move(own_set, tmp_path / "away")
    with pytest.raises(AppError, match="needs the stimulus set where it was published from"):
        packed(rated, out / "b.zip")
    tiny_set.make(own_set, experiment={"name": "tiny", "title": "Another", "contact": "lab@example.org"})
    with pytest.raises(AppError, match="is not the set any more that version 1 of tiny was published"):
        packed(rated, out / "b.zip")
    with rated.writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), "open", reason="more listeners")
    with pytest.raises(ConflictError, match="still running; close it"):
        packed(rated, out / "b.zip")
    shutil.rmtree(own_set)
    shutil.move(tmp_path / "away", own_set)
    with pytest.raises(ConflictError, match="still running; close it"):  # opened again while it was at work
        bundle.write_bundle(rated, before, out / "b.zip", sounds=False)
    assert list(out.iterdir()) == [] and other_rooms == []


def test_a_study_that_nobody_rated_has_no_bundle(
    database: Database, either: Settings, own_set: Path, tmp_path: Path, other_rooms: list[tuple[str, ...]]
) -> None:
    publish(own_set, database, either, as_draft=True)
    with pytest.raises(AppError, match="nobody has rated anything"):
        packed(database, tmp_path / "b.zip")


@pytest.mark.proof
@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sounds", [True, False])
def test_from_the_bundle_alone_the_same_report_comes_out_elsewhere(
    rated: Database, own_set: Path, tmp_path: Path, sounds: bool
) -> None:
    """With the commands that its README says, once everything that it was made of is gone; from a database, too."""
    root = unpacked(packed(rated, tmp_path / "b.zip", sounds=sounds), tmp_path / "elsewhere")
    rated.close()
    heard = shutil.move(own_set, tmp_path / "heard")
    shutil.rmtree(tmp_path / "data")
    readme = (root / "README.md").read_text().replace("THE-SET-THAT-WAS-HEARD", "../../heard")
    said = ("mushra ", "cmp ", "sha256sum ")
    commands = [line for line in readme.splitlines() if line.startswith(said) and "serve" not in line]
    assert len(commands) == (7 if sounds else 6) and heard
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for command in commands:
        words = command.split()
        if words[0] == "mushra":
            words[:1] = [sys.executable, "-m", "mushra_app.cli"]
        done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    if sounds:
        again = Database(Settings(data_dir=root / "again"))
        with again.reading() as db:
            assert lifecycle.current(db, "tiny").identity == sets.read(root / "stimuli").study_id
        again.close()

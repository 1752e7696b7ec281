"""A bundle put back into another database: the same ratings, answers, looks and report, or nothing at all."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from archives import BAD_ZIPS
from careful_guests import listened
from filelock import FileLock
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from replicas import ANSWERS, ROWS, bundled, changed, listen_to_all, made_up, made_up_rows, unpacked
from server_guests import opened
from sqlalchemy import func, select

from mushra_app import export, places, ratings, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.models import Base, ListeningSession, Place, Save, Study
from mushra_app.people import audit
from mushra_app.study import bundle, lifecycle, packing, peeking, replicating
from mushra_app.study.replicating import replicate
from mushra_app.study.sets import folder_of, is_whole
from stimuli import manifest as sets

NO_SHRINKING, SAME_FIXTURES = (Phase.reuse, Phase.generate), [HealthCheck.function_scoped_fixture]
TABLES = {name: table for name, table in Base.metadata.tables.items() if name != "account"}


def other_rooms(tell: object, *arguments: str, where: Path) -> None:
    """Instead of their commands: a word each."""
    for option, name in pairwise(arguments):
        if option in ("--out", "--json"):
            (where / name).write_text(f"{arguments[0]}\n")
    if arguments[0] == "metrics":
        (where / "stimuli" / "metrics.json").write_text("{}\n")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Path]:
    """A bundle with sounds of a study that has everything; the commands of other rooms write a word each."""
    folder = tmp_path_factory.mktemp("original")
    settings = Settings(data_dir=folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_mushra", other_rooms)
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
        filled = [name for name, table in TABLES.items() if db.scalar(select(func.count()).select_from(table))]
    assert filled == []
    assert [path.name for path in settings.uploads_dir.glob("*")] == []


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


def test_a_bundle_of_the_replica_is_the_bundle_byte_for_byte(
    database: Database, either: Settings, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the trial of the one answer; a bundle without such an answer comes back as it was, with every file."""
    monkeypatch.setattr(bundle, "_mushra", other_rooms)
    replicate(archive, database, either)
    second = bundled(database, either, tmp_path / "second.zip")
    with zipfile.ZipFile(archive) as one, zipfile.ZipFile(second) as other:
        assert one.namelist() == other.namelist()
        differing = {name for name in one.namelist() if one.read(name) != other.read(name)}
    assert differing == {"tiny/answers.csv", "tiny/SHA256SUMS"}
    settings = Settings(data_dir=tmp_path / "third")
    third = Database(settings)
    schema.require(third, settings)
    assert replicate(second, third, settings).unplaced == 0
    assert bundled(third, settings, tmp_path / "third.zip").read_bytes() == second.read_bytes()
    third.close()


def test_new_listeners_can_come_after_those_of_the_bundle(database: Database, either: Settings, archive: Path) -> None:
    replicate(archive, database, either)
    with database.writing() as db:
        calibrated = places.add(db, "Booth 1", level_db_a=80, transducer="headphones", device="another").id
        known = db.scalars(select(ListeningSession.id)).all()
        with pytest.raises(peeking.PeekError):
            lifecycle.move(db, lifecycle.current(db, "tiny"), "open")
        lifecycle.move(db, lifecycle.current(db, "tiny"), "open", reason="again with others", who="ada")
    listened(database, 1)
    with database.reading() as db:
        last = db.scalars(select(ListeningSession).order_by(ListeningSession.id.desc())).first()
        assert last is not None and last.id > max(known) and last.status == "finished" and calibrated > 1
        assert len({row["session"] for row in export.rows(db)}) == 5


def test_nobody_comes_back_into_a_session_and_what_is_not_known_says_so(
    sqlite: Database, settings: Settings, archive: Path
) -> None:
    replicate(archive, sqlite, settings)
    with sqlite.reading() as db:
        sittings = db.scalars(select(ListeningSession)).all()
        assert len({one.token_sha256 for one in sittings}) == len(sittings) == 5
        unknown = {(one.user_agent, one.consent_sha256, one.seed, one.finished_at) for one in sittings}
        assert unknown == {("replicated", "", 0, None)}
        assert {save.user_agent for save in db.scalars(select(Save))} == {"replicated"}
        earlier = db.scalars(select(Save).where(Save.engine == "")).one()
        assert (earlier.revision, earlier.comment, earlier.trial_s) == (1, "a first thought", 0)
        assert "not known" in db.scalars(select(Place.device)).one()
        assert "=an engine" in db.scalars(select(Save.engine)).all(), "as it was before it was made harmless"


def test_without_sounds_the_set_is_asked_for_and_the_same_one_will_do(
    sqlite: Database, settings: Settings, archive: Path, stimuli: Path, tmp_path: Path
) -> None:
    silent, heard = archive.with_name("silent.zip"), archive.with_name("set")
    with pytest.raises(AppError, match=r"without sounds; ask .* \(mushra bundle --sounds\).*--stimuli DIR"):
        replicate(silent, sqlite, settings)
    with pytest.raises(AppError, match=r"another set .*name the one that was heard"):
        replicate(silent, sqlite, settings, stimuli=stimuli)
    nothing_is_there(sqlite, settings)
    replicate(silent, sqlite, settings, stimuli=heard)
    root = unpacked(silent, tmp_path / "x")
    assert (exported(sqlite, tmp_path / "again") / "ratings.csv").read_bytes() == (root / "ratings.csv").read_bytes()
    with sqlite.reading() as db:
        kept = folder_of(lifecycle.current(db, "tiny").published_from, settings)
    assert is_whole(kept, sets.read(heard).study_id) and (kept / "metrics.json").read_text() == "{}\n"
    assert kept.is_relative_to(settings.data_dir)


@pytest.mark.parametrize("name", ["above", "far above", "link", "bomb", "many", "control", "cut off", "no archive"])
def test_archives_that_nobody_should_send_are_refused(
    sqlite: Database, settings: Settings, tmp_path: Path, name: str
) -> None:
    made, told = BAD_ZIPS[name]
    (tmp_path / "bad.zip").write_bytes(made())
    with pytest.raises(AppError, match=told):
        replicate(tmp_path / "bad.zip", sqlite, settings)
    nothing_is_there(sqlite, settings)


def test_a_database_that_has_something_is_left_alone(
    database: Database, either: Settings, archive: Path, tmp_path: Path
) -> None:
    replicate(archive, database, either)
    before = exported(database, tmp_path / "before")
    with pytest.raises(ConflictError, match=r"has studies or places already \(tiny, Booth 1\).*--data DIR"):
        replicate(archive, database, either)
    after = exported(database, tmp_path / "after")
    assert [(before / name.name).read_bytes() == name.read_bytes() for name in after.iterdir()] == [True] * 3


WRONG = {
    "newer": ("versions.json", '"schema_number": 1', '"schema_number": 2', "schema 2, this release reads 1; install"),
    "no version": ("versions.json", '"version": 3', '"version": 0', r"versions.json: version: .*greater than"),
    "another study": ("versions.json", '"study": "tiny"', '"study": "big"', "versions.json: study: not that of"),
    "unknown column": ("ratings.csv", "heard_s", "herd_s", "ratings.csv: line 1: the columns heard_s are missing"),
    "condition": ("ratings.csv", ",zebra-net,", ",zebra-n,", "line 5: condition: found 'zebra-n'; expected a system"),
    "role": ("ratings.csv", ",anchor,", ",mixture,", "line 3: role: found 'mixture'; expected one of hidden_ref"),
    "item": ("ratings.csv", "1-2,Walrus 1", "1-2,Walrus 9", "line 2: item: found 'Walrus 9'; expected an item of sti"),
    "attribute": ("ratings.csv", ",overall,", ",loudness,", "line 2: attribute: found 'loudness'; expected one of ov"),
    "song": ("ratings.csv", ",Walrus 1,", ",Walrus 9,", "line 2: song: found 'Walrus 9'; by the manifest"),
    "rating": ("ratings.csv", ",2,50.5,", ",2,150.5,", "line 3: rating: found 150.5; expected 0 to 100"),
    "no rating": ("ratings.csv", ",2,50.5,", ",2,,", "line 3: rating: found ''; expected a value"),
    "slot twice": (
        "ratings.csv",
        ",2,50.5,",
        ",1,50.5,",
        "line 3: slot: found '1'; expected each slot of a trial once",
    ),
    "slots": ("ratings.csv", ",1,49.5,", ",3,49.5,", "line 4: slot: found '3'; expected each slot of a trial once"),
    "identity": ("ratings.csv", "tiny,", "tiny,0", "line 2: study_id: found '0.*expected that of the bundle"),
    "session": ("ratings.csv", ",4,1,7,", ",x4,1,7,", "line 2: session: found 'x4'; expected a whole number from 1"),
    "large": ("ratings.csv", ",4,1,7,", ",4,1,2147483648,", "line 2: trial: found '2147483648'; expected a whole"),
    "zeros": ("ratings.csv", ",4,1,7,", ",04,1,7,", "line 3: session: found '4'; expected sessions in order"),
    "trial": ("ratings.csv", ",4,1,7,1,", ",4,1,8,1,", "line 3: presentation: found '1'; expected trials in the order"),
    "group": ("ratings.csv", "L-1,,4,", "L-1,choir,4,", "line 3: listener_group: found ''; by the manifest and"),
    "time": ("ratings.csv", ".500+00:00", ".500", "line 2: saved_at: found .*expected a time in UTC"),
    "infinite": ("ratings.csv", ",1.5,2,", ",inf,2,", "line 2: heard_s: found 'inf'; expected a finite number"),
    "underscore": ("ratings.csv", ",44100,", ",44_100,", "line 2: rate_hz: found '44_100'; by the manifest and"),
    "comment on nothing": (
        "answers.csv",
        ",4,7,comment",
        ",4,77,comment",
        "line 2: trial: found 77; expected one that",
    ),
    "comments": ("answers.csv", "{first}\n", "{first}\n{first}\n", "line 2: trial: found 7; expected at most 1 comm"),
    "stranger": ("answers.csv", "L-1,4,7,", "L-9,4,7,", "answers.csv: line 2: listener: found 'L-9'; .*'L-1'"),
    "answer twice": ("answers.csv", "{last}\n", "{last}\n{last}\n", "line 5: question: found 'ears'; expected each qu"),
    "a look": ("peeks.csv", "reason\n", "reason\nyesterday,why\n", "peeks.csv: line 2: at: found 'yesterday'; expect"),
}
"""Of each mistake: the file, what stands there, what stands there instead, and what is said of it."""


@pytest.mark.parametrize("mistake", WRONG)
def test_what_can_not_be_is_refused_by_line_and_column_and_nothing_is_kept(
    sqlite: Database, settings: Settings, stimuli: Path, tmp_path: Path, mistake: str
) -> None:
    file, old, new, told = WRONG[mistake]
    root = made_up(tmp_path / "tiny", stimuli, ROWS, ANSWERS)
    _, first, *_, last = (root / "answers.csv").read_text().splitlines()
    old, new = (text.replace("{first}", first).replace("{last}", last) for text in (old, new))
    with pytest.raises(AppError, match=told) as refused:
        replicate(changed(root, file, old, new), sqlite, settings)
    assert str(tmp_path) not in str(refused.value)
    nothing_is_there(sqlite, settings)


def test_what_is_made_up_well_is_taken(sqlite: Database, settings: Settings, stimuli: Path, tmp_path: Path) -> None:
    """So that each refusal above is for its mistake and for nothing else."""
    done = replicate(made_up(tmp_path / "tiny", stimuli, ROWS, ANSWERS), sqlite, settings)
    assert (done.ratings, done.number, done.unplaced) == (len(ROWS), 3, 0)


def test_a_bundle_that_was_changed_or_is_none_is_refused(sqlite: Database, settings: Settings, root: Path) -> None:
    (root / "ratings.csv").write_text((root / "ratings.csv").read_text() + "\n")
    (root / "report.html").unlink()
    with pytest.raises(AppError, match=r"the bundle: not what was packed: ratings\.csv, report\.html"):
        replicate(root, sqlite, settings)
    (root / packing.SUMS).write_text("")
    with pytest.raises(AppError, match="it lists nothing"):
        replicate(root, sqlite, settings)
    (root / packing.SUMS).unlink()
    for wrong in (root, root / "nowhere"):
        with pytest.raises(AppError, match="expected the zip that mushra bundle wrote"):
            replicate(wrong, sqlite, settings)
    nothing_is_there(sqlite, settings)


def test_what_fails_in_the_middle_leaves_nothing(
    database: Database, either: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(replicating, "require_same", full)
        with pytest.raises(OSError, match="No space"):
            replicate(archive, database, either)
    nothing_is_there(database, either)
    with FileLock(either.data_dir / ".replicate.lock"), pytest.raises(ConflictError, match="another mushra replicate"):
        replicate(archive, database, either)
    assert replicate(archive, database, either).number == 1


def test_killed_in_the_middle_it_can_be_run_again(archive: Path, tmp_path: Path) -> None:
    """A real process, killed once all rows are written and none is committed."""
    before = "import os, signal; from mushra_app.study import replicating as r\n"
    before += "r.require_same = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
    code = "from mushra_app.replicate_cli import replicate; replicate()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [str(archive), "--data", str(tmp_path / "data")]
    killed = subprocess.run([sys.executable, "-c", before + code, *command], env=environment, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    settings = Settings(data_dir=tmp_path / "data")
    database = Database(settings)
    with database.reading() as db:
        assert db.scalars(select(Study)).all() == []
    done = subprocess.run([sys.executable, "-c", code, *command], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "tiny: version 1, closed, with" in done.stdout, done.stderr
    assert "1 answers came before" in done.stdout and "comparing" in done.stderr
    assert len(list(settings.uploads_dir.iterdir())) == 1
    assert len(rows_of(exported(database, tmp_path / "again") / "ratings.csv")) > 50
    database.close()


@given(rows=made_up_rows())
@hypothesis_settings(max_examples=12, deadline=None, phases=NO_SHRINKING, suppress_health_check=SAME_FIXTURES)
def test_any_ratings_come_back_as_they_were(
    rows: list[ratings.Row], stimuli: Path, empty_sqlite: Path, tmp_path: Path
) -> None:
    root = made_up(tmp_path / "tiny", stimuli, rows)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    shutil.rmtree(tmp_path / "again", ignore_errors=True)
    settings = Settings(data_dir=tmp_path / "data")
    database = opened(settings, empty_sqlite)
    try:
        assert replicate(root, database, settings).ratings == len(rows)
        again = exported(database, tmp_path / "again")
    finally:
        database.close()
    assert (again / "ratings.csv").read_bytes() == (root / "ratings.csv").read_bytes()

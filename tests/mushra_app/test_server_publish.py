"""Publishing: whole or not at all, twice is once, changed is a version; sounds are stored alike."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny_set
from server_guests import Guest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import media
from mushra_app import publish as publishing
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.listener.pages import TrialPage
from mushra_app.models import Clip, Condition, Item, Scale, StudyVersion
from mushra_app.publish import publish
from mushra_app.study import lifecycle
from stimuli import manifest as manifests
from stimuli.errors import ManifestError


def versions(database: Database) -> list[tuple[int, str]]:
    with database.reading() as db:
        query = select(StudyVersion.number, StudyVersion.status).order_by(StudyVersion.number)
        return [(number, status) for number, status in db.execute(query)]


def test_rows_are_what_the_manifest_says(database: Database, either: Settings, stimuli: Path) -> None:
    assert publish(stimuli, database, either).change == "new"
    with database.reading() as db:
        counted = [db.scalar(select(func.count(table.id))) for table in (Clip, Item, Condition, Scale)]
        version = lifecycle.current(db, "tiny")
        assert counted == [21, 3, 6, 1]
        assert version.items[1].dataset == "yonder" and version.items[0].use == "training"
        assert version.manifest["study_id"] == version.identity


def test_publishing_twice_changes_nothing(database: Database, either: Settings, stimuli: Path) -> None:
    publish(stimuli, database, either)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in either.media_dir.iterdir())
    assert publish(stimuli, database, either).change == "nothing"
    assert versions(database) == [(1, "open")]
    assert sorted((path.name, path.stat().st_mtime_ns) for path in either.media_dir.iterdir()) == before


def test_a_changed_text_is_a_version_and_a_listener_stays_with_theirs(
    database: Database, either: Settings, stimuli: Path, tmp_path: Path
) -> None:
    publish(stimuli, database, either)
    early = Guest(database)
    question = "How well was the singing removed?"
    tiny_set.make(tmp_path / "second", attributes=[{"name": "overall", "question": question}])
    assert publish(tmp_path / "second", database, either).change == "next version"
    assert versions(database) == [(1, "superseded"), (2, "open")]
    assert early.trial().question != question and Guest(database).trial().question == question
    assert publish(stimuli, database, either).change == "back"
    assert versions(database) == [(1, "open"), (2, "superseded")]


def test_a_changed_sound_is_refused_and_nothing_is_stored(
    database: Database, either: Settings, stimuli: Path, tmp_path: Path
) -> None:
    shutil.copytree(stimuli, tmp_path / "broken")
    clip = next((tmp_path / "broken" / "clips").iterdir())
    clip.write_bytes(clip.read_bytes()[:-1] + b"x")
    with pytest.raises(ManifestError, match=f"{clip.name}.*not the file that was built"):
        publish(tmp_path / "broken", database, either)
    assert versions(database) == [] and not either.media_dir.exists()


def test_an_item_whose_sounds_differ_in_length_is_refused(
    database: Database, either: Settings, stimuli: Path, tmp_path: Path
) -> None:
    shutil.copytree(stimuli, tmp_path / "broken")
    found = manifests.read(stimuli)
    clips = (found.clips[0].model_copy(update={"frames": 7}), *found.clips[1:])
    manifests.write(tmp_path / "broken", found.model_copy(update={"clips": clips}))
    with pytest.raises(AppError, match="Walrus 0: its sounds differ"):
        publish(tmp_path / "broken", database, either)
    assert versions(database) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LARGEST_MANIFEST", 10_000, "manifest.json: larger than 0 MB"),
        ("MOST_CLIPS", 6, "Walrus 0: found 7 sounds of one item; expected at most 6"),
        ("MOST_ITEM_BYTES", 1000, "Walrus 0: its sounds have 1 MB together"),
    ],
)
def test_what_would_take_the_memory_is_refused_before_it_is_read(
    sqlite: Database,
    settings: Settings,
    stimuli: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: int,
    said: str,
) -> None:
    monkeypatch.setattr(publishing, name, value)
    with pytest.raises(AppError, match=said):
        publish(stimuli, sqlite, settings)
    assert versions(sqlite) == [] and not settings.media_dir.exists()
    assert publishing.LARGEST_MANIFEST <= 16 * 10**6


def test_rows_are_made_before_listeners_have_to_wait(
    sqlite: Database, settings: Settings, stimuli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction stores what a version says, and makes none of it."""
    inside, made, plain = [False], [], publishing._plain

    @contextmanager
    def watched(database: Database) -> Iterator[Session]:
        with writing(database) as session:
            inside[0] = True
            yield session
        inside[0] = False

    def watched_plain(text: str) -> dict[str, Any]:
        made.append(inside[0])
        return plain(text)

    writing = Database.writing
    monkeypatch.setattr(Database, "writing", watched)
    monkeypatch.setattr(publishing, "_plain", watched_plain)
    publish(stimuli, sqlite, settings)
    assert len(made) > 20 and not any(made)


def test_stored_sounds_of_an_item_have_one_size_and_their_own_samples(
    database: Database, either: Settings, stimuli: Path
) -> None:
    publish(stimuli, database, either)
    found = manifests.read(stimuli)
    raw = {(stimuli / clip.file).stat().st_size for clip in found.clips if clip.item == "Walrus 1"}
    with database.reading() as db:
        stored = {
            clip.sha256: clip.media_sha256
            for clip in db.scalars(select(Clip).join(Item).where(Item.name == "Walrus 1"))
        }
    sizes = {media.path_of(either.media_dir, name).stat().st_size for name in stored.values()}
    assert len(raw) > 1 and len(sizes) == 1, "the raw files' sizes tell them apart, the stored ones' do not"
    for clip in found.clips:
        if clip.sha256 in stored:
            ours = soundfile.read(media.path_of(either.media_dir, stored[clip.sha256]), dtype="int32")[0]
            assert np.array_equal(ours, soundfile.read(stimuli / clip.file, dtype="int32")[0])


@pytest.mark.parametrize("more", [4, 5, 7, 1000, 2**24 + 2, 2**24 + 3, 2**24 + 4, 2**24 + 9])
def test_padding_reaches_any_size_and_decodes_alike(more: int) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((1000, 2)), 44100, subtype="PCM_24", format="FLAC")
    flac = stream.getvalue()
    least = media.common_size([len(flac)])
    longer = media.padded(flac, least - 4 + more)
    assert len(longer) == least - 4 + more
    assert soundfile.info(io.BytesIO(longer)).frames == 1000
    with pytest.raises(AppError):
        media.padded(flac, least - 1)


def test_break_and_question_pages_come_where_they_belong(database: Database, either: Settings, tmp_path: Path) -> None:
    asked = [{"name": name, "question": f"{name}?"} for name in ("overall", "vocals")]
    tiny_set.make(tmp_path / "set", attributes=asked, test={"break_every": 3, "replicates": 1}, questions=[])
    publish(tmp_path / "set", database, either)
    guest, seen = Guest(database), []
    for _ in range(40):
        page = guest.page()
        seen.append(f"{page.number}/{page.total}" if isinstance(page, TrialPage) else getattr(page, "heading", "done"))
        if seen[-1] == "done":
            break
        guest.save(page) if isinstance(page, TrialPage) else guest.pass_by(page)
    assert seen == [
        *("Practice", "1/2", "Another question", "2/2"),
        *("The test", "1/8", "2/8", "3/8", "Time for a break", "4/8", "Another question", "5/8", "6/8"),
        *("Time for a break", "7/8", "8/8", "done"),
    ]

"""Serving sound by the app itself: streamed with its slot's mark, in whole and in part, and out of its folder only."""

from __future__ import annotations

import io
import logging
import random
import re
import subprocess
import sys
import tracemalloc
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, send_file
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import select, update

from mushra_app import media
from mushra_app.config import Settings
from mushra_app.errors import AppError
from mushra_app.models import Clip, Slot
from mushra_app.security import mark_of, secret_key
from mushra_app.serving.marked import open_marked
from mushra_app.session import listening

MARK = bytes(range(100, 100 + media.MARK_LENGTH))
RANGES = (
    "bytes=0-0", "bytes=4-103", "bytes=60-69", "bytes=-5", "bytes=100-", "bytes=-999999999", "bytes=0-999999999",
    "bytes=999999999-", "bytes=5-4", "bytes=-0", "bytes=0-1,5-6", "bytes=x-y", "bytes", "samples=0-5", "",
)  # fmt: skip


@pytest.fixture
def guest(app: Flask) -> Guest:
    return Guest(app.extensions["mushra"].database)


def stored(app: Flask, guest: Guest, number: int = 0) -> tuple[str, Path, bytes]:
    """Of a slot: its address, the file that it plays and its mark."""
    settings, sound = app.extensions["mushra"].settings, guest.trial().sounds[number]
    with guest.database.reading() as db:
        sha256 = listening.sounds_of_trial(db, guest.token, sound.token)[sound.token]
    return sound.url, media.path_of(settings.media_dir, sha256), mark_of(secret_key(settings), sound.token)


def by_hand(path: Path, mark: bytes) -> bytes:
    """The marked bytes of a sound, made in memory."""
    sound = path.read_bytes()
    return sound[: media.MARK_START] + mark + sound[media.MARK_START + len(mark) :]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("more", [{}, {"If-Range": '"x"'}, {"If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_ranges_are_those_of_the_marked_bytes(app: Flask, guest: Guest, method: str, more: dict[str, str]) -> None:
    """Status, headers and bytes are werkzeug's own for the same bytes in memory."""
    url, path, mark = stored(app, guest)
    whole = by_hand(path, mark)
    memory = Flask("memory")
    memory.add_url_rule("/sound", view_func=lambda: send_file(io.BytesIO(whole), "audio/flac", etag=False))
    for asked in RANGES:
        headers = ({"Range": asked} if asked else {}) | more
        ours = app.test_client().open(url, method=method, headers=headers)
        theirs = memory.test_client().open("/sound", method=method, headers=headers)
        assert (ours.status_code, asked) == (theirs.status_code, asked)
        for name in ("Content-Range", "Accept-Ranges"):
            assert ours.headers.get(name) == theirs.headers.get(name), asked
        if ours.status_code < 400:
            assert ours.headers["Content-Length"] == theirs.headers["Content-Length"]
            assert ours.data == theirs.data, asked


def test_a_part_read_in_any_steps_is_that_part(tmp_path: Path, stimuli: Path) -> None:
    clip = next((stimuli / "clips").iterdir()).read_bytes()
    path = tmp_path / "a.flac"
    path.write_bytes(media.padded(clip, media.common_size([len(clip)]))[:400])
    whole, rng = by_hand(path, MARK), random.Random(1)
    for _ in range(300):
        start, stop = sorted(rng.choices(range(len(whole) + 1), k=2))
        with open_marked(path, MARK) as sound:
            sound.narrow(start, stop)
            assert sound.seek(0, 2) == stop - start and sound.read(9) == b""
            at = rng.randint(0, stop - start)
            assert sound.seek(at) == sound.tell() == at
            steps = b""
            while step := sound.read(rng.randint(1, 60)):
                steps += step
            assert steps == whole[start + at : stop]
    with open_marked(path, MARK) as sound:
        assert sound.read() == whole and sound.size == len(whole)


def test_no_server_finds_the_file_behind_the_mark(app: Flask, guest: Guest) -> None:
    _, path, mark = stored(app, guest)
    with open_marked(path, mark) as sound, pytest.raises(OSError):
        sound.fileno()


def test_a_sound_of_an_older_release_stays_as_it_is(app: Flask, guest: Guest, stimuli: Path) -> None:
    url, path, _ = stored(app, guest)
    clip = next((stimuli / "clips").iterdir()).read_bytes()
    path.write_bytes(clip)
    assert app.test_client().get(url).data == clip
    assert app.test_client().get(url, headers={"Range": "bytes=40-99"}).data == clip[40:100]


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=50-"}])
def test_no_sound_is_read_whole(app: Flask, guest: Guest, asked: dict[str, str]) -> None:
    url, path, _ = stored(app, guest)
    with path.open("r+b") as stream:
        stream.truncate(64 * 2**20)
    client = app.test_client()
    client.get(url, headers={"Range": "bytes=0-1"})  # whatever is loaded once
    tracemalloc.start()
    answer = client.get(url, headers=asked, buffered=False)
    received = sum(len(chunk) for chunk in answer.response)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    answer.close()
    assert received > 64 * 10**6 and peak < 2 * 2**20


GUNICORN = """
from pathlib import Path
from mushra_app.app import create_app
from mushra_app.config import Settings
app = create_app(Settings(data_dir=Path({data!r})))
"""


def test_gunicorn_sends_marked_sounds(app: Flask, guest: Guest, tmp_path: Path) -> None:
    """It sends files by sendfile, past whatever lies over them, where it finds a descriptor."""
    url, path, mark = stored(app, guest)
    (tmp_path / "at_gunicorn.py").write_text(GUNICORN.format(data=str(app.extensions["mushra"].settings.data_dir)))
    command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "--chdir", str(tmp_path), "at_gunicorn:app"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        found = next(match for line in process.stderr if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
        with urllib.request.urlopen(found[0] + url, timeout=30) as answer:
            assert answer.read() == by_hand(path, mark)
        part = urllib.request.Request(found[0] + url, headers={"Range": "bytes=60-69"})
        with urllib.request.urlopen(part, timeout=30) as answer:
            assert answer.status == 206 and answer.read() == by_hand(path, mark)[60:70]
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stderr.close()


def break_the_name(app: Flask, path: Path) -> None:
    (app.extensions["mushra"].settings.data_dir / "outside.flac").write_bytes(b"secret")
    with app.extensions["mushra"].database.writing() as db:
        db.execute(update(Clip).where(Clip.media_sha256 == path.stem).values(media_sha256="../outside"))


def link_elsewhere(app: Flask, path: Path) -> None:
    outside = app.extensions["mushra"].settings.data_dir / "outside.flac"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)


@pytest.mark.parametrize("fault", [break_the_name, link_elsewhere, lambda app, path: path.unlink()])
def test_a_sound_that_is_not_in_the_folder_is_said_and_logged(
    app: Flask, guest: Guest, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url, path, _ = stored(app, guest)
    fault(app, path)
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get(url)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert "try again" in answer.text and path.stem not in answer.text and "outside" not in answer.text
    assert "a sound can't be had" in caplog.text


def test_where_one_sound_of_a_trial_is_missing_none_is_sent(app: Flask, guest: Guest) -> None:
    """The open reference and its hidden copy are one file: those that fail alone would be these two."""
    page = guest.trial()
    with guest.database.reading() as db:
        plays = dict(db.execute(select(Slot.token, Clip.media_sha256).join(Clip, Slot.clip_id == Clip.id)).all())
    reference = plays[page.references[0].token]
    assert sum(plays[sound.token] == reference for sound in page.sounds) == 1
    media.path_of(app.extensions["mushra"].settings.media_dir, reference).unlink()
    answers = [app.test_client().get(sound.url).status_code for sound in (*page.references, *page.sounds)]
    assert answers == [503] * 7


@pytest.mark.parametrize("name", ["../../secret.key", "a" * 63, "A" * 64, "a" * 64 + "\n", "", "/" + "a" * 63])
def test_only_a_hash_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(AppError, match="no SHA-256 of a sound"):
        media.path_of(tmp_path, name)


def test_a_server_without_a_store_or_a_proxy_writes_nothing(
    settings: Settings, client: FlaskClient, app: Flask
) -> None:
    guest = Guest(app.extensions["mushra"].database)
    before = {path: path.stat().st_mtime_ns for path in settings.media_dir.iterdir()}
    assert client.get(guest.trial().sounds[0].url).status_code == 200
    assert not settings.marked_dir.exists()
    assert {path: path.stat().st_mtime_ns for path in settings.media_dir.iterdir()} == before

"""An object store behind the sounds' folder, over real HTTP: published, fetched, checked, backed up, and never seen."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
import tiny_set
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from s3 import S3
from server_guests import Guest, Served, published_in
from test_server_sounds_by_proxy import ask, without_the_servers

from mushra_app import media, server_cli
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.errors import AppError, NotFoundError
from mushra_app.listener.pages import TrialPage
from mushra_app.operation import checks
from mushra_app.operation.backup import back_up, restore
from mushra_app.publish import publish
from mushra_app.serving import bounded
from mushra_app.serving.object_store import ObjectStore
from mushra_app.session.listening import sounds_of_trial

CLIPS, OF_A_TRIAL, SLOTS = 8, 4, 5
"""Sounds of the set that differ (the hidden reference is the open one), and those of a trial in its slots."""


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set yet smaller than the tiny one: two items, one anchor, one system."""
    items = [
        {"song": f"Walrus {n}", "excerpt": {"start_s": n, "length_s": 1}, "use": use}
        for n, use in enumerate(("training", "test"))
    ]
    folder = tmp_path_factory.mktemp("small")
    systems = [{"name": "zebra-net", "kind": "centre_cancellation"}]
    tiny_set.make(folder, items=items, systems=systems, anchors=[{"kind": "lowpass", "cutoff_hz": 3500}])
    return folder


@pytest.fixture(scope="module")
def published_tiny(tmp_path_factory: pytest.TempPathFactory, stimuli: Path, empty_sqlite: Path) -> Path:
    """A data folder with that set."""
    return published_in(tmp_path_factory.mktemp("published") / "data", stimuli, empty_sqlite)


@pytest.fixture
def url(s3_server: S3) -> str:
    """An empty bucket."""
    bucket = f"b{uuid.uuid4().hex}"
    fsspec.filesystem("s3").mkdir(bucket)
    return f"s3://{bucket}/sounds"


@pytest.fixture
def place(settings: Settings, url: str) -> Settings:
    """A data folder with that bucket behind it."""
    return settings.model_copy(update={"media_url": url})


@pytest.fixture
def published(app: Flask, place: Settings, stimuli: Path) -> Settings:
    """The tiny study, in the folder and in the store."""
    publish(stimuli, app.extensions["mushra"].database, place)
    return place


@pytest.fixture
def server(app: Flask, published: Settings) -> Iterator[FlaskClient]:
    """A server whose folder is empty."""
    shutil.rmtree(published.media_dir)
    yield create_app(published, app.extensions["mushra"].database).test_client()


@pytest.fixture
def guest(app: Flask) -> Guest:
    return Guest(app.extensions["mushra"].database)


def files() -> Any:
    """The store itself."""
    return fsspec.filesystem("s3", use_listings_cache=False)


def names(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.media_dir.iterdir())


def sounds(page: TrialPage) -> list[str]:
    return [sound.url for sound in (*page.references, *page.sounds)]


def spoil(path: str) -> None:
    """Flip one bit of an object, its length as it was."""
    content = bytearray(files().cat_file(path))
    content[len(content) // 2] ^= 1
    files().pipe_file(path, bytes(content))


def test_what_is_published_is_in_the_store_and_reads_back(published: Settings) -> None:
    for path in published.media_dir.iterdir():
        assert files().cat_file(f"{published.media_url}/{path.name}") == path.read_bytes()
    assert ObjectStore(str(published.media_url)).names() == set(names(published)) and len(names(published)) == CLIPS


def test_publishing_again_puts_back_what_is_missing_or_spoiled(
    app: Flask, published: Settings, stimuli: Path, s3_server: S3
) -> None:
    first, second, third = names(published)[:3]
    files().rm_file(f"{published.media_url}/{first}")
    spoil(f"{published.media_url}/{second}")
    at = str(published.media_url).removeprefix("s3://")
    assert s3_server.asked("PUT", f"{at}/{third}") == 1
    assert publish(stimuli, app.extensions["mushra"].database, published).change == "nothing"
    store = ObjectStore(str(published.media_url))
    assert {store.state(Path(name).stem) for name in names(published)} == {""}
    assert [s3_server.asked("PUT", f"{at}/{name}") for name in (first, second, third)] == [2, 3, 1], "one spoiled it"


def test_nothing_is_published_where_the_store_keeps_nothing(
    app: Flask, settings: Settings, s3_server: S3, tmp_path: Path, stimuli: Path
) -> None:
    place = Settings(data_dir=tmp_path / "other", media_url=f"s3://none-{uuid.uuid4().hex}/sounds")
    shutil.copytree(settings.data_dir, place.data_dir, ignore=shutil.ignore_patterns("media"))
    done = CliRunner().invoke(
        server_cli.publish,
        [str(stimuli), "--data", str(place.data_dir)],
        env={"MUSHRA_MEDIA_URL": place.media_url},
    )
    assert isinstance(done.exception, AppError) and str(place.media_url) in str(done.exception)


def test_a_server_without_sounds_fetches_them_and_serves_the_same(
    app: Flask, server: FlaskClient, guest: Guest, published: Settings, s3_server: S3
) -> None:
    """Sixteen at once: every sound of the trial is fetched once, whole; nobody sees where from."""
    urls = sounds(guest.trial())
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: server.application.test_client().get(urls[n % len(urls)]), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    at = str(published.media_url).removeprefix("s3://")
    asked = [s3_server.asked("GET", f"{at}/{name}") for name in names(published)]
    assert asked == [2] * OF_A_TRIAL, "read back once when it was published, fetched once"
    direct = app.test_client()
    for n, answer in enumerate(answers):
        assert answer.data == direct.get(urls[n % len(urls)]).data
        assert without_the_servers(answer.headers) == without_the_servers(direct.get(urls[n % len(urls)]).headers)
        assert "s3" not in str(answer.headers) and str(published.media_url)[5:] not in str(answer.headers)


def test_two_servers_at_once_fetch_whole_sounds(app: Flask, guest: Guest, published: Settings, s3_server: S3) -> None:
    urls, direct = sounds(guest.trial()), app.test_client()
    expected = {url: direct.get(url).data for url in urls}
    shutil.rmtree(published.media_dir)
    environment = os.environ | {"MUSHRA_MEDIA_URL": str(published.media_url)}
    other, ours = Served(published.data_dir, env=environment), create_app(published, guest.database)
    try:
        with ThreadPoolExecutor(12) as pool:
            there = [(url, pool.submit(ask, other.url, url)) for url in urls * 2]
            here = [(url, pool.submit(lambda url: ours.test_client().get(url).data, url)) for url in urls * 2]
        assert all(found.result().body == expected[url] for url, found in there)
        assert all(found.result() == expected[url] for url, found in here)
    finally:
        other.stop()
    assert len(names(published)) == OF_A_TRIAL and not list(published.media_dir.glob(".*"))


@pytest.mark.parametrize("fault", [spoil, lambda path: files().rm_file(path)])
def test_a_bad_object_is_never_served_and_tells_no_slot_from_another(
    server: FlaskClient,
    guest: Guest,
    published: Settings,
    fault: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = guest.trial()
    assert server.get(page.sounds[0].url).status_code == 200
    bad = names(published)[0]
    whole = (published.media_dir / bad).read_bytes()
    shutil.rmtree(published.media_dir)
    fault(f"{published.media_url}/{bad}")
    with caplog.at_level(logging.ERROR):
        answers = [server.get(url) for url in sounds(page)]
    assert [answer.status_code for answer in answers] == [503] * SLOTS
    assert all(answer.headers["Retry-After"] == "5" and "try again" in answer.text for answer in answers)
    assert bad not in names(published) and not list(published.media_dir.glob(".*"))
    assert bad.removesuffix(".flac") in caplog.text and str(published.media_url) in caplog.text
    assert all(str(published.media_url) not in answer.text for answer in answers)
    files().pipe_file(f"{published.media_url}/{bad}", whole)
    assert {server.get(url).status_code for url in sounds(page)} == {200}, "trying again helps"


def test_who_waits_for_a_slow_store_is_told_in_time_and_the_fetch_goes_on(
    server: FlaskClient, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, fetch = threading.Event(), ObjectStore.fetch

    def slowly(store: ObjectStore, *arguments: Any) -> None:
        assert let_go.wait(30)
        fetch(store, *arguments)

    monkeypatch.setattr(ObjectStore, "fetch", slowly)
    monkeypatch.setattr("mushra_app.serving.source.WAIT_S", 0.2)
    address = guest.trial().sounds[0].url
    began = time.monotonic()
    assert server.get(address).status_code == 503 and time.monotonic() - began < 5
    assert sum(thread.name == "fetch" for thread in threading.enumerate()) == OF_A_TRIAL
    let_go.set()
    deadline = time.monotonic() + 30
    while server.get(address).status_code != 200:
        assert time.monotonic() < deadline


def test_the_folder_is_bounded_by_what_was_used_longest_ago(
    app: Flask, guest: Guest, published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But nothing that may be a last copy goes: not what the store lacks, and not what it has spoiled."""
    monkeypatch.setattr(bounded, "IN_USE_S", 0)
    lacks, spoiled = names(published)[:2]
    files().rm_file(f"{published.media_url}/{lacks}")
    spoil(f"{published.media_url}/{spoiled}")
    page = guest.trial()
    few = published.model_copy(update={"media_cache_mb": 1})
    server = create_app(few, guest.database).test_client()
    reference = next(sha256 for sha256 in plays(guest, page).values() if f"{sha256}.flac" not in (lacks, spoiled))
    (published.media_dir / f"{reference}.flac").unlink()
    assert server.get(page.sounds[0].url).status_code == 200
    deadline = time.monotonic() + 30
    while sum(path.stat().st_size for path in published.media_dir.iterdir()) > 2**20:
        assert time.monotonic() < deadline, names(published)
        time.sleep(0.05)
    assert {lacks, spoiled} <= set(names(published)) and len(names(published)) >= 3


def plays(guest: Guest, page: TrialPage) -> dict[str, str]:
    """The hash of what each slot of a trial plays."""
    with guest.database.reading() as db:
        return sounds_of_trial(db, guest.token, page.sounds[0].token)


def test_a_server_evicts_nothing_that_was_just_asked_for(app: Flask, guest: Guest, published: Settings) -> None:
    few = published.model_copy(update={"media_cache_mb": 1})
    shutil.rmtree(published.media_dir)
    server = create_app(few, guest.database).test_client()
    for _ in range(2):
        page = guest.trial()
        assert {server.get(url).status_code for url in sounds(page)} == {200}
        guest.save(page)
    time.sleep(0.3)
    assert len(names(published)) == CLIPS, "1.9 MB of 1 MB, all of it in use"


def test_check_reads_every_object_back(published: Settings) -> None:
    found = checks.look_at(published)
    assert (found.broken, found.notes) == ([], [])
    assert any(str(published.media_url) in line and f"all {CLIPS}" in line for line in found.well)
    lacks, spoiled, here_only, damaged_here = names(published)[:4]
    files().rm_file(f"{published.media_url}/{lacks}")
    (published.media_dir / lacks).unlink()
    spoil(f"{published.media_url}/{spoiled}")
    (published.media_dir / here_only).unlink()
    (published.media_dir / damaged_here).write_bytes(b"fLaC")
    files().pipe_file(f"{published.media_url}/{'0' * 64}.flac", b"nobody's")
    found = checks.look_at(published)
    said = {line.split(" (")[0]: line for line in found.broken}
    assert set(said) == {
        f"{published.media_url}/{lacks}",
        f"{published.media_url}/{spoiled}",
        str(published.media_dir / lacks),
        str(published.media_dir / damaged_here),
    }
    assert "not what was published" in said[f"{published.media_url}/{spoiled}"]
    assert "it is fetched again" in said[str(published.media_dir / damaged_here)]
    assert [note.split(":")[1] for note in found.notes] == [f"//{str(published.media_url)[5:]}/{'0' * 64}.flac"]
    shutil.rmtree(published.media_dir)


def test_a_backup_takes_from_the_store_and_a_restore_puts_there(
    app: Flask, published: Settings, guest: Guest, tmp_path: Path, url: str
) -> None:
    guest.save(guest.trial())
    expected = names(published)
    shutil.rmtree(published.media_dir)
    made = back_up(published, tmp_path / "a.zip")
    assert len(made.clips) == CLIPS and not published.media_dir.exists()
    elsewhere = Settings(data_dir=tmp_path / "new", media_url=f"{url}/restored")
    restore(elsewhere, tmp_path / "a.zip")
    assert ObjectStore(f"{url}/restored").names() == set(expected) == set(names(elsewhere))
    assert checks.look_at(elsewhere).broken == []

    files().rm_file(f"{published.media_url}/{expected[0]}")
    spoil(f"{published.media_url}/{expected[1]}")
    with pytest.raises(AppError, match=r"missing, and .*no such object.*has the hash"):
        back_up(published, tmp_path / "b.zip")
    assert set(back_up(published, tmp_path / "b.zip", incomplete=True).left_out) == {
        name.removesuffix(".flac") for name in expected[:2]
    }


def test_ready_is_who_has_the_sounds_or_a_store_that_does(
    server: FlaskClient, published: Settings, guest: Guest
) -> None:
    assert server.get("/readyz").json == {"ready": True, "database": "ok", "revision": "ok", "media": "ok"}
    away = create_app(published.model_copy(update={"media_url": f"{published.media_url}-away"}), guest.database)
    answer = away.test_client().get("/readyz")
    assert (answer.status_code, answer.json and answer.json["media"]) == (503, "can't be fetched")
    assert "s3" not in answer.text
    for name in ObjectStore(str(published.media_url)).names():
        published.media_dir.mkdir(exist_ok=True)
        files().get_file(f"{published.media_url}/{name}", str(published.media_dir / name))
    assert away.test_client().get("/readyz").status_code == 200, "it needs no store any more"


def test_a_folder_will_do_but_none_is_made(tmp_path: Path, stimuli: Path) -> None:
    clip = next((stimuli / "clips").iterdir())
    name = media.store(tmp_path / "media", clip.read_bytes())
    store = ObjectStore(f"file://{tmp_path}/share")
    with pytest.raises(NotFoundError):
        store.put(media.path_of(tmp_path / "media", name), name)
    (tmp_path / "share").mkdir()
    store.put(media.path_of(tmp_path / "media", name), name)
    assert store.state(name) == "" and store.names() == {f"{name}.flac"}


WITHOUT_S3FS = """
import sys
sys.modules["s3fs"] = None
from pathlib import Path
from mushra_app.app import create_app
from mushra_app.config import Settings
create_app(Settings(data_dir=Path(sys.argv[1]), media_url="s3://key:hunter2@bucket/sounds"))
"""


def test_a_missing_package_is_named_at_the_start(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_S3FS, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode and "hidden-reference[s3]" in done.stderr.splitlines()[-1]
    assert "hunter2" not in done.stderr
    with pytest.raises(AppError, match=r"nonsense://\*\*\*@x: .*expected for example s3://bucket/prefix"):
        ObjectStore("nonsense://me:pw@x")


def test_an_address_that_answers_nothing_is_said(monkeypatch: pytest.MonkeyPatch, s3_server: S3) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()
    store = ObjectStore("s3://bucket/sounds")
    try:
        with pytest.raises(AppError, match=r"s3://bucket/sounds: the object store can't be used .*AWS_ACCESS_KEY_ID"):
            store.state("0" * 64)
    finally:
        fsspec.filesystem("s3").clear_instance_cache()

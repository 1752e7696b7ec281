"""Publishing from the browser: what arrives is verified and is a draft; what should not leaves nothing behind."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import archives
import pytest
import tiny_set
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Served
from sqlalchemy import func, select
from studio_people import csrf, database_of, inside, person

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Clip, Item, Job, Study, StudyVersion
from mushra_app.operation import large_bodies
from mushra_app.people import accounts, permissions
from mushra_app.people.tables import AuditEntry
from mushra_app.publish import publish
from mushra_app.study import lifecycle, results, unpacking, uploading
from mushra_app.study.drafts import keeping
from stimuli import manifest as manifests


@pytest.fixture
def empty(sqlite: Database, settings: Settings) -> Flask:
    """The application over an SQLite file with nobody's studies."""
    return create_app(settings, sqlite)


@pytest.fixture
def on_either(database: Database, either: Settings) -> Flask:
    """The same on SQLite, then on PostgreSQL."""
    return create_app(either, database)


@pytest.fixture
def ada(empty: Flask) -> FlaskClient:
    """An experimenter's browser."""
    return inside(empty, person(database_of(empty), "ada", "experimenter"))


def send(client: FlaskClient, archive: bytes, **more: Any) -> Any:
    """Fill in the form with an archive and send it."""
    page = client.get("/studio/publish").text
    found = re.search(r'action="(/studio/publish/upload[^"]+)"', page)
    assert found
    return client.post(found[1], data={"archive": (io.BytesIO(archive), "set.zip")} | more)


def sentence(answer: Any) -> str:
    found = re.search(r'id="refused".*?</div></div>', answer.text, re.DOTALL)
    return " ".join(re.findall(r"<p>(.*?)</p>", found[0] if found else answer.text))


def kept(app: Flask) -> dict[str, Any]:
    """Everything that publishing stores, and the folders of what was sent."""
    settings = app.extensions["mushra"].settings
    with database_of(app).reading() as db:
        rows = {
            table.__tablename__: db.scalar(select(func.count()).select_from(table))
            for table in (Study, StudyVersion, Item, Clip, Job)
        }
    uploads = settings.uploads_dir
    return rows | {"uploads": sorted(path.name for path in uploads.iterdir()) if uploads.is_dir() else []}


NOTHING = {"study": 0, "study_version": 0, "item": 0, "clip": 0, "job": 0, "uploads": []}


@pytest.mark.parametrize("pack", [archives.zipped, archives.tarred])
def test_a_set_that_is_sent_is_a_draft_of_whoever_sent_it(on_either: Flask, stimuli: Path, pack: Any) -> None:
    database = database_of(on_either)
    client = inside(on_either, person(database, "ada", "experimenter"))
    answer = send(client, pack(stimuli))
    assert answer.status_code == 303, sentence(answer)
    page = client.get(answer.headers["Location"])
    assert page.status_code == 200 and "Every file is the one that was built" in page.text and "zebra-net" in page.text
    found = kept(on_either)
    assert (found["study"], found["study_version"], found["job"]) == (1, 1, 1) and len(found["uploads"]) == 1
    with database.reading() as db:
        version = db.scalars(select(StudyVersion)).one()
        assert version.status == "draft" and version.published_from.startswith("uploads/tiny-")
        settings = on_either.extensions["mushra"].settings
        assert (settings.data_dir / version.published_from / "manifest.json").is_file()
        assert [(row.who, row.what) for row in db.scalars(select(AuditEntry))] == [("ada", "study")]
    stranger = inside(on_either, person(database, "eve", "experimenter"))
    assert stranger.get("/studio/tiny/sounds").status_code == 404


def test_the_same_set_once_more_changes_nothing_and_leaves_nothing(
    ada: FlaskClient, empty: Flask, stimuli: Path
) -> None:
    send(ada, archives.zipped(stimuli))
    before = kept(empty)
    answer = send(ada, archives.tarred(stimuli))
    assert "Nothing changed" in ada.get(answer.headers["Location"]).text
    assert kept(empty) == before


@pytest.mark.parametrize("lost", ["folder", "clip"])
def test_a_set_that_was_lost_is_put_back_by_sending_it_again(
    on_either: Flask, stimuli: Path, lost: str, tmp_path: Path
) -> None:
    """Also where the data folder was moved meanwhile, and by the command."""
    database, settings = database_of(on_either), on_either.extensions["mushra"].settings
    client = inside(on_either, person(database, "ada", "experimenter"))
    send(client, archives.zipped(stimuli))
    (folder,) = settings.uploads_dir.iterdir()
    if lost == "clip":
        next(folder.rglob("*.flac")).unlink()
    else:
        shutil.rmtree(folder)
    answer = send(client, archives.zipped(stimuli))
    assert "are there again" in client.get(answer.headers["Location"]).text
    (new,) = set(settings.uploads_dir.iterdir()) - {folder}

    def set_folder(settings: Settings) -> Path:
        with database.reading() as db:
            return results.place_of(db, lifecycle.current(db, "tiny"), settings).set_folder

    assert set_folder(settings) == new and manifests.verify(new)
    assert set_folder(Settings(data_dir=tmp_path / "moved")) == tmp_path / "moved" / "uploads" / new.name
    assert not publish(stimuli, database, settings, as_draft=True).taken and set_folder(settings) == new
    shutil.rmtree(new)
    assert publish(stimuli, database, settings, as_draft=True).taken and set_folder(settings) == stimuli.absolute()


def test_a_study_of_somebody_else_is_not_published_over(on_either: Flask, tmp_path: Path, stimuli: Path) -> None:
    database, settings = database_of(on_either), on_either.extensions["mushra"].settings
    publish(stimuli, database, settings)
    tiny_set.make(tmp_path / "next", setup={"level": True, "sides": False})
    before = kept(on_either)
    eve, vera = person(database, "eve", "experimenter"), person(database, "vera", "experimenter")
    with database.writing() as db:
        permissions.grant(db, accounts.named(db, vera), "tiny", view_only=True)
    for name in (eve, vera):
        answer = send(inside(on_either, name), archives.zipped(tmp_path / "next"))
        assert answer.status_code == 409 and "may not change" in sentence(answer)
    assert kept(on_either) == before
    with_right = inside(on_either, person(database, "tom", "experimenter", "tiny"))
    assert send(with_right, archives.zipped(tmp_path / "next")).status_code == 303
    assert kept(on_either)["study_version"] == 2


def test_who_loses_the_race_for_a_name_has_stored_nothing(
    empty: Flask, ada: FlaskClient, stimuli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the transaction somebody else publishes under that name."""
    settings = empty.extensions["mushra"].settings

    def slowly(database: Database, visitor: Any, name: str) -> None:
        publish(stimuli, database, settings)

    monkeypatch.setattr(uploading, "_refuse_others_studies", slowly)
    answer = send(ada, archives.zipped(stimuli))
    assert answer.status_code == 409 and "may not change" in sentence(answer)
    assert kept(empty)["study_version"] == 1 and kept(empty)["uploads"] == []


def test_a_study_that_somebody_begins_meanwhile_stays_theirs(
    on_either: Flask, stimuli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Eve's archive is unpacked, Bob begins to write a study of that name."""
    database = database_of(on_either)
    bob = inside(on_either, person(database, "bob", "experimenter"))
    eve = inside(on_either, person(database, "eve", "experimenter"))
    looked = uploading._refuse_others_studies

    def slowly(database: Database, visitor: Any, name: str) -> None:
        looked(database, visitor, name)
        with database.writing() as db:
            keeping.begin_study(db, "tiny", "bob")
            permissions.grant(db, accounts.named(db, "bob"), "tiny")

    with monkeypatch.context() as patched:
        patched.setattr(uploading, "_refuse_others_studies", slowly)
        answer = send(eve, archives.zipped(stimuli))
    assert answer.status_code == 409 and "may not change" in sentence(answer)
    assert kept(on_either)["study_version"] == 0 and kept(on_either)["uploads"] == []
    assert eve.get("/studio/tiny/design").status_code == 404
    assert send(bob, archives.zipped(stimuli)).status_code == 303 and bob.get("/studio/tiny/sounds").status_code == 200


@pytest.mark.parametrize("name", archives.BAD_ZIPS)
def test_a_bad_zip_is_refused_in_a_sentence_and_leaves_nothing(ada: FlaskClient, empty: Flask, name: str) -> None:
    make, said = archives.BAD_ZIPS[name]
    answer = send(ada, make())
    assert answer.status_code == 400 and said in sentence(answer), sentence(answer)
    assert kept(empty) == NOTHING and str(empty.extensions["mushra"].settings.data_dir) not in answer.text


@pytest.mark.parametrize("name", archives.BAD_TARS)
def test_a_bad_tar_is_refused_in_a_sentence_and_leaves_nothing(ada: FlaskClient, empty: Flask, name: str) -> None:
    make, said = archives.BAD_TARS[name]
    answer = send(ada, make())
    assert answer.status_code == 400 and said in sentence(answer), sentence(answer)
    assert kept(empty) == NOTHING


def test_a_set_with_a_changed_sound_is_refused(ada: FlaskClient, empty: Flask, stimuli: Path, tmp_path: Path) -> None:
    tiny_set.make(tmp_path / "set")
    clip = next((tmp_path / "set").rglob("*.flac"))
    clip.write_bytes(clip.read_bytes() + b"x")
    answer = send(ada, archives.zipped(tmp_path / "set"))
    assert (
        answer.status_code == 400
        and f"{clip.relative_to(tmp_path / 'set')}: not the file that was built" in sentence(answer)
    )
    assert kept(empty) == NOTHING and "/uploads/" not in answer.text


def test_what_is_too_large_is_refused_before_it_is_read(sqlite: Database, settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"largest_upload_mb": 1}), sqlite)
    client = inside(app, person(sqlite, "ada", "experimenter"))
    answer = send(client, b"PK" + bytes(1_200_000))
    assert answer.status_code == 400 and "at most 1 MB are taken here (largest_upload_mb)" in sentence(answer)
    assert kept(app) == NOTHING


@pytest.mark.parametrize("missing", ["file", "length", "end"])
def test_half_a_form_is_refused_in_a_sentence(ada: FlaskClient, empty: Flask, stimuli: Path, missing: str) -> None:
    page = ada.get("/studio/publish").text
    token = re.search(r"csrf_token=([^\"]+)", page)
    assert token
    head = b'--b\r\nContent-Disposition: form-data; name="archive"; filename="set.zip"\r\n\r\n'
    body = {"file": b"--b--\r\n", "length": head, "end": head + archives.zipped(stimuli)}[missing]
    how: dict[str, Any] = {"content_type": "multipart/form-data; boundary=b", "input_stream": io.BytesIO(body)}
    if missing != "length":
        how["headers"] = {"Content-Length": str(len(body) + (1000 if missing == "end" else 0))}
    answer = ada.post(f"/studio/publish/upload?csrf_token={token[1]}", **how)
    assert answer.status_code == 400, answer.status_code
    assert any(
        said in sentence(answer) for said in ("No archive was chosen", "did not arrive in whole", "how large")
    ), answer.text
    assert kept(empty) == NOTHING


def test_two_at_once_are_enough(ada: FlaskClient, empty: Flask, stimuli: Path) -> None:
    settings = empty.extensions["mushra"].settings
    with uploading.arriving(settings, 1), uploading.arriving(settings, 1):
        answer = send(ada, archives.zipped(stimuli))
        assert answer.status_code == 503 and "again in a minute" in sentence(answer)
    assert send(ada, archives.zipped(stimuli)).status_code == 303


def test_a_full_disk_is_said_before_anything_is_read(
    ada: FlaskClient, empty: Flask, stimuli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(uploading.shutil, "disk_usage", lambda path: usage(10, 10, 0))
    answer = send(ada, archives.zipped(stimuli))
    assert answer.status_code == 503 and "no room" in sentence(answer) and kept(empty) == NOTHING


def test_owners_publish_from_a_folder_and_nobody_else(
    empty: Flask, ada: FlaskClient, stimuli: Path, tmp_path: Path
) -> None:
    owner = inside(empty, person(database_of(empty), "olga", "owner"))

    def ask(client: FlaskClient, folder: str) -> Any:
        token = csrf(client.get("/studio/login").text)
        return client.post("/studio/publish/folder", data={"folder": folder, "csrf_token": token})

    for folder, said in (
        ("", "whole path"),
        ("stimuli", "whole path"),
        (str(tmp_path / "nosuch"), "no such folder"),
        (str(tmp_path), "manifest.json: no such file"),
        ("/etc/passwd", "no such folder"),
    ):
        answer = ask(owner, folder)
        assert answer.status_code == 400 and said in sentence(answer), sentence(answer)
    assert ask(ada, str(stimuli)).status_code == 400 and kept(empty) == NOTHING
    assert "folder of the server" not in ada.get("/studio/publish").text
    assert ask(owner, str(stimuli)).status_code == 303
    assert kept(empty)["uploads"] == [] and kept(empty)["study"] == 1


def test_a_large_archive_is_never_in_memory(ada: FlaskClient, empty: Flask, stimuli: Path, tmp_path: Path) -> None:
    """40 MB of what does not pack, and not a tenth of it at once."""
    import secrets

    whole = tmp_path / "archive"
    with archives.zipfile.ZipFile(whole, "w") as archive:
        for n in range(5):
            archive.writestr(f"clips/{n}.flac", secrets.token_bytes(8 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(unpacking.ArchiveError, match=re.escape("no manifest.json")):
            unpacking.unpack(whole, tmp_path / "out", 2**30)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


# A real server


def request_of(token: str, cookie: str, body: bytes, *, length: int, host: str) -> bytes:
    head = (
        f"POST /studio/publish/upload?csrf_token={token} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n"
        f"Connection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


@pytest.fixture
def signed(served: Served, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """The server's address, a cookie that it signed for an owner, and the token of its form."""
    import urllib.request

    from mushra_app.security import studio_key

    jar = urllib.request.HTTPCookieProcessor()
    browser = urllib.request.build_opener(jar)
    browser.open(f"{served.url}/studio/?key={studio_key(settings)}").read()
    page = browser.open(f"{served.url}/studio/publish").read().decode()
    token = re.search(r"csrf_token=([^\"]+)", page)
    assert token
    yield urlsplit(served.url).netloc, "; ".join(f"{one.name}={one.value}" for one in jar.cookiejar), token[1]


def told(host: str, sent: bytes) -> str:
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=30) as one:
        one.sendall(sent)
        said = b""
        while part := one.recv(65536):
            said += part
    return said.decode(errors="replace")


def test_a_real_server_takes_more_than_a_form_for_this_and_only_from_somebody_known(
    signed: tuple[str, str, str], settings: Settings, tmp_path: Path
) -> None:
    host, cookie, token = signed
    described = {"name": "sent", "title": "Sent", "contact": "lab@example.org"}
    tiny_set.make(tmp_path / "set", experiment=described)
    (tmp_path / "set" / "more.bin").write_bytes(bytes(range(256)) * 2**14)  # 4 MB, above every other limit
    head = b'--b\r\nContent-Disposition: form-data; name="archive"; filename="set.zip"\r\n\r\n'
    body = head + archives.zipped(tmp_path / "set") + b"\r\n--b--\r\n"
    assert len(body) > 4 * 2**20
    known = request_of(token, cookie, body, length=len(body), host=host)
    unknown = request_of(token, "mushra=made.up.cookie", b"", length=len(body), host=host)
    assert told(host, unknown).startswith("HTTP/1.1 413")
    elsewhere = known.replace(b"/studio/publish/upload", b"/studio/login", 1)[:2000]
    assert told(host, elsewhere).startswith("HTTP/1.1 413")
    answer = told(host, known)
    assert answer.startswith("HTTP/1.1 303") and "/studio/sent/sounds?version=1&published=new" in answer, re.findall(
        "<p>.*?</p>", answer
    )


def test_a_cookie_of_a_login_that_is_long_over_opens_nothing(
    ada: FlaskClient, empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = ada.get_cookie(empty.config["SESSION_COOKIE_NAME"])
    assert cookie and large_bodies._is_signed(empty, f"{cookie.key}={cookie.value}")
    monkeypatch.setattr(large_bodies, "LASTS", timedelta(seconds=-1))
    assert not large_bodies._is_signed(empty, f"{cookie.key}={cookie.value}")


def test_few_are_received_at_once(signed: tuple[str, str, str]) -> None:
    host, cookie, token = signed
    half = request_of(token, cookie, b"--b\r\n", length=4 * 2**20, host=host)
    name, _, port = host.partition(":")
    others = [socket.create_connection((name, int(port)), timeout=30) for _ in range(large_bodies.AT_ONCE)]
    for other in others:
        other.sendall(half)
    until = time.monotonic() + 10
    while not (answer := told(host, half)).startswith("HTTP/1.1 503") and time.monotonic() < until:
        time.sleep(0.1)
    assert answer.startswith("HTTP/1.1 503") and "in a minute" in answer
    for other in others:
        other.close()


@pytest.mark.parametrize("free", [10**6, 2 * 10**9])
def test_unpacking_leaves_room_for_listeners_saves(
    ada: FlaskClient, empty: Flask, stimuli: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """A disk that is full before it begins, and one that gets full meanwhile."""
    left = iter([free, free // 3, free // 9])
    usage = shutil.disk_usage(stimuli)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(left)))
    answer = send(ada, archives.zipped(stimuli))
    assert answer.status_code == 503 and "no room for this set" in sentence(answer)
    assert kept(empty) == NOTHING


def test_a_connection_that_breaks_off_leaves_nothing(signed: tuple[str, str, str], settings: Settings) -> None:
    host, cookie, token = signed
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=30) as one:
        one.sendall(request_of(token, cookie, b"--b\r\n" + bytes(3 * 2**20), length=2 * 10**7, host=host))
    assert json.loads(told(host, f"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()).rpartition("\r\n\r\n")[2])[
        "ok"
    ]
    assert not settings.uploads_dir.exists() or not list(settings.uploads_dir.iterdir())

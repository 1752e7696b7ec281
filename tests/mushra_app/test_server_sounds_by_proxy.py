"""Sounds by a real nginx on the app's word: the same bytes and headers as from the app, and nothing beside them."""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from postgresql_server import free_port
from server_guests import Guest, Served
from test_server_blinding import secrets_of, told
from test_server_blinding_by_numbers import number, p_values, significant, watched

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.listener.pages import DonePage, TrialPage
from mushra_app.security import mark_of, secret_key
from mushra_app.serving import bounded
from mushra_app.serving.answers import CHANGED_AT_S, INTERNAL_PATH
from mushra_app.serving.bounded import BoundedFolder
from stimuli.manifest import Manifest

NGINX = shutil.which("nginx") or next(iter(map(str, Path("/usr/sbin").glob("nginx"))), None)
SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx-sounds.conf"
CONFIG = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
master_process off;
events {{ }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{port};
        set $mushra_marked {marked};
        include {sounds};
        location / {{
            proxy_pass {app};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
OF_THE_SERVER = {"Date", "Server", "Connection", "Via"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    def ours(self) -> dict[str, str]:
        """Its headers, without what each server says of itself."""
        return without_the_servers(self.headers)


def without_the_servers(headers: Any) -> dict[str, str]:
    """Headers, without what each server says of itself."""
    return {name: value for name, value in headers.items() if name not in OF_THE_SERVER}


def ask(base: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request, its path sent as it is written."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = Answer(answer.status, answer.headers, answer.read())
    connection.close()
    return found


@pytest.fixture
def proxy(app: Flask, settings: Settings, tmp_path: Path) -> Iterator[tuple[str, Served]]:
    """nginx with the location that is shipped, before a real server that leaves sounds to it."""
    if NGINX is None:
        pytest.skip("nginx not present")
    server = Served(settings.data_dir, env=os.environ | {"MUSHRA_SOUND_BY": "x-accel-redirect"})
    port = free_port()
    folder = tmp_path / "nginx"
    folder.mkdir()
    marked = settings.marked_dir.absolute()
    written = CONFIG.format(folder=folder, port=port, marked=marked, sounds=SHIPPED, app=server.url)
    (folder / "nginx.conf").write_text(written)
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            assert process.poll() is None, (folder / "error.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", server
    finally:
        process.terminate()
        process.wait(timeout=20)
        server.stop()


def test_a_whole_session_is_the_one_that_the_app_serves(
    app: Flask, proxy: tuple[str, Served], manifest: Manifest, settings: Settings
) -> None:
    """Every sound of every trial, whole and in part; headers are alike, no name of a condition is anywhere."""
    (base, _), guest, direct = proxy, Guest(app.extensions["mushra"].database), app.test_client()
    seen: list[bytes] = []
    while not isinstance(page := guest.page(), DonePage):
        if not isinstance(page, TrialPage):
            guest.pass_by(page)
            continue
        urls = [sound.url for sound in (*page.references, *page.sounds)]
        with ThreadPoolExecutor(4) as pool:  # as a browser does
            whole = list(pool.map(lambda url: ask(base, url), urls))
        for url, answer in zip(urls, whole, strict=True):
            own = direct.get(url)
            assert answer.body == own.data and answer.ours() == without_the_servers(own.headers), url
            for asked in ("bytes=0-0", "bytes=60-69", "bytes=40-99", "bytes=100-", "bytes=-7"):
                part, own = ask(base, url, Range=asked), direct.get(url, headers={"Range": asked})
                assert (part.status, part.body) == (206, own.data), asked
                # nginx says once, with the whole file, that it serves ranges
                assert part.ours() | {"Accept-Ranges": "bytes"} == without_the_servers(own.headers), asked
            beyond = ask(base, url, Range="bytes=999999999-")
            assert beyond.status == 416 and beyond.headers["Content-Range"] == f"bytes */{len(answer.body)}"
            head = ask(base, url, "HEAD")
            assert (head.status, head.body, head.ours()) == (200, b"", answer.ours())
            assert mark_of(secret_key(settings), url.rpartition("/")[2]) in answer.body
            assert told(secrets_of(app, manifest), str(answer.headers)) == set()
        assert len({str(sorted(answer.ours().items())) for answer in whole}) == 1
        seen += [answer.body for answer in whole]
        guest.save(page)
    assert len({number(body) for body in seen}) == len(seen) == 3 * 7, "equal sounds must be unequal files"
    copies = list(settings.marked_dir.iterdir())
    assert len(copies) == len(seen) and {copy.stat().st_mtime for copy in copies} == {float(CHANGED_AT_S)}


def test_no_header_tells_a_sound_from_another(app: Flask, proxy: tuple[str, Served]) -> None:
    page = Guest(app.extensions["mushra"].database).trial()
    asked: list[tuple[int, dict[str, str]]] = [
        (200, {}),
        (206, {"Range": "bytes=0-99"}),
        (200, {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    ]
    for status, more in asked:
        answers = [ask(proxy[0], sound.url, **more) for sound in (*page.references, *page.sounds)]
        assert {answer.status for answer in answers} == {status}
        headers = [answer.ours() for answer in answers]
        assert all(other == headers[0] for other in headers)
        for name in ("ETag", "Last-Modified", "Content-Disposition", "X-Accel-Redirect", "Expires"):
            assert name not in headers[0]
        assert headers[0]["Cache-Control"] == "private, max-age=3600" and headers[0]["Content-Type"] == "audio/flac"


def test_nothing_that_can_be_observed_behind_the_proxy_tells_a_role(app: Flask, proxy: tuple[str, Served]) -> None:
    """The numbers of the other proof, for fewer sessions."""

    class Client:
        def get(self, path: str) -> Any:
            answer = ask(proxy[0], path)
            return SimpleNamespace(data=answer.body, headers=list(answer.ours().items()))

    trials = watched(app, Client(), 15)  # pyright: ignore[reportArgumentType]
    if found := significant(p_values(trials)):
        found &= significant(p_values(watched(app, Client(), 15)))  # pyright: ignore[reportArgumentType]
    assert found == set() and len({seen.observed["headers"] for trial in trials for seen in trial}) == 1


def test_nothing_else_of_the_data_folder_can_be_reached(
    app: Flask, proxy: tuple[str, Served], settings: Settings
) -> None:
    (base, server), page = proxy, Guest(app.extensions["mushra"].database).trial()
    url = page.sounds[0].url
    assert ask(base, url).status == 200
    name = ask(server.url, url).headers["X-Accel-Redirect"]
    assert name.startswith(INTERNAL_PATH) and url.rpartition("/")[2] not in name
    outside = settings.data_dir / "secret.key"
    (settings.marked_dir / "link.flac").symlink_to(outside)
    tried = [name, INTERNAL_PATH, INTERNAL_PATH + "link.flac", INTERNAL_PATH.rstrip("/")]
    for way in ("../secret.key", "%2e%2e/secret.key", "..%2fsecret.key", "./../mushra.sqlite3", "//../secret.key"):
        tried += [INTERNAL_PATH + way, INTERNAL_PATH.rstrip("/") + way, f"{url}/{way}", f"/x/..{INTERNAL_PATH}{way}"]
    for path in tried:
        answer = ask(base, path)
        assert answer.status in (400, 404), path
        assert outside.read_bytes().strip() not in answer.body and b"SQLite" not in answer.body
    copy = settings.marked_dir / Path(name).name
    copy.unlink()
    copy.symlink_to(outside)
    assert mark_of(secret_key(settings), url.rpartition("/")[2]) in ask(base, url).body, "the link is replaced"
    assert not copy.is_symlink() and outside.is_file()


def test_the_cache_may_go_at_any_time(app: Flask, proxy: tuple[str, Served], settings: Settings) -> None:
    url = Guest(app.extensions["mushra"].database).trial().sounds[0].url
    first = ask(proxy[0], url)
    shutil.rmtree(settings.marked_dir)
    assert ask(proxy[0], url).body == first.body


def by(app: Flask, how: Any, **more: Any) -> Flask:
    """The same study, with sounds sent another way."""
    mushra = app.extensions["mushra"]
    return create_app(mushra.settings.model_copy(update={"sound_by": how} | more), mushra.database)


def test_other_servers_get_the_file_itself_in_x_sendfile(app: Flask) -> None:
    sound = Guest(app.extensions["mushra"].database).trial().sounds[0]
    answer = by(app, "x-sendfile").test_client().get(sound.url)
    path = Path(answer.headers["X-Sendfile"])
    assert path.is_absolute() and path.read_bytes() == app.test_client().get(sound.url).data
    assert answer.data == b"" and answer.headers["Content-Type"] == "audio/flac"
    assert path.stat().st_mtime == CHANGED_AT_S and sound.token not in path.name


def test_names_of_copies_need_the_key(app: Flask) -> None:
    url = Guest(app.extensions["mushra"].database).trial().sounds[0].url
    client = by(app, "x-accel-redirect").test_client()
    first = client.get(url).headers["X-Accel-Redirect"]
    assert first == client.get(url).headers["X-Accel-Redirect"]
    (app.extensions["mushra"].settings.data_dir / "secret.key").write_text("k" * 43 + "\n")
    assert by(app, "x-accel-redirect").test_client().get(url).headers["X-Accel-Redirect"] != first


def test_where_no_copy_can_be_written_the_app_sends_the_sound(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    url = Guest(app.extensions["mushra"].database).trial().sounds[0].url
    app.extensions["mushra"].settings.marked_dir.write_text("in the way")
    with caplog.at_level(logging.ERROR):
        answer = by(app, "x-accel-redirect").test_client().get(url)
    assert answer.data == app.test_client().get(url).data and "X-Accel-Redirect" not in answer.headers
    assert "can't be written" in caplog.text


def filled(tmp_path: Path, files: int, age_s: float) -> BoundedFolder:
    """A folder of at most 1 MB with files of 256 kB, each used a minute after the one before."""
    folder = BoundedFolder(tmp_path / "cache", 1)
    for n in range(files):
        folder.add(f"{n}", lambda stream: stream.write(bytes(2**18)) and None, CHANGED_AT_S)
        used_at = time.time() - age_s + 60 * n
        os.utime(folder.folder / f"{n}", (used_at, CHANGED_AT_S))
    return folder


def names(folder: BoundedFolder) -> set[str]:
    return {path.name for path in folder.folder.iterdir()}


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    folder = filled(tmp_path, 4, age_s=86400)
    assert folder.hand_out("0") and not folder.hand_out("9")
    folder.add("new", lambda stream: stream.write(b"x") and None, CHANGED_AT_S)
    folder.shrink()
    assert names(folder) == {"0", "2", "3", "new"}
    assert (folder.folder / "0").stat().st_mtime == CHANGED_AT_S


def test_what_was_handed_out_in_the_last_minutes_stays(tmp_path: Path) -> None:
    folder = filled(tmp_path, 12, age_s=bounded.IN_USE_S - 60)
    folder.shrink()
    assert names(folder) == {str(n) for n in range(12)}, "beyond its bound, rather than without what is in use"


def test_what_is_handed_out_while_room_is_being_made_stays(tmp_path: Path) -> None:
    old = filled(tmp_path, 6, age_s=86400)
    BoundedFolder(old.folder, 1, can_go=lambda path: old.hand_out(path.name)).shrink()
    assert len(names(old)) == 6


def test_a_copy_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    def fail(stream: Any) -> None:
        stream.write(b"half")
        raise OSError("disk full")

    folder = filled(tmp_path, 1, age_s=0)
    with pytest.raises(OSError, match="disk full"):
        folder.add("half", fail)
    assert names(folder) == {"0"}


def test_nothing_is_deleted_after_it_was_handed_out(tmp_path: Path) -> None:
    """Threads with folders of their own, as processes have: what one hands out, no other one deletes meanwhile."""
    old, lost, stopped = filled(tmp_path, 6, age_s=86400), [], threading.Event()

    def shrink() -> None:
        other = BoundedFolder(old.folder, 1)
        while not stopped.is_set():
            other.shrink()

    shrinking = [threading.Thread(target=shrink) for _ in range(2)]
    for thread in shrinking:
        thread.start()
    rounds = time.monotonic() + 0.8
    while time.monotonic() < rounds:
        for n in range(6):
            path = old.folder / f"{n}"
            if not old.hand_out(f"{n}"):
                old.add(f"{n}", lambda stream: stream.write(bytes(2**18)) and None, CHANGED_AT_S)
            elif not path.is_file():
                lost.append(n)
        for path in old.folder.iterdir():  # a day goes by
            if path.suffix != ".part":
                os.utime(path, (time.time() - 86400, CHANGED_AT_S))
    stopped.set()
    for thread in shrinking:
        thread.join()
    assert lost == []

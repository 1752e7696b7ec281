"""Asked to stop, both servers finish what is under way, refuse what is new, and end in time with exit code 0."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from gunicorn_process import COMMAND, Gunicorn, HalfSent, environment
from server_guests import Guest, Served, as_json, body_of
from sqlalchemy import func, select

from mushra_app.config import Settings
from mushra_app.models import Save

LARGE_BYTES = 16 * 2**20
"""More than the buffers of two sockets hold, so that it is still being sent when the server is asked to stop."""
Start = Callable[..., Served | Gunicorn]


@pytest.fixture(params=["waitress", "gunicorn"])
def start(request: pytest.FixtureRequest, app: Flask, settings: Settings, tmp_path: Path) -> Start:
    """Starts one of the two servers over the database of ``app``."""

    def started(**more: int) -> Served | Gunicorn:
        if request.param == "gunicorn":
            return Gunicorn(settings, tmp_path, **more)
        return Served(settings.data_dir, env=environment(settings, **more))

    return started


def enlarge(settings: Settings) -> None:
    """Make the files of all sounds very large; the disk keeps nothing of the zeros."""
    for path in settings.media_dir.glob("*.flac"):
        os.truncate(path, LARGE_BYTES)


def test_what_is_under_way_is_finished_and_nothing_new_begins(app: Flask, settings: Settings, start: Start) -> None:
    database = app.extensions["mushra"].database
    slow, waiting = Guest(database).trial(), Guest(database).trial()
    enlarge(settings)
    server = start()
    with closing(sqlite3.connect(settings.database_file, isolation_level=None)) as locked:
        locked.execute("BEGIN IMMEDIATE")
        saved = HalfSent(server.url, "PUT", waiting.save_url, as_json(body_of(waiting)))
        saved.send_rest()
        sending = HalfSent(server.url, "PUT", slow.save_url, as_json(body_of(slow)))
        idle = socket.create_connection(saved.socket.getpeername())  # holds nothing up
        download = HalfSent(server.url, "GET", slow.sounds[0].url, receive=4096)
        assert download.socket.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)  # for the save to reach the database's lock
        server.process.terminate()
        wait_until_refused(server.url)
        assert server.process.poll() is None, "it has not finished what was under way"
        locked.execute("ROLLBACK")
    for request in (saved, sending):
        status, body = request.finish()
        assert (status, json.loads(body)["saved"]) == (200, True)
    _, body = download.finish()
    assert len(body) > LARGE_BYTES - 1000, "the whole sound"
    assert server.process.wait(timeout=20) == 0
    idle.close()
    with database.reading() as db:
        assert db.scalar(select(func.count(Save.id))) == 2


def wait_until_refused(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("new connections are still taken")


def test_a_client_that_never_finishes_holds_it_no_longer_than_was_set(start: Start) -> None:
    server = start(graceful_stop_s=1)
    stuck = HalfSent(server.url, "PUT", "/session/none/trials/none", b"{" * 1000)
    time.sleep(0.3)
    began = time.monotonic()
    assert server.stop() == 0
    assert 0.9 < time.monotonic() - began < 8
    stuck.socket.close()


def test_asked_twice_it_finishes_nothing(app: Flask, settings: Settings) -> None:
    server = Served(settings.data_dir, env=environment(settings))
    stuck = HalfSent(server.url, "PUT", "/session/none/trials/none", b"{" * 1000)
    time.sleep(0.3)
    server.process.terminate()
    wait_until_refused(server.url)
    assert server.process.poll() is None
    server.process.terminate()
    assert server.process.wait(timeout=10) == 0
    stuck.socket.close()


def test_forged_forwarding_headers_change_nothing_unless_a_proxy_is_configured(start: Start) -> None:
    for hops, status in ((0, 403), (1, 400)):  # 400: from one of our pages, but not a trial
        server = start(trusted_proxies=hops)
        assert put_from("https://tests.example", server.url) == status
        assert put_from(server.url.replace("http:", "https:"), server.url, host="") == status
        assert put_from(server.url, server.url, proto="", host="") == 400
        assert server.stop() == 0


def put_from(origin: str, url: str, *, proto: str = "https", host: str = "tests.example") -> int:
    """Status of a save that says it comes from ``origin``, with forwarding headers to match."""
    headers = {"Origin": origin, "Content-Type": "application/json", "X-Forwarded-For": "203.0.113.9"}
    headers |= {"X-Forwarded-Proto": proto} if proto else {}
    headers |= {"X-Forwarded-Host": host} if host else {}
    request = urllib.request.Request(f"{url}/session/none/trials/none", b"{}", headers, method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    refused.value.close()
    return refused.value.code


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"workers": 3}, "mushra: 3 workers on SQLite .* PostgreSQL"),
        ({"database_url": "postgresql://lab@127.0.0.1:1/x"}, "mushra: postgresql.*: the database can't be read"),
        ({"threads": 0}, "mushra: environment: threads: "),
    ],
)
def test_gunicorn_refuses_once_in_a_sentence(settings: Settings, tmp_path: Path, more: dict, said: str) -> None:
    told = environment(settings, **more)
    done = subprocess.run(COMMAND, env=told, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    lines = [line for line in done.stderr.splitlines() if "[INFO]" not in line]
    assert done.returncode == 2 and len(lines) == 1 and re.match(said, lines[0]), done.stderr


def test_gunicorn_refuses_older_tables_before_any_worker(app: Flask, settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(settings.database_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    told = environment(settings, port=0)
    done = subprocess.run(COMMAND, env=told, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "run: mushra db upgrade" in done.stderr
    assert "Traceback" not in done.stderr and "Booting worker" not in done.stderr

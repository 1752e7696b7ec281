"""A real ``mushra serve`` process: many clients at once, killed without warning, stopped politely."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from server_guests import Guest, Served, as_json, body_of
from sqlalchemy import func, select

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Event, Response, Save

FORBIDDEN = {"torch", "scipy", "pandas", "soundfile", "matplotlib", "numpy", "analysis", "fsspec", "s3fs", "botocore"}


def put(server: Served, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Origin": server.url}
    request = urllib.request.Request(server.url + path, as_json(body), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def counts(database: Database) -> tuple[int, ...]:
    with database.reading() as db:
        return tuple(db.scalar(select(func.count(table.id))) or 0 for table in (Save, Response, Event))


def test_fifty_repeats_from_eight_threads_over_http_are_one_save(app: Flask, served: Served) -> None:
    guest = Guest(app.extensions["mushra"].database)
    page = guest.trial()
    body = body_of(page)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: put(served, page.save_url, body), range(50)))
    assert answers == [{"saved": True, "revision": 1, "next": guest.base + "/"}] * 50
    assert counts(guest.database) == (1, 5, 1)


def test_the_server_prints_its_links_and_stops_when_asked(served: Served) -> None:
    assert "/studio/?key=" in served.said[1] and "Ctrl-C" in served.said[2]
    with urllib.request.urlopen(f"{served.url}/healthz") as answer:
        assert json.loads(answer.read()) == {"ok": True} and "Server" not in answer.headers
    assert served.stop() == 0


def test_ctrl_c_stops_it_cleanly(served: Served) -> None:
    served.process.send_signal(signal.SIGINT)
    said, _ = served.process.communicate(timeout=20)
    assert served.process.returncode == 0 and said == "stopped\n"


def test_a_taken_port_is_said_in_a_sentence(served: Served, settings: Settings) -> None:
    port = served.url.rsplit(":", 1)[1]
    command = [sys.executable, "-c", "from mushra_app.server_cli import serve; serve()", "--port", port]
    done = subprocess.run([*command, "--data", str(settings.data_dir)], capture_output=True, text=True)
    assert f"mushra serve --port {int(port) + 1}" in done.stderr and done.returncode == 1


def test_a_demo_that_is_asked_to_stop_leaves_no_server_behind(app, settings) -> None:
    serve = f"serve_until_stopped(Path({str(settings.data_dir)!r}), 0)"
    code = f"from pathlib import Path; from mushra_app.demo import serve_until_stopped; {serve}"
    demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    address = urllib.parse.urlsplit(next(line for line in demo.stdout if "/listen/" in line).split()[-1])
    demo.terminate()
    assert demo.wait(timeout=20) == 0
    with pytest.raises(OSError):
        socket.create_connection((address.hostname, address.port), timeout=2)


@pytest.mark.parametrize("what", ["mushra_app.app", "mushra_app.server_cli", "mushra_app.publish"])
def test_the_web_process_loads_nothing_heavy(what: str) -> None:
    code = f"import {what}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert FORBIDDEN & set(loaded) == set()

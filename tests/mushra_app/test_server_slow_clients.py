"""Slow and endless requests against a real server process: it closes them in time, and others get answers meanwhile."""

from __future__ import annotations

import contextlib
import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from server_guests import Guest, Served, as_json, body_of, opened

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.operation import slow_clients
from mushra_app.publish import publish

QUICKER = (
    "from mushra_app.operation import slow_clients; slow_clients.REQUEST_S = 1.5;"
    "slow_clients.LIMITS |= {'channel_timeout': 2, 'cleanup_interval': 0.5};"
)
"""The limits of the server of this module, which nobody wants to wait for; the real ones are looked at below."""
HEAD = b"PUT /session/x/trials/y HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, stimuli: Path, empty_sqlite: Path) -> Iterator[Database]:
    """The tiny study, for a server that all tests here attack one after another."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("attacked") / "data")
    found = opened(settings, empty_sqlite)
    publish(stimuli, found, settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def quick(database: Database) -> Iterator[Served]:
    folder = Path(database.engine.url.database or "").parent
    server = Served(folder, before=QUICKER)
    yield server
    assert server.stop() == 0


def connect(server: Served) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=10)


def answered(one: socket.socket) -> bytes:
    """What comes until the server closes."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := one.recv(65536):
            said += part
    return said


def health_s(server: Served) -> float:
    """How long another client waits for an answer."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{server.url}/healthz", timeout=10) as answer:
        assert answer.status == 200
    return time.perf_counter() - began


def drip(one: socket.socket, byte: bytes, *, at_most_s: float) -> float:
    """Send a byte at a time, quicker than any silence counts; seconds until the server has closed."""
    began = time.perf_counter()
    one.settimeout(0.2)
    while time.perf_counter() - began < at_most_s:
        try:
            one.sendall(byte)
            if one.recv(1000) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.perf_counter() - began


def test_two_hundred_dripping_clients_keep_no_listener_from_answers(database: Database, quick: Served) -> None:
    """waitress by itself takes no connection beyond its hundredth."""
    guest = Guest(database)
    page = guest.trial()
    slow = [connect(quick) for _ in range(200)]
    for number, one in enumerate(slow):
        one.sendall(HEAD + (b"Content-Length: 1000\r\n\r\nx" if number % 2 else b"X-Slow: "))
    assert health_s(quick) < 3
    headers = {"Content-Type": "application/json", "Origin": quick.url}
    request = urllib.request.Request(quick.url + page.save_url, as_json(body_of(page)), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["saved"] is True
    for one in slow:
        one.close()


@pytest.mark.parametrize(
    "begun", [b"X-Slow: ", b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n"]
)
def test_a_request_that_drips_is_closed_in_time(quick: Served, begun: bytes) -> None:
    with connect(quick) as one:
        one.sendall(HEAD + begun)
        assert 1 < drip(one, b"x", at_most_s=9) < 8


def test_a_connection_on_which_nothing_comes_is_closed(quick: Served) -> None:
    with connect(quick) as silent, connect(quick) as begun:
        begun.sendall(HEAD)
        assert answered(silent) == answered(begun) == b""


def test_one_request_after_another_is_no_slow_request(quick: Served) -> None:
    """A browser's connection lives on; only what is not there in whole counts."""
    with connect(quick) as one:
        for _ in range(5):
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            said = b""
            while not said.endswith(b"}\n"):
                said += one.recv(65536)
            assert said.startswith(b"HTTP/1.1 200 OK")
            time.sleep(0.5)


def test_the_limits_of_a_real_server_leave_time_for_a_slow_phone() -> None:
    assert slow_clients.SILENCE_S <= slow_clients.REQUEST_S == 120
    assert slow_clients.LIMITS["connection_limit"] >= 500 and slow_clients.LIMITS["asyncore_use_poll"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"Content-Length: 99999999999\r\n\r\n", b"413"),
        (b"Content-Length: 1100000\r\n\r\n" + b"x" * 1_100_000, b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 40 + b"0\r\n\r\n", b"413"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", b"400"),
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"40"),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"Transfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"X-Nul: a\0b\r\n\r\n", b"400"),
        (b"X-Folded: a\r\n b\r\n\r\n", b"40"),
        (b"X-Big: " + b"x" * 300_000 + b"\r\n\r\n", b"431"),
        (b"Host: " + b"x" * 3000 + b"\r\n\r\n", b"40"),
    ],
    ids=lambda value: value[:44].decode(errors="replace").replace("\r\n", " ") if isinstance(value, bytes) else value,
)
def test_what_is_no_request_of_ours_is_refused_and_nothing_falls_over(
    quick: Served, sent: bytes, status: bytes
) -> None:
    with connect(quick) as one:
        with contextlib.suppress(ConnectionError):
            one.sendall(HEAD + b"Connection: close\r\n" + sent)
        said = answered(one)
    assert said == b"" or said.split(b" ", 2)[1].startswith(status), said[:200]
    assert b"Traceback" not in said and health_s(quick) < 3

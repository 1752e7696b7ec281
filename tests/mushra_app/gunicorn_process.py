"""A real gunicorn with the settings that are shipped, and requests to it that are only half sent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from postgresql_server import free_port

from mushra_app.config import Settings

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:mushra_app.gunicorn_config"]


def environment(settings: Settings, **more: Any) -> dict[str, str]:
    """What tells a process these settings, and nothing else of ours."""
    given = {"data_dir": settings.data_dir, "database_url": settings.database_url, "threads": settings.threads} | more
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUSHRA_")}
    return kept | {f"MUSHRA_{name.upper()}": str(value) for name, value in given.items() if value is not None}


class Gunicorn:
    """A gunicorn that answers; ``url`` is where, ``log`` what it said."""

    def __init__(self, settings: Settings, folder: Path, **more: Any) -> None:
        port = free_port()
        self.url, self.log = f"http://127.0.0.1:{port}", folder / "gunicorn.log"
        told = environment(settings, port=port, **more) | {"TMPDIR": str(folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(COMMAND, env=told, stdout=log, stderr=log, cwd=folder)
        wait_until_it_answers(self.url, self.process)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=40)


def wait_until_it_answers(url: str, process: subprocess.Popen[Any], path: str = "/healthz") -> None:
    """Until it says that it is alive."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url + path, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, "it ended instead of answering"
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer in time")


class HalfSent:
    """A request of which the last part is still to come; ``finish`` sends it and gives the whole answer."""

    def __init__(self, url: str, method: str, path: str, body: bytes = b"", *, receive: int = 0) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(40)
        self.socket.connect((host, int(port)))
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {url}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        half = len(body) // 2
        self.socket.sendall(head.encode() + body[:half])
        self._rest = body[half:]

    def send_rest(self) -> None:
        """Send what is still to come."""
        self.socket.sendall(self._rest)
        self._rest = b""

    def finish(self) -> tuple[int, bytes]:
        """Status and body of the answer; the body is whatever came before the connection ended."""
        self.send_rest()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        received = bytearray()
        while part := self.socket.recv(2**16):
            received += part
        self.socket.close()
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        return int(head.split()[1]) if head else 0, body


def status_of(request: urllib.request.Request | str) -> int:
    """What the server answers, whatever it is."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code

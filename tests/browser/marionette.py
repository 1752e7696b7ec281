"""Firefox without a driver of its own: Marionette's socket, which Firefox brings, and four commands.

A message is its length, a colon, and JSON: ``[0, id, command, arguments]`` there, ``[1, id, error, result]`` back.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PREFERENCES = {
    "marionette.port": 0,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


def firefox_path() -> str | None:
    """The installed Firefox."""
    return next((path for name in ("firefox-esr", "firefox") if (path := shutil.which(name))), None)


class Firefox:
    """A headless Firefox on a profile of its own; use it in a ``with``."""

    def __init__(self, path: str) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="mushra-firefox-"))
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (self.profile / "user.js").write_text("\n".join(lines))
        command = [path, "--headless", "--marionette", "--no-remote", "--profile", str(self.profile)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = socket.create_connection(("127.0.0.1", self._port()), timeout=60)
        self.number, self.url = 0, ""
        self._receive()
        self.version = self.command("WebDriver:NewSession", {})["capabilities"]["browserVersion"]
        self.command("WebDriver:SetTimeouts", {"script": 60_000, "pageLoad": 60_000})

    def __enter__(self) -> Firefox:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        shutil.rmtree(self.profile, ignore_errors=True)

    def goto(self, url: str) -> None:
        self.command("WebDriver:Navigate", {"url": url})
        self.url = url

    def evaluate(self, function: str, argument: Any) -> Any:
        """What a page's asynchronous function answers."""
        script = (
            f"const [given, done] = arguments; ({function})(given).then((it) => done([it]), (e) => done(`${{e}}`));"
        )
        answer = self.command("WebDriver:ExecuteAsyncScript", {"script": script, "args": [argument]})["value"]
        assert isinstance(answer, list), answer
        return answer[0]

    def command(self, name: str, arguments: dict[str, Any]) -> Any:
        self.number += 1
        message = json.dumps([0, self.number, name, arguments]).encode()
        self.socket.sendall(str(len(message)).encode() + b":" + message)
        _, number, error, result = self._receive()
        assert number == self.number and error is None, error
        return result

    def _port(self) -> int:
        said = self.profile / "MarionetteActivePort"
        for _ in range(600):
            if said.is_file() and (text := said.read_text().strip()):
                return int(text)
            assert self.process.poll() is None, "Firefox did not start"
            time.sleep(0.1)
        raise AssertionError("Firefox did not open its socket in 60 s")

    def _receive(self) -> Any:
        head = b""
        while not head.endswith(b":"):
            head += self.socket.recv(1)
        body = bytearray()
        while len(body) < int(head[:-1]):
            body += self.socket.recv(min(2**16, int(head[:-1]) - len(body)))
        return json.loads(body)

"""An S3-compatible server on this machine, for the tests that read and write an object store over real HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path


@dataclass
class S3:
    """A running server; ``log`` has a line for every request."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @classmethod
    def start(cls, folder: Path) -> S3:
        """Start one on a free port. Its log goes into a file: a pipe that nobody reads fills up and stops it."""
        with (folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
            server = cls(subprocess.Popen(command, stderr=log, stdout=log), folder / "log")
        for _ in range(600):
            if found := re.search(r"http://127\.0\.0\.1:\d+", server.log.read_text()):
                server.url = found[0]
                urllib.request.urlopen(server.url, timeout=10).close()
                return server
            assert server.process.poll() is None, server.log.read_text()
            time.sleep(0.05)
        raise AssertionError("the S3 server did not start in 30 s")

    def asked(self, method: str, name: str) -> int:
        """How often that was asked of objects whose address ends in ``name``."""
        return len(re.findall(rf"{method} \S*{re.escape(name)}(\?\S*)? HTTP", self.log.read_text()))

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

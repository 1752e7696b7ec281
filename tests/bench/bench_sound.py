"""How much memory the server takes while 16 clients download sounds of 60 s at once, whole and in ranges.

``PYTHONPATH=.:tests/mushra_app python tests/bench/bench_sound.py`` prints one line of JSON: the process's
resident memory before, its peak while the sounds were sent (both in MB), and what the clients received in all.
"""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tiny_set
from server_guests import Guest, Served

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.publish import publish

CLIENTS, SOUND_S = 16, 60
CHUNK_BYTES = 2**16


def sound(item: str, condition: str) -> np.ndarray:
    """A minute of stereo noise."""
    return 0.1 * np.random.default_rng(0).standard_normal((SOUND_S * tiny_set.RATE_HZ, 2)).clip(-3, 3)


def memory_mb(pid: int, what: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (the peak so far) of a process."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return round(int(lines[what].split()[0]) / 1024, 1)


def download(url: str, asked: str) -> int:
    """Bytes received, none of them kept."""
    total = 0
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": asked} if asked else {})) as answer:
        while chunk := answer.read(CHUNK_BYTES):
            total += len(chunk)
    return total


def main() -> None:
    """Publish, serve, download."""
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        database = Database(settings)
        schema.require(database, settings)
        tiny_set.make(Path(folder) / "set", sound=sound)
        publish(Path(folder) / "set", database, settings)
        urls = [Guest(database).trial().sounds[0].url for _ in range(CLIENTS)]
        server = Served(settings.data_dir)
        try:
            before = memory_mb(server.process.pid, "VmRSS")
            with ThreadPoolExecutor(CLIENTS) as pool:
                asked = ["", "bytes=1000-"] * (CLIENTS // 2)
                received = sum(
                    pool.map(lambda one: download(server.url + one[0], one[1]), zip(urls, asked, strict=True))
                )
            peak = memory_mb(server.process.pid, "VmHWM")
        finally:
            server.stop()
    print(json.dumps({"clients": CLIENTS, "before_mb": before, "peak_mb": peak, "received_mb": round(received / 1e6)}))


if __name__ == "__main__":
    main()

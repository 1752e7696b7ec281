"""pymushra 0.5 beside ours, as far as it can be installed and started here: sessions that it acknowledged, and stored.

It comes from the package index into a temporary environment of its own and is never part of this project. Its own
application runs under its own (threaded) development server, on the loopback address and with its debugger off. One
session is one request: ten trials of eight ratings, as its page sends them at the end.

Defines: ``peer``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import load

PACKAGE = "pymushra==0.5"
SERVE = """
import sys
from tinydb import TinyDB
from pymushra import service
with TinyDB(sys.argv[1], create_dirs=True) as service.app.config["db"]:
    service.app.run(debug=False, host="127.0.0.1", port=int(sys.argv[2]))
"""


def peer(folder: Path, port: int, *, seconds: float, clients: tuple[int, ...] = (1, 4, 16)) -> dict[str, Any]:
    """Figures for each number of clients, each on an empty store; or why there are none."""
    python = folder / "venv" / "bin" / "python"
    for command in ([sys.executable, "-m", "venv", folder / "venv"], [python, "-m", "pip", "install", "-q", PACKAGE]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode:
            return {"package": PACKAGE, "not_started": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    try:
        runs = {str(count): _run(python, folder / f"{count}.json", port, count, seconds) for count in clients}
    except (OSError, AssertionError) as error:
        return {"package": PACKAGE, "not_started": str(error)}
    return {"package": PACKAGE, "trials_per_session": 10, "by_clients": runs}


def _run(python: Path, store: Path, port: int, clients: int, seconds: float) -> dict[str, Any]:
    server = subprocess.Popen(
        [str(python), "-c", SERVE, str(store), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        load.wait_for(port)
        done = load.put_on(port, _sessions(port), clients=clients, seconds=seconds, kept=False, good=b'"error":false')
    finally:
        server.terminate()
        server.wait(timeout=30)
    valid, stored = _stored(store)
    return {
        "sessions_per_s": round(done.per_s, 2),
        "acknowledged": len(done.times_s),
        "refused": done.refused,
        "acknowledged_and_stored": len(stored.intersection(done.names)),
        "store_is_valid_json": valid,
    }


def _sessions(port: int) -> Iterator[tuple[str, bytes]]:
    while True:
        name = uuid.uuid4().hex
        ratings = [{"stimulus": f"C{n}", "score": 10 * n, "time": 1500} for n in range(1, 9)]
        trials = [{"type": "mushra", "id": f"trial{n}", "testId": "bench", "responses": ratings} for n in range(10)]
        session = {"testId": "bench", "config": "bench.yaml", "trials": trials}
        session |= {"participant": {"name": ["session"], "response": [name]}, "surveys": []}
        body = urllib.parse.urlencode({"sessionJSON": json.dumps(session)}).encode()
        head = f"POST /service/write.php HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        yield name, head.encode() + body


def _stored(store: Path) -> tuple[bool, set[str]]:
    """Whether the file can be read at all, and the sessions that are there with all ten trials."""
    try:
        tables = json.loads(store.read_text())
    except ValueError:
        return False, set()
    rows = [row for name, table in tables.items() if name == "bench" for row in table.values()]
    counts = Counter(row["questionaire"]["session"] for row in rows)
    return True, {name for name, count in counts.items() if count == 10}

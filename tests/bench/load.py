"""A light load generator: so many connections that send prepared requests one after another, on one thread.

It shares the machine's cores with the server that it loads; what it takes of them is measured too.
Defines: ``http``, ``Load``, ``put_on``, ``wait_for``, ``usage``, ``fdatasync_ms``.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")


def http(method: str, path: str, port: int, body: dict[str, Any]) -> bytes:
    """One request of a kept connection, ready to be sent."""
    content = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


@dataclass(frozen=True)
class Load:
    """What came of it; times in seconds, sorted."""

    took_s: float
    times_s: list[float]
    refused: int
    own_cpu_s: float
    names: frozenset[str] = frozenset()

    @property
    def per_s(self) -> float:
        return len(self.times_s) / self.took_s

    def quantile_ms(self, share: float) -> float:
        """The time that so large a share of the requests stayed below."""
        return 1000 * self.times_s[min(int(share * len(self.times_s)), len(self.times_s) - 1)]


def put_on(
    port: int,
    requests: Iterator[tuple[str, bytes]],
    *,
    clients: int,
    seconds: float,
    kept: bool = True,
    good: bytes = b"",
) -> Load:
    """Send named requests from so many clients at once; those under way at the end are waited for.

    ``kept``: one connection for all requests of a client. ``good``: what an acknowledgement holds, beside its 200.
    """
    began, cpu = time.perf_counter(), time.process_time()
    done: list[tuple[str, float]] = []
    work = _all(port, requests, clients, began + seconds, kept=kept, good=good, done=done)
    with ThreadPoolExecutor(1) as apart:  # Playwright keeps a loop running on the thread of the tests
        refused = apart.submit(asyncio.run, work).result()
    took = time.perf_counter() - began
    return Load(took, sorted(s for _, s in done), refused, time.process_time() - cpu, frozenset(n for n, _ in done))


async def _all(port: int, requests: Iterator[tuple[str, bytes]], clients: int, until: float, **how: Any) -> int:
    return sum(await asyncio.gather(*(_one(port, requests, until, **how) for _ in range(clients))))


async def _one(
    port: int,
    requests: Iterator[tuple[str, bytes]],
    until: float,
    *,
    kept: bool,
    good: bytes,
    done: list[tuple[str, float]],
) -> int:
    """One client; how many of its requests were not acknowledged."""
    refused, connection = 0, None
    while time.perf_counter() < until:
        (name, request), sent = next(requests), time.perf_counter()
        reader, writer = connection = connection or await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if head.split(b" ", 2)[1] == b"200" and good in body.replace(b" ", b""):
            done.append((name, time.perf_counter() - sent))
        else:
            refused += 1
        if not kept:
            writer.close()
            connection = None
    if connection:
        connection[1].close()
    return refused


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    for _ in range(600):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.05)
    raise AssertionError("the server did not answer in 30 s")


def usage(pid: int) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a process and its children so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    cpu_s = memory_mb = 0.0
    for process in (str(pid), *children):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        cpu_s += (int(fields[11]) + int(fields[12])) / TICKS
        status = Path(f"/proc/{process}/status").read_text()
        memory_mb += int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return cpu_s, memory_mb


def fdatasync_ms(folder: Path, times: int = 100) -> float:
    """Median of what the disk takes to have one more page."""
    took = []
    descriptor = os.open(folder / "fdatasync", os.O_CREAT | os.O_RDWR)
    for n in range(times):
        os.pwrite(descriptor, b"x" * 4096, 4096 * n)
        began = time.perf_counter()
        os.fdatasync(descriptor)
        took.append(time.perf_counter() - began)
    os.close(descriptor)
    return 1000 * statistics.median(took)

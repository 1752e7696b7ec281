"""Stands between a worker and its job's command: where the worker is gone or hangs, the command goes too.

A killed worker can't end its child, and another worker will take the job up. So the command runs under this guard, in
the guard's process group. The worker writes the time of each heartbeat to the guard's standard input; where that ends,
or none has come for the lease, the whole group is killed, with what the command started. The lease is shorter than the
time after which another worker takes the job, so there are never two.

Run as a script with ``lease_s memory_mb heard_s command…``; ``heard_s`` is the first heartbeat. Times are seconds of
the machine's monotonic clock. Exit code: the command's, or 128 and the number of the signal that ended it. Imports
nothing of the house.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

TICK_S = 0.2


class Guard:
    """One command, and when its worker was last heard of."""

    def __init__(self, lease_s: float, memory_mb: int, heard_s: float, command: Sequence[str]) -> None:
        self.lease_s, self.memory_mb, self.heard_s, self.command = lease_s, memory_mb, heard_s, command

    def run(self) -> int:
        """Run the command to its end, or end it with this process where the worker is gone."""
        if self._forgotten():
            return 1
        limit = self._limit_memory if os.name == "posix" else None
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, preexec_fn=limit)
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            try:
                code = self.child.wait(timeout=TICK_S)
                return code if code >= 0 else 128 - code
            except subprocess.TimeoutExpired:
                if self._forgotten():
                    self._end_all()

    def _forgotten(self) -> bool:
        return time.monotonic() - self.heard_s > self.lease_s

    def _listen(self) -> None:
        while said := os.read(0, 4096):
            self.heard_s = float(said.split()[-1])
        self._end_all()

    def _end_all(self) -> None:
        if os.name == "posix" and os.getpgrp() == os.getpid():  # never the group of whoever runs this by hand
            os.killpg(0, signal.SIGKILL)  # this process too
        self.child.kill()
        os._exit(1)

    def _limit_memory(self) -> None:
        import resource

        most = self.memory_mb * 1_000_000
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    guard = Guard(float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
    os._exit(guard.run())  # past the thread that still reads

"""The line in which writers of one process wait for their turn: first come, first served.

``threading.Lock`` promises no order, and whoever has just let go may take it again before those who wait wake up. Here
a turn is handed to the one who has waited longest, so that nobody's save waits longer than the line before it takes.

Defines: ``WriterQueue``.
"""

from __future__ import annotations

import threading
from collections import deque


class WriterQueue:
    """A lock that is fair."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def acquire(self, timeout: float) -> bool:
        """Wait for a turn, at most ``timeout`` seconds; whether it came."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            own = threading.Lock()
            own.acquire()
            self._waiting.append(own)
        if own.acquire(timeout=timeout):
            return True
        with self._guard:
            if own not in self._waiting:  # it was handed over at the last moment
                return True
            self._waiting.remove(own)
            return False

    def release(self) -> None:
        """End the turn, and hand it to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

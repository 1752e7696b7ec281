"""Clients that send slowly, or nothing, on purpose: they may not use up the connections of everybody else.

waitress hands a request to a thread once it is there in whole, so a slow one costs a connection and no thread. Its own
limits are 100 connections, which twenty browsers reach, and 120 s of silence, which a byte a minute breaks. Here a
request has to be there in whole within ``REQUEST_S`` of its first byte, however steadily it drips.

Against many machines at once only a proxy in front helps. Defines: ``LIMITS``, ``REQUEST_S``, ``guard``.
"""

from __future__ import annotations

import time
from typing import Any

from waitress.channel import HTTPChannel

SILENCE_S = 60
"""After that a connection on which nothing comes or is answered is closed; browsers open another."""
REQUEST_S = 120
"""Enough for the largest body that is taken, 1 MiB, at 10 kB/s."""
LIMITS: dict[str, Any] = {
    "channel_timeout": SILENCE_S,
    "cleanup_interval": 10,
    "connection_limit": 800,  # below the 1024 open files that most systems grant
    "asyncore_use_poll": True,  # select() can't wait for as many
}


class TimedChannel(HTTPChannel):
    """A connection that is closed when a request takes too long to arrive."""

    _arriving: Any = None
    _since = 0.0

    def received(self, data: bytes) -> bool:
        """More of a request; ``self.request`` is the one that is not there in whole."""
        taken = super().received(data)
        if self.request is not self._arriving:
            self._arriving, self._since = self.request, time.monotonic()
        longer_s = getattr(self.request, "may_take_s", 0.0)  # of a large upload
        if self.request is not None and time.monotonic() - self._since > REQUEST_S + longer_s:
            self.will_close = True
        return taken


def guard(server: Any) -> None:
    """Let a waitress server, before it runs, close overdue connections."""
    server.channel_class = TimedChannel

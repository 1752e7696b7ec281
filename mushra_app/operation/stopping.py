"""``mushra serve`` until it is asked to stop, and then until the requests under way are answered.

waitress itself ends its loop at once, with a page half received or a sound half sent. Here the port is closed first, so
that new connections are refused, and the loop goes on until every request that had begun has its answer sent. A client
that never finishes holds the server no longer than it was told; a second request to stop ends it at once.

Defines: ``Stoppable``.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from mushra_app.operation import large_bodies, slow_clients

TURN_S = 1


class Stoppable:
    """A waitress server on one open port; ``stop`` may be called by a signal handler."""

    def __init__(self, app: Flask, port: socket.socket, *, largest_upload: int, **adjustments: Any) -> None:
        self._open: dict[int, Any] = {}
        """The port, and every connection: waitress' own table."""
        server = create_server(app, self._open, sockets=[port], **slow_clients.LIMITS, **adjustments)
        assert isinstance(server, BaseWSGIServer), "there is one port"
        slow_clients.guard(server)
        large_bodies.allow(server, app, largest_upload)
        self._server = server
        self._asked = 0

    def stop(self, *_: object) -> None:
        """Finish what is under way and return from ``run``; asked again, don't finish it."""
        self._asked += 1
        self._server.pull_trigger()

    def run(self, finish_within_s: float) -> None:
        """Serve until ``stop`` is called; then give requests under way so many seconds."""
        while not self._asked:
            self._turn(TURN_S)
        wasyncore.dispatcher.close(self._server)  # not the server's own close, which takes the threads' way to wake us
        self._turn(0)  # reads what had arrived by now
        until_s = time.monotonic() + finish_within_s
        while self._asked < 2 and (left_s := until_s - time.monotonic()) > 0 and self._under_way():
            self._turn(min(left_s, TURN_S))
        for channel in self._channels():
            channel.handle_close()
        self._server.task_dispatcher.shutdown(timeout=0 if self._asked > 1 else TURN_S)

    def _turn(self, most_s: float) -> None:
        wasyncore.loop(most_s, use_poll=self._server.adj.asyncore_use_poll, map=self._open, count=1)

    def _under_way(self) -> bool:
        """Whether any connection has something to finish; the others are closed."""
        for channel in self._channels():
            if not _is_busy(channel):
                channel.handle_close()
        return bool(self._channels())

    def _channels(self) -> list[HTTPChannel]:
        return [found for found in self._open.values() if isinstance(found, HTTPChannel)]


def _is_busy(channel: HTTPChannel) -> bool:
    """A request being received, one being answered, or an answer being sent."""
    return bool(channel.request or channel.requests or channel.total_outbufs_len)

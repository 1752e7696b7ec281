"""The one address of ``mushra serve`` whose requests may be large: the archive of a stimulus set that is sent.

waitress keeps a body in a temporary file until all of it is there, before the app sees anything of the request. So that
nobody from outside can fill the disk, the larger limit is given only to browsers whose cookie this server has signed
for somebody who logged in, no longer ago than a login lasts, and to few at once; whether they still may is the app's
business.

Defines: ``allow``, ``PATH``, ``SLOWEST``.
"""

from __future__ import annotations

import copy
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature
from waitress.parser import HTTPRequestParser
from waitress.utilities import Error
from werkzeug.http import parse_cookie

from mushra_app.people.logins import LASTS

PATH = "/studio/publish/upload"
SLOWEST = 50_000
"""Bytes a second that an upload may take; what is slower is closed like any other slow request."""
AT_ONCE = 2
"""So many are received at once; each may have several gigabytes of the disk."""


class Busy(Error):
    """What is answered to one more."""

    code = 503
    reason = "Service Unavailable"


def allow(server: Any, app: Flask, most_bytes: int) -> None:
    """Let a waitress server, before it runs, take bodies of ``most_bytes`` at ``PATH``."""
    large = copy.copy(server.adj)
    large.max_request_body_size = most_bytes

    class Parser(HTTPRequestParser):
        """A request, whose headers have just come when its limit is chosen."""

        may_take_s = 0.0

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if (
                self.command == "POST"
                and getattr(self, "path", "") == PATH
                and _is_signed(app, self.headers.get("COOKIE", ""))
            ):
                self.adj = large
                if _under_way(server) >= AT_ONCE:
                    self.error = Busy("Other sets are being received just now. Please send yours again in a minute.")
                    self.completed = True
                else:
                    self.may_take_s = self.content_length / SLOWEST

    server.channel_class = type("Channel", (server.channel_class,), {"parser_class": Parser})


def _under_way(server: Any) -> int:
    """How many large bodies are being received."""
    requests = [channel.request for channel in list(server.active_channels.values())]
    return sum(getattr(request, "may_take_s", 0) > 0 and not request.completed for request in requests)


def _is_signed(app: Flask, cookies: str) -> bool:
    """Whether this is the cookie of a browser in which somebody has logged in."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    try:
        cookie = parse_cookie(cookies)[app.config["SESSION_COOKIE_NAME"]]
        kept = serializer.loads(cookie, int(LASTS.total_seconds())) if serializer else {}
    except (BadSignature, KeyError):
        return False
    return "_user_id" in kept

"""A log for machines: one JSON object per line on stderr, one line per request, and no word of a listener's.

A request is known by its id, its method and the *rule* of its address (``/session/<token>/``), never by the address,
which holds a session's token. Other messages come as their template without what is filled in, errors as their type
and the lines of code that they passed: texts of a database's or a library's errors quote values.

Conventions: ``ms`` until the answer begins to be sent; times in UTC.
Defines: ``attach``, ``tell_no_addresses``, ``write_lines``, ``Lines``, ``LOGGERS``.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, has_request_context, request

LOGGERS = ("mushra_app", "waitress", "gunicorn.error", "py.warnings")
"""Everything of this process that writes logs; the first is also the Flask application's own."""
METHODS = {"GET", "HEAD", "POST", "PUT", "OPTIONS", "PATCH", "DELETE"}
ID_HEADER = "X-Request-ID"
ID_OF_OTHERS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a proxy in front may call a request; anything else is ignored, because it goes into the log."""

log = logging.getLogger("mushra_app.requests")


class Lines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if has_request_context() and "request_id" in g:
            said["request_id"] = g.request_id
        said |= getattr(record, "fields", None) or {"logger": record.name, "message": _template(record)}
        if record.exc_info and (error := record.exc_info[1]):
            said["error"] = type(error).__name__
            said["at"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        return json.dumps(said, ensure_ascii=False)


def _template(record: logging.LogRecord) -> str:
    """The message before anything was filled in; of a warning of Python's, where it is from and its class."""
    if record.name == "gunicorn.error":  # fills some in itself: "Invalid request from ip=…: …"
        return str(record.msg).partition(" from ip=")[0]
    if record.name == "py.warnings":
        return ": ".join(record.getMessage().split(": ")[:2])
    return str(record.msg)


class OnStderr(logging.Handler):
    """To the standard error of this moment, whole lines only."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line; a line that can't be written is dropped, because logging's own complaint quotes values."""
        with suppress(Exception):
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()


def write_lines() -> None:
    """Write JSON lines from here on, for the whole process."""
    handler = OnStderr()
    handler.setFormatter(Lines())
    logging.captureWarnings(True)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    log.setLevel(logging.INFO)


def attach(app: Flask) -> None:
    """Write JSON lines from here on, one of them per request to this app."""
    write_lines()
    app.before_request(_begin)
    app.after_request(_end)
    tell_no_addresses(app)


def tell_no_addresses(app: Flask) -> None:
    """Log what fails without the address: Flask's own puts it into the message, and with it the session's token."""
    app.log_exception = lambda exc_info: log.error("a request failed", exc_info=exc_info)  # pyright: ignore[reportArgumentType]


def _begin() -> None:
    given = request.headers.get(ID_HEADER, "")
    g.request_id = given if ID_OF_OTHERS.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    if "began" not in g:  # refused before anything of ours ran
        _begin()
    response.headers[ID_HEADER] = g.request_id
    fields = {
        "method": request.method if request.method in METHODS else "other",
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "ms": round((time.perf_counter() - g.began) * 1000, 1),
    }
    log.info("request", extra={"fields": fields})
    return response

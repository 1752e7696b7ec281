"""What is asked of the studio is worked out in processes of their own, so that no listener's save waits for it.

A page over 500 sessions is 20 to 100 ms of work, an export of ratings seconds; Python lets one thread of a process work
at a time, and a save goes through many hands. So ``mushra serve`` gives what is only asked (GET) of the studio and of
programs to another process, which has the same application with a database of its own, at a lower priority, and sends
on what it answers. It is started by the first such request.

This process answers itself what changes something, what is only a file to be sent, and everything as long as the other
is not there, has too much to do or is gone: nothing depends on it.

Conventions: a request goes over as its WSGI environment without streams, an answer comes back as status, headers and
body. The environment names a file in the data folder's ``tmp`` for a body that is large; it is written there once, and
this process opens it, sends it, and takes its name away, whatever came of the request.
Defines: ``Apart``, ``attach``, ``SENDS_A_FILE``.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask, Response, request
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import FileWrapper, wrap_file

from mushra_app.config import Settings
from mushra_app.operation import request_log
from mushra_app.spooled import BY_NAME

ASKED_APART = ("studio.", "api.")
SENDS_A_FILE = {
    *("studio.report", "studio.made_file", "studio.clip", "studio.spectrogram", "studio.alignment_noise"),
    *("studio.preview_sound", "studio.preview_setup_sound", "api.made_file"),
}
"""Views that have nothing to work out; through another process a bundle of gigabytes would be copied first."""
PROCESSES = 2
"""One for pages while the other makes an export; the second is started by the first two requests at once."""
MOST_WAITING = 6
"""Of the server's 16 threads; the others stay for listeners."""
LONGEST_S = 120.0
LOWER_PRIORITY = 5
IN_MEMORY = 2**20
TRY_AGAIN_S = 60.0
PREFIX = ".answer-"

Make = Callable[[Settings], Flask]
log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What another process answered; ``body`` is None where it is in the file that the request named."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes | None


class Apart:
    """The other processes of one server."""

    def __init__(self, settings: Settings, make: Make) -> None:
        self._settings, self._make = settings, make
        self._lock, self._waiting = threading.Lock(), threading.BoundedSemaphore(MOST_WAITING)
        self._pool: ProcessPoolExecutor | None = None
        self._ready: Future[None] | None = None
        self._not_before_s = 0.0
        """Of the monotonic clock: when to start one again after one was lost."""

    def answer(self) -> Response | None:
        """What the request that is under way is answered; None where this process has to answer it."""
        endpoint = request.endpoint or ""
        apart = endpoint.startswith(ASKED_APART) and endpoint not in SENDS_A_FILE
        if request.method not in ("GET", "HEAD") or not apart or not self._waiting.acquire(blocking=False):
            return None
        try:
            pool = self._started()
            return None if pool is None else self._asked(pool)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """End the processes; the server asks nothing any more."""
        with self._lock:
            pool, self._pool, self._not_before_s = self._pool, None, float("inf")
        if pool is not None:
            _end(pool)

    def _asked(self, pool: ProcessPoolExecutor) -> Response | None:
        file = self._settings.tmp_dir / f"{PREFIX}{secrets.token_hex(8)}"
        environ = _plain(request.environ) | {BY_NAME: str(file)}
        try:
            return _response(pool.submit(_answer, environ).result(LONGEST_S), file)
        except (BrokenProcessPool, TimeoutError):  # somebody killed it, or it hangs
            self._give_up(pool)
        except OSError as error:  # no room for a large answer
            log.warning("the studio's process: %s; answered here", error.strerror)
        finally:
            file.unlink(missing_ok=True)
        return None

    def _started(self) -> ProcessPoolExecutor | None:
        """The pool, once a process of it can answer."""
        with self._lock:
            if self._pool is None and time.monotonic() >= self._not_before_s:
                self._pool = ProcessPoolExecutor(
                    PROCESSES, multiprocessing.get_context("spawn"), _begin, (self._settings, self._make)
                )
                self._ready = self._pool.submit(_nothing)
            pool, ready = self._pool, self._ready
        if pool is None or ready is None or not ready.done():
            return None
        if ready.exception() is not None:
            self._give_up(pool)
            return None
        return pool

    def _give_up(self, pool: ProcessPoolExecutor) -> None:
        """Answer here for a while; another thread may have done so already."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool, self._not_before_s = None, max(self._not_before_s, time.monotonic() + TRY_AGAIN_S)
            _end(pool)
        log.warning("the process for the studio's pages is gone; this one makes them for %d s", TRY_AGAIN_S)


def attach(app: Flask, settings: Settings, make: Make) -> Apart:
    """Let other processes answer what is asked of the studio; before anything of the studio's looks at the request.

    Parameters
    ----------
    make : makes the application of such a process; a function of a module, because it is sent there by its name.
    """
    for path in settings.tmp_dir.glob(f"{PREFIX}*"):  # of a server that was killed; one in use is answered without
        path.unlink(missing_ok=True)
    apart = Apart(settings, make)
    app.before_request(apart.answer)
    return apart


def _end(pool: ProcessPoolExecutor) -> None:
    """End its processes at once: they only look, and one that hangs would keep the server from ending."""
    pool.shutdown(wait=False, cancel_futures=True)
    for process in multiprocessing.active_children():  # this server has no others
        process.kill()


def _plain(environ: dict[str, Any]) -> dict[str, Any]:
    """What can be sent to another process."""
    return {key: value for key, value in environ.items() if isinstance(value, str | int | tuple)}


def _response(answer: Answer, file: Path) -> Response:
    # By the server's own way to send a file, which holds nothing of it back for a reader who is slow.
    body = wrap_file(request.environ, file.open("rb")) if answer.body is None else answer.body
    response = Response(body, answer.status, direct_passthrough=answer.body is None)
    response.headers.clear()
    response.headers.extend(answer.headers)
    return response


_app: Flask
"""Of a process that answers; there is none in the server's own."""


def _begin(settings: Settings, make: Make) -> None:
    """The application of this process, which ends with the server's own, however that ends."""
    global _app
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which still answers what is under way
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(LOWER_PRIORITY)
    # Who asks and how long it takes is counted and logged by the server, which knows the proxies too.
    _app = make(settings.model_copy(update={"metrics": False, "log_format": "text", "trusted_proxies": 0}))
    if settings.log_format == "json":
        request_log.write_lines()
        request_log.tell_no_addresses(_app)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _nothing() -> None:
    """Done once a process is there."""


def _answer(environ: dict[str, Any]) -> Answer:
    """Answer a request in this process."""
    file = environ[BY_NAME]
    written: list[str] = []

    def handed_over(stream: Any, size: int = 8192) -> Iterable[bytes]:
        """WSGI's way to send a file: the one that is to be sent is there already."""
        if getattr(stream, "name", None) != file:
            return FileWrapper(stream, size)
        stream.close()
        written.append(file)
        return ()

    here = {"wsgi.input": BytesIO(), "wsgi.errors": sys.stderr, "wsgi.file_wrapper": handed_over}
    chunks, status, headers = run_wsgi_app(_app, environ | here)
    body = bytearray()
    try:
        for chunk in chunks:
            body += chunk
            if len(body) > IN_MEMORY:
                _write(Path(file), body, chunks)
                written.append(file)
    finally:
        getattr(chunks, "close", _nothing)()
    return Answer(status, list(headers), None if written else bytes(body))


def _write(file: Path, body: bytearray, rest: Iterable[bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(body)
        stream.writelines(rest)

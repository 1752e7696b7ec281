"""gunicorn's settings, out of ours: ``gunicorn -c python:mushra_app.gunicorn_config``.

Workers load the application themselves, after the fork, so that each has its own connections to the database. What they
share is checked once, before any of them starts: settings, tables, and the folder through which their counts are added
up. A start that can't succeed ends with a sentence and exit code 2, and no worker is tried.

Several workers want PostgreSQL. SQLite has one writer at a time, and the queue for it is within one process: two or
three processes lose nothing, but save no more per second and make some listeners wait (16 clients on a busy machine,
p99: 0.3 to 1.4 s with one process, 1.7 to 1.9 s with two, 2.8 s with three). So more than one is refused there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from mushra_app import schema
from mushra_app.config import load_settings
from mushra_app.db import Database, database_address
from mushra_app.errors import AppError
from mushra_app.operation import request_log
from mushra_app.refusals import said_by_the_database

WORKERS = 3
COUNTS = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client looks for the folder; it has to be set before that is imported."""


@contextmanager
def _or_stop() -> Iterator[None]:
    try:
        yield
    except AppError as error:
        print(f"mushra: {error}", file=sys.stderr)  # noqa: T201 - there is no logger yet
        sys.exit(2)


class Worker(ThreadWorker):
    """gunicorn's threads, and a port that is closed as soon as it stops accepting; otherwise new clients would wait."""

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Called with False when it is busy, and for good when it was asked to stop."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for port in self.sockets:
                port.close()


with _or_stop():
    _settings = load_settings()
    _sqlite = database_address(_settings).get_backend_name() == "sqlite"

wsgi_app = "mushra_app.wsgi:app"
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = Worker
workers = _settings.workers or (1 if _sqlite else WORKERS)
threads = _settings.threads
graceful_timeout = _settings.graceful_stop_s
loglevel = "warning" if _settings.log_format == "json" else "info"
control_socket_disable = True  # a socket in the home folder that can stop the server
# Proxies are the app's business alone (trusted_proxies): gunicorn by itself believes whoever is on this machine.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}


def on_starting(server: Any) -> None:
    """In the parent, before any worker: refuse what can't work, make the tables of a fresh database."""
    if _settings.log_format == "json":
        request_log.write_lines()
    with _or_stop():
        if server.cfg.workers > 1 and _sqlite:
            raise AppError(
                f"{server.cfg.workers} workers on SQLite would wait for each other by polling; "
                "set MUSHRA_DATABASE_URL to a PostgreSQL database, or workers to 1"
            )
        database = Database(_settings)
        try:
            with said_by_the_database(database.engine.url.render_as_string()):
                schema.require(database, _settings)
        finally:
            database.close()
    if _settings.metrics:
        os.environ[COUNTS] = tempfile.mkdtemp(prefix="mushra-metrics-")  # for its owner only


def child_exit(server: Any, worker: Any) -> None:
    """In the parent, after a worker has ended: its counts stay, what it had under way is gone."""
    if COUNTS in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """In the parent, at the end."""
    if COUNTS in os.environ:
        shutil.rmtree(os.environ[COUNTS], ignore_errors=True)

"""``mushra worker``: run the jobs that wait in the database."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click

from mushra_app import jobs
from mushra_app.config import Settings, load_settings
from mushra_app.errors import AppError
from mushra_app.operation import retention
from mushra_app.server_cli import STOP_SIGNALS, data_option, opened, require_data
from mushra_app.worker import Worker

WAIT_S = 30.0
"""For a server that was started at the same moment and is making the database."""


@click.command()
@data_option
@click.option("--once", is_flag=True, help="Run the oldest waiting job, if there is one, and stop.")
def worker(data_dir: Path | None, once: bool) -> None:
    """Run the jobs that the studio asked for, the oldest first, until Ctrl-C.

    Several workers may run, on several machines if they share a PostgreSQL database and the folders that jobs name. One
    that is stopped hands its job back.
    """
    settings = load_settings(data_dir=data_dir)
    if once:
        require_data(settings)
    else:
        _await_data(settings)
    with opened(settings) as database, retention.enforced(database, settings):
        found = Worker(database, settings, stale_s=jobs.STALE_S, say=click.echo)
        for name in STOP_SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), found.stop)
        if not once:
            click.echo("waiting for jobs; stop with Ctrl-C")
        if not found.work(once=once) and once:
            click.echo("no job is waiting")
    click.echo("stopped")


def _await_data(settings: Settings) -> None:
    """Wait for a database that ``mushra serve`` is about to make; a mistyped folder is refused after that."""
    file, until_s = settings.database_file, time.monotonic() + WAIT_S
    if settings.database_url is not None or file.is_file():
        return
    click.echo(f"{file}: no such database yet; waiting {WAIT_S:g} s for mushra serve to make it")
    while not file.is_file():
        if time.monotonic() > until_s:
            mend = (
                f"start the server first: mushra serve --data {settings.data_dir}; or name its folder with --data DIR"
            )
            raise AppError(f"{file}: no such database; {mend}")
        time.sleep(0.2)

"""``mushra worker``: run the jobs that wait in the database."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from mushra_app import jobs
from mushra_app.config import load_settings
from mushra_app.operation import retention
from mushra_app.server_cli import STOP_SIGNALS, data_option, opened, require_data
from mushra_app.worker import Worker


@click.command()
@data_option
@click.option("--once", is_flag=True, help="Run the oldest waiting job, if there is one, and stop.")
def worker(data_dir: Path | None, once: bool) -> None:
    """Run the jobs that the studio asked for, the oldest first, until Ctrl-C.

    Several workers may run, on several machines if they share a PostgreSQL database and the folders that jobs name. One
    that is stopped hands its job back.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
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

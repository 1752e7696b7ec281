"""``mushra bundle``: all that somebody else needs to make the report of a study again, in one archive."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mushra_app.config import load_settings
from mushra_app.export import one_study
from mushra_app.people import audit
from mushra_app.server_cli import data_option, opened, require_data
from mushra_app.study import bundle as bundles


@click.command()
@data_option
@click.option("--study", help="Short name of the study, where the database has several.")
@click.option("--version", type=click.IntRange(1), help="Which of its versions [default: the current one].")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The archive, a .zip.")
@click.option("--sounds/--no-sounds", default=False, show_default=True, help="With the clips, if licences allow it.")
@click.option("--by", default=audit.COMMAND_LINE, show_default=True, help="Who makes it, for the audit log.")
def bundle(data_dir: Path | None, study: str | None, version: int | None, out: Path, sounds: bool, by: str) -> None:
    """Write the replication bundle of a study that is closed: a zip from which the same report can be made again."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database:
        with database.reading() as db:
            found = bundles.contents_of(db, settings, one_study(db, study), version)
        count = bundles.write_bundle(database, found, out.absolute(), sounds=sounds, tell=say_step)
        with database.writing() as db:
            audit.note(db, by, "export", f"{found.study}: bundle of version {found.number}")
    click.echo(f"{out}: {count} ratings of {found.study}, version {found.number}")


def say_step(step: str) -> None:
    """How far it is: for a worker in the way that it reads, else for whoever waits."""
    click.echo(f"{bundles.PROGRESS if os.environ.get('MUSHRA_JOB') else ''}{step}", err=True)

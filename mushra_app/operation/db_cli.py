"""``mushra db``: back up, restore and check database and sounds; bring the tables to this release's."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mushra_app import schema
from mushra_app.config import load_settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.operation import backup as backups
from mushra_app.operation import checks, retention
from mushra_app.operation.backup import Contents
from mushra_app.refusals import refusals_in_sentences
from mushra_app.server_cli import data_option, opened, require_data


@click.group()
def db() -> None:
    """Back up, restore and check database and sounds; bring the tables to this release's."""


@db.command()
@data_option
def upgrade(data_dir: Path | None) -> None:
    """Bring the database to this release's tables. Make a backup first: mushra db backup OUT."""
    settings = load_settings(data_dir=data_dir)
    database = Database(settings)
    with refusals_in_sentences(database.name):
        had = schema.upgrade(database)
    database.close()
    if had == schema.head():
        click.echo(f"{had}: these are this release's tables already; nothing changed")
    else:
        click.echo(f"{had or 'empty'} -> {schema.head()}")


@db.command()
@data_option
def current(data_dir: Path | None) -> None:
    """Say which revision the database has, and which this release needs."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    database = Database(settings)
    with refusals_in_sentences(database.name):
        click.echo(f"database: {schema.current(database) or 'empty'}; this release: {schema.head()}")
    database.close()


@db.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--incomplete", is_flag=True, help="Leave out sounds that are missing or damaged, and name them.")
@data_option
def backup(out: Path, incomplete: bool, data_dir: Path | None) -> None:
    """Write database and sounds into the one file OUT, while the server runs.

    Every save that was acknowledged before this begins is in it. The keys (secret.key, studio.key) are not: who has
    a backup can read what listeners answered, but can't enter your studio. So links that were signed before (of
    listening places, of simulated listeners) and the studio's link open nothing after a restore on another machine;
    hand out new ones from its studio, or copy both keys there yourself. Sessions under way go on by their old
    addresses.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    made = backups.back_up(settings, out, incomplete=incomplete)
    click.echo(f"{out}: {_in_words(made)}")
    for sha256 in made.left_out:
        click.echo(f"  left out: {settings.media_dir / sha256}.flac")
    for place in made.sets_left_out:
        click.echo(f"  left out: {settings.data_dir / place}")
    click.echo("  not in it: secret.key and studio.key; see mushra db backup --help")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
def restore(file: Path, data_dir: Path | None) -> None:
    """Bring the backup FILE into an empty place; a database that holds anything is never overwritten.

    Every part of FILE is held against its hash before anything is written. FILE holds no keys: a new place makes new
    ones, and links that were signed with the old ones (of listening places, of simulated listeners, the studio's)
    open nothing there. Hand out new ones from its studio, or copy secret.key and studio.key into the data folder.
    """
    settings = load_settings(data_dir=data_dir)
    made = backups.restore(settings, file)
    click.echo(f"restored from {made.made_at:%Y-%m-%d %H:%M:%S} UTC: {_in_words(made)}")
    for sha256 in made.left_out:
        click.echo(f"  was missing already: {settings.media_dir / sha256}.flac")
    for place in made.sets_left_out:
        click.echo(f"  was missing already: {settings.data_dir / place}")
    if not all((settings.data_dir / name).is_file() for name in ("secret.key", "studio.key")):
        click.echo("  new keys are made at the next start: links signed with the old ones open nothing here")
    next_step = (
        "serve it:  mushra serve" if made.revision == schema.head() else "older tables, so first: mushra db upgrade"
    )
    click.echo(f"  {next_step} --data {settings.data_dir}")


@db.command()
@data_option
def check(data_dir: Path | None) -> None:
    """Say whether database and sounds are whole and fit together; exit code 1 where they don't. Changes nothing."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    found = checks.look_at(settings)
    for mark, lines in (("ok  ", found.well), ("FAIL", found.broken), ("note", found.notes)):
        for line in lines:
            click.echo(f"{mark}  {line}")
    sys.exit(1 if found.broken else 0)


def _in_words(contents: Contents) -> str:
    rows = contents.rows
    return (
        f"{rows['save']} saves with {rows['response']} responses, {rows['session']} sessions of {rows['study']} "
        f"studies, {len(contents.clips)} sounds, revision {contents.revision}"
    )


@db.command()
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="[default: keep_personal_days]")
@data_option
def expire(days: float | None, data_dir: Path | None) -> None:
    """Erase personal answers, and what browsers said of themselves, of all sessions begun longer ago than that.

    Servers and workers do it by themselves, every hour, where keep_personal_days is set. Ratings stay.
    """
    settings = load_settings(data_dir=data_dir, keep_personal_days=days)
    require_data(settings)
    if settings.keep_personal_days is None:
        raise AppError("keep_personal_days is not set; say how long personal answers are kept with --days")
    with opened(settings) as database:
        count = retention.erase_expired(database, settings.keep_personal_days)
    click.echo(f"{count} sessions had something to erase")

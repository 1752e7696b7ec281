"""``mushra place``: write down how a listening place was calibrated, and list what is on record."""

from __future__ import annotations

from pathlib import Path

import click

from mushra_app import places
from mushra_app.config import load_settings
from mushra_app.people import audit
from mushra_app.server_cli import data_option, opened, require_data
from mushra_app.session.enrolment import TRANSDUCERS


@click.group()
def place() -> None:
    """Write down how the listening places of a lab are calibrated, or list them.

    The studio's page "Listening places" does the same, and has the link that is opened at each place.
    """


@place.command()
@click.argument("name")
@click.option("--level-db-a", required=True, type=float, help="Level of the alignment noise, one channel, in dB(A).")
@click.option("--transducer", required=True, type=click.Choice(TRANSDUCERS), help="What is listened on.")
@click.option("--device", required=True, help="Interface, amplifier, headphones or loudspeakers, in your words.")
@data_option
def add(name: str, level_db_a: float, transducer: str, device: str, data_dir: Path | None) -> None:
    """Write down that the place NAME was calibrated just now. Sessions that have begun keep the older record."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database, database.writing() as db:
        found = places.add(db, name, level_db_a=level_db_a, transducer=transducer, device=device)
        audit.note(db, audit.COMMAND_LINE, "calibration", f"{found.name}: {found.level_db_a:g} dB(A)")
        said = f"{found.name}: {found.level_db_a:g} dB(A) on {found.transducer}, {found.device}"
    click.echo(f"{said}\n  the link to open there: on the studio's page of the listening places")


@place.command("list")
@data_option
def list_places(data_dir: Path | None) -> None:
    """List all places, each with its newest calibration."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database, database.reading() as db:
        found = places.latest(db)
    if not found:
        click.echo("no listening place is on record; write one down with: mushra place add NAME …")
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        date = f"{one.calibrated_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{one.name:<{width}}  {one.level_db_a:>6.4g} dB(A)  {one.transducer:<12}  {date}  {one.device}")

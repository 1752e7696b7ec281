"""``mushra replicate``: a study out of its replication bundle, in a database of your own."""

from __future__ import annotations

from pathlib import Path

import click

from mushra_app.bundle_cli import say_step
from mushra_app.config import load_settings
from mushra_app.server_cli import data_option, opened
from mushra_app.study import replicating


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@data_option
@click.option(
    "--stimuli",
    type=click.Path(file_okay=False, path_type=Path),
    help="The stimulus set, where the bundle is without sounds.",
)
def replicate(bundle: Path, data_dir: Path | None, stimuli: Path | None) -> None:
    """Put the replication bundle BUNDLE, a zip or its unpacked folder, into a data folder that has no study yet.

    The study is closed there, with everything that was rated, so that export, report and studio say of it what they
    said where it was made.
    """
    settings = load_settings(data_dir=data_dir)
    with opened(settings) as database:
        done = replicating.replicate(bundle, database, settings, stimuli=stimuli, tell=say_step)
    click.echo(f"{done.study}: version {done.number}, closed, with {done.ratings} ratings")
    if done.unplaced:
        click.echo(f"  {done.unplaced} answers came before a trial that was never rated; they stand without its number")
    where = f"--data {settings.data_dir}"
    click.echo(f"  its report:  mushra report {where} --study {done.study} --stimuli {done.stimuli} --out report.html")
    click.echo(f"  the studio:  mushra serve {where}")

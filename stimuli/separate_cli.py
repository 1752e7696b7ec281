"""``mushra systems`` and ``mushra separate``: which systems there are, and one of them on one file.

Errors that a person can mend are raised; ``mushra`` prints them and exits with 2.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import click

from stimuli.errors import StimuliError

FILE = click.Path(dir_okay=False, path_type=Path)
WIDTH = 76
BLOCK = 2048


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def systems(form: str) -> None:
    """List all systems that can be compared: what each is, what it needs, whether it can run here, what mends it."""
    from stimuli.separators.listing import listed

    found = list(listed())
    if form == "json":
        click.echo(json.dumps([one._asdict() for one in found], indent=1))
        return
    width = max(len(one.system) for one in found) + 2
    for one in found:
        mark = "ok     " if one.runs else "missing"
        lines = [*textwrap.wrap(one.what, WIDTH), *textwrap.wrap(f"needs: {one.needs}", WIDTH)]
        lines += textwrap.wrap(f"mend: {one.mend}", WIDTH) if one.mend else []
        click.echo(f"{mark}  {one.system:<{width}}{lines[0]}")
        for line in lines[1:]:
            click.echo(f"{'':<{9 + width}}{line}")


@click.command()
@click.argument("system")
@click.argument("mixture", type=FILE)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where estimates go.")
@click.option("--experiment", "path", type=FILE, help="The experiment file that SYSTEM is an entry of.")
@click.option("--targets", default="", help="Sources, with commas between; all that it gives if left out.")
@click.option("--device", default="cpu", show_default=True, help="Where torch systems run, for example cuda.")
@click.option("--stream", is_flag=True, help="Feed it block by block; memory and delay don't grow with the song.")
@click.option(
    "--block",
    type=click.IntRange(1, 1 << 20),
    show_default=str(BLOCK),
    help="Frames of a block with --stream: longer ones are faster, and delay more.",
)
def separate(
    system: str, mixture: Path, out: Path, path: Path | None, targets: str, device: str, stream: bool, block: int | None
) -> None:
    """Run SYSTEM on the sound file MIXTURE: SOURCE.wav for each source it gives, and provenance.json.

    SYSTEM is a kind or a plugin (see: mushra systems), or with --experiment the name of a system in that file.
    """
    from stimuli import separate as separation

    if block and not stream:
        raise StimuliError("--block is the length of a block of --stream; add --stream, or leave --block out")
    entry, folder = separation.chosen(system, path)
    runs = separation.prepared(entry, folder, device)
    wanted = [target.strip() for target in targets.split(",") if target.strip()]
    if stream:
        from stimuli.separate_stream import separate_stream

        separate_stream(separation.Task(entry, runs, mixture, out, tuple(wanted)), block or BLOCK, click.echo)
        return
    separation.separate(entry, runs, mixture, out, wanted, click.echo)

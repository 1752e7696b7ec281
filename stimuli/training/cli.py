"""``mushra train``: a network from a configuration and folders of songs.

Errors that a person can mend are raised; ``mushra`` prints them and exits with 2.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The run's folder.")
def train(config: Path, out: Path) -> None:
    """Train the network that CONFIG (TOML) describes; a stopped run goes on where its last checkpoint was written.

    DIR gets weights.safetensors, system.toml (the entry for an experiment file), training.json, curve.csv, curve.svg
    and checkpoint.pt. Several processes: torchrun --nproc-per-node 2 -m stimuli.training CONFIG --out DIR
    """
    from stimuli.separators import lacking
    from stimuli.separators.networks.checkpoint import SAFETENSORS
    from stimuli.training.config import load

    described = load(config)
    if reason := lacking({"torch": SAFETENSORS["safetensors"]} | SAFETENSORS):
        from stimuli.errors import StimuliError

        raise StimuliError(reason)
    from stimuli.training.run import run

    run(described, config.absolute().parent, out, click.echo)

"""``torchrun --nproc-per-node 2 -m stimuli.training CONFIG --out DIR``: ``mushra train`` in several processes."""

from __future__ import annotations

import sys

import click

from stimuli.errors import HiddenReferenceError
from stimuli.training.cli import train

try:
    train(prog_name="python -m stimuli.training")
except HiddenReferenceError as error:
    click.echo(f"mushra: {error}", err=True)
    sys.exit(2)

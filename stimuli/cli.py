"""The experimenter's commands: ``new``, ``check``, ``stimuli build``, ``stimuli verify``.

Errors that a person can mend are raised; ``mushra`` prints them and exits with 2. What needs numpy and scipy
is imported by the command that uses it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from stimuli import experiment
from stimuli.standard.check import check_experiment

FILE = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=FILE, default=Path("experiment.toml"))
@click.option("--from", "folder", type=FOLDER, help="A folder with songs in MUSDB layout and estimates/.")
@click.option("--demo", is_flag=True, help="The demo's experiment.")
@click.option("--songs", type=FOLDER, help="With --demo: songs in MUSDB18 layout instead of the demo's own.")
def new(path: Path, folder: Path | None, demo: bool, songs: Path | None) -> None:
    """Write an experiment file to PATH: commented, or filled in from a folder of songs and estimates."""
    from stimuli import starter

    if demo:
        starter.write_demo(path, songs, click.echo)
    elif folder:
        starter.write_from_folder(path, folder, click.echo)
    else:
        starter.write_example(path)
        click.echo(f"wrote {path}; fill in songs and systems, then: mushra check {path}")


@click.command()
@click.argument("path", type=FILE)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(path: Path, form: str) -> None:
    """Check the experiment file PATH: mistakes (exit 2), then the rules of BS.1534-3 (exit 1 if a must is broken)."""
    results = check_experiment(experiment.load(path))
    if form == "json":
        click.echo(json.dumps([result.model_dump() for result in results], indent=1))
    for result in results if form == "text" else ():
        mark = "ok  " if result.passed else {"must": "FAIL", "should": "note", "note": "note"}[result.severity]
        click.echo(f"{mark}  {result.rule:<19} {result.severity:<6} BS.1534-3, {result.clause}: {result.message}")
    sys.exit(1 if any(not result.passed and result.severity == "must" for result in results) else 0)


@click.group()
def stimuli() -> None:
    """Build a stimulus set from an experiment file, or verify one."""


@stimuli.command("build")
@click.argument("path", type=FILE, metavar="EXPERIMENT")
@click.option("--out", type=FOLDER, required=True, help="The set's folder.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Worker processes.")
def build_set(path: Path, out: Path, jobs: int) -> None:
    """Build the stimulus set of EXPERIMENT: a stopped build resumes, an unchanged one does nothing."""
    from stimuli.build import build

    made = build(path, out, jobs=jobs, echo=click.echo)
    for rule in made.rules:
        if not rule.passed:
            click.echo(f"BS.1534-3, {rule.clause} ({rule.severity}): {rule.message}")


@stimuli.command("verify")
@click.argument("folder", type=FOLDER, metavar="DIR")
def verify_set(folder: Path) -> None:
    """Hold every clip of DIR against its hashes, and decode it again."""
    from stimuli.verify import verify

    made = verify(folder)
    click.echo(f"{folder}: {len(made.clips)} clips are what was built; stimuli {made.stimuli_id[:12]}")

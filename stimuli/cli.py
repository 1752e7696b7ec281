"""The experimenter's commands: ``new``, ``check``, and ``stimuli`` with ``build``, ``show``, ``draw``,
``verify``, ``regenerate``.

Errors that a person can mend are raised; ``mushra`` prints them and exits with 2. What needs numpy and scipy
is imported by the command that uses it.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from stimuli import experiment
from stimuli.manifest import RuleResult
from stimuli.standard.check import check_experiment

FILE = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=FILE, default=Path("experiment.toml"))
@click.option("--from", "folder", type=FOLDER, help="A folder with songs in MUSDB layout and estimates/.")
@click.option("--demo", is_flag=True, help="The demo's experiment.")
@click.option("--songs", type=FOLDER, help="With --demo: songs in MUSDB18 layout instead of the demo's own.")
@click.option(
    "--attributes",
    type=click.Choice(["overall", "separation"]),
    default="overall",
    show_default=True,
    help="What is asked: overall quality, or four attributes of separation.",
)
def new(path: Path, folder: Path | None, demo: bool, songs: Path | None, attributes: str) -> None:
    """Write an experiment file to PATH: commented, or filled in from a folder of songs and estimates."""
    from stimuli import starter

    if demo:
        starter.write_demo(path, songs, click.echo)
    elif folder:
        starter.write_from_folder(path, folder, click.echo, attributes)
    else:
        starter.write_example(path, attributes)
        click.echo(f"wrote {path}; fill in songs and systems, then: mushra check {path}")


@click.command()
@click.argument("path", type=FILE)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="A broken should counts as a broken must.")
def check(path: Path, form: str, strict: bool) -> None:
    """Hold PATH against BS.1534-3: an experiment file (without sound), or the folder of a built set (its sounds).

    Exit 0: nothing is broken; 1: a must is broken, and the test may not be called MUSHRA; 2: it can't be used.
    """
    if path.is_dir():
        from stimuli.verify import check_built

        results = check_built(path, click.echo if form == "text" else lambda _: None)
    else:
        results = check_experiment(experiment.load(path))
    if form == "json":
        click.echo(json.dumps([result.model_dump() for result in results], indent=1))
    else:
        _print(results)
    grave = ("must", "should") if strict else ("must",)
    sys.exit(1 if any(not result.passed and result.severity in grave for result in results) else 0)


def _print(results: Sequence[RuleResult]) -> None:
    for result in results:
        mark = "ok  " if result.passed else {"must": "FAIL", "should": "warn", "note": "note"}[result.severity]
        click.echo(f"{mark}  {result.rule:<19} {result.severity:<6} {result.authority}: {result.message}")


@click.group()
def stimuli() -> None:
    """Build a stimulus set from an experiment file, look at it, verify it."""


@stimuli.command("build")
@click.argument("path", type=FILE, metavar="EXPERIMENT")
@click.option("--out", type=FOLDER, required=True, help="The set's folder.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Worker processes.")
@click.option("--cluster", help="Address of a Dask scheduler whose workers do it, on the same folders.")
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where torch systems run, for example cuda; with --cluster, its workers are asked whether they have it.",
)
@click.option("--keep-going", is_flag=True, help="Leave a system that fails out of the set, and go on with the others.")
def build_set(path: Path, out: Path, jobs: int, cluster: str | None, device: str, keep_going: bool) -> None:
    """Build the stimulus set of EXPERIMENT: a stopped build resumes, an unchanged one does nothing."""
    from stimuli.build import build

    made = build(path, out, jobs=jobs, cluster=cluster, device=device, keep_going=keep_going, echo=click.echo)
    _print([rule for rule in made.rules if not rule.passed])
    if made.missing_for_mushra:
        named = ", ".join(rule.rule for rule in made.missing_for_mushra)
        click.echo(f"this set makes a multi-stimulus test, not a MUSHRA test, until these are mended: {named}")


@stimuli.command("show")
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--out", type=FILE, help="Where to write it; by default DIR/contact-sheet.html, beside the clips.")
def show_set(folder: Path, out: Path | None) -> None:
    """Draw DIR as one HTML page: every clip to see and to hear, side by side, with the rules it breaks."""
    from stimuli.inspection.show import show

    page = show(folder, out)
    click.echo(f"wrote {page}; open it in a browser")
    if page.absolute().parent != folder.absolute():
        click.echo(f"it plays the clips from where they lie, {folder / 'clips'}: keep both in place")


@stimuli.command("draw")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def draw(files: tuple[str, ...]) -> None:
    """Print small pictures of sound files as JSON: waveforms and spectrograms, for the studio.

    Files between two arguments "+" are drawn to one scale.
    """
    from stimuli.inspection.sketch import sketches

    groups: list[list[Path]] = [[]]
    for file in files:
        groups.append([]) if file == "+" else groups[-1].append(Path(file))
    done, count = itertools.count(1), sum(map(len, groups))

    def told() -> None:
        if os.environ.get("MUSHRA_JOB"):  # a worker asks how far it is
            click.echo(f"progress: {next(done)} of {count} sounds", err=True)

    click.echo(json.dumps({name: sketch._asdict() for name, sketch in sketches(groups, told).items()}))


@stimuli.command("verify")
@click.argument("folder", type=FOLDER, metavar="DIR")
def verify_set(folder: Path) -> None:
    """Hold every clip of DIR against its hashes, and decode it again."""
    from stimuli.verify import verify

    made = verify(folder)
    click.echo(f"{folder}: {len(made.clips)} clips are what was built; stimuli {made.stimuli_id[:12]}")


@stimuli.command("regenerate")
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--songs-from", type=FOLDER, help="Where the experiment file lies, if not where it was at the build.")
def regenerate(folder: Path, songs_from: Path | None) -> None:
    """Make every anchor of DIR again from its manifest and the songs; exit 1 if one comes out different."""
    from stimuli.regenerate import differing
    from stimuli.whole_songs import songs_folder

    count, other = differing(folder, songs_from or songs_folder(folder))
    click.echo(f"{folder}: {count} anchors made again from the manifest, {count - len(other)} the same to the sample")
    for place in other:
        click.echo(f"different: {place}")
    sys.exit(1 if other else 0)

"""The command ``metrics``. Errors are raised; ``mushra`` prints them and exits with 2."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from stimuli.workers import Workers

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
WAYS = (
    "a set (mushra metrics DIR), files (--reference, --estimate), or a data set (--musdb, --estimates, --out); or "
    "--published alone"
)
OF_SETS = ("whole", "songs_from", "museval", "read_museval", "published")
OF_FILES = ("reference", "estimate", "mixture", "other", "align", "json_file")
OF_MUSDB = ("musdb", "estimates", "out")
OF_MANY = ("jobs", "cluster", "aggregate")
"""For many songs or items: sets and data sets."""


@click.command()
@click.argument("folder", type=FOLDER, metavar="[DIR]", required=False)
@click.option("--families", help="Which families of metrics, comma between; optional ones run only when named.")
@click.option("--csv", "csv_file", type=FILE, help="Also the whole table as CSV.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Worker processes.")
@click.option("--cluster", help="Address of a Dask scheduler whose workers do it, on the same folders.")
@click.option(
    "--aggregate",
    type=click.Choice(["median", "mean"]),
    default="median",
    show_default=True,
    help="What is printed over items and songs.",
)
@click.option(
    "--device",
    help="Where torch computes BSS Eval, for example cuda, for all workers; numpy and the processor if left out.",
)
@click.option("--songs/--no-songs", "whole", default=True, help="DIR: score whole songs too, not what was heard alone.")
@click.option(
    "--songs-from", type=FOLDER, help="DIR: where the experiment file lies, if not where it was at the build."
)
@click.option("--museval", type=FOLDER, help="DIR: also museval's JSON, FOLDER/<condition>/test/<song>.json.")
@click.option("--read-museval", metavar="NAME=FOLDER", multiple=True, help="DIR: museval's results of a condition.")
@click.option(
    "--published", metavar="FILE.toml", type=FILE, multiple=True, help="Alone or with DIR: lay published scores beside."
)
@click.option("--reference", type=FILE, multiple=True, help="Files: the true sound; several with --unordered.")
@click.option("--estimate", type=FILE, multiple=True, help="Files: what is held against it.")
@click.option("--mixture", type=FILE, help="Files: what the estimate was taken from.")
@click.option("--other", metavar="NAME=FILE", multiple=True, help="Files: another true source of the mixture.")
@click.option("--align", is_flag=True, help="Files: shift the estimate by whole samples, and cut both.")
@click.option("--pad", is_flag=True, help="Files, data sets: put zeros to the end of what is shorter.")
@click.option("--json", "json_file", type=FILE, help="Files: also the table as JSON, as a set has it.")
@click.option("--musdb", type=FOLDER, help="A data set in MUSDB layout …")
@click.option("--estimates", type=FOLDER, help="… its estimates, [train/|test/]<track>/<target>.wav …")
@click.option("--out", type=FOLDER, help="… and where museval's JSON and scores.csv go.")
@click.option("--unordered", is_flag=True, help="Files, data sets: find out which estimate is of which source.")
@click.pass_context
def metrics(context: click.Context, folder: Path | None, **told: Any) -> None:
    """Score sounds by objective metrics.

    DIR is a stimulus set: every anchor and system is measured in what was heard and in the whole songs, before any
    gain, and the table stays in the set for the report. A second run does nothing. Without DIR: one file against
    another, or a folder of estimates of a data set; --published alone shows scores that others computed.
    """
    files, musdb = bool(told["reference"] or told["estimate"]), any(told[name] for name in OF_MUSDB)
    if told["published"] and not (folder or files or musdb):
        others = (*OF_FILES, *OF_MUSDB, *OF_MANY, *OF_SETS[:-1], "families", "device", "pad", "unordered")
        _refuse(context, others, "published scores alone")
        _published(told)
        return
    if [folder is not None, files, musdb].count(True) != 1:
        raise AnalysisError(f"say what to score: {WAYS}")
    if folder is not None:
        _refuse(context, (*OF_FILES, *OF_MUSDB, "pad", "unordered"), "a set")
        _set(folder, told)
    elif files:
        _refuse(context, (*OF_SETS, *OF_MUSDB, *OF_MANY), "files")
        _files(told)
    else:
        _refuse(context, (*OF_SETS, *OF_FILES), "a data set")
        _musdb(told)


def _published(told: dict[str, Any]) -> None:
    import pandas as pd

    from analysis.metrics.published import reader, text
    from analysis.metrics.results import table

    found = reader.read_all(told["published"])
    if told["csv_file"]:
        whole = pd.concat([one.frame for one in found], ignore_index=True)
        click.echo(f"wrote {table.write_csv(told['csv_file'], whole)}")
    _say(text.lines(found))


def _set(folder: Path, told: dict[str, Any]) -> None:
    from analysis.metrics.published import reader
    from analysis.metrics.published import text as published_text
    from analysis.metrics.results import table, text
    from analysis.metrics.scoring import museval_rows, score
    from stimuli import manifest

    theirs = {name: Path(place) for name, place in _named(told["read_museval"], "--read-museval", "NAME=FOLDER")}
    there = manifest.read(folder)
    published = reader.read_all(told["published"], [clip.condition for clip in there.clips])
    given = museval_rows.read_rows(there, theirs, click.echo)
    wanted = score.Wanted(_families(told), told["whole"], told["songs_from"], told["device"])
    made = score.score_set(folder, wanted, workers=_workers(told), given=given, echo=click.echo)
    if told["museval"]:
        _say(score.write_museval(folder, told["museval"], wanted, _workers(told)))
    if told["csv_file"]:
        whole = reader.beside(made.frame, published) if published else made.frame
        click.echo(f"wrote {table.write_csv(told['csv_file'], whole)}")
    targets = made.frame.groupby("target", sort=False)
    for target, own in targets:
        if len(targets) > 1:
            click.echo(f"{target}:")
        _say(text.summary(own, told["aggregate"]))
    if made.frame["value"].isna().any():
        click.echo(f"where there is no number, {folder / table.FILE_NAME} says why")
    _say(published_text.lines(published))


def _files(told: dict[str, Any]) -> None:
    from analysis.metrics.results import table, text
    from analysis.metrics.scoring.files import Given, score_files

    if told["align"] and told["pad"]:
        raise AnalysisError("--align and --pad are two answers to one question; give one of them")
    fit = "align" if told["align"] else "pad" if told["pad"] else "exact"
    others = {name: Path(place) for name, place in _named(told["other"], "--other", "NAME=FILE")}
    given = Given(told["reference"], told["estimate"], told["mixture"], others, fit, told["unordered"])
    made = score_files(given, _families(told), told["device"])
    _say(made.notes)
    _say(text.pairs(made.frame))
    if told["csv_file"]:
        click.echo(f"wrote {table.write_csv(told['csv_file'], made.frame)}")
    if told["json_file"]:
        click.echo(f"wrote {table.write_file(told['json_file'], made)}")


def _musdb(told: dict[str, Any]) -> None:
    from analysis.metrics.results import table, text
    from analysis.metrics.scoring.musdb import score_musdb
    from analysis.metrics.scoring.musdb_track import Wanted

    if lacking := [name for name in OF_MUSDB if not told[name]]:
        raise AnalysisError(f"--{lacking[0]} is missing: mushra metrics --musdb ROOT --estimates DIR --out FOLDER")
    wanted = Wanted(
        told["musdb"],
        told["estimates"],
        told["out"],
        _families(told),
        pad=told["pad"],
        unordered=told["unordered"],
        device=told["device"],
    )
    made = score_musdb(wanted, workers=_workers(told), echo=click.echo)
    if told["csv_file"]:
        click.echo(f"wrote {table.write_csv(told['csv_file'], made.frame)}")
    for target, own in made.frame.groupby("target", sort=False):
        click.echo(f"{target}:")
        _say(text.summary(own, told["aggregate"]))


def _refuse(context: click.Context, names: Iterable[str], what: str) -> None:
    """Options of another way to score, where they were typed: a person meant something by them."""
    options = {one.name: "/".join((*one.opts, *one.secondary_opts)) for one in context.command.params}
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise AnalysisError(f"{options[name]} is not for {what}; {WAYS}")


def _families(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in ((told["families"] or "").replace(" ", "").split(",")) if name)


def _named(told: Iterable[str], option: str, form: str) -> list[tuple[str, str]]:
    found = [text.partition("=") for text in told]
    for name, _, value in found:
        if not (name and value):
            raise AnalysisError(f"{option}: expected {form}")
    if len({name for name, _, _ in found}) < len(found):
        raise AnalysisError(f"{option}: a name is given twice; give each once")
    return [(name, value) for name, _, value in found]


def _workers(told: dict[str, Any]) -> Workers:
    from stimuli.workers import Workers

    return Workers(told["jobs"], told["cluster"])


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)

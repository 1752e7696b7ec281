"""The analyst's commands: ``report`` and ``preregister``. ``mushra`` prints errors and exits with 2."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import click
from tqdm import tqdm

from stimuli.experiment import AnalysisPlan, ExclusionRule

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
NOBODY = "none"
PLAN = AnalysisPlan.model_fields
TARGETS, ADJUSTMENTS, RULES = (
    get_args(PLAN["inference"].annotation),
    get_args(PLAN["adjust"].annotation),
    get_args(ExclusionRule),
)


@click.command()
@click.argument("ratings", type=FILE, required=False)
@click.option("--stimuli", "folder", type=FOLDER, help="The stimulus set that was heard.")
@click.option("--mapping", type=FILE, help="How to read ratings of another tool: a TOML file; instead of --stimuli.")
@click.option("--data", type=FOLDER, help="Read the ratings out of the app's data folder, with --study.")
@click.option("--study", help="Short name of the study in the app's database.")
@click.option("--version", type=click.IntRange(1), help="Which of its versions, where ratings of several are there.")
@click.option("--peek", default="", help="Why you have to look while the study still runs; it is noted and printed.")
@click.option("--by", default="the command line", show_default=True, help="Who peeks, for the audit log.")
@click.option("--peeks", type=FILE, help="The peeks.csv that came with RATINGS in a bundle.")
@click.option("--metrics", type=FILE, help="Objective metrics: a metrics.json or a CSV; else those of the set.")
@click.option("--out", type=FILE, required=True, help="Where the report goes.")
@click.option("--format", "form", type=click.Choice(["html", "json"]), default="html", show_default=True)
@click.option("--json", "json_file", type=FILE, help="Also as JSON, into this file.")
@click.option("--tables", type=FOLDER, help="Also every table as CSV and LaTeX, into this folder.")
@click.option("--figures", type=FOLDER, help="Also every figure as SVG and PDF, into this folder.")
@click.option("--inference", type=click.Choice(TARGETS), help="Other than planned: what a conclusion is about.")
@click.option("--adjust", type=click.Choice(ADJUSTMENTS), help="Other than planned: adjustment of p.")
@click.option(
    "--margin", type=click.FloatRange(0, 50, min_open=True), help="Other than planned: margin of equivalence."
)
@click.option(
    "--exclude", type=click.Choice([*RULES, NOBODY]), multiple=True, help="Other than planned; may be repeated."
)
@click.option("--contrast", "contrasts", multiple=True, help='Other than planned: "a - b"; may be repeated.')
def report(
    ratings: Path | None,
    folder: Path | None,
    mapping: Path | None,
    data: Path | None,
    study: str | None,
    version: int | None,
    peek: str,
    by: str,
    peeks: Path | None,
    metrics: Path | None,
    out: Path,
    form: str,
    json_file: Path | None,
    tables: Path | None,
    figures: Path | None,
    inference: str | None,
    adjust: str | None,
    margin: float | None,
    exclude: tuple[str, ...],
    contrasts: tuple[str, ...],
) -> None:
    """Analyse RATINGS (an export, or any tool's file with --mapping); the report is one self-contained page, or JSON.

    The plan of the experiment decides what is tested. Whatever is asked for here instead makes the report exploratory,
    and is listed in it as a deviation.
    """
    from analysis.files import write_text
    from analysis.report import assemble, page, pictures
    from analysis.report import tables as writing
    from analysis.report.words.deviations import Changes

    excluded = None if not exclude else tuple(rule for rule in exclude if rule != NOBODY)
    changes = Changes(inference, adjust, margin, excluded, contrasts)
    with tqdm(desc="analysing", unit="part", disable=None, leave=False) as bar:
        source = assemble.Source(ratings, folder, mapping, data, study, metrics, version, peek, by, peeks)
        found = assemble.assemble(
            source, changes, tell=lambda part: (bar.set_postfix_str(part), bar.update(), _say(part))
        )
    text = page.html(found) if form == "html" else page.as_json(found)
    write_text(out, text)
    if json_file:
        write_text(json_file, page.as_json(found))
    for folder_of, write in ((tables, writing.write), (figures, pictures.write)):
        if folder_of:
            write(found, folder_of)
    for section in found.sections:
        click.echo(f"{section.attribute}: {' '.join(section.conclusion)}")
    for sentence in found.deviations:
        click.echo(f"deviation: {sentence}")
    click.echo(f"{'SIMULATED ratings: ' if found.simulated else ''}wrote {out}")


def _say(part: str) -> None:
    """Tell a worker how far this is; it asks for that by the environment."""
    if os.environ.get("MUSHRA_JOB"):
        click.echo(f"progress: {part}", err=True)


@click.command()
@click.argument("experiment", type=FILE)
@click.option("--out", type=FILE, help="Where the text goes; else it is printed.")
def preregister(experiment: Path, out: Path | None) -> None:
    """Write the analysis plan of an EXPERIMENT in plain words (Markdown), to be deposited before the first listener."""
    from analysis.files import write_text
    from analysis.preregistration import preregistration
    from stimuli.experiment import load

    text = preregistration(load(experiment))
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(f"wrote {out}")

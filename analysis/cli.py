"""The analyst's command: ``report``. Errors are raised; ``mushra`` prints them and exits with 2."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.errors import AnalysisError

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("ratings", type=FILE)
@click.option("--stimuli", "folder", type=FOLDER, required=True, help="The stimulus set that was heard.")
@click.option("--out", type=FILE, required=True, help="Where the report goes.")
@click.option("--format", "form", type=click.Choice(["html", "json"]), default="html", show_default=True)
def report(ratings: Path, folder: Path, out: Path, form: str) -> None:
    """Analyse RATINGS (an export) and write the report: one self-contained page, or JSON."""
    from analysis.report import assemble, page

    found = assemble.assemble(ratings, folder)
    text = page.html(found) if form == "html" else page.as_json(found)
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(out)
    except OSError as error:
        raise AnalysisError(f"{out}: can't be written: {error.strerror}; choose another place with --out") from None
    for section in found.sections:
        click.echo(f"{section.attribute}: {' '.join(section.conclusion)}")
    click.echo(f"{'SIMULATED ratings: ' if found.simulated else ''}wrote {out}")

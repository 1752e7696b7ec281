"""The commands ``screen`` and ``precision``: what may be asked while a test runs. Errors are printed by ``mushra``."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(file_okay=False, path_type=Path)


def _of_a_running_test(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both have."""
    for option in (
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        click.option("--study", help="Short name of the study in the app's database."),
        click.option("--data", type=FOLDER, required=True, help="The app's data folder."),
        click.option("--stimuli", "folder", type=FOLDER, required=True, help="The stimulus set that is heard."),
    ):
        command = option(command)
    return command


@click.command()
@_of_a_running_test
def screen(folder: Path, data: Path, study: str | None, form: str) -> None:
    """Say whom each rule of screening would leave out so far, and why; no condition is named."""
    from analysis.monitoring.running import read
    from analysis.monitoring.screen import screened

    found = screened(read(folder, data, study))
    failed = [(finding, one) for finding in found.findings for one in finding.failed]
    lines = [f"{one.listener}: {finding.rule}, {finding.attribute}: {one.reason}" for finding, one in failed]
    count = len({one.listener for _, one in failed})
    _print(found, form, [*lines, f"{count} of {found.listeners} listeners"])


@click.command()
@_of_a_running_test
@click.option(
    "--key",
    envvar="MUSHRA_LETTERS_KEY",
    help="Shuffles the letters that stand for contrasts; the same key, the same order; without it another.",
)
def precision(folder: Path, data: Path, study: str | None, form: str, key: str | None) -> None:
    """Say how far the intervals of the planned contrasts reach so far; never which contrast is which.

    That somebody looked is noted in the audit log.
    """
    from analysis.monitoring import precision as widths
    from analysis.monitoring.running import read

    look = "" if os.environ.get("MUSHRA_JOB") else "how wide the intervals are"  # a job was noted when it was asked for
    found = widths.precision(read(folder, data, study, look), key or secrets.token_hex(16))
    lines = [
        f"{one.label}: {'no interval yet' if one.reach is None else f'± {one.reach:g}'}" for one in found.contrasts
    ]
    plan = f"until none is above ± {found.target:g}, or " if found.target else "exactly "
    if not found.kept and found.contrasts:
        lines.append("screening leaves out everybody: these are the widths before it")
    partly = f", {found.partly} some of their sessions" if found.partly else ""
    lines.append(f"{found.listeners} listeners have finished{partly}; {found.kept} count; planned: {plan}{found.most}")
    _print(found, form, lines)


def _print(found: Any, form: str, lines: list[str]) -> None:
    click.echo(json.dumps(asdict(found), allow_nan=False) if form == "json" else "\n".join(lines))

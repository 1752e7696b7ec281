"""``mushra study recruiting``, ``invite``, ``invitations``, ``revoke``, ``next``, ``back``: the tab "People" typed.

Settings are written as ``KEY=VALUE``, by the names that the API has, and shown the same way, so that what was shown can
be typed again. Groups are one value, apart by commas: ``NAME:QUOTA``, with ``:link`` behind it where a link may put
listeners into it; a name with a comma in it stands in double quotes.

Defines: ``COMMANDS``, ``settings_of``, ``lines_of``.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mushra_app.config import load_settings
from mushra_app.errors import AppError
from mushra_app.people import audit
from mushra_app.security import secret_key
from mushra_app.server_cli import changing, data_option, looking
from mushra_app.study import invitation_list, invitations, inviting, lifecycle
from mushra_app.study.invitations import MOST_AT_ONCE, Listed
from mushra_app.study.inviting import Links
from mushra_app.study.recruiting import Group, Recruiting, locked, recruiting_of
from stimuli.whole_files import whole_file

NUMBERS = ("capacity", "free_after_h")
BY_LINK = ":link"
out_option = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them to this CSV file instead."
)


@click.command()
@click.argument("name")
@click.argument("settings", metavar="[KEY=VALUE]...", nargs=-1)
@data_option
def recruiting(name: str, settings: tuple[str, ...], data_dir: Path | None) -> None:
    """Show who is taken by the study NAME, or change it.

    KEY is one of what is shown. Nothing after the = takes a limit, a code or the groups away. Groups stand apart by
    commas, each with the most of it, and :link where a link may name it: groups="experts:12, naive:24:link".
    """
    with (changing if settings else looking)(data_dir) as db:
        study = lifecycle.current(db, name).study
        if settings:
            now = recruiting_of(locked(db, study.id)).model_dump()
            inviting.recruit(db, name, now | settings_of(settings), _note)
        kept = recruiting_of(study)
    for line in lines_of(kept):
        click.echo(line)


@click.command()
@click.argument("name")
@click.option("--count", type=click.IntRange(1, MOST_AT_ONCE), help="How many.")
@click.option("--label", default="", help="Whom they are for; numbered where they are several.")
@click.option("--group", default="", help="The group that they put listeners into.")
@click.option(
    "--list",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file instead: label and group of each.",
)
@out_option
@data_option
def invite(
    name: str, count: int | None, label: str, group: str, listed: Path | None, out: Path | None, data_dir: Path | None
) -> None:
    """Make personal invitations to the study NAME, and say their links."""
    if (count is None) == (listed is None) or (listed and (label or group)):
        raise click.UsageError("expected --count (with --label and --group, where there are any), or --list FILE")
    with changing(data_dir) as db:
        if listed is not None:
            wanted = inviting.wanted_of(db, name, listed.read_bytes())
        else:
            wanted = invitations.numbered(count or 1, " ".join(label.split()), group)
        made = inviting.invite(db, name, wanted, _note)
        _tell(made, _links(name, data_dir), out)


@click.command("invitations")
@click.argument("name")
@out_option
@data_option
def list_invitations(name: str, out: Path | None, data_dir: Path | None) -> None:
    """List the invitations of the study NAME with their states and links."""
    with changing(data_dir) as db:
        found = invitations.listed(db, lifecycle.current(db, name).study_id, after=0)
        _note(db, "export", f"{name}: invitations")
        _tell(found, _links(name, data_dir), out)
    if not found:
        click.echo(f"no invitation yet; make one with: mushra study invite {name} --count 1")


@click.command()
@click.argument("name")
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True, type=click.IntRange(1))
@data_option
def revoke(name: str, numbers: tuple[int, ...], data_dir: Path | None) -> None:
    """Take invitations of the study NAME back that nobody has used: all of them, or none."""
    with changing(data_dir) as db:
        for number in numbers:
            inviting.take_back(db, name, number, _note)
    for number in numbers:
        click.echo(f"{name}: invitation {number} is taken back")


@click.command("next")
@click.argument("name")
@click.option("--place", required=True, help="Where they sit: a calibrated listening place.")
@click.option("--group", default="", help="The group that they are put into.")
@data_option
def next_listener(name: str, place: str, group: str, data_dir: Path | None) -> None:
    """Call the next listener of the study NAME to a listening place: the link to open there, and their code."""
    with changing(data_dir) as db:
        found, made = inviting.call_next(db, name, place, group, _note)
        link = _links(name, data_dir).at(found, made.id)
        said = f"{name}: invitation {made.id}, at {found.name}\n  open there:   {link}\n  their code:   {made.code}"
    click.echo(said)


@click.command()
@click.argument("name")
@click.option("--place", required=True, help="Where they sit: a calibrated listening place.")
@click.option("--code", required=True, help="The code that they were given.")
@data_option
def back(name: str, place: str, code: str, data_dir: Path | None) -> None:
    """Have a listener of the study NAME who comes back go on at a listening place: the link to open there."""
    key = secret_key(load_settings(data_dir=data_dir))
    with changing(data_dir) as db:
        found, token = inviting.call_back(db, name, place, _note, code=code, key=key)
        said = f"{name}: back, at {found.name}\n  open there:   {_links(name, data_dir).back(token)}"
    click.echo(said)


COMMANDS: tuple[click.Command, ...] = (recruiting, invite, list_invitations, revoke, next_listener, back)


def settings_of(typed: Sequence[str]) -> dict[str, Any]:
    """The settings that ``KEY=VALUE`` say, as ``recruiting.change`` takes them.

    Raises
    ------
    AppError
        Where there is no = in one, or a setting is named twice.
    """
    given: dict[str, Any] = {}
    for one in typed:
        key, parted, value = one.partition("=")
        if not parted:
            raise AppError(f"{one[:60]!r}: expected KEY=VALUE, such as capacity=24; nothing was changed")
        if key in given:
            raise AppError(f"{key}: found twice; expected each setting once; nothing was changed")
        given[key] = (value or None) if key in NUMBERS else _groups(value) if key == "groups" else value
    return given


def lines_of(kept: Recruiting) -> list[str]:
    """A line per setting, as it is typed."""
    lines = []
    for key in Recruiting.model_fields:
        value = getattr(kept, key)
        if key == "groups":
            value = _written(value)
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        lines.append(f"{key}={shlex.quote(str(value)) if value not in (None, '') else ''}")
    return lines


def _groups(text: str) -> list[dict[str, Any]]:
    cells = next(csv.reader([text], skipinitialspace=True), [])
    return [_group(cell.strip()) for cell in cells if cell.strip()]


def _group(cell: str) -> dict[str, Any]:
    by_link = cell.endswith(BY_LINK)
    cell = cell.removesuffix(BY_LINK)
    name, parted, quota = cell.rpartition(":")
    if not parted:
        name, quota = cell, ""
    return {"name": name, "quota": quota.strip() or None, "by_link": by_link}


def _written(groups: Sequence[Group]) -> str:
    """Groups as ``_groups`` reads them; the colon is always there, because a name may have one."""
    stream = io.StringIO()
    cells = [f"{one.name}:{one.quota or ''}{BY_LINK if one.by_link else ''}" for one in groups]
    csv.writer(stream, lineterminator="").writerow(cells)
    return stream.getvalue()


def _note(db: Session, what: str, about: str) -> None:
    audit.note(db, audit.COMMAND_LINE, what, about)


def _links(name: str, data_dir: Path | None) -> Links:
    settings = load_settings(data_dir=data_dir)
    return Links(settings.address, secret_key(settings), name)


def _tell(found: Sequence[Listed], links: Links, out: Path | None) -> None:
    """Invitations on the screen, or in a file that spreadsheets read."""
    if out is not None:
        with whole_file(out) as path, path.open("w", encoding="utf-8-sig", newline="") as stream:
            invitation_list.write(stream, links.of(found))
        click.echo(f"{out}: {len(found)} invitations")
        return
    for one, link in links.of(found):
        told = ", ".join(part for part in (one.label, one.group) if part)
        click.echo(f"{one.number:>6}  {one.state:<9}  {told}".rstrip())
        if link:
            click.echo(f"        {link}")

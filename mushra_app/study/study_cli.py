"""``mushra study``: what the studio does with a study, from a terminal, on the data folder itself."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from mushra_app.config import load_settings
from mushra_app.errors import ConflictError
from mushra_app.models import StudyVersion
from mushra_app.people import audit
from mushra_app.people.logins import Visitor
from mushra_app.server_cli import changing, data_option, looking, opened, publish, require_data
from mushra_app.study import counting, lifecycle, recruiting_cli, sittings
from mushra_app.study.counting import Count
from mushra_app.study.duplicating import Wanted
from mushra_app.study.duplicating import duplicate as duplicate_of

version_option = click.option(
    "--version", "number", type=click.IntRange(1), help="Which version; else the newest draft, or the current one."
)


@click.group()
def study() -> None:
    """Say how the studies are, open, pause, close, archive or duplicate them, and invite their listeners.

    A study is a draft, piloting, open, paused or closed; each command says what it may become from there.
    """


@study.command("list")
@click.option("--archived", is_flag=True, help="Those that were taken off the list instead.")
@data_option
def list_studies(archived: bool, data_dir: Path | None) -> None:
    """List all studies: state, version, listeners who have finished and begun."""
    with looking(data_dir) as db:
        found = lifecycle.current_versions(db, archived=archived)
        counts = counting.of_studies(db)
        width = max((len(version.study.name) for version in found), default=0)
        for version in found:
            draft = ", a newer draft" if (newer := _draft(version)) and newer is not version else ""
            told = f"version {version.number}, {_told(counts.get(version.study_id, Count()))}{draft}"
            click.echo(f"{version.study.name:<{width}}  {version.status:<9}  {told}")
        if not found:
            nothing = "no study is archived" if archived else "no study yet; publish one with: mushra study publish"
            click.echo(nothing + ("" if archived else " STIMULI --draft"))


@study.command()
@click.argument("name")
@data_option
def show(name: str, data_dir: Path | None) -> None:
    """Show the study NAME: its versions, and what may be done next."""
    with looking(data_dir) as db:
        current = lifecycle.current(db, name)
        count = counting.of_studies(db).get(current.study_id, Count())
        of_versions = counting.of_versions(db, current.study_id)
        archived = ", archived" if current.study.archived_at else ""
        click.echo(f"{name}: {current.title}\n  {current.status}{archived}, {_told(count)}")
        for version in sorted(current.study.versions, key=lambda one: one.number):
            moves = ", ".join(lifecycle.FOLLOWS[version.status])
            heard = _told(of_versions.get(version.id, Count()))
            told = f"published {version.published_at:%Y-%m-%d}, {heard}, may become: {moves}"
            click.echo(f"  version {version.number}  {version.status:<10}  {told}")


@study.command("open")
@click.argument("name")
@version_option
@click.option("--reason", default="", help="Why it is opened again after it was closed; every report names it.")
@data_option
def open_study(name: str, number: int | None, reason: str, data_dir: Path | None) -> None:
    """Let the study NAME take listeners; what runs of it is superseded."""
    _move(data_dir, name, number, "open", "takes listeners; text, design, plan and sounds are frozen", reason)


@study.command()
@click.argument("name")
@version_option
@data_option
def pilot(name: str, number: int | None, data_dir: Path | None) -> None:
    """Try the study NAME with a few people, whose ratings are never in an export."""
    _move(data_dir, name, number, "piloting", "takes listeners of a pilot, whose ratings are in no export")


@study.command()
@click.argument("name")
@data_option
def pause(name: str, data_dir: Path | None) -> None:
    """Let the study NAME take nobody new for a while; whoever has begun goes on."""
    _move(data_dir, name, None, "paused", "takes nobody new; whoever has begun goes on")


@study.command()
@click.argument("name")
@data_option
def close(name: str, data_dir: Path | None) -> None:
    """End the study NAME: it takes nobody new, and whoever has begun may finish."""
    _move(data_dir, name, None, "closed", "takes nobody new; whoever has begun may finish")


@study.command()
@click.argument("name")
@click.option("--back", is_flag=True, help="Put it back on the list.")
@data_option
def archive(name: str, back: bool, data_dir: Path | None) -> None:
    """Take the study NAME off the list; nothing of it is deleted."""
    with changing(data_dir) as db:
        lifecycle.archive(db, name, not back)
        done = audit.kept("back on the list") if back else audit.kept("archived")
        audit.note(db, audit.COMMAND_LINE, "study", f"{name}: {done}")
    click.echo(f"{name}: {done}")


@study.command()
@click.argument("name")
@click.argument("new")
@click.option(
    "--version", "number", type=click.IntRange(1), help="Which version of it; else the one that it is known by."
)
@data_option
def duplicate(name: str, new: str, number: int | None, data_dir: Path | None) -> None:
    """Begin the study NEW as a draft with the file and the very same sounds of the study NAME.

    Who is taken comes along; listeners, invitations, ratings and the codes of a panel don't.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database:
        who = Visitor("", None, audit.COMMAND_LINE, "owner")
        made_of = duplicate_of(database, settings, Wanted(name, new, number), who)
    if made_of is None:
        click.echo(f"{new}: duplicated from {name}, of which only the file is written; go on in the studio")
    else:
        click.echo(f"{new}: duplicated from {name}, version {made_of}; a draft, which takes no listeners yet")
        click.echo(f"  open it:      mushra study open {new}")


study.add_command(publish)
for one in recruiting_cli.COMMANDS:
    study.add_command(one)


def _move(data_dir: Path | None, name: str, number: int | None, status: str, done: str, reason: str = "") -> None:
    with changing(data_dir) as db:
        version = lifecycle.version_of(db, name, number) if number else _meant(db, name, status)
        before = version.status
        lifecycle.move(db, version, status, reason=reason, who=audit.COMMAND_LINE)
        said = audit.kept(f"version {version.number} from {before} to {status}")
        audit.note(db, audit.COMMAND_LINE, "study", f"{name}: {said}")
        left = sittings.under_way(db, version.study_id) if status == "closed" else 0
    now = f" ({left} {'is' if left == 1 else 'are'} under way now)" if left else ""
    click.echo(f"{name}: {said}; it {done}{now}")


def _meant(db: Session, name: str, status: str) -> StudyVersion:
    """The version that is meant where none is named: to start one, the current one where it may, else a draft.

    Raises
    ------
    ConflictError
        Where both may be meant: a draft waits beside a version that may open again.
    """
    current = lifecycle.current(db, name)
    draft = _draft(current)
    if status in lifecycle.TAKES_LISTENERS and draft is not None and draft is not current:
        if status in lifecycle.FOLLOWS[current.status]:
            raise ConflictError(
                f"{name}: version {current.number} is {current.status}, and version {draft.number} waits as a draft; "
                f"say which with --version {current.number} or --version {draft.number}"
            )
        return draft
    return current


def _draft(current: StudyVersion) -> StudyVersion | None:
    """The draft that is newest."""
    drafts = [version for version in current.study.versions if version.status == "draft"]
    return max(drafts, key=lambda version: version.number, default=None)


def _told(count: Count) -> str:
    """How many listeners have finished, as one reads it."""
    return f"{count.finished} of {count.begun} listeners finished" + (
        f" (+ {count.simulated} simulated)" if count.simulated else ""
    )

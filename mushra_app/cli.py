"""``mushra``: one console script over the commands that each package registers.

Task: find the commands through the entry-point group ``mushra.commands``, load a command only when it is
called, and turn errors that people can mend into one sentence and exit code 2.

Each entry point is a table ``{name: ("module:object", "help")}``: the help texts stand in the table, so that
``mushra --help`` imports neither Flask nor pandas nor torch.
"""

from __future__ import annotations

import functools
import importlib
import sys
from importlib.metadata import entry_points

import click

from stimuli.errors import HiddenReferenceError

GROUP = "mushra.commands"


@functools.cache
def table() -> dict[str, tuple[str, str]]:
    """All commands: name to (``module:object``, one line of help)."""
    found: dict[str, tuple[str, str]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found.update(point.load())
    return found


class LazyGroup(click.Group):
    """A group that knows the names and help texts of its commands, and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order."""
        return sorted(table())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name, if there is one."""
        if cmd_name not in table():
            return None
        module, _, name = table()[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands out of the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, table()[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup)
@click.version_option(package_name="hidden-reference", prog_name="mushra")
def mushra() -> None:
    """Listening tests (ITU-R BS.1534 MUSHRA), from an experiment file to a significance report.

    The way through: new, check, stimuli build, publish, serve, export, report. See it whole: mushra demo
    """


def main() -> None:
    """Run ``mushra``; what a person can mend is said in a sentence, with exit code 2."""
    try:
        mushra()
    except HiddenReferenceError as error:
        click.echo(f"mushra: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        # A full disk, a folder without permission, a port that is taken: the operating system's own words.
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"mushra: {where}{error.strerror or error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()

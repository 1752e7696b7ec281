"""``mushra account``: who may into the studio, and what they may do there.

Passwords are asked for unseen, or read from the first line of standard input; never an argument, which every process
of the machine can read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mushra_app.config import load_settings
from mushra_app.people import accounts, audit, invitations, logins, permissions, second_factor
from mushra_app.server_cli import changing, data_option

password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def account() -> None:
    """Say who may into the studio, and what they may do there.

    An owner may everything; an experimenter may change the studies that they were granted; a viewer may look at those
    and export them. Once there is an active owner, the studio's key opens nothing any more.
    """


@account.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(accounts.ROLES))
@password_option
@data_option
def add(name: str, role: str, password_stdin: bool, data_dir: Path | None) -> None:
    """Make an account for NAME, such as an e-mail address."""
    password_hash = _new_password(password_stdin)
    with changing(data_dir) as db:
        made = accounts.add(db, name, password_hash, role=role)
        _say(db, f"{made.name}: new account, {role}")
        if role != "owner":
            click.echo(f"  give it a study with: mushra account grant {made.name} STUDY")
        _say_who_opens(db)


@account.command()
@click.argument("name")
@password_option
@data_option
def password(name: str, password_stdin: bool, data_dir: Path | None) -> None:
    """Give NAME another password; whoever is in with the old one is out."""
    password_hash = _new_password(password_stdin)
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        accounts.change_password(db, found, password_hash)
        _say(db, f"{found.name}: another password")


@account.command()
@click.argument("name")
@click.argument("role", type=click.Choice(accounts.ROLES))
@data_option
def role(name: str, role: str, data_dir: Path | None) -> None:
    """Give NAME another role; it holds at once."""
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        accounts.change_role(db, found, role)
        _say(db, f"{found.name}: {role}")
        _say_who_opens(db)


@account.command()
@click.argument("name")
@data_option
def disable(name: str, data_dir: Path | None) -> None:
    """Shut NAME out, at once; nothing of the account is lost."""
    _set_active(data_dir, name, active=False)


@account.command()
@click.argument("name")
@data_option
def enable(name: str, data_dir: Path | None) -> None:
    """Let NAME in again, with the password and the studies from before."""
    _set_active(data_dir, name, active=True)


@account.command()
@click.argument("name")
@click.argument("study")
@click.option("--view-only", is_flag=True, help="To look at and export, whatever the role.")
@data_option
def grant(name: str, study: str, view_only: bool, data_dir: Path | None) -> None:
    """Give NAME the STUDY, by its short name."""
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        permissions.grant(db, found, study, view_only=view_only)
        _say(db, f"{found.name}: given {study}{', to look at' if view_only or found.role == 'viewer' else ''}")


@account.command()
@click.argument("name")
@click.argument("study")
@data_option
def revoke(name: str, study: str, data_dir: Path | None) -> None:
    """Take the STUDY away from NAME."""
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        permissions.revoke(db, found, study)
        _say(db, f"{found.name}: no longer given {study}")


@account.command("totp-off")
@click.argument("name")
@data_option
def totp_off(name: str, data_dir: Path | None) -> None:
    """Ask NAME for no code any more: the app that made them is lost, or the clock was set back."""
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        second_factor.turn_off(db, found)
        _say(db, f"{found.name}: second factor turned off")


@account.command()
@click.argument("role", type=click.Choice(accounts.ROLES))
@click.option("--study", "studies", multiple=True, help="A study that they are given; may be repeated.")
@click.option("--view-only", is_flag=True, help="To look at and export, whatever the role.")
@data_option
def invite(role: str, studies: tuple[str, ...], view_only: bool, data_dir: Path | None) -> None:
    """Print a link by which one person makes their own account of that ROLE, within seven days."""
    with changing(data_dir) as db:
        may = "view" if view_only else "change"
        token = invitations.invite(db, audit.COMMAND_LINE, role, studies, may=may)
        given = ", ".join(studies)
        _say(db, f"an invitation: {role}, given {given}" if given else f"an invitation: {role}")
    click.echo(f"  {load_settings(data_dir=data_dir).address}/studio/people/join/{token}")


@account.command("list")
@data_option
def list_accounts(data_dir: Path | None) -> None:
    """List all accounts with their roles and studies."""
    with changing(data_dir) as db:
        found = accounts.all_accounts(db)
        width = max((len(one.name) for one in found), default=0)
        for one in found:
            studies = ", ".join(f"{study} ({may})" for study, may in permissions.granted(db, one))
            given = "every study" if one.role == "owner" else studies or "no study"
            click.echo(f"{one.name:<{width}}  {one.role:<12}  {'active  ' if one.active else 'disabled'}  {given}")
        if not found:
            click.echo("no account yet; make one with: mushra account add NAME --role owner")
        _say_who_opens(db)


def _new_password(from_stdin: bool) -> str:
    """The hash of a password that is typed twice, or read."""
    if from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        typed = click.prompt("Password (at least 12 characters)", hide_input=True, confirmation_prompt=True)
    return accounts.hashed(typed)


def _set_active(data_dir: Path | None, name: str, *, active: bool) -> None:
    with changing(data_dir) as db:
        found = accounts.named(db, name)
        accounts.set_active(db, found, active)
        _say(db, f"{found.name}: {'enabled' if active else 'disabled'}")
        _say_who_opens(db)


def _say(db: Session, done: str) -> None:
    """Say what was done, and keep it."""
    audit.note(db, audit.COMMAND_LINE, "account", done)
    click.echo(done)


def _say_who_opens(db: Session) -> None:
    if not logins.has_owner(db):
        click.echo("  there is no active owner: the studio's key, which mushra serve prints, opens the studio")

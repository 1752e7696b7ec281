"""Addresses of people: all accounts, one of them, invitations, and what everybody did. For owners, but for the link of
an invitation, which opens for whoever has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for

from mushra_app.errors import AppError
from mushra_app.listener.pages import MessagePage
from mushra_app.people import accounts, audit, invitations, logins, permissions, second_factor, throttle
from mushra_app.people.permissions import Right
from mushra_app.people.tables import Account
from mushra_app.people.throttle import TooManyTriesError, network_of
from mushra_app.studio import guard, once
from mushra_app.studio.accounts import shown
from mushra_app.studio.accounts.again import PasswordError, asked_again, still_right
from mushra_app.studio.accounts.words import shared
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.web import external_address, services, show
from mushra_app.words import say


@blueprint.get("/people")
@needs(Right.OWN)
def people() -> str:
    """All accounts, the invitations that wait, and once the link of the one that was just made."""
    token = once.take("invitation")
    link = external_address(url_for("studio.join_page", token=token)) if token else ""
    with services().database.reading() as db:
        return show(shown.people(db, link=link))


@blueprint.post("/people")
@needs(Right.OWN)
def invite_person() -> Any:
    """Make an invitation; the page that follows shows its link once."""
    role, may = request.form.get("role", ""), request.form.get("may", "change")
    studies = request.form.getlist("study")
    try:
        if role not in accounts.ROLES or may not in ("view", "change"):
            raise AppError(say("Which role? Choose one from the list."))
        with services().database.writing() as db:
            token = invitations.invite(db, visitor().name, role, studies, may=may)
            given = ", ".join(studies)
            about = audit.kept(f"an invitation: {role}, given {given}" if given else f"an invitation: {role}")
            audit.note(db, visitor().name, "account", about)
    except AppError as error:
        with services().database.reading() as db:
            return show(shown.people(db, error=str(error))), 400
    once.keep("invitation", token)
    return redirect(url_for("studio.people"), 303)


@blueprint.post("/people/invitations/<int:number>/revoke")
@needs(Right.OWN)
def revoke_person_invitation(number: int) -> Any:
    """Take an invitation back."""
    with services().database.writing() as db:
        found = invitations.revoke(db, shown.row_number(number))
        audit.note(db, visitor().name, "account", f"an invitation taken back: {found.role}, by {found.invited_by}")
    flash(say("The invitation is taken back: its link opens nothing any more."))
    return redirect(url_for("studio.people"), 303)


@blueprint.get("/people/<int:number>")
@needs(Right.OWN)
def person(number: int) -> str:
    """One account."""
    return _person(number)


@blueprint.post("/people/<int:number>")
@needs(Right.OWN)
def change_person(number: int) -> Any:
    """Give an account another role or a study, take one, shut it out, let it in: one of these, as ``change`` says.

    Whoever turns the second factor of somebody off is asked for their own password.
    """
    change = request.form.get("change", "")
    try:
        right = asked_again() if change in WITH_PASSWORD else None
        with services().database.writing() as db:
            account = shown.account(db, number)
            if right is not None:
                still_right(db.get_one(Account, visitor().account_id), right)
            done = CHANGES.get(change, _nothing)(db, account)
            audit.note(db, visitor().name, "account", f"{account.name}: {done}")
            said = CHANGED[change](account.name)
    except TooManyTriesError as error:
        return _person(number, error=str(error)), 429, {"Retry-After": str(error.wait_s)}
    except AppError as error:
        return _person(number, error=str(error)), 403 if isinstance(error, PasswordError) else 409
    flash(said)
    # Whoever has changed their own role may not see this page any more.
    gone = number == visitor().account_id and change in ("role", "shut out")
    return redirect(url_for("studio.studies") if gone else url_for("studio.person", number=number), 303)


@blueprint.get("/people/join/<token>")
@needs(Right.NONE)
def join_page(token: str) -> str:
    """Whoever was invited chooses name and password."""
    with services().database.reading() as db:
        return show(shown.join(invitations.open_one(db, token)))


@blueprint.post("/people/join/<token>")
@needs(Right.NONE)
def join(token: str) -> Any:
    """Make the account that an invitation is for, and let its owner in."""
    name, password, network = request.form.get("name", ""), request.form.get("password", ""), _network()
    database = services().database
    try:
        with database.writing() as db:
            attempt = throttle.begin(db, token, network)
        with database.reading() as db:
            invitation = shown.join(invitations.open_one(db, token), name=name)
    except TooManyTriesError as error:
        wait = MessagePage(say("Join"), say("Please wait a moment"), (str(error),))
        return show(wait), 429, {"Retry-After": str(error.wait_s)}
    try:
        password_hash = accounts.hashed(password)
        with database.writing() as db:
            account = invitations.accept(db, token, name, password_hash)
            throttle.forgive(db, attempt)
            entered = logins.begin(db, account)
            audit.note(db, account.name, "account", f"{account.name}: new account, {account.role}, by invitation")
            audit.note(db, account.name, "login", network=network)
    except AppError as error:
        return show(shown.with_error(invitation, str(error))), 400
    guard.enter(entered)
    return redirect(url_for("studio.studies"), 303)


@blueprint.get("/audit")
@needs(Right.OWN)
def audit_log() -> str:
    """What everybody did, the newest first."""
    before = request.args.get("before", "")
    with services().database.reading() as db:
        number = shown.row_number(int(before)) if before.isdecimal() and len(before) < 20 else None
        return show(
            shown.audit_log(db, before=number, who=request.args.get("who", ""), what=request.args.get("what", ""))
        )


def _person(number: int, *, error: str = "") -> str:
    with services().database.reading() as db:
        return show(shown.person(db, shown.account(db, number), visitor(), error=error))


def _network() -> str:
    return network_of(request.remote_addr)


def _role(db: Any, account: Account) -> str:
    role = request.form.get("role", "")
    if role not in accounts.ROLES:
        raise AppError(say("Which role? Choose one from the list."))
    if role != "owner":
        accounts.require_another_owner(db, account)
    accounts.change_role(db, account, role)
    return role


def _shut_out(db: Any, account: Account) -> str:
    accounts.require_another_owner(db, account)
    accounts.set_active(db, account, False)
    return audit.kept("disabled")


def _let_in(db: Any, account: Account) -> str:
    accounts.set_active(db, account, True)
    return audit.kept("enabled")


def _give(db: Any, account: Account) -> str:
    study, view_only = request.form.get("study", ""), request.form.get("may") == "view"
    permissions.grant(db, account, study, view_only=view_only)
    return audit.kept(f"given {study}, to look at" if view_only or account.role == "viewer" else f"given {study}")


def _take(db: Any, account: Account) -> str:
    study = request.form.get("study", "")
    permissions.revoke(db, account, study)
    return audit.kept(f"no longer given {study}")


def _totp_off(db: Any, account: Account) -> str:
    second_factor.turn_off(db, account)
    return audit.kept("second factor turned off")


def _nothing(db: Any, account: Account) -> str:
    raise AppError(say("What is to be changed? Press one of the buttons."))


CHANGES = {
    "role": _role, "shut out": _shut_out, "let in": _let_in, "give": _give, "take": _take, "totp off": _totp_off,
}  # fmt: skip
"""What the buttons of a person's page do; each returns the words of the audit log."""
WITH_PASSWORD = ("totp off",)
CHANGED: dict[str, Callable[[str], str]] = {
    "role": lambda name: say("%(name)s has another role now.", name=name),
    "shut out": lambda name: say("%(name)s is shut out: all their logins and tokens have ended.", name=name),
    "let in": lambda name: say("%(name)s can come in again.", name=name),
    "give": lambda name: say("%(name)s may see %(study)s now.", name=name, study=request.form.get("study", "")),
    "take": lambda name: shared(name, request.form.get("study", ""), may="none"),
    "totp off": lambda name: say("%(name)s is asked for no code any more.", name=name),
}
"""What is said of it to whoever pressed the button."""

"""The ways into the studio and out: a name and a password, the studio's key, and one's own account.

The key, which the data folder holds, lets the first person in; it opens nothing once there is an owner with an account.
Passwords are looked at between two transactions, because a hash takes a tenth of a second. An account with a second
factor is asked for a code next; until then its password has opened nothing.
"""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from mushra_app.errors import AppError
from mushra_app.people import accounts, audit, logins, second_factor, throttle
from mushra_app.people.permissions import Right
from mushra_app.people.second_factor import ClockError
from mushra_app.people.tables import Account
from mushra_app.people.throttle import TooManyTriesError, network_of
from mushra_app.security import is_studio_key
from mushra_app.studio import guard
from mushra_app.studio.accounts.half_in import HalfIn
from mushra_app.studio.accounts.pages import CodePage
from mushra_app.studio.forms import CodeForm, LoginForm, PasswordForm
from mushra_app.studio.guard import needs
from mushra_app.studio.pages import AccountPage
from mushra_app.web import services, show
from mushra_app.words import say, say_later

WRONG = say_later("This name and this password don't belong together.")
WRONG_CODE = say_later("This is not the code that the app shows now, or it was used already. Wait for the next one.")
TOO_LATE = say_later("That took too long, or the account was changed meanwhile. Please log in again.")
WRONG_KEY = say_later("This is not the key. mushra serve prints it when it starts.")
NO_KEY = say_later("The key opens nothing any more, because this server has accounts. Please use yours.")


def by_link() -> Any:
    """Let in who came by the link with the key; the key leaves the address. None: this is no such link."""
    if request.endpoint == "studio.studies" and (key := request.args.get("key")) is not None:
        return _enter_by_key(key)
    return None


@needs(Right.NONE)
def login_page() -> str:
    """The door."""
    return show(guard.door(request.args.get("next", "")))


@needs(Right.NONE)
def login() -> Any:
    """A name and a password were typed, or the key."""
    form = LoginForm()
    if form.key.data:
        return _enter_by_key(form.key.data)
    name, password, wanted = form.name.data or "", form.password.data or "", form.wanted.data or ""
    try:
        right = right_password(name, password)
    except TooManyTriesError as error:
        return _wait(guard.door(wanted, name=name, error=str(error)), error)
    with services().database.writing() as db:
        # Once more, because either may have changed while the password was looked at.
        account = accounts.found(db, name) if right else None
        token = half = None
        if account is None or not account.active or account.password_hash != right:
            known = accounts.found(db, name) is not None
            about = accounts.login_name(name) if known else audit.kept("a name that nobody has")  # it may be a password
            audit.note(db, "", "failed login", about, network=network_of(request.remote_addr))
        elif account.totp_secret is not None:
            half = HalfIn.of(account, wanted)
        else:
            token = logins.begin(db, account)
            audit.note(db, account.name, "login", network=network_of(request.remote_addr))
    if half is not None:
        half.remember()
        return redirect(url_for("studio.code_page"), 303)
    if token is None:
        return show(guard.door(wanted, name=name, error=str(WRONG))), 403
    guard.enter(token)
    return redirect(where_to(wanted), 303)


@needs(Right.NONE)
def code_page() -> Any:
    """The second factor is asked for, of whoever's password was right."""
    if HalfIn.remembered() is None:
        return show(guard.door(error=str(TOO_LATE))), 401
    return show(CodePage())


@needs(Right.NONE)
def code() -> Any:
    """A code was typed."""
    half, network, token = HalfIn.remembered(), network_of(request.remote_addr), None
    if half is None:
        return show(guard.door(error=str(TOO_LATE))), 403
    try:
        with services().database.writing() as db:
            attempt = throttle.begin(db, half.name, network)
            account = half.account(db)
            if account is None:
                return show(guard.door(error=str(TOO_LATE))), 403
            if second_factor.take(db, account, CodeForm().code.data or ""):
                throttle.forgive(db, attempt)
                token = logins.begin(db, account)
                audit.note(db, account.name, "login", "with a code", network=network)
            else:
                audit.note(db, "", "failed login", f"{account.name}: wrong code", network=network)
    except TooManyTriesError as error:
        return _wait(CodePage(str(error)), error)
    except ClockError as error:
        return show(CodePage(str(error))), 503
    if token is None:
        return show(CodePage(str(WRONG_CODE))), 403
    guard.enter(token)
    return redirect(where_to(half.wanted), 303)


@needs(Right.NONE)
def logout() -> AnyResponse:
    """Out again."""
    guard.leave()
    return redirect(url_for("studio.login_page"), 303)


@needs(Right.VIEW)
def account_page() -> str:
    """One's own account."""
    return show(_account_page(changed="changed" in request.args))


@needs(Right.VIEW)
def change_password() -> Any:
    """Another password for whoever is in; their other browsers are out afterwards."""
    form, visitor = PasswordForm(), guard.visitor()
    assert visitor is not None
    if visitor.account_id is None:
        return redirect(url_for("studio.account_page"), 303)
    try:
        right = right_password(visitor.name, form.password.data or "")
        if right is None:
            return show(_account_page(error=say("The password before is not the one of this account."))), 403
        new = accounts.hashed(form.new_password.data or "")
    except TooManyTriesError as error:
        return _wait(_account_page(error=str(error)), error)
    except AppError as error:
        return show(_account_page(error=str(error))), 400
    with services().database.writing() as db:
        account = db.get_one(Account, visitor.account_id)
        accounts.change_password(db, account, new)
        token = logins.begin(db, account)
        audit.note(db, account.name, "account", f"{account.name}: another password")
    guard.enter(token)
    return redirect(url_for("studio.account_page", changed=""), 303)


def right_password(name: str, password: str) -> str | None:
    """The stored hash where the password is right, renewed if it was due; None where name or password is wrong."""
    database = services().database
    with database.writing() as db:
        attempt = throttle.begin(db, name, network_of(request.remote_addr))
        account = accounts.found(db, name)
        stored = account.password_hash if account else None
    if not accounts.is_right(stored, password) or stored is None:
        return None
    renewed = accounts.renewed(stored, password)
    with database.writing() as db:
        throttle.forgive(db, attempt)
        account = accounts.found(db, name)
        if account is None or account.password_hash != stored:
            return None
        account.password_hash = renewed
    return renewed


def _enter_by_key(key: str) -> AnyResponse | tuple[str, int]:
    with services().database.reading() as db:
        owned = logins.has_owner(db)
    if owned or not is_studio_key(services().settings, key):
        return show(guard.door(error=str(NO_KEY if owned else WRONG_KEY))), 403
    with services().database.writing() as db:
        token = logins.begin(db, None)
        audit.note(db, logins.BY_KEY, "login", network=network_of(request.remote_addr))
    guard.enter(token)
    return redirect(url_for("studio.studies"), 303)


def where_to(wanted: str) -> str:
    """Where to go on after the login: an address of the studio, and so never one of another server's."""
    studies = url_for("studio.studies")
    return wanted if wanted.startswith(studies) and wanted.isprintable() else studies


def _wait(page: Any, error: TooManyTriesError) -> tuple[str, int, dict[str, str]]:
    return show(page), 429, {"Retry-After": str(error.wait_s)}


def _account_page(*, error: str = "", changed: bool = False) -> AccountPage:
    visitor = guard.visitor()
    assert visitor is not None
    return AccountPage(
        name=visitor.name,
        role=visitor.role,
        by_key=visitor.account_id is None,
        data_dir=str(services().settings.data_dir.absolute()),
        shortest=accounts.SHORTEST_PASSWORD,
        error=error,
        changed=changed,
    )

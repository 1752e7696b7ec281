"""Addresses of one's own account: its second factor, and its tokens of the API. The password is in ``studio.door``."""

from __future__ import annotations

from typing import Any

import segno
from flask import abort, flash, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.people import audit, permissions, second_factor, throttle, tokens
from mushra_app.people.permissions import Right
from mushra_app.people.second_factor import ClockError
from mushra_app.people.tables import Account
from mushra_app.people.throttle import TooManyTriesError, network_of
from mushra_app.security import secret_key
from mushra_app.studio import once
from mushra_app.studio.accounts import shown
from mushra_app.studio.accounts.again import PasswordError, asked_again, note_wrong, still_right
from mushra_app.studio.accounts.pages import AskedToken, SecondFactorPage, TokenRow, TokensPage
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.table_base import now
from mushra_app.web import external_address, services, show
from mushra_app.words import say, say_later

NOTHING_ASKED = AskedToken()
NO_ACCOUNT = say_later("You are in by the studio's key, which has no account of its own.")


@blueprint.get("/account/second-factor")
@needs(Right.VIEW)
def second_factor_page() -> str:
    """The second factor: turn it on, or off."""
    return show(_second_factor())


@blueprint.post("/account/second-factor")
@needs(Right.VIEW)
def change_second_factor() -> Any:
    """Turn the second factor on or off, with the password and a code."""
    turn_off = request.form.get("change") == "off"
    try:
        return _turn_off() if turn_off else _turn_on()
    except TooManyTriesError as error:
        return show(_second_factor(error=str(error))), 429, {"Retry-After": str(error.wait_s)}
    except ClockError as error:
        return show(_second_factor(error=str(error))), 503
    except AppError as error:
        return show(_second_factor(request.form.get("sealed", ""), error=str(error))), 403


def _turn_on() -> Any:
    secret, code = _unsealed(request.form.get("sealed", "")), request.form.get("code", "")
    if secret is None:
        raise AppError(say("This page is out of date. Scan the picture that is shown now."))
    right = asked_again()
    with services().database.writing() as db:
        account = _account(db)
        still_right(account, right)
        if account.totp_secret is None:
            second_factor.turn_on(db, account, secret, code)
            audit.note(db, account.name, "account", f"{account.name}: second factor turned on")
    flash(say("The second factor is on: from now on you are asked for a code after your password."))
    return redirect(url_for("studio.second_factor_page"), 303)


def _turn_off() -> Any:
    wrong = say("The password or the code is not right, or the code was used already. Wait for the next one.")
    _account_id()
    right = asked_again(wrong)
    with services().database.writing() as db:
        attempt = throttle.begin(db, visitor().name, network_of(request.remote_addr))
        account = _account(db)
        taken = account.password_hash == right and second_factor.take(db, account, request.form.get("code", ""))
        if taken:
            throttle.forgive(db, attempt)
            second_factor.turn_off(db, account)
            audit.note(db, account.name, "account", f"{account.name}: second factor turned off")
        else:
            note_wrong(db, audit.kept("the password or a code"))
    if not taken:
        raise AppError(wrong)
    flash(say("The second factor is off: your password alone lets you in."))
    return redirect(url_for("studio.second_factor_page"), 303)


@blueprint.get("/account/tokens")
@needs(Right.VIEW)
def tokens_page() -> str:
    """The tokens of the API that one has, and once the one that was just made."""
    return show(_tokens(token=once.take("token")))


@blueprint.post("/account/tokens")
@needs(Right.VIEW)
def make_token() -> Any:
    """Make a token of the API, with the password; the page that follows shows it once."""
    may, days, name = (request.form.get(field, "") for field in ("may", "days", "name"))
    asked = AskedToken(name, may, days)
    lasts = int(days) if days.isdecimal() and len(days) < 5 else -1
    _account_id()
    try:
        right = asked_again()
        with services().database.writing() as db:
            account = _account(db)
            still_right(account, right)
            token = tokens.make(db, account, name, may=may, days=lasts)
            audit.note(db, account.name, "token", f"{' '.join(name.split())}: new, may {may}")
    except TooManyTriesError as error:
        return show(_tokens(asked, error=str(error))), 429, {"Retry-After": str(error.wait_s)}
    except AppError as error:
        return show(_tokens(asked, error=str(error))), 403 if isinstance(error, PasswordError) else 400
    once.keep("token", token)
    return redirect(url_for("studio.tokens_page"), 303)


@blueprint.post("/account/tokens/<int:number>/revoke")
@needs(Right.VIEW)
def revoke_token(number: int) -> Any:
    """Let a token of one's own open nothing any more."""
    with services().database.writing() as db:
        found = tokens.revoke(db, _account_id(), shown.row_number(number))
        audit.note(db, visitor().name, "token", f"{found.name}: revoked")
        said = say("The token %(name)s is revoked: it opens nothing any more.", name=found.name)
    flash(said)
    return redirect(url_for("studio.tokens_page"), 303)


def _second_factor(sealed: str = "", *, error: str = "") -> SecondFactorPage:
    """``sealed`` is the secret that is offered already: an app that has it needs no other one."""
    with services().database.reading() as db:
        account = _account(db)
        name, on = account.name, account.totp_secret is not None
    if on:
        return SecondFactorPage(on=True, error=error)
    secret = _unsealed(sealed) or second_factor.new_secret()
    return SecondFactorPage(
        on=False,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr=_picture(second_factor.address(secret, name)),
        sealed=str(_sealer().dumps([visitor().account_id, secret])),
        error=error,
    )


def _picture(text: str) -> str:
    """A QR code as SVG: dark on light in either scheme, because not every camera reads it the other way round."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(omitsize=True, dark="#000", light="#fff", border=4, svgclass="qr", lineclass=None)


def _sealer() -> URLSafeSerializer:
    return URLSafeSerializer(secret_key(services().settings), salt="second factor")


def _unsealed(sealed: str) -> str | None:
    """The secret that this server offered to this account; None for any other text."""
    try:
        account_id, secret = _sealer().loads(sealed)
    except (BadSignature, ValueError):
        return None
    return secret if account_id == visitor().account_id else None


def _tokens(asked: AskedToken = NOTHING_ASKED, *, token: str = "", error: str = "") -> TokensPage:
    with services().database.reading() as db:
        rows = tuple(
            TokenRow(
                number=one.id,
                name=one.name,
                may=one.may,
                created_at=shown.instant(one.created_at),
                expires_at=shown.instant(one.expires_at),
                expired=one.expires_at is not None and one.expires_at <= now(),
                last_used_at=shown.instant(one.last_used_at),
            )
            for one in tokens.of_account(db, _account_id())
        )
        may_change = permissions.right_of(db, visitor()) >= Right.CHANGE
    api_url = external_address(url_for("api.me"))
    return TokensPage(rows, tokens.DAYS, may_change, api_url, asked, token=token, error=error)


def _account(db: Session) -> Account:
    return db.get_one(Account, _account_id())


def _account_id() -> int:
    """Of whoever is in; by the studio's key there is none, and so nothing to see."""
    if (found := visitor().account_id) is None:
        abort(403, str(NO_ACCOUNT))
    return found

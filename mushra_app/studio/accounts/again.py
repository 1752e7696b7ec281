"""The password once more, before something that whoever finds a browser unattended must not be able to do.

It is throttled as the login is, under the name of whoever is in, and a wrong one is in the audit log. By the studio's
key there is no account and no password: the key was shown at the door, and opens nothing more once there is an owner.

Defines: ``PasswordError``, ``asked_again``, ``still_right``, ``note_wrong``.
"""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.people import audit
from mushra_app.people.tables import Account
from mushra_app.people.throttle import network_of
from mushra_app.studio import door
from mushra_app.studio.blueprint import visitor
from mushra_app.web import services
from mushra_app.words import say_later

WRONG = say_later("The password is not the one of your account. Nothing was changed.")


class PasswordError(AppError):
    """The password that was asked for again is not the right one."""


def asked_again(sentence: str = "") -> str | None:
    """The stored hash of whoever is in, where the form has their password; None by the studio's key.

    Whoever does something with it compares the hash in their own transaction: the password may have changed meanwhile.

    Raises
    ------
    PasswordError
        With the sentence, where the password is wrong.
    TooManyTriesError
        Where that was so too often; then no password is looked at.
    """
    if visitor().account_id is None:
        return None
    right = door.right_password(visitor().name, request.form.get("password", ""))
    if right is None:
        with services().database.writing() as db:
            note_wrong(db, audit.kept("the password"))
        raise PasswordError(sentence or str(WRONG))
    return right


def still_right(account: Account, right: str | None) -> None:
    """PasswordError where the password changed since it was looked at; for the transaction that does what was asked."""
    if right is not None and account.password_hash != right:
        raise PasswordError(str(WRONG))


def note_wrong(db: Session, what: str) -> None:
    """Write down that whoever is in did not know what they were asked for."""
    audit.note(db, visitor().name, "failed login", f"asked again for {what}", network=network_of(request.remote_addr))

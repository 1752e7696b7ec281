"""Invitations to make an account: a link that opens once, within seven days, unless it was taken back.

The link's token is shown once and kept as a hash, as every token is. Whoever opens the link chooses name and password;
role and studies are what the owner who invited them said.

Conventions: functions take a SQLAlchemy session and know nothing of the web; passwords are hashed by whoever calls,
before the transaction. Defines: ``LASTS``, ``invite``, ``open_one``, ``accept``, ``revoke``, ``waiting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mushra_app.errors import ConflictError, NotFoundError
from mushra_app.people import accounts, permissions
from mushra_app.people.tables import Account, AccountInvitation
from mushra_app.security import new_token, token_sha256
from mushra_app.table_base import now
from mushra_app.words import say

LASTS = timedelta(days=7)


def invite(db: Session, by: str, role: str, studies: Iterable[str] = (), *, may: str = "change") -> str:
    """Make an invitation; the token of its link. NotFoundError where a study is not there."""
    assert role in accounts.ROLES and may in ("view", "change"), (role, may)
    token = new_token()
    db.add(
        AccountInvitation(
            token_sha256=token_sha256(token),
            role=role,
            may=may,
            studies=permissions.named_studies(db, studies),
            invited_by=by,
            expires_at=now() + LASTS,
        )
    )
    db.flush()
    return token


def open_one(db: Session, token: str) -> AccountInvitation:
    """The invitation of a link that opens still; NotFoundError, with the reason, where it does not."""
    found = db.scalar(select(AccountInvitation).where(AccountInvitation.token_sha256 == token_sha256(token)))
    if found is None:
        raise NotFoundError(say("There is no such invitation. Check the link, or ask whoever sent it to you."))
    if found.used_by is not None:
        raise NotFoundError(say("This invitation was used: it opens once. If that was you, log in with your password."))
    if found.revoked_at is not None:
        raise NotFoundError(say("This invitation was taken back. Ask whoever sent it to you."))
    if found.expires_at <= now():
        raise NotFoundError(say("This invitation is too old: it opens for seven days. Ask for another one."))
    return found


def accept(db: Session, token: str, name: str, password_hash: str) -> Account:
    """Make the account that an invitation is for, with its studies.

    Raises
    ------
    NotFoundError
        Where the link does not open any more.
    ConflictError
        Where another request was faster with the same link; the transaction has to be left then.
    """
    invitation = open_one(db, token)
    account = accounts.add(db, name, password_hash, role=invitation.role)
    own = AccountInvitation.id == invitation.id
    unused = (AccountInvitation.used_by.is_(None), AccountInvitation.revoked_at.is_(None))
    claimed = update(AccountInvitation).where(own, *unused).values(used_by=account.id)
    if db.scalar(claimed.returning(AccountInvitation.id)) is None:
        raise ConflictError(say("This invitation was used by another request meanwhile."))
    for study in invitation.studies:
        permissions.grant(db, account, study, view_only=invitation.may == "view")
    return account


def revoke(db: Session, number: int) -> AccountInvitation:
    """Take an invitation back; NotFoundError where there is none that waits under that number."""
    found = db.get(AccountInvitation, number, with_for_update=True)
    if found is None or found.used_by is not None or found.revoked_at is not None:
        raise NotFoundError(say("No invitation waits under the number %(number)s.", number=number))
    found.revoked_at = now()
    return found


def waiting(db: Session) -> Sequence[AccountInvitation]:
    """The invitations that open still, the newest first."""
    unused = (AccountInvitation.used_by.is_(None), AccountInvitation.revoked_at.is_(None))
    query = select(AccountInvitation).where(*unused, AccountInvitation.expires_at > now())
    return db.scalars(query.order_by(AccountInvitation.id.desc())).all()

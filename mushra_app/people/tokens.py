"""Tokens of the API: a program acts by one for an account, as far as the token lets it and the account may.

A token is shown once and kept as a hash. It opens nothing once it is revoked or has expired, and while its account is
shut out; a role or a permission that is taken away is taken from it too. Another password changes nothing of it.

Conventions: functions take a SQLAlchemy session and know nothing of the web; when a token was used last is known to
the minute, so that a program that asks often does not write often.
Defines: ``PREFIX``, ``DAYS``, ``MOST``, ``Bearer``, ``make``, ``bearer_of``, ``used``, ``of_account``, ``revoke``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, NotFoundError
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.people.tables import Account, ApiToken
from mushra_app.security import token_sha256
from mushra_app.table_base import now
from mushra_app.words import say

PREFIX = "hr_"
"""By which a token is known for one where it should not be: in a log, in a repository."""
DAYS = (30, 90, 365, 0)
"""How long a token may last; 0: until it is revoked."""
MOST, LONGEST_NAME = 50, 100
NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Bearer:
    """Whom a token speaks for, and the most that it lets; ``stale``: that it is in use is not noted yet."""

    token_id: int
    name: str
    visitor: Visitor
    at_most: Right
    stale: bool


def make(db: Session, account: Account, name: str, *, may: str, days: int) -> str:
    """A new token; AppError where it has no name or the account has enough of them."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise AppError(say("What is the token for? Expected 1 to %(most)s characters.", most=LONGEST_NAME))
    if may not in ("view", "change") or days not in DAYS:
        raise AppError(say("What may the token do, and how long? Choose from the lists."))
    if len(of_account(db, account.id)) >= MOST:
        raise AppError(say("There are %(most)s tokens already: revoke one that is not needed any more.", most=MOST))
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = now() + timedelta(days=days) if days else None
    db.add(ApiToken(account_id=account.id, name=name, token_sha256=token_sha256(token), may=may, expires_at=expires_at))
    db.flush()
    return token


def bearer_of(db: Session, token: str) -> Bearer | None:
    """Whom a token speaks for; None for one that opens nothing (any more)."""
    query = select(ApiToken, Account).join(Account).where(ApiToken.token_sha256 == token_sha256(token))
    found = db.execute(query.where(ApiToken.revoked_at.is_(None), Account.active)).first()
    if found is None or (found[0].expires_at is not None and found[0].expires_at <= now()):
        return None
    kept, account = found
    stale = kept.last_used_at is None or not timedelta(0) <= now() - kept.last_used_at < NOTED_EVERY
    visitor = Visitor("", account.id, account.name, account.role)
    return Bearer(kept.id, kept.name, visitor, Right[kept.may.upper()], stale)


def used(db: Session, token_id: int) -> None:
    """Note that a token was used just now."""
    db.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now()))


def of_account(db: Session, account_id: int) -> Sequence[ApiToken]:
    """The tokens of an account that were not revoked, the newest first; those that have expired are among them."""
    own = select(ApiToken).where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
    return db.scalars(own.order_by(ApiToken.id.desc())).all()


def revoke(db: Session, account_id: int, number: int) -> ApiToken:
    """Let a token open nothing any more; NotFoundError where the account has none under that number."""
    found = db.get(ApiToken, number)
    if found is None or found.account_id != account_id or found.revoked_at is not None:
        raise NotFoundError(say("There is no token under the number %(number)s.", number=number))
    found.revoked_at = now()
    return found

"""Being in the studio: a login begins, is recognised by its token, and ends.

A login lasts until somebody logs out, the password changes, the account is shut out, or 14 days have passed. One by
the studio's key counts as an owner's and lasts until there is an owner with an account.

Conventions: functions take a SQLAlchemy session and know nothing of the web.
Defines: ``BY_KEY``, ``LASTS``, ``Visitor``, ``begin``, ``visitor``, ``end``, ``end_all``, ``end_those_by_key``,
``last_logins``, ``has_owner``, ``has_any``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from mushra_app.people import audit
from mushra_app.people.tables import Account, StudioLogin
from mushra_app.security import new_token, token_sha256
from mushra_app.table_base import now

BY_KEY = audit.kept("the studio's key")
LASTS = timedelta(days=14)


@dataclass(frozen=True)
class Visitor:
    """Somebody who is in the studio, as of this request; by the key there is no account."""

    token: str
    account_id: int | None
    name: str
    role: str


def begin(db: Session, account: Account | None) -> str:
    """Let somebody in; the token of the login, of which the database knows the hash only."""
    token = new_token()
    db.add(StudioLogin(account_id=account.id if account else None, token_sha256=token_sha256(token)))
    return token


def visitor(db: Session, token: str) -> Visitor | None:
    """Who is in by that token; None for a token that opens nothing (any more)."""
    found = db.execute(
        select(StudioLogin.account_id, Account.name, Account.role, Account.active)
        .outerjoin(Account, Account.id == StudioLogin.account_id)
        .where(StudioLogin.token_sha256 == token_sha256(token))
        .where(StudioLogin.ended_at.is_(None), StudioLogin.began_at > now() - LASTS)
    ).first()
    if found is None:
        return None
    if found.account_id is None:
        return None if has_owner(db) else Visitor(token, None, BY_KEY, "owner")
    return Visitor(token, found.account_id, found.name, found.role) if found.active else None


def end(db: Session, token: str) -> None:
    """Nobody is in by that token any more."""
    own = StudioLogin.token_sha256 == token_sha256(token)
    db.execute(update(StudioLogin).where(own, StudioLogin.ended_at.is_(None)).values(ended_at=now()))


def end_all(db: Session, account_id: int) -> None:
    """Nobody is in by that account any more, wherever they are."""
    own = StudioLogin.account_id == account_id
    db.execute(update(StudioLogin).where(own, StudioLogin.ended_at.is_(None)).values(ended_at=now()))


def end_those_by_key(db: Session) -> None:
    """Where there is an owner, nobody is in by the studio's key any more, and will not be again when the owner goes."""
    if has_owner(db):
        own = StudioLogin.account_id.is_(None)
        db.execute(update(StudioLogin).where(own, StudioLogin.ended_at.is_(None)).values(ended_at=now()))


def last_logins(db: Session) -> Mapping[int, datetime]:
    """When each account got in last, by its id."""
    query = select(StudioLogin.account_id, func.max(StudioLogin.began_at)).where(StudioLogin.account_id.is_not(None))
    return {account_id: at for account_id, at in db.execute(query.group_by(StudioLogin.account_id)) if account_id}


def has_owner(db: Session) -> bool:
    """Whether an owner can log in, so that the studio's key opens nothing any more."""
    return bool(db.scalar(select(exists().where(Account.role == "owner", Account.active))))


def has_any(db: Session) -> bool:
    """Whether anybody can log in."""
    return bool(db.scalar(select(exists().where(Account.active))))

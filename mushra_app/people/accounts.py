"""Accounts: names, passwords and roles, and whether a password is right.

Passwords are hashed with argon2id and the parameters that argon2-cffi recommends (RFC 9106, low memory: 64 MiB); a
hash made with others is renewed at the next login. A password has at least 12 characters and at most 1000 bytes of
UTF-8, counted after Unicode's NFKC, by which it is the same on every keyboard; nothing else is asked of it (NIST
SP 800-63B).

Conventions: names are compared without regard to case and form (NFKC). Functions take a SQLAlchemy session; those that
hash take a tenth of a second and none, because on SQLite every listener's save waits for a transaction that writes.

Defines: ``ROLES``, ``login_name``, ``name_sha256``, ``hashed``, ``is_right``, ``renewed``, ``add``, ``named``,
``found``, ``all_accounts``, ``change_password``, ``set_active``, ``change_role``, ``require_another_owner``.
"""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.people import logins
from mushra_app.people.tables import Account, LoginAttempt
from mushra_app.words import say

ROLES = ("owner", "experimenter", "viewer")
LONGEST_NAME = 100
SHORTEST_PASSWORD, MOST_PASSWORD_BYTES = 12, 1000
HASHER = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)
"""Hashes that are made at once: each takes 64 MiB, and the listeners need the cores, too."""


def login_name(typed: str) -> str:
    """A name as it is stored and compared; one that is too long for a name is cut."""
    return unicodedata.normalize("NFKC", typed[: 2 * LONGEST_NAME]).strip().casefold()


def name_sha256(typed: str) -> str:
    """What tries of a name's password are counted by, whether there is such an account or not."""
    return hashlib.sha256(login_name(typed).encode(errors="replace")).hexdigest()


def hashed(password: str) -> str:
    """What is stored of a password; AppError where it is too short or too long."""
    plain = _plain(password)
    if plain is None:
        raise AppError(say("the password: expected at most %(most)s bytes of UTF-8", most=MOST_PASSWORD_BYTES))
    if (length := len(plain.decode())) < SHORTEST_PASSWORD:
        least = SHORTEST_PASSWORD
        raise AppError(say("the password: found %(n)s characters; expected at least %(least)s", n=length, least=least))
    with _AT_ONCE:
        return HASHER.hash(plain)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; takes as long where there is no hash to compare with."""
    plain = _plain(password)
    if plain is None:
        return False
    try:
        with _AT_ONCE:
            return HASHER.verify(password_hash or _nobodys_hash(), plain) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed(password_hash: str, password: str) -> str:
    """The hash of a password that was right: the same, or one with today's parameters."""
    return hashed(password) if HASHER.check_needs_rehash(password_hash) else password_hash


def add(db: Session, name: str, password_hash: str, *, role: str) -> Account:
    """Make an account; AppError where the name won't do or is taken."""
    name = login_name(name)
    assert role in ROLES, role
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or " " in name:
        most = LONGEST_NAME
        raise AppError(
            say("the name: expected 1 to %(most)s characters without spaces, such as an e-mail address", most=most)
        )
    if found(db, name) is not None:
        raise AppError(say("%(name)s: there is such an account already", name=name))
    account = Account(name=name, password_hash=password_hash, role=role)
    db.add(account)
    db.flush()
    logins.end_those_by_key(db)
    return account


def found(db: Session, name: str) -> Account | None:
    """The account of that name, active or not."""
    return db.scalar(select(Account).where(Account.name == login_name(name)))


def named(db: Session, name: str) -> Account:
    """The account of that name; NotFoundError where there is none."""
    if (account := found(db, name)) is None:
        raise NotFoundError(f"{login_name(name)}: no such account; see: mushra account list")
    return account


def all_accounts(db: Session) -> Sequence[Account]:
    """Every account, by name."""
    return db.scalars(select(Account).order_by(Account.name)).all()


def change_password(db: Session, account: Account, password_hash: str) -> None:
    """From now on another password; whoever is in with the old one is out, and wrong tries of it count no more."""
    account.password_hash = password_hash
    logins.end_all(db, account.id)
    db.execute(delete(LoginAttempt).where(LoginAttempt.name_sha256 == name_sha256(account.name)))


def set_active(db: Session, account: Account, active: bool) -> None:
    """Let an account in, or shut it out; whoever is in by it is out."""
    account.active = active
    logins.end_all(db, account.id)
    db.flush()
    logins.end_those_by_key(db)


def change_role(db: Session, account: Account, role: str) -> None:
    """Another role, which holds at once."""
    account.role = role
    db.flush()
    logins.end_those_by_key(db)


def require_another_owner(db: Session, account: Account) -> None:
    """Refuse what would leave nobody who may make accounts; for the studio: the command line may do even that.

    Raises
    ------
    ConflictError
        Where no other active account is an owner. The rows are locked, so that of two owners who shut each other out
        at once the second is refused.
    """
    owners = select(Account).where(Account.role == "owner", Account.active).order_by(Account.id)
    found = db.scalars(owners.with_for_update().execution_options(populate_existing=True)).all()
    if account in found and len(found) == 1:
        raise ConflictError(
            say("%(name)s is the last owner: make somebody else an owner first, then try again.", name=account.name)
        )


def _plain(password: str) -> bytes | None:
    """As it is hashed; None where it is too long. Looked at before as well: to normalise megabytes takes minutes."""
    if len(password) > MOST_PASSWORD_BYTES:
        return None
    plain = unicodedata.normalize("NFKC", password).encode(errors="replace")
    return plain if len(plain) <= MOST_PASSWORD_BYTES else None


@cache
def _nobodys_hash() -> str:
    """Of a password that nobody has: what an unknown name's password is compared with."""
    return HASHER.hash("nobody has this password")

"""How often passwords can be tried: counted in SQL, so that it holds for all workers together.

A try is written down before its password is looked at, and counts until the password was right: a hundred tries at
once are a hundred tries. They are counted by the name that was typed, whether there is such an account or not, and by
the network that they came from (an IPv6 /64, which one household or attacker has whole).

That strangers can keep somebody out for a quarter of an hour is the price; who is in stays in, the command line always
works, and a password that is set anew forgives. A try that lies further ahead than one counts was made before the clock
was set back; it counts no more, because it would for as long as the clock takes to come there again.
Defines: ``BY_NAME``, ``BY_NETWORK``, ``WINDOW``, ``TooManyTriesError``, ``begin``, ``forgive``, ``network_of``.
"""

from __future__ import annotations

import ipaddress
import math
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, not_, select, text
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.people.accounts import name_sha256
from mushra_app.people.tables import LoginAttempt
from mushra_app.table_base import now
from mushra_app.words import say_number

BY_NAME, BY_NETWORK = 10, 50
"""Failures within ``WINDOW``; a lab's people share an address."""
WINDOW = timedelta(minutes=15)


class TooManyTriesError(AppError):
    """Passwords were wrong too often; ``wait_s`` is how long none is looked at."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        minutes = math.ceil(wait_s / 60)
        super().__init__(
            say_number(
                "Too many wrong passwords. Try again in %(num)s minute.",
                "Too many wrong passwords. Try again in %(num)s minutes.",
                minutes,
            )
        )


def begin(db: Session, name: str, network: str) -> int:
    """Write down a try, before its password is looked at; returns its id for ``forgive``.

    Raises
    ------
    TooManyTriesError
        Where there were too many already; this one is not counted then.
    """
    if db.get_bind().dialect.name == "postgresql":  # on SQLite a transaction that writes is alone anyway
        db.execute(text("LOCK TABLE login_attempt IN EXCLUSIVE MODE"))
    moment = now()
    db.execute(delete(LoginAttempt).where(not_(LoginAttempt.at.between(moment - WINDOW, moment + WINDOW))))
    wait_s = max(
        _wait_s(db, LoginAttempt.name_sha256 == name_sha256(name), BY_NAME),
        _wait_s(db, LoginAttempt.network == network, BY_NETWORK),
    )
    if wait_s:
        raise TooManyTriesError(wait_s)
    attempt = LoginAttempt(name_sha256=name_sha256(name), network=network)
    db.add(attempt)
    db.flush()
    return attempt.id


def forgive(db: Session, attempt: int) -> None:
    """The password was right after all."""
    db.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt))


def network_of(address: str | None) -> str:
    """What an address is counted under."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _wait_s(db: Session, same: ColumnElement[bool], most: int) -> int:
    """Seconds until the oldest of the ``most`` newest failures counts no more; 0 where there are fewer."""
    newest = select(LoginAttempt.at).where(same).order_by(LoginAttempt.at.desc()).limit(most)
    failures = db.scalars(newest).all()
    return max(1, math.ceil((failures[-1] + WINDOW - now()).total_seconds())) if len(failures) == most else 0

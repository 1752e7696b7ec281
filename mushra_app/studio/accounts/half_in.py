"""Between a right password and a right code: the cookie remembers whose password was right, for five minutes.

It opens nothing. The cookie is signed; what it says of the password ends with that password.
Defines: ``HalfIn``.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import astuple, dataclass

from flask import session
from sqlalchemy.orm import Session

from mushra_app.people.tables import Account
from mushra_app.studio import guard

LASTS_S = 300
KEY = "half_in"


@dataclass(frozen=True)
class HalfIn:
    """Whose password was right, when, and where they wanted to go."""

    account_id: int
    name: str
    password: str
    at_s: int
    wanted: str

    @classmethod
    def of(cls, account: Account, wanted: str) -> HalfIn:
        """Somebody whose password was right just now."""
        return cls(account.id, account.name, _mark(account), int(time.time()), wanted[:500])

    @classmethod
    def remembered(cls) -> HalfIn | None:
        """Who is half in by this browser's cookie."""
        found = cls(*session[KEY]) if KEY in session else None
        return found if found and 0 <= time.time() - found.at_s < LASTS_S else None

    def remember(self) -> None:
        """Write it into the cookie, with nothing left of what that held before but the language."""
        guard.forget()
        session[KEY] = astuple(self)

    def account(self, db: Session) -> Account | None:
        """The account, where it may still come in by that password; its row is locked."""
        found = db.get(Account, self.account_id, with_for_update=True)
        return found if found and found.active and _mark(found) == self.password else None


def _mark(account: Account) -> str:
    """Of a password's hash: another one for every other password, and nothing that could be tried out on it."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]

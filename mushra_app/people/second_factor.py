"""The second factor of an account: a code of six digits that changes every 30 seconds (TOTP, RFC 6238).

The secret is kept in the database as it is, because both sides have to make the same code of it: whoever reads the
database, or a backup of it, can make the codes. It guards against a password that was seen or guessed, and against
nothing else.

Conventions: a code is taken one step early or late, because clocks differ; no step is taken twice, nor one before the
last that was. Where this machine's clock was set back behind that step no code is taken, and the error says so: an old
code would else open again. Functions take a SQLAlchemy session and know nothing of the web.

Defines: ``STEP_S``, ``ClockError``, ``new_secret``, ``address``, ``step_of``, ``turn_on``, ``turn_off``, ``take``.
"""

from __future__ import annotations

import time

from pyotp import random_base32
from pyotp.totp import TOTP
from pyotp.utils import strings_equal
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, UnavailableError
from mushra_app.people.tables import Account
from mushra_app.words import say

STEP_S = 30
EARLY_OR_LATE = 1
"""Steps that a clock may be off."""


class ClockError(UnavailableError):
    """This machine's clock stands before a code that was taken: no code can be told from an old one."""


def new_secret() -> str:
    """160 random bits, as RFC 4226 recommends, in base32."""
    return random_base32(32)


def address(secret: str, name: str) -> str:
    """What the QR code says: the secret, and what an app shows beside its codes."""
    return TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name="Hidden Reference")


def step_of(secret: str, code: str) -> int | None:
    """The step whose code this is, of those that are taken now; None where it is none of them."""
    typed = "".join(code.split())
    totp, at = TOTP(secret, interval=STEP_S), int(time.time()) // STEP_S
    steps = range(max(0, at - EARLY_OR_LATE), at + EARLY_OR_LATE + 1)
    matching = [step for step in steps if strings_equal(totp.generate_otp(step), typed)]  # all, whichever is right
    return max(matching, default=None)


def turn_on(db: Session, account: Account, secret: str, code: str) -> None:
    """From now on a code is asked for; AppError where this is not one, so that nobody is shut out by a wrong scan."""
    step = step_of(secret, code)
    if step is None:
        raise AppError(
            say("This is not the code that the app shows now. Check that its clock is right, and try again.")
        )
    account.totp_secret, account.totp_step = secret, step
    db.flush()


def turn_off(db: Session, account: Account) -> None:
    """No code is asked for any more, and the secret is gone."""
    account.totp_secret = account.totp_step = None
    db.flush()


def take(db: Session, account: Account, code: str) -> bool:
    """Whether a code is right and new; it is taken then, and will not be again, even by two requests at once."""
    if account.totp_secret is None:
        return False
    if account.totp_step is not None and account.totp_step > int(time.time()) // STEP_S + EARLY_OR_LATE:
        raise ClockError(
            say(
                "The server's clock was set back behind the last code that was used, so no code can be taken. Ask "
                "whoever runs it to set the clock, or to turn the codes off: mushra account totp-off NAME"
            )
        )
    step = step_of(account.totp_secret, code)
    if step is None:
        return False
    newer = or_(Account.totp_step.is_(None), Account.totp_step < step)
    taken = update(Account).where(Account.id == account.id, newer).values(totp_step=step).returning(Account.id)
    return db.scalar(taken) is not None

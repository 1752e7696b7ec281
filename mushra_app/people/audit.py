"""Who did what: a row for each login, failed login, export, calibration, look at widths, change of an account or study.

Conventions: written in the transaction of what it tells of, so that neither is there without the other.
Defines: ``KINDS``, ``COMMAND_LINE``, ``note``, ``latest``.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.people.tables import AuditEntry

KINDS = ("login", "failed login", "export", "calibration", "account", "study", "look")
COMMAND_LINE = "the command line"


def note(db: Session, who: str, what: str, about: str = "", *, network: str = "") -> None:
    """Write down one thing; ``what`` is one of ``KINDS``."""
    assert what in KINDS, what
    db.add(AuditEntry(who=who, what=what, about=about, network=network))


def latest(db: Session, most: int = 100) -> Sequence[AuditEntry]:
    """The newest rows, the newest first."""
    return db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(most)).all()

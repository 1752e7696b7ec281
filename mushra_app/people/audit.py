"""Who did what: a row for each thing that somebody does to an account, a study, its listeners or its ratings.

Conventions: written in the transaction of what it tells of, so that neither is there without the other.
What is written is English, whatever the language of whoever did it; pages say it again in theirs
(``mushra_app.studio.retelling``).
Defines: ``KINDS``, ``COMMAND_LINE``, ``LISTENER``, ``kept``, ``note``, ``has``, ``latest``, ``page``.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app.people.tables import AuditEntry

KINDS = (
    *("login", "failed login", "account", "token"),
    *("study", "invitation", "calibration", "job", "export", "look", "peek", "withdrawal", "erasure"),
)


def kept(sentence: str) -> str:
    """The sentence itself, marked as one that is kept: whoever collects what is to be translated finds it."""
    return sentence


COMMAND_LINE = kept("the command line")
LISTENER = kept("the listener")


def note(db: Session, who: str, what: str, about: str = "", *, network: str = "") -> None:
    """Write down one thing; ``what`` is one of ``KINDS``."""
    assert what in KINDS, what
    db.add(AuditEntry(who=who, what=what, about=about, network=network))


def has(db: Session, what: str, about: Sequence[str]) -> bool:
    """Whether one of these things was done."""
    query = select(AuditEntry.id).where(AuditEntry.what == what, AuditEntry.about.in_(about))
    return db.scalar(query.limit(1)) is not None


def times(db: Session, what: str, about: str) -> int:
    """How often a thing was done."""
    return db.scalar(select(func.count()).where(AuditEntry.what == what, AuditEntry.about == about)) or 0


def latest(db: Session, most: int = 100) -> Sequence[AuditEntry]:
    """The newest rows, the newest first."""
    return db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(most)).all()


def page(
    db: Session, *, before: int | None = None, who: str = "", what: str = "", most: int = 50
) -> tuple[Sequence[AuditEntry], int | None]:
    """Rows older than the one of the id ``before``, the newest first, of one person or kind where that is said.

    Returns the rows, and the ``before`` of the following page; None where there is none.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(most + 1)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if who:
        query = query.where(AuditEntry.who == who)
    if what:
        query = query.where(AuditEntry.what == what)
    found = db.scalars(query).all()
    return found[:most], found[most - 1].id if len(found) > most else None

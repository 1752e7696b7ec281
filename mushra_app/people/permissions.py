"""What somebody in the studio may do: in general by their role, on a study by what they were given of it.

Owners may everything. Experimenters may change the studies that they were given, or only look at them where that was
said; viewers may look at the studies that they were given, export them, and change nothing. To look at a study is to
export it, too. Whoever may change a study may share it with accounts that there are: a colleague is let in by those
who work on the study, and it takes an owner to make an account.

Defines: ``Right``, ``OF_ROLE``, ``right_of``, ``visible_studies``, ``grant``, ``grant_own``, ``revoke``, ``granted``,
``granted_to_all``, ``sharers``, ``named_studies``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mushra_app.errors import NotFoundError
from mushra_app.models import Study
from mushra_app.people.logins import Visitor
from mushra_app.people.tables import Account, StudyPermission


class Right(IntEnum):
    """Each holds those before it; ``OWN`` is what owners alone may: accounts, and the audit log."""

    NONE = 0
    VIEW = 1
    CHANGE = 2
    OWN = 3


OF_ROLE = {"owner": Right.OWN, "experimenter": Right.CHANGE, "viewer": Right.VIEW}


def right_of(db: Session, visitor: Visitor, study: str | None = None) -> Right:
    """What somebody may do with a study, by its name; without one, with what belongs to no study."""
    at_most = OF_ROLE[visitor.role]
    if study is None or visitor.role == "owner":
        return at_most
    own = select(StudyPermission.may).join(Study).where(StudyPermission.account_id == visitor.account_id)
    given = db.scalar(own.where(Study.name == study))
    return min(at_most, Right[given.upper()]) if given else Right.NONE


def visible_studies(db: Session, visitor: Visitor) -> frozenset[str]:
    """Names of the studies that somebody may look at."""
    names = select(Study.name)
    if visitor.role != "owner":
        names = names.join(StudyPermission).where(StudyPermission.account_id == visitor.account_id)
    return frozenset(db.scalars(names))


def grant(db: Session, account: Account, study: str, *, view_only: bool = False) -> None:
    """Give an account a study, in place of what it had of it; NotFoundError where there is no such study."""
    revoke(db, account, study)
    may = "view" if view_only else "change"
    db.add(StudyPermission(account_id=account.id, study_id=_id_of(db, study), may=may))
    db.flush()


def grant_own(db: Session, visitor: Visitor, study: str) -> None:
    """Give whoever began a study that study; owners have it anyway."""
    if visitor.role != "owner" and visitor.account_id is not None and right_of(db, visitor, study) < Right.CHANGE:
        grant(db, db.get_one(Account, visitor.account_id), study)


def revoke(db: Session, account: Account, study: str) -> None:
    """Take a study away from an account; NotFoundError where there is no such study."""
    own = (StudyPermission.account_id == account.id) & (StudyPermission.study_id == _id_of(db, study))
    db.execute(delete(StudyPermission).where(own))


def granted(db: Session, account: Account) -> Sequence[tuple[str, str]]:
    """What an account was given: study, and ``view`` or ``change``."""
    query = select(Study.name, StudyPermission.may).join(StudyPermission).order_by(Study.name)
    return [(name, may) for name, may in db.execute(query.where(StudyPermission.account_id == account.id))]


def granted_to_all(db: Session) -> Mapping[int, Sequence[tuple[str, str]]]:
    """The same of every account, by its id, in one query."""
    query = select(StudyPermission.account_id, Study.name, StudyPermission.may).join(Study).order_by(Study.name)
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for account_id, name, may in db.execute(query):
        found[account_id].append((name, may))
    return found


def sharers(db: Session, study: str) -> Sequence[tuple[Account, str]]:
    """Everybody who was given a study, with ``view`` or ``change``; owners have it without."""
    query = select(Account, StudyPermission.may).join(StudyPermission).join(Study).where(Study.name == study)
    return [(account, may) for account, may in db.execute(query.order_by(Account.name))]


def named_studies(db: Session, names: Iterable[str]) -> list[str]:
    """The names, each once and in order; NotFoundError where there is no such study."""
    wanted = sorted(set(names))
    for name in wanted:
        _id_of(db, name)
    return wanted


def _id_of(db: Session, study: str) -> int:
    found = db.scalar(select(Study.id).where(Study.name == study))
    if found is None:
        known = ", ".join(db.scalars(select(Study.name).order_by(Study.name))) or "none"
        raise NotFoundError(f"{study}: no such study; found {known}")
    return found

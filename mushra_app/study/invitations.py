"""Personal invitations: one link for one listener.

The link is its person's, in whichever browser it is opened: the first opening begins a session, every later one leads
back into it. One that is taken back opens nothing new, and whoever has begun by it goes on. Links are signed with the
data folder's key and stored nowhere, so the table alone opens nothing.

Conventions: labels are personal, and erased with whatever else is known of the person; an invitation is known by its
number, which is its id. Functions take a SQLAlchemy session and know nothing of the web. Defines: ``Wanted``,
``Listed``, ``STATES``, ``numbered``, ``create``, ``revoke``, ``listed``, ``counted``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Case, Select, case, func, select
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError, FieldsError, NotFoundError
from mushra_app.models import ListeningSession, Study, now
from mushra_app.study.recruiting import recruiting_of
from mushra_app.study.tables import Invitation
from mushra_app.words import say

MOST_AT_ONCE = 500
LONGEST_LABEL = 120
STATES = ("unused", "begun", "finished", "refused", "withdrawn", "revoked")


class Wanted(NamedTuple):
    """An invitation that is to be made."""

    label: str
    group: str = ""


class Listed(NamedTuple):
    """One invitation as it stands, in one of ``STATES``; ``code`` is its listener's where it was made at a place."""

    number: int
    label: str
    group: str
    code: str
    state: str
    created_at: str


def numbered(count: int, label: str, group: str = "") -> list[Wanted]:
    """So many invitations: their labels are numbered where there are several."""
    if count == 1 or not label:
        return [Wanted(label, group)] * count
    return [Wanted(f"{label} {number}", group) for number in range(1, count + 1)]


def create(db: Session, study: Study, wanted: Sequence[Wanted], *, code: str | None = None) -> list[Invitation]:
    """Make invitations; AppError where there are too many at once, or one won't do: then none is made."""
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise AppError(
            say("Invitations: found %(found)d; expected 1 to %(most)d at once.", found=len(wanted), most=MOST_AT_ONCE)
        )
    groups = {group.name for group in recruiting_of(study).groups}
    for one in wanted:
        if wrong := mistakes(one, groups):
            raise FieldsError(wrong)
    made = [Invitation(study_id=study.id, label=one.label, listener_group=one.group, code=code) for one in wanted]
    db.add_all(made)
    db.flush()
    return made


def mistakes(wanted: Wanted, groups: set[str]) -> dict[str, str]:
    """What is wrong with an invitation that is to be made: a sentence for its ``label``, one for its ``group``."""
    wrong: dict[str, str] = {}
    if len(wanted.label) > LONGEST_LABEL or not wanted.label.isprintable():
        wrong["label"] = say(
            "The label %(found)r: expected at most %(most)d letters on one line.",
            found=wanted.label,
            most=LONGEST_LABEL,
        )
    if wanted.group and wanted.group not in groups:
        wrong["group"] = say(
            "The group %(found)r: expected one that the settings name (%(known)s), or none.",
            found=wanted.group,
            known=", ".join(sorted(groups)) or say("there is none yet"),
        )
    return wrong


def revoke(db: Session, study: str, number: int) -> Invitation:
    """Take an invitation back; ConflictError where somebody has begun by it, or it was taken back before."""
    query = select(Invitation).join(Study, Study.id == Invitation.study_id)
    found = db.scalar(
        query.where(Study.name == study, Invitation.id == min(number, 2**31 - 1)).with_for_update(of=Invitation)
    )
    if found is None:
        raise NotFoundError(say("%(study)s: no invitation %(number)d", study=study, number=number))
    if found.listener_id is not None:
        raise ConflictError(say("Invitation %(number)d: its listener has begun, and goes on.", number=number))
    if found.revoked_at is not None:
        raise ConflictError(say("Invitation %(number)d was taken back before.", number=number))
    found.revoked_at = now()
    return found


def listed(
    db: Session,
    study_id: int,
    *,
    most: int | None = None,
    before: int | None = None,
    after: int | None = None,
    state: str = "",
    coded: bool = False,
) -> list[Listed]:
    """The invitations of a study, the newest first; with ``after`` those with a number above it, the oldest first.

    At most so many, of those with a number below ``before``, in that state, and with ``coded`` those made at a place.
    """
    found = _state()
    query = select(
        Invitation.id,
        Invitation.label,
        Invitation.listener_group,
        func.coalesce(Invitation.code, ""),
        found,
        Invitation.created_at,
    )
    query = _with_sessions(query).where(Invitation.study_id == study_id).order_by(Invitation.id.desc())
    if after is not None:
        query = query.where(Invitation.id > after).order_by(None).order_by(Invitation.id)
    if before is not None:
        query = query.where(Invitation.id < before)
    if state:
        query = query.where(found == state)
    if coded:
        query = query.where(Invitation.code.is_not(None))
    rows = (tuple(row) for row in db.execute(query.limit(most)))
    return [Listed(*told, created_at=f"{created_at:%Y-%m-%d %H:%M}") for *told, created_at in rows]


def counted(db: Session, study_id: int) -> dict[str, int]:
    """How many invitations are in each state; only states that some are in."""
    state = _state().label("state")
    query = _with_sessions(select(state)).where(Invitation.study_id == study_id).subquery()
    rows = db.execute(select(query.c.state, func.count()).group_by(query.c.state))
    found = {state: count for state, count in rows}  # noqa: C416
    return {state: found[state] for state in STATES if state in found}


_OF_LISTENERS = (
    select(
        ListeningSession.listener_id,
        func.count().label("all"),
        func.sum(case((ListeningSession.status == "finished", 1), else_=0)).label("finished"),
        func.sum(case((ListeningSession.status == "withdrawn", 1), else_=0)).label("withdrawn"),
        func.sum(case((ListeningSession.status == "refused", 1), else_=0)).label("refused"),
    )
    .group_by(ListeningSession.listener_id)
    .subquery()
)


def _with_sessions(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.select_from(Invitation).outerjoin(_OF_LISTENERS, _OF_LISTENERS.c.listener_id == Invitation.listener_id)


def _state() -> Case[str]:
    own = _OF_LISTENERS.c
    return case(
        (Invitation.listener_id.is_(None) & Invitation.revoked_at.is_not(None), "revoked"),
        (Invitation.listener_id.is_(None), "unused"),
        (own.withdrawn > 0, "withdrawn"),
        (own.refused > 0, "refused"),
        (own.finished == own.all, "finished"),
        else_="begun",
    )

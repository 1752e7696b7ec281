"""Who missed an attention check: the reference is rated above every copy of the anchor, or the check is missed.

The definition is that of the report's rule ``attention-check``, which reads the export and lies in another room; a test
holds the two against each other. Of a page that was saved again the last save counts.

Defines: ``SHARE_PERCENT``, ``Checks``, ``checks_of``, ``failed``.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, aliased

from mushra_app.models import Clip, ListeningSession, Response, Save, Slot, Trial

SHARE_PERCENT = 15
"""More than this share of a listener's checks missed excludes in the report, too."""


class Checks(NamedTuple):
    """How many attention checks somebody has taken, and missed."""

    taken: int
    missed: int


def checks_of(db: Session, listener_id: int) -> Checks:
    """The attention checks of one listener, over all their sessions."""
    later = aliased(Save)
    latest = select(func.max(later.revision)).where(later.trial_id == Trial.id).scalar_subquery()
    is_reference = Clip.role == "hidden_reference"
    pages = db.execute(
        select(
            func.min(case((is_reference, Response.number))),
            func.max(case((~is_reference, Response.number))),
        )
        .select_from(Trial)
        .join(ListeningSession, ListeningSession.id == Trial.session_id)
        .join(Save, (Save.trial_id == Trial.id) & (Save.revision == latest))
        .join(Response, Response.save_id == Save.id)
        .join(Slot, Slot.id == Response.slot_id)
        .join(Clip, Clip.id == Slot.clip_id)
        .where(ListeningSession.listener_id == listener_id, Trial.block == "attention")
        .group_by(Trial.id)
    )
    both = [(own, best) for own, best in pages if own is not None and best is not None]
    return Checks(len(both), sum(own <= best for own, best in both))


def failed(checks: Checks, rule: str) -> bool:
    """Whether they failed by a rule: ``none`` of anybody, ``any`` missed check, or ``share`` as in the report."""
    if rule == "share":
        return 100 * checks.missed > SHARE_PERCENT * checks.taken
    return rule == "any" and checks.missed > 0

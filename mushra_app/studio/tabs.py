"""What the pages of one study share: its head, and the tabs in the order of work.

Defines: ``StudyHead``, ``TABS``, ``head_of``, ``head_of_study``, ``name_of_a_duplicate``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.models import Study, StudyVersion
from mushra_app.people import permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.study import lifecycle, names
from mushra_app.words import say_later

TABS: tuple[tuple[str, object], ...] = (
    ("studio.sounds", say_later("Sounds")),
    ("studio.design", say_later("Design")),
    ("studio.study", say_later("Test")),
    ("studio.listeners", say_later("People")),
    ("studio.live", say_later("Live")),
    ("studio.results", say_later("Results")),
)
"""The address of each tab and what it is called."""
STATUS_WORDS = {
    "draft": say_later("draft"),
    "piloting": say_later("piloting"),
    "open": say_later("open"),
    "paused": say_later("paused"),
    "closed": say_later("closed"),
    "superseded": say_later("superseded"),
}
INVITATION_WORDS = {
    "unused": say_later("not used yet"),
    "begun": say_later("begun"),
    "finished": say_later("finished"),
    "refused": say_later("turned away by a check or an answer"),
    "withdrawn": say_later("withdrawn"),
    "revoked": say_later("taken back"),
}


@dataclass(frozen=True)
class StudyHead:
    """One study as every page of it shows it: ``draft`` is the number of a newer version that waits to be opened.

    ``may_change`` is whether whoever looks may change the study.
    """

    name: str
    title: str
    status: str
    number: int
    draft: int | None
    archived: bool
    may_change: bool


def head_of_study(db: Session, study: Study, visitor: Visitor) -> StudyHead:
    """The head of a study that may have nothing published yet."""
    if study.versions:
        return head_of(db, lifecycle.current_of(study), visitor)
    may_change = permissions.right_of(db, visitor, study.name) >= Right.CHANGE
    return StudyHead(study.name, study.name, "draft", 0, None, False, may_change)


def name_of_a_duplicate(db: Session, study: str, visitor: Visitor) -> str | None:
    """What a duplicate may be called; None for whoever may make no study."""
    return names.free_like(db, study) if permissions.right_of(db, visitor) >= Right.CHANGE else None


def head_of(db: Session, version: StudyVersion, visitor: Visitor) -> StudyHead:
    """The head of a study in its current version, for whoever looks."""
    drafts = select(StudyVersion.number).where(
        StudyVersion.study_id == version.study_id, StudyVersion.status == "draft", StudyVersion.number > version.number
    )
    return StudyHead(
        name=version.study.name,
        title=version.title,
        status=version.status,
        number=version.number,
        draft=None if version.status not in (*lifecycle.RUNNING, "closed") else db.scalar(drafts),
        archived=version.study.archived_at is not None,
        may_change=permissions.right_of(db, visitor, version.study.name) >= Right.CHANGE,
    )

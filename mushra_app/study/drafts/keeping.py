"""Where a draft of an experiment file is kept, and that two who write at once don't overwrite each other.

Every change names the revision that it was made from. A change of an older revision is refused with who changed it
meanwhile; nothing of either is lost, because the page that refuses holds what was typed.

Conventions: functions take a SQLAlchemy session and know nothing of the web.
Defines: ``begin_study``, ``begin_with``, ``throw_away``, ``begin``, ``found``, ``store``, ``discard``,
``require_revision``, ``MOST_CHARACTERS``.
"""

from __future__ import annotations

import importlib.resources
from typing import Any

import tomlkit
from pydantic import BaseModel
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.models import Job, Study, StudyVersion
from mushra_app.people.tables import StudyPermission
from mushra_app.session.enrolment import experiment_of
from mushra_app.study import names
from mushra_app.study.lifecycle import no_such_study
from mushra_app.study.tables import ExperimentDraft, Invitation
from mushra_app.table_base import now
from mushra_app.words import say

MOST_CHARACTERS = 60_000
"""Half of the largest form that the server takes."""


def begin_study(db: Session, name: str, who: str) -> Study:
    """A new study with nothing but a draft to be filled in.

    Raises
    ------
    AppError
        Where the name won't do.
    ConflictError
        Where there is a study of that name, seen or not.
    """
    names.require_new(db, name)
    start = importlib.resources.files("mushra_app.study.drafts").joinpath("start.toml").read_text(encoding="utf-8")
    return begin_with(db, name, start.replace("NAME", name), who)


def begin_with(db: Session, name: str, text: str, who: str) -> Study:
    """The same with that text as its draft, under a name that no study has (``names.require_new``)."""
    study = Study(name=name, recruiting={}, versions=[])
    db.add(study)
    db.flush()
    db.add(ExperimentDraft(study_id=study.id, text=text, changed_by=who))
    db.flush()
    return study


def throw_away(db: Session, name: str) -> None:
    """End a study of which nothing was ever published: its name is free again.

    Raises
    ------
    ConflictError
        Where a version of it is there: that is archived instead.
    """
    study = db.scalar(select(Study).where(Study.name == name).with_for_update())
    if study is None:
        raise no_such_study(name)
    if study.versions:
        raise ConflictError(say("%(study)s has been published: close it, then archive it", study=name))
    db.execute(update(Job).where(Job.study_id == study.id).values(study_id=None))
    for table in (ExperimentDraft, StudyPermission, Invitation):
        db.execute(delete(table).where(table.study_id == study.id))
    db.delete(study)
    db.flush()


def begin(db: Session, version: StudyVersion, who: str) -> ExperimentDraft:
    """A draft that says what a published version says; the one that is there already is left as it is."""
    if (draft := found(db, version.study_id)) is None:
        draft = ExperimentDraft(study_id=version.study_id, text=text_of(version), changed_by=who)
        db.add(draft)
        db.flush()
    return draft


def found(db: Session, study_id: int) -> ExperimentDraft | None:
    """The draft of a study, if somebody writes one."""
    return db.scalar(select(ExperimentDraft).where(ExperimentDraft.study_id == study_id))


def store(db: Session, study_id: int, text: str, revision: int, who: str) -> ExperimentDraft:
    """Put a text in the place of the one of that revision.

    Raises
    ------
    ConflictError
        Where somebody has changed it meanwhile.
    """
    draft = db.scalar(select(ExperimentDraft).where(ExperimentDraft.study_id == study_id).with_for_update())
    if draft is None:
        raise NotFoundError(say("This draft was published or thrown away meanwhile."))
    if len(text) > MOST_CHARACTERS:
        raise AppError(say("The file is longer than %(most)s characters; nothing was saved", most=MOST_CHARACTERS))
    if draft.text == text:
        return draft
    if draft.revision != revision:
        raise ConflictError(
            say(
                "This file was changed by %(who)s at %(when)s UTC, after you had opened it. Yours was not saved: it "
                "stands below. The form shows theirs: write into it what you need of yours.",
                who=draft.changed_by,
                when=f"{draft.changed_at:%Y-%m-%d %H:%M}",
            )
        )
    draft.text, draft.revision = text, revision + 1
    draft.changed_by, draft.changed_at = who, now()
    db.flush()
    return draft


def discard(db: Session, study_id: int, revision: int) -> bool:
    """Throw the draft of that revision away; whether there was one.

    A study that has nothing else keeps it, because it would be left with nothing.

    Raises
    ------
    ConflictError
        Where somebody has changed it meanwhile.
    """
    draft = db.scalar(select(ExperimentDraft).where(ExperimentDraft.study_id == study_id).with_for_update())
    if draft is None or db.scalar(select(StudyVersion.id).where(StudyVersion.study_id == study_id)) is None:
        return False
    require_revision(draft, revision)
    db.delete(draft)
    db.flush()
    return True


def require_revision(draft: ExperimentDraft, revision: int) -> None:
    """Refuse to publish or throw away what somebody has not seen: ConflictError says who has changed it."""
    if draft.revision != revision:
        raise ConflictError(
            say(
                "%(who)s changed this draft at %(when)s UTC, after you had opened it, so it stays and was not "
                "published. Read it as it is now, and try again.",
                who=draft.changed_by,
                when=f"{draft.changed_at:%Y-%m-%d %H:%M}",
            )
        )


def text_of(version: StudyVersion) -> str:
    """A version's experiment as TOML: what it says, without what holds where nothing is said."""
    return tomlkit.dumps(_said(experiment_of(version)))


def _said(part: BaseModel) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if value is None or (
            name != "kind" and not field.is_required() and value == field.get_default(call_default_factory=True)
        ):
            continue
        said[name] = _plain(value)
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _said(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    return value

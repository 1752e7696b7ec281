"""A study once more, under another name: the next one of a series, or the same one for other listeners.

Of a published version the duplicate is a new study whose first version is a draft with the very same sounds: the set is
laid down again with the new name in its manifest (hard links where the disk can), so nothing is built anew. Of a study
that is only written the duplicate is a new study with a copy of the text, comments and all.

How listeners are taken comes along: open link, limits, groups, criteria. What a panel has handed out for one study does
not: its codes and the address that leads back, in the settings and in the file alike, because listeners of the
duplicate would be paid as those of the old one. Nobody comes along, either: no listeners, invitations, ratings, notes
of looks, and none of those who may see the old one.

To see a study is enough to duplicate it: whoever may see it may download its file and hear its sounds, and the old one
is not changed. To make a study takes what "New study" takes.

Conventions: functions know nothing of the web. Hashing, files and TOML are done before the transaction.
Defines: ``Wanted``, ``duplicate``.
"""

from __future__ import annotations

from dataclasses import dataclass

import tomlkit
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tomlkit.exceptions import TOMLKitError

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, UnavailableError
from mushra_app.models import StudyVersion
from mushra_app.people import audit, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.publish import Published
from mushra_app.session.enrolment import experiment_of
from mushra_app.study import lifecycle, names
from mushra_app.study.drafts import keeping
from mushra_app.study.drafts.publishing import publish_again
from mushra_app.study.recruiting import recruiting_of
from mushra_app.words import say
from stimuli.errors import StimuliError
from stimuli.experiment import Completion, Experiment

OF_A_PANEL = ("completion_code", "screen_out_code", "attention_code", "return_url")
"""Settings of recruiting that belong to one study."""


@dataclass(frozen=True)
class Wanted:
    """Which study is duplicated, under which name; ``number`` is the version, None for the current one.

    ``token`` is by which one of whoever it is, where it is by one; the audit log says so.
    """

    study: str
    name: str
    number: int | None = None
    token: str = ""


def duplicate(database: Database, settings: Settings, wanted: Wanted, visitor: Visitor) -> int | None:
    """Make the new study, which then is its maker's; the number of the version it was made of, None of a written one.

    Raises
    ------
    AppError
        Where the name won't do, or the written file is no TOML.
    ConflictError
        Where somebody has that name, or the sounds are not where they were published from. Nothing was stored then.
    NotFoundError
        Where there is no such study, or no such version of it.
    UnavailableError
        Where the disk has no room for it.
    """
    with database.reading() as db:
        found = lifecycle.study_of(db, wanted.study)
        names.require_new(db, wanted.name)
        draft = keeping.found(db, found.id)
        if wanted.number is not None:
            version = lifecycle.version_of(db, wanted.study, wanted.number)
        else:
            version = lifecycle.current_of(found) if found.versions or draft is None else None
    try:
        if version is not None:
            _of_version(database, settings, wanted, visitor, version)
        elif draft is not None:
            _of_text(database, wanted, visitor, draft.text)
    except IntegrityError:  # somebody took the name since it was looked for
        with database.reading() as db:
            names.require_new(db, wanted.name)
        raise
    return version.number if version else None


def _of_version(
    database: Database, settings: Settings, wanted: Wanted, visitor: Visitor, version: StudyVersion
) -> None:
    def also(db: Session, done: Published) -> None:
        if not done.begun:
            raise names.taken(wanted.name)
        _settle(db, wanted, visitor, f"{wanted.name}: duplicated from {wanted.study}, version {version.number}")

    try:
        publish_again(database, settings, version, _renamed(experiment_of(version), wanted.name), also)
    except StimuliError as error:
        raise ConflictError(
            say(
                "The stimulus set of %(study)s, version %(number)d, is not whole where it was published from: "
                "%(reason)s. Nothing was made. Publish the set again from where it lies now, then try again.",
                study=wanted.study,
                number=version.number,
                reason=str(error).partition("\n")[0],
            )
        ) from None
    except OSError as error:
        raise UnavailableError(
            say("The sounds could not be laid down again: %(reason)s; nothing was made.", reason=error.strerror or "?")
        ) from error


def _of_text(database: Database, wanted: Wanted, visitor: Visitor, text: str) -> None:
    copied = _copied(text, wanted.name)
    with database.writing() as db:
        keeping.begin_with(db, wanted.name, copied, visitor.name)
        _settle(
            db, wanted, visitor, f"{wanted.name}: duplicated from {wanted.study}, of which only the file is written"
        )


def _settle(db: Session, wanted: Wanted, visitor: Visitor, about: str) -> None:
    """What the new study has of the old one beside the file and the sounds, and whose it is."""
    if permissions.right_of(db, visitor, wanted.study) < Right.VIEW or permissions.right_of(db, visitor) < Right.CHANGE:
        raise ConflictError(say("You may not duplicate this study any more; nothing was made."))
    kept = recruiting_of(lifecycle.study_of(db, wanted.study)).model_copy(update=dict.fromkeys(OF_A_PANEL, ""))
    lifecycle.study_of(db, wanted.name).recruiting = kept.model_dump(mode="json")
    permissions.grant_own(db, visitor, wanted.name)
    audit.note(db, visitor.name, "study", f"{about}, by the token {wanted.token!r}" if wanted.token else about)


def _renamed(experiment: Experiment, name: str) -> Experiment:
    header = experiment.experiment.model_copy(update={"name": name})
    return experiment.model_copy(update={"experiment": header, "completion": Completion()})


def _copied(text: str, name: str) -> str:
    """The file under another name, with whatever else somebody wrote into it, even where that is wrong still."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise AppError(
            say("The file is no TOML yet, so its name can't be changed: %(reason)s. Mend it first.", reason=str(error))
        ) from None
    header = document.setdefault("experiment", tomlkit.table())
    if not isinstance(header, dict):
        raise AppError(say("The file: found no table [experiment], which holds its name. Mend it first."))
    header["name"] = name
    if isinstance(panel := document.get("completion"), dict):
        for key in ("code", "return_url"):
            panel.pop(key, None)
    return tomlkit.dumps(document)

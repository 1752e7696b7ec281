"""A draft that changes no sound becomes a version out of the sounds that are there.

A corrected sentence, another question, another plan: the sounds stay, so that nothing is built anew. The set of the
published version is laid down once more with the new experiment in its manifest, the same files behind new names (hard
links where the disk can), in a folder of its own, and published as any other. The draft goes in the transaction that
makes the version, and only as it was published: what somebody saves meanwhile stays.

Defines: ``keeps_sounds``, ``other_name``, ``publish_draft``, ``publish_again``, ``restate``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.models import StudyVersion
from mushra_app.people import audit, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.publish import Published, publish
from mushra_app.study import lifecycle, sets
from mushra_app.study.drafts import keeping
from mushra_app.words import say
from stimuli import manifest as manifests
from stimuli.experiment import Experiment, parse, study_id
from stimuli.standard.check import check_experiment

SOUNDS = {"songs", "items", "systems", "anchors", "loudness"}
"""Parts of the file that sounds follow from, beside the target."""


def keeps_sounds(before: Experiment, after: Experiment) -> bool:
    """Whether both have the very same sounds, as far as their files say."""
    return (
        before.model_dump(include=SOUNDS) == after.model_dump(include=SOUNDS)
        and before.experiment.target == after.experiment.target
    )


def other_name(study: str, experiment: Experiment) -> str:
    """Why a file can't become a version of that study, which its name says is another; "" where it can."""
    found = experiment.experiment.name
    if found == study:
        return ""
    return say(
        "The file's name is “%(found)s”, and this study is “%(study)s”, by which its listeners know it. Write "
        "“%(study)s” there again, or duplicate the study under the other name.",
        found=found,
        study=study,
    )


def publish_draft(database: Database, settings: Settings, study: str, revision: int, visitor: Visitor) -> Published:
    """Make a draft version of what is written in that revision.

    Raises
    ------
    ConflictError
        Where there is nothing to publish, nothing that a version does not say already, or somebody has changed it.
    AppError, StimuliError
        What ``restate`` and ``publish`` say, and of a text with mistakes. Nothing was stored then.
    """
    with database.reading() as db:
        found = lifecycle.study_of(db, study)
        draft = keeping.found(db, found.id)
        if draft is None or not found.versions:
            raise ConflictError(say("There is nothing to publish: %(study)s has no draft and sounds", study=study))
        keeping.require_revision(draft, revision)
        version = lifecycle.current_of(found)
        experiment = parse(draft.text)
    if refused := other_name(study, experiment):
        raise AppError(refused)

    def also(db: Session, done: Published) -> None:
        if permissions.right_of(db, visitor, study) < Right.CHANGE:
            raise ConflictError(say("You may not change this study any more; nothing was published."))
        if done.change == "nothing":
            raise ConflictError(say("It says what version %(number)s says.", number=done.number))
        keeping.discard(db, lifecycle.study_of(db, study).id, revision)
        audit.note(db, visitor.name, "study", f"{study}: version {done.number} published as a {done.status}")

    return publish_again(database, settings, version, experiment, also)


def publish_again(
    database: Database,
    settings: Settings,
    version: StudyVersion,
    experiment: Experiment,
    also: Callable[[Session, Published], None],
) -> Published:
    """Make a draft version of another experiment with the sounds of a version that there is, in a folder of its own.

    ``also`` is done in the same transaction. Where anything fails the folder is gone again.

    Raises
    ------
    AppError, StimuliError
        What ``restate`` and ``publish`` say; and where another set lies now where the version was published from.
    """
    folder = sets.folder_of(version.published_from, settings)
    if manifests.read(folder).stimuli_id != version.stimuli_id:
        raise ConflictError(
            say(
                "%(folder)s: another stimulus set lies there now than version %(number)d was published from. Publish "
                "that one again from where it lies, then try again.",
                folder=str(folder),
                number=version.number,
            )
        )
    into = settings.sets_dir.absolute() / f"{experiment.experiment.name}-{secrets.token_hex(6)}"
    with sets.laid_down(into):
        return publish(restate(folder, experiment, into), database, settings, as_draft=True, also=also)


def restate(folder: Path, experiment: Experiment, into: Path) -> Path:
    """Lay the set in ``folder`` down in the new folder ``into`` as the set of another experiment with the same sounds,
    which may have another name.

    Raises
    ------
    ManifestError
        Where the set is not there any more, or not what was built.
    AppError
        Where the experiment would have other sounds.
    """
    manifest = manifests.verify(folder)
    if not keeps_sounds(manifest.experiment, experiment):
        raise AppError(say("This changes sounds: build the set again with mushra stimuli build, and publish it"))
    of_the_file = check_experiment(experiment)
    names = {result.rule for result in of_the_file}
    restated = manifest.model_copy(
        update={
            "experiment": experiment,
            "study_id": study_id(experiment, manifest.stimuli_id),
            "rules": (*of_the_file, *(rule for rule in manifest.rules if rule.rule not in names)),
        }
    )
    into.mkdir(parents=True)
    for clip in manifest.clips:
        _link(folder / clip.file, into / clip.file)
    manifests.write(into, restated)
    return into


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)

"""A draft that changes no sound becomes a version out of the sounds that are there.

A corrected sentence, another question, another plan: the sounds stay, so that nothing is built anew. The set of the
published version is laid down once more with the new experiment in its manifest, the same files behind new names (hard
links where the disk can), and published as any other.

Defines: ``keeps_sounds``, ``restate``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mushra_app.errors import AppError
from mushra_app.words import say
from stimuli import manifest as manifests
from stimuli.experiment import Experiment, study_id
from stimuli.standard.check import check_experiment

SOUNDS = {"songs", "items", "systems", "anchors", "loudness"}
"""Parts of the file that sounds follow from, beside the target."""


def keeps_sounds(before: Experiment, after: Experiment) -> bool:
    """Whether both have the very same sounds, as far as their files say."""
    return (
        before.model_dump(include=SOUNDS) == after.model_dump(include=SOUNDS)
        and before.experiment.target == after.experiment.target
        and before.experiment.name == after.experiment.name
    )


def restate(folder: Path, experiment: Experiment, into: Path) -> Path:
    """Lay the set in ``folder`` down in ``into`` as the set of another experiment with the same sounds.

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
    into.mkdir(parents=True, exist_ok=True)
    for clip in manifest.clips:
        _link(folder / clip.file, into / clip.file)
    manifests.write(into, restated)
    return into


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)

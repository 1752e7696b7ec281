"""The replication bundle: one archive from which somebody else makes the same report again.

It holds what was asked (the experiment file and the plan in words), what was heard (the manifest, the objective
metrics, and the sounds where their licences allow it), what was answered (ratings, and answers that are not personal),
what came of it (the report), and what everything means. Only a study that runs no more has one.

Reports, plans and metrics are another room's work and made by its commands. The archive's bytes follow from the study
alone: no time of making, nothing compressed (which depends on a library's release), names in order.

Conventions: names in the archive begin with the folder ``<study>/``; ``SHA256SUMS`` is as ``sha256sum -c`` reads it.
Defines: ``Contents``, ``contents_of``, ``write_bundle``.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as version_of_package
from importlib.resources import files
from pathlib import Path
from typing import Any

import tomlkit
from jinja2 import Environment
from sqlalchemy.orm import Session

from mushra_app import ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.export import ANSWER_COLUMNS, rows, write_answers
from mushra_app.models import StudyVersion
from mushra_app.session.enrolment import experiment_of
from mushra_app.study import lifecycle, packing, peeking
from mushra_app.study.sets import folder_of
from mushra_app.words import say
from stimuli import experiment as experiments
from stimuli import manifest as sets
from stimuli.experiment import Experiment
from stimuli.manifest import Manifest

SCHEMA = 1
METRICS = "metrics.json"
PACKAGES = ("hidden-reference", "numpy", "pandas", "scipy", "matplotlib", "soundfile", "soxr")
ANSWER_MEANINGS = (
    *("short name of the study", "identity of the study version", "pseudonym", "one sitting of one listener"),
    *(
        "the trial that was commented, or that followed the question; empty: neither",
        "name of the question, or comment",
    ),
    "what was answered; an apostrophe stands before what a spreadsheet would take for a formula",
)
PROGRESS = "progress: "

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Contents:
    """What a bundle takes out of the database: a version of a study, and who rated it."""

    study: str
    number: int
    identity: str
    title: str
    experiment: Experiment
    set_folder: Path
    facts: dict[str, Any]


def contents_of(db: Session, settings: Settings, study: str, number: int | None = None) -> Contents:
    """The version that a bundle is of: the one that is named, or else the current one.

    Raises
    ------
    ConflictError
        While the study runs.
    """
    version = lifecycle.chosen(db, study, number)
    _require_over(db, study)
    return Contents(
        study=study,
        number=version.number,
        identity=version.identity,
        title=version.title,
        experiment=experiment_of(version),
        set_folder=folder_of(version.published_from, settings),
        facts=_facts(version),
    )


def write_bundle(database: Database, found: Contents, out: Path, *, sounds: bool, tell: Tell = str) -> int:
    """Write the archive, atomically; how many ratings it holds.

    Parameters
    ----------
    sounds : whether the clips are in it.
    tell : is told the name of each step before it begins.

    Raises
    ------
    AppError
        Where the stimulus set is not where it was published from or is another one by now, there is no rating, the
        study was opened again meanwhile, or a command of another room fails.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=out.parent) as folder:
        root = Path(folder) / found.study
        (root / "stimuli").mkdir(parents=True)
        tell("sounds")
        manifest = _copy_set(found, root / "stimuli")
        tell("ratings")
        with database.reading() as db:
            count = _write_answers(db, found, root)
        _write_words(found, root, sounds=sounds)
        if not (root / "stimuli" / METRICS).is_file():
            tell("metrics")
            _mushra(tell, "metrics", "stimuli", "--no-songs", where=root)
        _forget_places(root, found.set_folder)
        _mushra(tell, "preregister", "experiment.toml", "--out", "preregistration.md", where=root)
        report = ("report", "ratings.csv", "--stimuli", "stimuli", "--peeks", "peeks.csv")
        _mushra(tell, *report, "--out", "report.html", "--json", "report.json", where=root)
        if not sounds:
            for clip in manifest.clips:
                (root / "stimuli" / clip.file).unlink(missing_ok=True)
        tell("archive")
        packing.write_sums(root)
        packing.pack(root, out)
    return count


def _require_over(db: Session, study: str) -> None:
    if peeking.is_running(db, study):
        raise ConflictError(say("%(study)s is still running; close it, and then make its bundle", study=study))


def _facts(version: StudyVersion) -> dict[str, Any]:
    """What ``versions.json`` says of the study."""
    times = {"published_at": version.published_at, "opened_at": version.opened_at, "closed_at": version.closed_at}
    return {
        "schema_number": SCHEMA,
        "study": version.study.name,
        "version": version.number,
        "study_id": version.identity,
        "stimuli_id": version.stimuli_id,
        **{name: at.isoformat(timespec="seconds") if at else None for name, at in times.items()},
        "python": platform.python_version(),
        "packages": {name: version_of_package(name) for name in PACKAGES},
    }


def _copy_set(found: Contents, folder: Path) -> Manifest:
    """The set as it was published, whether or not its sounds will be in the archive: metrics are made of them."""
    try:
        manifest = sets.verify(found.set_folder)
    except sets.ManifestError as error:
        raise AppError(f"{error}; the bundle needs the stimulus set where it was published from") from None
    if manifest.study_id != found.identity:
        raise AppError(
            f"{found.set_folder}: is not the set any more that version {found.number} of {found.study} was published "
            f"from ({manifest.study_id[:16]}…, expected {found.identity[:16]}…); put the set back there"
        )
    for name in (sets.FILE_NAME, METRICS, *sorted({clip.file for clip in manifest.clips})):
        if (found.set_folder / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found.set_folder / name, folder / name)
    return manifest


def _write_answers(db: Session, found: Contents, root: Path) -> int:
    """What was answered, and what its columns mean; ConflictError where the study was opened again meanwhile."""
    _require_over(db, found.study)
    count = ratings.write_csv(root / "ratings.csv", rows(db, found.study, version=found.number))
    if not count:
        raise AppError(
            f"{found.study}, version {found.number}: nobody has rated anything; there is nothing to replicate"
        )
    write_answers(root / "answers.csv", db, found.study, found.number)
    ratings.write_peeks(root / "peeks.csv", peeking.peeks(db, found.study))
    meanings = [
        *(("ratings.csv", one.name, one.type.__name__, one.meaning) for one in ratings.COLUMNS),
        *(("answers.csv", name, "str", told) for name, told in zip(ANSWER_COLUMNS, ANSWER_MEANINGS, strict=True)),
        ("peeks.csv", "at", "str", "when somebody looked at the conditions while the study ran, ISO 8601 UTC"),
        ("peeks.csv", "reason", "str", "the reason that was given for it"),
    ]
    with (root / "data_dictionary.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("file", "column", "type", "meaning"), *meanings])
    return count


def _write_words(found: Contents, root: Path, *, sounds: bool) -> None:
    """The experiment file, the versions, and what to do with all of it."""
    written = tomlkit.dumps(_without_none(found.experiment.model_dump(mode="json")))
    (root / "experiment.toml").write_text(written, encoding="utf-8")
    if experiments.load(root / "experiment.toml") != found.experiment:
        raise AppError(
            f"{found.study}: its experiment file can't be written so that it says the same; please report this"
        )
    facts = found.facts | {"sounds": sounds}
    (root / "versions.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    template = (files("mushra_app.study") / "bundle.md.jinja").read_text(encoding="utf-8")
    page = Environment(keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    (root / "README.md").write_text(page.render(found=found, facts=facts, sounds=sounds), encoding="utf-8")


def _without_none(value: Any) -> Any:
    """TOML has no null; a key that is left out says the same."""
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value


def _forget_places(root: Path, set_folder: Path) -> None:
    """Metrics name the folder that they were worked out in in a note, and leave the pieces they were made from."""
    path = root / "stimuli" / METRICS
    told = path.read_text(encoding="utf-8")
    for folder in (root, set_folder):
        told = told.replace(f"{folder.as_posix()}/", "")
    path.write_text(told, encoding="utf-8")
    shutil.rmtree(root / "stimuli" / "records", ignore_errors=True)


def _mushra(tell: Tell, *arguments: str, where: Path) -> None:
    """Run a command of another room; its progress is passed on, and where it fails so is the reason."""
    command = [sys.executable, "-P", "-m", "mushra_app.cli", *arguments]
    environment = os.environ | {"MUSHRA_JOB": "yes"}
    last = ""
    with subprocess.Popen(
        command, cwd=where, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(PROGRESS):
                tell(line.removeprefix(PROGRESS).strip())
            elif line.strip():
                last = line.strip()
    if process.returncode:
        raise AppError(f"mushra {arguments[0]}: {last.removeprefix('mushra: ') or f'exit code {process.returncode}'}")

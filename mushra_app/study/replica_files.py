"""The files of a replication bundle: unpacked, held against their hashes, and read once from end to end.

Conventions: errors name a file by its place in the bundle, wherever that was unpacked to.
Defines: ``Bundle``, ``Facts``, ``root_of``, ``read``, ``lay_down``, ``named_as``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from mushra_app import ratings
from mushra_app.errors import AppError, ConflictError, RatingsError
from mushra_app.study import packing
from mushra_app.study.bundle import METRICS, SCHEMA
from mushra_app.study.replica_rows import LARGEST, Fit, Given, answers, is_moment, sittings
from mushra_app.study.unpacking import RESERVE, unpack_all
from stimuli import manifest as sets
from stimuli.errors import HiddenReferenceError
from stimuli.manifest import Manifest

LARGEST_FILE = 64 * 10**9
"""Ratings may be of any number; what an archive may unpack to altogether still follows from its own size."""
NEEDED = ("versions.json", "ratings.csv", "answers.csv", "peeks.csv", f"stimuli/{sets.FILE_NAME}")


class Facts(BaseModel):
    """What ``versions.json`` says of the study; what made the bundle is not needed."""

    schema_number: int
    study: str
    version: int = Field(ge=1, le=LARGEST)
    study_id: str
    stimuli_id: str
    published_at: AwareDatetime
    opened_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    sounds: bool


@dataclass(frozen=True)
class Bundle:
    """An unpacked bundle that was read once from end to end."""

    root: Path
    facts: Facts
    manifest: Manifest
    ratings: int
    comments: list[Given]
    answers: list[Given]
    peeks: tuple[ratings.Peek, ...]

    @property
    def fit(self) -> Fit:
        """What its ratings may name."""
        return Fit.of(self.manifest)


@contextmanager
def named_as(root: Path) -> Iterator[None]:
    """What is said of a file names it by its place in the bundle, wherever that was unpacked to."""
    try:
        yield
    except HiddenReferenceError as error:
        kind = ConflictError if isinstance(error, ConflictError) else AppError
        raise kind(str(error).replace(f"{root}/", "").replace(str(root), "the bundle")) from None


def root_of(bundle: Path, work: Path) -> Path:
    """The folder with the hashes; what lies in it is what was packed."""
    if not bundle.exists():
        raise AppError(f"{bundle}: no such file or folder; expected the zip that mushra bundle wrote, or its folder")
    folder = bundle
    if bundle.is_file():
        folder = work / "bundle"
        room = shutil.disk_usage(work).free - RESERVE
        unpack_all(bundle, folder, room, largest_file=LARGEST_FILE)
    roots = [one for one in (folder, *sorted(folder.iterdir())) if (one / packing.SUMS).is_file()]
    if len(roots) != 1:
        raise AppError(f"{bundle}: no bundle: {packing.SUMS} is missing; expected the zip that mushra bundle wrote")
    with named_as(roots[0]):
        packing.check_sums(roots[0])
    listed = {line.split("  ", 1)[-1] for line in (roots[0] / packing.SUMS).read_text(encoding="utf-8").splitlines()}
    if missing := [name for name in NEEDED if name not in listed]:
        raise AppError(f"{bundle}: {packing.SUMS} does not name {', '.join(missing)}; make the bundle again")
    return roots[0]


def read(root: Path) -> Bundle:
    """All that the bundle says, checked as far as it can be without a database."""
    facts, manifest = _facts_of(root / "versions.json"), sets.read(root / "stimuli")
    fit = Fit.of(manifest)
    told = {name: getattr(facts, name) for name in fit.study}
    if told != fit.study:
        wrong = ", ".join(name for name in told if told[name] != fit.study[name])
        raise AppError(f"{root / 'versions.json'}: {wrong}: not that of stimuli/{sets.FILE_NAME}; make it again")
    count = sum(map(len, sittings(root / "ratings.csv", fit)))
    if not count:
        raise AppError(f"{root / 'ratings.csv'}: holds no rating; there is nothing to replicate")
    comments, given = answers(root / "answers.csv", fit)
    peeks = ratings.read_peeks(root / "peeks.csv")
    for line, peek in enumerate(peeks, 2):
        if not is_moment(peek.at, "minutes"):
            raise RatingsError(
                f"{root / 'peeks.csv'}: line {line}: at: found {peek.at!r}; expected a time in UTC, to the minute"
            )
    return Bundle(root, facts, manifest, count, comments, given, peeks)


def _facts_of(path: Path) -> Facts:
    """Read ``versions.json``; AppError where it is of a newer release, or says something else."""
    try:
        facts = Facts.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        told = "; ".join(f"{one['loc'][0] if one['loc'] else 'it'}: {one['msg']}" for one in _of(error)) or str(error)
        raise AppError(f"{path}: {told}; expected what mushra bundle writes") from None
    if facts.schema_number > SCHEMA:
        raise AppError(
            f"{path}: the bundle has schema {facts.schema_number}, this release reads {SCHEMA}; install a newer release"
        )
    return facts


def _of(error: Exception) -> list[Any]:
    return list(error.errors(include_url=False)) if isinstance(error, ValidationError) else []


def lay_down(found: Bundle, stimuli: Path | None, folder: Path) -> None:
    """The set with its sounds: the bundle's own, or the same one from where somebody has it; metrics are its own."""
    if stimuli is None and not found.facts.sounds:
        raise AppError(
            "the bundle is without sounds; ask whoever made it for one with them (mushra bundle --sounds), or, if you "
            "have the stimulus set, name its folder: --stimuli DIR"
        )
    source = stimuli or found.root / "stimuli"
    manifest = sets.verify(source)
    if manifest.study_id != found.facts.study_id:
        raise AppError(
            f"{source}: another set ({manifest.study_id[:16]}…, expected {found.facts.study_id[:16]}…); name the one "
            "that was heard"
        )
    copied = {name: source / name for name in (sets.FILE_NAME, *(clip.file for clip in manifest.clips))}
    for name, path in (copied | {METRICS: found.root / "stimuli" / METRICS}).items():
        if path.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)

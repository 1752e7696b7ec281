"""What a replication bundle says, read line by line and held against its own manifest before anything is stored.

Ratings come in the order in which an export writes them, session by session, so that a file of any length is read in
little memory. What is not said here of a row is found afterwards, when the new database is held against the file.

Conventions: ``Line`` is the number of a line and its row. Defines: ``Fit``, ``sittings``, ``Given``,
``answers``, ``is_moment``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from mushra_app import ratings
from mushra_app.errors import RatingsError
from mushra_app.export import ANSWER_COLUMNS, as_it_was
from mushra_app.ratings import Row
from mushra_app.session.enrolment import HIDDEN_ROLES
from stimuli.manifest import Manifest

LARGEST = 2**31 - 1
"""Of whole numbers: what PostgreSQL keeps."""
NEEDED = (
    *("part", "presentation", "slot", "rating", "replicate", "training", "attention_check", "simulated"),
    *("finished", "trial_s", "gain_db", "rate_hz", "revision"),
)
"""Columns that no export leaves empty."""
TEXTS, FLOATS, WHOLE_NUMBERS = (
    tuple(column.name for column in ratings.COLUMNS if column.type is kind) for kind in (str, float, int)
)

Line = tuple[int, Row]


@dataclass(frozen=True)
class Fit:
    """What ratings may name: the study, and the items, clips and scales of its manifest."""

    study: dict[str, str]
    clips: frozenset[tuple[str, str, str]]
    items: frozenset[str]
    scales: frozenset[str]

    @classmethod
    def of(cls, manifest: Manifest) -> Fit:
        """Of a stimulus set."""
        experiment = manifest.experiment
        identity = {"study_id": manifest.study_id, "stimuli_id": manifest.stimuli_id}
        return cls(
            study={"study": experiment.experiment.name} | identity,
            clips=frozenset((clip.item, clip.condition, clip.role) for clip in manifest.clips),
            items=frozenset(item.name for item in manifest.items),
            scales=frozenset(attribute.name for attribute in experiment.attributes),
        )


def sittings(path: Path, fit: Fit) -> Iterator[list[Line]]:
    """The lines of each session, in the file's order.

    Raises
    ------
    RatingsError
        With line and column where a row is no rating of this study, or two rows can't both be true.
    """
    trials: set[str] = set()
    parts: set[tuple[str, int]] = set()
    before = 0
    for session, found in groupby(ratings.lines(path), key=lambda line: line[1]["session"]):
        own = list(found)
        for number, row in own:
            _check_cells(path, number, row)
            _check_names(path, number, row, fit)
        number, first = own[0]
        if int(session) <= before:
            raise _wrong(path, number, "session", session, "sessions in order, each of them once")
        if (first["listener"], first["part"]) in parts:
            raise _wrong(path, number, "part", first["part"], f"one that {first['listener']} has no session of yet")
        _check_trials(path, own, trials)
        parts.add((first["listener"], first["part"]))
        before = int(session)
        yield own


def _check_trials(path: Path, own: list[Line], trials: set[str]) -> None:
    """Each trial of a session once, and on it each slot of each scale."""
    before = 0
    for trial, found in groupby(own, key=lambda line: line[1]["trial"]):
        lines = list(found)
        number, first = lines[0]
        if trial in trials:
            raise _wrong(path, number, "trial", trial, "each trial once, its rows together")
        if first["presentation"] <= before:
            raise _wrong(path, number, "presentation", first["presentation"], "trials in the order of the session")
        trials.add(trial)
        before, rated = first["presentation"], set[tuple[int, str]]()
        for at, row in lines:
            if (row["slot"], row["attribute"]) in rated:
                raise _wrong(path, at, "slot", row["slot"], "each slot of a trial once")
            rated.add((row["slot"], row["attribute"]))


def _check_cells(path: Path, number: int, row: Row) -> None:
    for name in NEEDED:
        if row[name] is None:
            raise _wrong(path, number, name, "", "a value")
    for name in TEXTS:
        if "\0" in row[name]:
            raise _wrong(path, number, name, row[name], "text without a NUL")
    for name in FLOATS:
        if not math.isfinite(row[name] or 0.0):
            raise _wrong(path, number, name, row[name], "a finite number")
    for name in WHOLE_NUMBERS:
        if not 0 <= (row[name] or 0) <= LARGEST:
            raise _wrong(path, number, name, row[name], f"0 to {LARGEST}")
    for name in ("session", "trial"):
        if not _is_id(row[name]):
            raise _wrong(path, number, name, row[name], f"a whole number from 1 to {LARGEST}")
    if not is_moment(row["saved_at"], "milliseconds"):
        raise _wrong(path, number, "saved_at", row["saved_at"], "a time in UTC, to the millisecond")
    if row["place"] and row["level_db_a"] is None:
        raise _wrong(path, number, "level_db_a", "", "the level that the place is calibrated to")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= LARGEST


def is_moment(text: str, fine: str) -> bool:
    """Whether an export wrote it, which has one way for each moment; ``fine``: seconds, minutes and so on."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec=fine) == text
    except (ValueError, OverflowError):
        return False


def _check_names(path: Path, number: int, row: Row, fit: Fit) -> None:
    for name, expected in fit.study.items():
        if row[name] != expected:
            raise _wrong(path, number, name, row[name], f"that of the bundle, {expected}")
    if row["item"] not in fit.items:
        raise _wrong(path, number, "item", row["item"], "an item of stimuli/manifest.json")
    if row["attribute"] not in fit.scales:
        raise _wrong(path, number, "attribute", row["attribute"], f"one of {', '.join(sorted(fit.scales))}")
    if row["role"] not in HIDDEN_ROLES:
        raise _wrong(path, number, "role", row["role"], f"one of {', '.join(HIDDEN_ROLES)}")
    if (row["item"], row["condition"], row["role"]) not in fit.clips:
        raise _wrong(path, number, "condition", row["condition"], f"a {row['role']} of {row['item']}")


def _wrong(path: Path, number: int, column: str, found: Any, expected: str) -> RatingsError:
    told = ratings.to_text(found)
    return RatingsError(f"{path}: line {number}: {column}: found {told!r}; expected {expected}")


class Given(NamedTuple):
    """One answer, or one comment on a trial; ``trial`` is None where it belongs to none."""

    line: int
    listener: str
    session: int
    trial: int | None
    question: str
    text: str


def answers(path: Path, fit: Fit) -> tuple[list[Given], list[Given]]:
    """Comments on trials, and answers to questions, each in the file's order.

    An export has the comments first, so that a question that is called ``comment`` is told from them.

    Raises
    ------
    RatingsError
        Where the file is missing, or a line is of another study or can't be read.
    """
    comments: list[Given] = []
    given: list[Given] = []
    for one in _given(path, fit):
        is_comment = one.question == "comment" and one.trial is not None and not given
        (comments if is_comment else given).append(one)
    return comments, given


def _given(path: Path, fit: Fit) -> Iterator[Given]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream, strict=True)
            if tuple(next(reader, ())) != ANSWER_COLUMNS:
                raise RatingsError(f"{path}: line 1: expected the columns {', '.join(ANSWER_COLUMNS)}")
            for number, cells in enumerate(reader, 2):
                if len(cells) != len(ANSWER_COLUMNS):
                    raise RatingsError(f"{path}: line {number}: expected {len(ANSWER_COLUMNS)} cells")
                yield _one_given(path, number, dict(zip(ANSWER_COLUMNS, cells, strict=True)), fit)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RatingsError(f"{path}: can't be read as CSV: {error}") from None


def _one_given(path: Path, number: int, row: Row, fit: Fit) -> Given:
    for name in ("study", "study_id"):
        if row[name] != fit.study[name]:
            raise _wrong(path, number, name, row[name], f"that of the bundle, {fit.study[name]}")
    for name, value in row.items():
        if "\0" in value:
            raise _wrong(path, number, name, value, "text without a NUL")
    for name in ("session", "trial"):
        if not _is_id(row[name]) and (name, row[name]) != ("trial", ""):
            raise _wrong(path, number, name, row[name], f"a whole number from 1 to {LARGEST}")
    trial = int(row["trial"]) if row["trial"] else None
    return Given(number, row["listener"], int(row["session"]), trial, row["question"], as_it_was(row["answer"]))

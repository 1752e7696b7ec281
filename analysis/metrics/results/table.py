"""The scored table: every metric of every condition of a stimulus set, with the reason where there is no number.

One row is one metric of one condition, in what was heard of an item or in a whole song. In a set's folder the table is
kept as ``metrics.json``, with the versions that made it.

Conventions: ``COLUMNS`` are text but for ``value`` (float, in the unit that the metric's name ends with; NaN where
there is none, and then ``reason`` says why; else ``reason`` is "").
Defines: ``COLUMNS``, ``Scored``, ``frame_of``, ``write``, ``write_file``, ``read``, ``read_file``, ``write_csv``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.files import write_text

SCHEMA = 1
FILE_NAME = "metrics.json"
COLUMNS = (
    *("song", "item", "target", "dataset", "condition", "role"),
    *("stretch", "basis", "family", "metric", "value", "reason"),
)
"""``stretch``: ``excerpt`` (what was heard of ``item``) or ``song`` (the whole one; ``item`` is ""). ``basis``:
``render`` (cut from the whole sounds before any gain), ``clip`` (the clips that were heard, their gains undone),
``file`` (files as they are, without a set), or ``given`` (somebody else's numbers)."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A scored set: the table, which set it is about, what it was made by, and what a reader must know of it.

    ``versions`` holds packages by their names, and families as ``family <name>``. ``notes`` are sentences: what was
    measured on the clips instead of the renders, and why.
    """

    frame: pd.DataFrame
    stimuli_id: str
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def frame_of(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame with ``COLUMNS``; a row may leave out ``value`` or ``reason``."""
    found = pd.DataFrame([{"value": np.nan, "reason": ""} | dict(row) for row in rows], columns=pd.Index(COLUMNS))
    return found.astype({name: float if name == "value" else object for name in COLUMNS})


def write(folder: Path, scored: Scored) -> Path:
    """Write ``metrics.json`` into a set's folder, whole or not at all; returns its path.

    Raises
    ------
    AnalysisError
        Where it can't be written.
    """
    return write_file(folder / FILE_NAME, scored)


def write_file(path: Path, scored: Scored) -> Path:
    """The same under another name."""
    rows = [[None if value != value else value for value in row] for row in scored.frame[list(COLUMNS)].to_numpy()]
    head = {
        "schema_number": SCHEMA,
        "stimuli_id": scored.stimuli_id,
        "versions": dict(scored.versions),
        "notes": list(scored.notes),
        "columns": list(COLUMNS),
    }
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}") + f',\n "rows": [\n{lines}\n ]\n}}\n'
    return write_text(path, text)


def read(folder: Path) -> Scored | None:
    """The scored table of a set's folder; None where nobody has scored it.

    Raises
    ------
    AnalysisError
        Where the file can't be read, or a newer release wrote it.
    """
    return read_file(folder / FILE_NAME)


def read_file(path: Path) -> Scored | None:
    """A scored table by the name of its file; None where there is no such file. Raises as ``read`` does."""
    if not path.exists():
        return None
    mend = "score the set again with: mushra metrics DIR"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema = found["schema_number"]
        if schema == SCHEMA:
            rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
            return Scored(frame_of(rows), found["stimuli_id"], found["versions"], tuple(found["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnalysisError(f"{path}: can't be read as a scored table: {error}; {mend}") from None
    raise AnalysisError(f"{path}: schema {schema}, this release reads {SCHEMA}; {mend}")


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    """The table as tidy CSV, numbers unrounded and a missing one empty; whole or not at all."""
    return write_text(path, frame.to_csv(index=False, lineterminator="\n"))

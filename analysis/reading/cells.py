"""The cells of a file, column by column: each text once, and for every row the number of its text.

400,000 ratings have some 16 million cells and few different texts, so that what is done to a text is done once. Files
are read by Python's own ``csv`` in its strict mode, like the contract's reader, and so the two can't differ in what a
cell is.

Defines: ``Cells``, ``of_csv``, ``of_frame``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError

AT_ONCE = 200
"""Rows that are turned into columns together: they stay in the processor's cache."""


@dataclass(frozen=True)
class Cells:
    """``texts`` and ``codes`` by the name of a column; ``lines``: the line of the file that each row ends on."""

    texts: dict[str, list[str]]
    codes: dict[str, np.ndarray]
    lines: np.ndarray

    def __len__(self) -> int:
        """How many rows."""
        return len(self.lines)

    def text(self, name: str) -> pd.Series:
        """A column as it stands in the file."""
        return pd.Series(pd.array(self.texts[name], dtype="str").take(self.codes[name]), name=name)

    def values(self, name: str, convert: Callable[[str], Any]) -> list[Any]:
        """What each different text of a column is, in the order of ``texts``."""
        return [convert(text) for text in self.texts[name]]

    def line_of(self, name: str, number: int) -> int:
        """The first line that holds a text of a column, by the text's number."""
        return int(self.lines[np.flatnonzero(self.codes[name] == number)[0]])


def of_csv(path: Path, delimiter: str = ",") -> Cells:
    """Read a file whose first line names the columns; lines without anything are passed over.

    Raises
    ------
    AnalysisError
        Where the file is missing or no such text, a name stands twice in the first line, or a line has not as many
        cells as the first one.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            names = next(reader, [])
            _check_names(path, names)
            return _gathered(path, names, ((reader.line_num, row) for row in reader if row))
    except FileNotFoundError:
        raise AnalysisError(f"{path}: no such file; give the file that holds the ratings") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path}: can't be read as CSV: {error}") from None


def of_frame(frame: pd.DataFrame) -> Cells:
    """The cells of a table whose columns have types already, as the texts that an export would hold; rows from 1."""
    texts, codes = {}, {}
    for name in map(str, frame.columns):
        found, different = pd.factorize(frame[name], use_na_sentinel=False)
        codes[name] = found.astype(np.int32)
        texts[name] = [_as_text(value) for value in different]
    return Cells(texts, codes, np.arange(1, len(frame) + 1))


def _gathered(path: Path, names: list[str], numbered: Iterator[tuple[int, list[str]]]) -> Cells:
    known = [defaultdict[str, int](count().__next__) for _ in names]
    parts: list[list[np.ndarray]] = [[] for _ in names]
    lines: list[int] = []
    while some := list(islice(numbered, AT_ONCE)):
        for line, row in some:
            if len(row) != len(names):
                raise AnalysisError(
                    f"{path}: line {line}: expected {len(names)} cells, one per column, found {len(row)}"
                )
            lines.append(line)
        columns = zip(*(row for _, row in some), strict=True)
        for numbers, part, column in zip(known, parts, columns, strict=True):
            part.append(np.fromiter(map(numbers.__getitem__, column), np.int32, len(some)))
    empty = [np.empty(0, np.int32)]
    return Cells(
        texts={name: list(numbers) for name, numbers in zip(names, known, strict=True)},
        codes={name: np.concatenate(part or empty) for name, part in zip(names, parts, strict=True)},
        lines=np.array(lines, dtype=np.int64),
    )


def _check_names(path: Path, names: list[str]) -> None:
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise AnalysisError(f"{path}: line 1: the columns {', '.join(twice)} stand there twice; give each its own name")


def _as_text(value: Any) -> str:
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return repr(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)

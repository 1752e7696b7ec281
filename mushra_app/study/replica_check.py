"""A replicated study says what its bundle says: every cell that it exports is held against the bundle's files.

Whatever no single row shows, such as a session that says two things of its listener, is found here.
Defines: ``require_same``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import zip_longest
from pathlib import Path

from sqlalchemy.orm import Session

from mushra_app import ratings
from mushra_app.errors import RatingsError
from mushra_app.export import ANSWER_COLUMNS, answer_rows, harmless, rows
from mushra_app.study import peeking
from mushra_app.study.replica_files import Bundle


def require_same(db: Session, found: Bundle, unplaced: AbstractSet[int]) -> None:
    """Hold what the database exports of the bundle's study against the bundle's files.

    Parameters
    ----------
    unplaced : lines of answers whose trial is not there.

    Raises
    ------
    RatingsError
        With the first cell that differs.
    """
    study, number = found.facts.study, found.facts.version
    exported = (
        {name: ratings.to_text(value) for name, value in row.items()} for row in rows(db, study, version=number)
    )
    names = tuple(column.name for column in ratings.COLUMNS)
    _compare(found.root / "ratings.csv", names, exported, frozenset())
    said = (row | {"answer": harmless(row["answer"])} for row in answer_rows(db, study, number))
    _compare(found.root / "answers.csv", ANSWER_COLUMNS, said, unplaced)
    if peeking.peeks(db, study) != found.peeks:
        raise RatingsError(f"{found.root / 'peeks.csv'}: has looks that can't be put back; expected times in UTC")


def _compare(
    path: Path,
    names: tuple[str, ...],
    exported: Iterable[dict[str, str]],
    unplaced: AbstractSet[int],
) -> None:
    with path.open(newline="", encoding="utf-8") as stream:
        for line, (cells, row) in enumerate(zip_longest(csv.DictReader(stream, strict=True), exported), 2):
            if cells is None or row is None:
                raise RatingsError(f"{path}: line {line}: other rows than a study can have; make the bundle again")
            if line in unplaced:
                cells["trial"] = ""
            for name in names:
                if cells.get(name) != row[name]:
                    raise RatingsError(
                        f"{path}: line {line}: {name}: found {cells.get(name)!r}; by the manifest and the "
                        f"lines before it, expected {row[name]!r}"
                    )

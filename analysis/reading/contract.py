"""Rows of the ratings contract as a frame, fast: what ``mushra_app.ratings.read_csv`` reads, column by column.

Every different text of a column is given its type once, by the contract's own rule. What is no export is handed to the
contract's reader, which goes cell by cell and says which line and column is wrong.

Conventions: text columns are text ("" where empty); numbers are floats or, without a hole, whole numbers; truth values
are ``bool`` or, with a hole, objects. Defines: ``read``, ``frame_of``, ``sittings``, ``PARQUET``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.reading import cells
from analysis.reading.cells import Cells
from mushra_app.conduct import Run, sittings_of
from mushra_app.ratings import COLUMNS, Column, Row, from_text, read_csv

NAMES = pd.Index([column.name for column in COLUMNS])
PARQUET = ".parquet"
OF_A_RUN = [
    *("listener", "session", "simulated", "training", "finished"),
    *("experience", "transducer", "level_db_a", "fade_mode", "altered"),
]
"""What ``sittings_of`` looks at."""


def read(path: Path) -> pd.DataFrame:
    """An export as a frame, all columns of the contract in its order.

    Raises
    ------
    RatingsError
        Where a CSV is missing or not an export; names the line and the column.
    AnalysisError
        The same for Parquet.
    """
    if path.suffix.lower() == PARQUET:
        return _of_parquet(path)
    try:
        found = cells.of_csv(path)
        _check_names(found)
        return pd.DataFrame({column.name: _typed(found, column) for column in COLUMNS})
    except (AnalysisError, ValueError):
        return frame_of(read_csv(path))  # says it more exactly


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Typed rows of the contract as a frame with the same types as out of a file."""
    return pd.DataFrame(
        {column.name: _column(column, [row[column.name] for row in rows], np.arange(len(rows))) for column in COLUMNS}
    )


def sittings(frame: pd.DataFrame) -> Run:
    """``sittings_of`` all rows of a frame, given each different row once, in the order of the first."""
    different = frame[OF_A_RUN].drop_duplicates().astype(object)
    return sittings_of(different.where(different.notna(), None).to_dict("records"))  # type: ignore[arg-type]


def read_parquet(path: Path) -> pd.DataFrame:
    """Any Parquet file.

    Raises
    ------
    AnalysisError
        Where it can't be read, or what reads such files is not installed.
    """
    try:
        return pd.read_parquet(path)
    except ImportError:
        raise AnalysisError(
            f'{path}: Parquet files need pyarrow; install it with: pip install "hidden-reference[parquet]", or give '
            "a CSV"
        ) from None
    except FileNotFoundError:
        raise AnalysisError(f"{path}: no such file; give the file that holds the ratings") from None
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path}: can't be read as Parquet: {error}") from None


def _of_parquet(path: Path) -> pd.DataFrame:
    found = cells.of_frame(read_parquet(path))
    try:
        _check_names(found)
    except ValueError as error:
        raise AnalysisError(f"{path}: {error}") from None
    columns = {}
    for column in COLUMNS:
        try:
            columns[column.name] = _typed(found, column)
        except ValueError as error:
            raise AnalysisError(f"{path}: {column.name}: {error}; export again") from None
    return pd.DataFrame(columns)


def _check_names(found: Cells) -> None:
    if missing := [column.name for column in COLUMNS if column.name not in found.texts and not column.later]:
        raise ValueError(f"the columns {', '.join(missing)} are missing; expected an export of mushra")
    if unknown := sorted(set(found.texts) - set(NAMES)):
        raise ValueError(f"the columns {', '.join(unknown)} are not known; remove them")


def _typed(found: Cells, column: Column) -> np.ndarray | pd.Series:
    """A column with its type; ValueError where a text is none of it. Columns of later releases may be absent."""
    if column.name not in found.texts:
        return _column(column, [from_text("", column.type)], np.zeros(len(found), np.int32))
    values = found.values(column.name, lambda text: from_text(text, column.type))
    if column.name == "rating" and not all(value is None or 0 <= value <= 100 for value in values):
        raise ValueError("a rating is not from 0 to 100")
    return _column(column, values, found.codes[column.name])


def _column(column: Column, values: list[Any], codes: np.ndarray) -> np.ndarray | pd.Series:
    """The column whose row n holds ``values[codes[n]]``."""
    if column.type is str:
        return pd.Series(pd.array(values, dtype="str").take(codes))
    whole = None not in values
    if column.type is bool:
        return np.array(values, dtype=bool if whole else object)[codes]
    if column.type is int and whole and all(abs(value) < 2**53 for value in values):
        return np.array(values, dtype=np.int64)[codes]
    return np.array(values, dtype=float)[codes]

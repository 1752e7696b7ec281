"""Read anybody's table of ratings by a mapping.

What comes out has the columns of ``mushra_app.ratings`` with what the table does not say left empty, so that nothing
after this has to ask where ratings came from. Ids stay text. A cell without a rating is missing, and counted; whatever
else is no number on the scale is refused, with its line.

Defines: ``read_table``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.reading import cells, contract
from analysis.reading.cells import Cells
from analysis.reading.mapping import Mapping
from analysis.reading.ratings import CELL, PAGE, Ratings
from analysis.reading.study_of_table import study_of
from mushra_app.ratings import COLUMNS

MEANINGS = {"group": "listener_group"}
"""Where a column of the contract is called otherwise than in a mapping."""


def read_table(path: Path, mapping: Mapping) -> Ratings:
    """Ratings out of a CSV, TSV or Parquet file.

    Raises
    ------
    AnalysisError
        Where the file can't be read or lacks a column; where a cell that says whose rating it is is empty, a rating is
        no number or out of the scale, a condition or an attribute is none of those named, an item is of two songs, a
        cell is rated twice and the mapping does not call that replicates; or where nothing is rated.
    """
    found = _cells(path, mapping)
    frame = _wide(path, found, mapping) if mapping.layout == "wide" else _long(path, found, mapping)
    if not frame["rating"].notna().any():
        raise AnalysisError(f"{path}: holds no ratings; look whether the mapping names the right columns")
    frame, again = _numbered(path, frame, mapping)
    _check_nested(path, frame)
    study = study_of(path, frame, mapping)
    frame = frame.assign(role=frame["condition"].map(dict(study.roles)), study=study.name, study_id=study.study_id)
    rated = _whole(frame[frame["rating"].notna()])
    cells_there, shown = _expected(frame)
    return Ratings(
        frame=rated,
        checks=rated.iloc[:0],
        study=study,
        run=None,
        simulated=False,
        simulated_listeners=0,
        rows=len(frame),
        training=0,
        attention_checks=0,
        unfinished=0,
        missing=shown - len(rated),
        not_shown=cells_there - shown,
        notes=tuple(_notes(mapping, again)),
    )


def _cells(path: Path, mapping: Mapping) -> Cells:
    if path.suffix.lower() == contract.PARQUET:
        found = cells.of_frame(contract.read_parquet(path))
    else:
        found = cells.of_csv(path, mapping.delimiter or ("\t" if path.suffix.lower() == ".tsv" else ","))
    for meaning, name in mapping.columns.named.items():
        if name not in found.texts:
            known = ", ".join(repr(column) for column in list(found.texts)[:20] if column)
            raise AnalysisError(f"{path}: line 1: no column {name!r} (columns.{meaning}); found {known}")
    return found


def _long(path: Path, found: Cells, mapping: Mapping) -> pd.DataFrame:
    names = mapping.columns.named
    columns = {MEANINGS.get(meaning, meaning): found.text(name) for meaning, name in names.items()}
    ratings = _ratings(path, found, mapping, names["rating"])
    return _filled(path, pd.DataFrame(columns).assign(rating=ratings, line=found.lines))


def _wide(path: Path, found: Cells, mapping: Mapping) -> pd.DataFrame:
    """One row per rating, in the order of the lines; an empty cell is no more than a line that a long table lacks."""
    stimuli = {name: match.groupdict() for name in found.texts if (match := mapping.regex.fullmatch(name))}
    if not stimuli:
        raise AnalysisError(
            f"{path}: line 1: no column is named like {mapping.pattern!r}, as the mapping's pattern says"
        )
    about = {MEANINGS.get(key, key): found.text(name) for key, name in mapping.columns.named.items()}
    if not mapping.columns.listener:
        width = len(str(len(found)))
        about["listener"] = pd.Series([f"{number:0{width}d}" for number in range(1, len(found) + 1)], dtype="str")
    rows = pd.DataFrame(about).assign(line=found.lines)
    parts = [
        rows.assign(**places, rating=_ratings(path, found, mapping, name), place=place)
        for place, (name, places) in enumerate(stimuli.items())
    ]
    both = pd.concat(parts).rename_axis("row").sort_values(["row", "place"], kind="stable")
    return _filled(path, both[both["rating"].notna()].reset_index(drop=True).drop(columns="place"))


def _ratings(path: Path, found: Cells, mapping: Mapping, column: str) -> np.ndarray:
    """A column of ratings, from 0 to 100; NaN where nothing stands."""
    scale, values = mapping.scale, []
    for number, text in enumerate(found.texts[column]):
        value = _number(text)
        if value is None or not (text.strip() == "" or scale.min <= value <= scale.max):
            what = "line" if path.suffix.lower() != contract.PARQUET else "row"
            raise AnalysisError(
                f"{path}: {what} {found.line_of(column, number)}: {column}: found {text!r}; expected a number from "
                f"{scale.min:g} to {scale.max:g}, or nothing where there is no rating"
            )
        values.append((value - scale.min) / (scale.max - scale.min) * 100)
    return np.array(values, dtype=float)[found.codes[column]]


def _number(text: str) -> float | None:
    """The number that a text is; NaN for nothing, None for what is none."""
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _filled(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """With the columns that all tables have; whose rating a row is can't be empty."""
    for column in ("listener", "item", "condition", "attribute", "replicate"):
        if column in frame.columns and (empty := frame[column].str.strip() == "").any():
            line = frame.loc[empty, "line"].iloc[0]
            raise AnalysisError(f"{path}: line {line}: {column} is empty; expected what was rated, and by whom")
    return frame


def _numbered(path: Path, frame: pd.DataFrame, mapping: Mapping) -> tuple[pd.DataFrame, int]:
    """With replicates from 0, and how many ratings were taken for replicates because their cell was there before."""
    if "attribute" not in frame.columns:
        name = mapping.attributes[0].name if mapping.attributes else "overall"
        frame = frame.assign(attribute=pd.Series(name, frame.index, dtype="str"))
    turns = _turns(frame["replicate"]) if "replicate" in frame.columns else np.zeros(len(frame), dtype=np.int64)
    frame = frame.assign(replicate=turns)
    twice = frame.duplicated(CELL)
    if not twice.any():
        return frame, 0
    if mapping.duplicates == "error":
        cell = frame.loc[twice, CELL].iloc[0]
        lines = frame.loc[(frame[CELL] == cell).all(axis=1), "line"].to_list()
        where = ", ".join(f"{name} {value}" for name, value in cell.items())
        more = f" (and {twice.sum() - 1} more)" if twice.sum() > 1 else ""
        raise AnalysisError(
            f"{path}: line {lines[1]}: a second rating of the cell in line {lines[0]}{more}: {where}; remove the one "
            "that does not count, name the column that tells them apart (columns.replicate), or write duplicates = "
            '"replicates" if each counts'
        )
    cell = [name for name in CELL if name != "replicate"]
    ordered = frame.sort_values("replicate", kind="stable")
    return frame.assign(replicate=ordered.groupby(cell).cumcount().sort_index()), int(twice.sum())


def _turns(column: pd.Series) -> np.ndarray:
    """Which presentation, from 0, by the size of numbers, or by the order in the file where they are none."""
    codes, different = pd.factorize(column)
    numbers = [_number(text) for text in different]
    if all(number is not None for number in numbers):
        return np.unique(np.array(numbers, dtype=float), return_inverse=True)[1][codes]
    return codes


def _check_nested(path: Path, frame: pd.DataFrame) -> None:
    """An item is of one song, target and data set, and a listener of one group."""
    for inner, outer in (("item", "song"), ("item", "target"), ("item", "dataset"), ("listener", "listener_group")):
        if outer not in frame.columns:
            continue
        number = frame.groupby(inner)[outer].nunique()
        if (number > 1).any():
            name = number.index[number > 1][0]
            levels = sorted(frame.loc[frame[inner] == name, outer].unique())
            raise AnalysisError(
                f"{path}: the {inner} {name!r} has more than one {outer.removeprefix('listener_')} "
                f"({', '.join(map(repr, levels[:5]))}); expected one; give each its own {inner}"
            )


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """All columns of the contract in its order; what the table does not say is empty."""
    said: dict[str, Any] = {"training": False, "attention_check": False, "simulated": False, "finished": True}
    empty = {str: "", float: math.nan, int: math.nan, bool: None}
    columns = {
        column.name: frame[column.name] if column.name in frame.columns else said.get(column.name, empty[column.type])
        for column in COLUMNS
    }
    texts = {column.name: "str" for column in COLUMNS if column.type is str}
    return pd.DataFrame(columns, index=frame.index).astype(texts).reset_index(drop=True)


def _expected(frame: pd.DataFrame) -> tuple[int, int]:
    """How many cells the rated pages have: all conditions of their item, and as many as a page showed of them.

    A line without a rating says that its condition was shown. A page shows every reference and anchor of its item, and
    as many systems as the fullest page of that item.
    """
    where = ["attribute", "item"]
    kinds = frame.assign(system=frame["role"] == "system").drop_duplicates([*where, "condition"])
    there = kinds.groupby(where)["system"].agg(["sum", "size"])
    pages = frame.assign(system=frame["role"] == "system").groupby(PAGE).agg({"system": "sum", "rating": "count"})
    on_page = pages.loc[pages["rating"] > 0, "system"]
    fullest = on_page.groupby(where).max().reindex(there.index, fill_value=0)
    count = on_page.groupby(where).size().reindex(there.index, fill_value=0)
    return int((there["size"] * count).sum()), int(((there["size"] - there["sum"] + fullest) * count).sum())


def _notes(mapping: Mapping, again: int) -> list[str]:
    found = []
    scale = mapping.scale
    if (scale.min, scale.max) != (0, 100):
        found.append(f"Ratings from {scale.min:g} to {scale.max:g} were brought to 0 to 100 linearly.")
    if not mapping.columns.listener:
        found.append("The table names no listeners: each of its lines was taken for one.")
    if again:
        found.append(f"{again} ratings of a cell that was rated before count as replicates, as the mapping says.")
    return found

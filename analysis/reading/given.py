"""Somebody's own numbers of objective metrics, read from a table.

Task: rows with an item, a condition and numbers, whoever computed them, as a scored table of basis ``given``. Two
layouts are told apart by the first line: tidy (``item``, ``condition``, ``metric``, ``value``) and wide (``item``,
``condition``, then a column per metric). Other columns of a scored table are passed over; of its rows only those of
excerpts are read, since those were heard.

Conventions: an empty cell is no number; text is none either, and is refused with its line. A name that no family of
metrics has is taken as one whose higher values are better.

Defines: ``read_given``, ``metrics_of``, ``check_names``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.agreement.cells import OWN
from analysis.errors import AnalysisError
from analysis.metrics.family import FAMILIES, Metric, family
from analysis.metrics.results.table import COLUMNS
from analysis.reading import cells
from analysis.reading.cells import Cells

KEY = ("item", "condition")
TIDY = ("metric", "value")
OURS = "excerpt"


def read_given(path: Path, items: Collection[str], conditions: Collection[str]) -> pd.DataFrame:
    """The numbers as a scored table.

    Parameters
    ----------
    path : CSV, or TSV by its name.
    items, conditions : those of the study; a row of any other is refused, since it may be a slip of the pen.

    Raises
    ------
    AnalysisError
        Where the file can't be read or lacks a column; where a row is of an unknown item or condition, a value is no
        number, or two rows are of one metric of one sound; or where there is no number at all.
    """
    found = _cells(path)
    rows = pd.DataFrame({name: found.text(name) for name in KEY}).assign(line=found.lines)
    kept = found.text("stretch") == OURS if "stretch" in found.texts else pd.Series(True, index=rows.index)
    long = _tidy(path, found, rows) if set(TIDY) <= set(found.texts) else _wide(path, found, rows)
    long = long[long.index.isin(rows.index[kept])].reset_index(drop=True)
    check_names(path, long["metric"])
    _check_known(path, long, items, conditions)
    _check_once(path, long)
    if not long["value"].notna().any():
        raise AnalysisError(f"{path}: holds no numbers; expected the columns {', '.join(KEY)} and one per metric")
    reason = np.where(long["value"].isna(), f"no number in {path.name}", "")
    given = long[[*KEY, *TIDY]].assign(stretch=OURS, basis="given", reason=reason)
    return given.reindex(columns=list(COLUMNS), fill_value="")


def metrics_of(names: Iterable[str]) -> tuple[dict[str, Metric], tuple[str, ...]]:
    """What is known of metrics by their names, in the order of the families; and the names that no family has."""
    wanted = list(dict.fromkeys(names))
    known = {metric.name: metric for name in FAMILIES for metric in family(name).metrics if metric.name in wanted}
    strange = tuple(name for name in wanted if name not in known)
    return known | {name: Metric(name, name, "", "higher", "") for name in strange}, strange


def check_names(path: Path, names: Iterable[str]) -> None:
    """Refuse metrics that are called as what they are held against.

    Raises
    ------
    AnalysisError
        Where one is.
    """
    for name in dict.fromkeys(names):
        if name.strip().casefold() not in OWN:
            continue
        likely = "; ratings are read from their own file, so remove them here" if name.casefold() == "rating" else ""
        raise AnalysisError(
            f"{path}: a metric is called {name!r}, which is the name of a column of the ratings{likely}; if it is a "
            "metric, give it another name"
        )


def _cells(path: Path) -> Cells:
    if not path.exists():
        raise AnalysisError(f"{path}: no such file; give the file that holds the metrics")
    tabs = path.suffix.lower() == ".tsv"
    if not tabs:
        _check_commas(path)
    read = cells.of_csv(path, "\t" if tabs else ",")
    texts = {name.strip(): column for name, column in read.texts.items()}
    codes = {name.strip(): column for name, column in read.codes.items()}
    found = Cells(texts, codes, read.lines)
    if len(found.texts) < len(read.texts):
        raise AnalysisError(f"{path}: line 1: two columns differ in spaces alone; give each its own name")
    for name in KEY:
        if name not in found.texts:
            columns = ", ".join(map(repr, list(found.texts)[:20])) or "nothing"
            raise AnalysisError(
                f"{path}: line 1: no column {name!r}; found {columns}; expected item, condition, metric and value, or "
                "item, condition and one column per metric"
            )
    return found


def _check_commas(path: Path) -> None:
    """Refuse what a spreadsheet writes where numbers have a decimal comma, before its cells are counted."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        head = stream.readline().strip()
    if ";" in head and "," not in head:
        raise AnalysisError(
            f"{path}: line 1: no comma in {head!r}; expected columns separated by commas, and numbers with a decimal "
            "point; save it again so, not with semicolons"
        )


def _tidy(path: Path, found: Cells, rows: pd.DataFrame) -> pd.DataFrame:
    long = rows.assign(metric=found.text("metric"), value=_values(path, found, "value"))
    if (empty := long["metric"].str.strip() == "").any():
        raise AnalysisError(f"{path}: line {long.loc[empty, 'line'].iloc[0]}: metric is empty; expected its name")
    return long


def _wide(path: Path, found: Cells, rows: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in found.texts if name not in COLUMNS and name.strip()]
    if not names:
        raise AnalysisError(f"{path}: line 1: no column of a metric beside {', '.join(found.texts)}")
    return pd.concat([rows.assign(metric=name, value=_values(path, found, name)) for name in names])


def _values(path: Path, found: Cells, column: str) -> np.ndarray:
    """A column of numbers; NaN where nothing stands."""
    values = []
    for number, text in enumerate(found.texts[column]):
        try:
            value = float(text) if text.strip() else math.nan
        except ValueError:
            value = math.inf
        if math.isinf(value) or (math.isnan(value) and text.strip()):
            raise AnalysisError(
                f"{path}: line {found.line_of(column, number)}: {column}: found {text!r}; expected a finite number, or "
                "nothing where there is none"
            )
        values.append(value)
    return np.array(values, float)[found.codes[column]]


def _check_known(path: Path, long: pd.DataFrame, items: Collection[str], conditions: Collection[str]) -> None:
    for column, known in (("item", items), ("condition", conditions)):
        if (strange := ~long[column].isin(list(known))).any():
            row = long[strange].iloc[0]
            named = ", ".join(map(repr, list(known)[:20])) + (", …" if len(known) > 20 else "")
            raise AnalysisError(
                f"{path}: line {row['line']}: the {column} {row[column]!r} is none of those rated; expected one of "
                f"{named}"
            )


def _check_once(path: Path, long: pd.DataFrame) -> None:
    key = [*KEY, "metric"]
    if (twice := long.duplicated(key)).any():
        row = long[twice].iloc[0]
        first = long.loc[(long[key] == row[key]).all(axis=1), "line"].iloc[0]
        raise AnalysisError(
            f"{path}: line {row['line']}: a second {row['metric']} of {row['item']!r}, {row['condition']!r}; the first "
            f"is in line {first}; remove the one that does not count"
        )

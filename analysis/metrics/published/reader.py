"""Published scores as rows of the scored table, each with who published it and what it means.

Task: a leaderboard (a row for each submission, a column for each target), a table of SiSEC (a row for each method,
track, target, metric and frame), or a folder of museval's files, as ``table.COLUMNS`` and two more. Frames become one
score of their song as the definition has it; songs stay apart.

Conventions: ``basis`` and ``role`` are ``published``, ``family`` too; a metric is called
``published_<definition>_<measure>_db``, so that no number of another definition, and none that was computed here, has
its name. ``stretch`` is ``song``, or ``dataset`` where the table has one score for all songs. ``value`` in dB.

Defines: ``COLUMNS``, ``Published``, ``read``, ``read_all``, ``beside``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.family import family
from analysis.metrics.published import description, headers
from analysis.metrics.published.definitions import DEFINITIONS, Definition
from analysis.metrics.published.description import Description
from analysis.metrics.results import museval_json, table
from analysis.reading import cells
from analysis.reading.cells import Cells

COLUMNS = (*table.COLUMNS, "source", "definition")
PUBLISHED = "published"
HERE, GIVEN = "computed here", "given"
PICKLES = (".pandas", ".pkl", ".pickle")
KEY = ["method", "track", "target", "metric", "time_s"]


@dataclass(frozen=True, eq=False)
class Published:
    """``frame`` has ``COLUMNS``; ``note`` is a sentence on where the numbers are from and what they mean."""

    told: Description
    frame: pd.DataFrame
    note: str

    @property
    def definition(self) -> Definition:
        """What the numbers mean."""
        return DEFINITIONS[self.told.definition]


def read_all(paths: Sequence[Path], conditions: Collection[str] | None = None) -> list[Published]:
    """Several sources, each of another name. Raises as ``read`` does."""
    found = [read(path, conditions) for path in paths]
    names = [one.told.source for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise AnalysisError(f"two published tables have the source {twice[0]!r}; give each its own")
    return found


def read(path: Path, conditions: Collection[str] | None = None) -> Published:
    """The scores that a description (TOML) tells of.

    Parameters
    ----------
    conditions : those of a set, where there is one: what ``[systems]`` says must be among them.

    Raises
    ------
    AnalysisError
        Where description or table can't be read, a column, a measure or a unit is not known, a value is no number, or
        two rows are of one score; with the place.
    """
    told = description.load(path)
    place = path.parent / told.table
    rows = _of_folder(place, told) if place.is_dir() else _of_csv(place, told)
    _check_systems(path, told, rows, conditions)
    if not rows["value"].notna().any():
        raise AnalysisError(f"{place}: holds no scores")
    frame = _scored(_by_song(rows, told), told)
    return Published(told, frame, _note(place, told))


def beside(own: pd.DataFrame, published: Sequence[Published]) -> pd.DataFrame:
    """A scored table with published rows below it; each row says its source and what its number means."""
    sources = {metric.name: metric.source for name in own["family"].unique() for metric in family(str(name)).metrics}
    origin = np.where(own["basis"] == GIVEN, GIVEN, HERE)
    ours = own.assign(source=origin, definition=own["metric"].map(sources))
    return pd.concat([ours[list(COLUMNS)], *(one.frame for one in published)], ignore_index=True)


def _of_folder(place: Path, told: Description) -> pd.DataFrame:
    if told.definition != "bss_eval_v4":
        raise AnalysisError(f"{place}: museval's files hold bss_eval_v4, found definition {told.definition!r}")
    methods = sorted(path for path in place.iterdir() if path.is_dir())
    if not methods:
        raise AnalysisError(f"{place}: no folder of a method; expected {place / 'METHOD' / 'test' / 'TRACK.json'}")
    parts = [museval_json.read(method).assign(method=method.name) for method in methods]
    found = pd.concat(parts, ignore_index=True)
    if strange := set(found["metric"]) - set(museval_json.METRICS):
        known = ", ".join(museval_json.METRICS)
        raise AnalysisError(f"{place}: the measure {sorted(strange)[0]!r} is not known; expected {known}")
    return found[[*KEY, "value"]]


def _of_csv(place: Path, told: Description) -> pd.DataFrame:
    """Rows with ``KEY`` and value; a time is NaN where scores are not of frames."""
    if not place.exists():
        raise AnalysisError(f"{place}: no such file; the description's table is CSV, TSV or a folder beside it")
    if place.suffix.lower() in PICKLES:
        raise AnalysisError(f"{place}: a pickle can run anything, and is not read; save it as CSV (DataFrame.to_csv)")
    found = cells.of_csv(place, "\t" if place.suffix.lower() == ".tsv" else ",")
    # A table that pandas wrote has its row numbers in a column without a name.
    names = [name for name in found.texts if name]
    header = headers.understood(place, names, told)
    about = {key: found.text(header.meanings[key]) for key in ("method", "track") if key in header.meanings}
    rows = pd.DataFrame({"track": "", **about}, index=range(len(found))).assign(line=found.lines, time_s=math.nan)
    long = _wide(place, found, rows, header) if header.scores else _long(place, found, rows, header, told)
    for key in ("method", "target", *(("track",) if "track" in about else ())):
        if (empty := long[key].str.strip() == "").any():
            raise AnalysisError(f"{place}: line {long.loc[empty, 'line'].iloc[0]}: {key} is empty; expected its name")
    _check_once(place, long)
    return long[[*KEY, "value"]]


def _wide(place: Path, found: Cells, rows: pd.DataFrame, header: headers.Header) -> pd.DataFrame:
    parts = [
        rows.assign(metric=metric, target=target, value=_numbers(place, found, name))
        for name, (metric, target) in header.scores.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _long(place: Path, found: Cells, rows: pd.DataFrame, header: headers.Header, told: Description) -> pd.DataFrame:
    meanings = header.meanings
    metrics = found.values(meanings["metric"], lambda text: _metric(place, found, meanings["metric"], text, told))
    targets = found.text(meanings["target"]).map(headers.target_called) if "target" in meanings else None
    return rows.assign(
        metric=np.array(metrics, object)[found.codes[meanings["metric"]]],
        target=headers.target_called(told.target) if targets is None else targets,
        value=_numbers(place, found, meanings["score"]),
        time_s=_numbers(place, found, meanings["time"]) if "time" in meanings else math.nan,
    )


def _metric(place: Path, found: Cells, column: str, text: str, told: Description) -> str:
    known = DEFINITIONS[told.definition].metrics
    if (metric := known.get(headers.folded(text))) is None:
        line = found.line_of(column, found.texts[column].index(text))
        names = ", ".join(dict.fromkeys(known.values()))
        raise AnalysisError(
            f"{place}: line {line}: {column}: the measure {text!r} is none of {told.definition}; expected {names}"
        )
    return metric


def _numbers(place: Path, found: Cells, column: str) -> np.ndarray:
    """A column of numbers; NaN where nothing stands, or ``nan``, as museval writes for frames without a score."""
    values = []
    for number, text in enumerate(found.texts[column]):
        try:
            value = float(text) if text.strip() else math.nan
        except ValueError:
            value = math.inf
        if math.isinf(value):
            raise AnalysisError(
                f"{place}: line {found.line_of(column, number)}: {column}: found {text!r}; expected a finite number "
                "(scores in dB, without a unit), or nothing where there is none"
            )
        values.append(value)
    return np.array(values, float)[found.codes[column]]


def _check_once(place: Path, long: pd.DataFrame) -> None:
    if (twice := long.duplicated(KEY)).any():
        row = long[twice].iloc[0]
        where = f" on {row['track']!r}" if row["track"] else ""
        raise AnalysisError(
            f"{place}: line {row['line']}: a second {row['metric']} of {row['target']!r} by {row['method']!r}{where}; "
            "remove the one that does not count, or name the column that tells them apart in [columns]"
        )


def _check_systems(path: Path, told: Description, rows: pd.DataFrame, conditions: Collection[str] | None) -> None:
    methods = list(dict.fromkeys(rows["method"]))
    for method, condition in told.systems.items():
        if method not in methods:
            raise AnalysisError(f"{path}: systems: {method!r} is none of the table's; found {', '.join(methods[:20])}")
        if conditions is not None and condition not in conditions:
            named = ", ".join(dict.fromkeys(conditions))
            raise AnalysisError(f"{path}: systems: no condition {condition!r} in this set; found {named}")
    called = [told.systems.get(method, method) for method in methods]
    if twice := [name for name in called if called.count(name) > 1]:
        raise AnalysisError(f"{path}: systems: two of the table's would both be called {twice[0]!r}; give each its own")


def _by_song(rows: pd.DataFrame, told: Description) -> pd.DataFrame:
    """One score for each song: that of the table, or what stands for its frames."""
    over = DEFINITIONS[told.definition].over_frames
    key = [name for name in KEY if name != "time_s"]
    if over is None or rows["time_s"].isna().all():
        return rows[[*key, "value"]]
    return rows.groupby(key, sort=False)["value"].agg(over).reset_index()


def _scored(rows: pd.DataFrame, told: Description) -> pd.DataFrame:
    metrics = {metric: f"published_{told.definition}_{headers.folded(metric)}_db" for metric in rows["metric"].unique()}
    made = pd.DataFrame(
        {
            "song": rows["track"],
            "target": rows["target"],
            "condition": [told.systems.get(method, method) for method in rows["method"]],
            "stretch": np.where(rows["track"] == "", "dataset", "song"),
            "metric": rows["metric"].map(metrics),
            "value": rows["value"],
            "reason": np.where(rows["value"].isna(), f"no number in {told.table}", ""),
        }
    )
    same = {"dataset": told.dataset, "role": PUBLISHED, "basis": PUBLISHED, "family": PUBLISHED}
    made = made.assign(item="", source=told.source, definition=told.definition, **same)
    return made[list(COLUMNS)].reset_index(drop=True)


def _note(place: Path, told: Description) -> str:
    files = sorted(place.rglob("*.json")) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return (
        f"{told.source}: not computed here, read from {told.table} (SHA-256 {digest.hexdigest()[:16]}); "
        f"{DEFINITIONS[told.definition].says} ({DEFINITIONS[told.definition].source}), on {told.dataset}"
    )

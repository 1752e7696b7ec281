"""Read ratings and check that they belong together, and to this stimulus set.

Conventions: one row per rating, columns as in ``mushra_app.ratings``; ids are text. What is left out of the
analysis (training, attention checks, unfinished sessions, missing cells) is counted, never silently dropped.

Defines: ``Ratings``, ``load``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError
from mushra_app.conduct import Run, sittings_of
from mushra_app.ratings import COLUMNS, read_csv
from stimuli.manifest import Manifest

TRIAL = ["listener", "attribute", "item", "replicate"]
CELL = [*TRIAL, "condition"]


@dataclass(frozen=True)
class Ratings:
    """Ratings that can be analysed, and what was left out on the way.

    ``frame`` holds the rated rows of finished sessions without training and attention checks; ``run`` what is on
    record of these sessions; ``simulated`` is true where any row of the file, used or not, was made by a program. The
    counts are of rows, but two: ``missing`` counts cells of finished sessions' trials that hold no rating, whether the
    row is empty or not there; ``not_shown`` those of systems that a page left out by design.
    """

    frame: pd.DataFrame
    run: Run
    study: str
    simulated: bool
    simulated_listeners: int
    rows: int
    training: int
    attention_checks: int
    unfinished: int
    missing: int
    not_shown: int


def load(path: Path, manifest: Manifest) -> Ratings:
    """Read an export of ratings and hold it against the set that was heard.

    Raises
    ------
    RatingsError
        Where the file is missing or not an export.
    AnalysisError
        Where a cell that says whose rating it is is empty, the ratings are of several studies, of another study or
        other sounds, name a condition or item that the set does not have, hold a cell twice, or leave nothing to
        analyse; or where a page has more systems than the experiment puts on one.
    """
    typed = read_csv(path)
    everything = pd.DataFrame(typed, columns=pd.Index([column.name for column in COLUMNS]))
    if everything.empty:
        raise AnalysisError(f"{path}: holds no ratings; export again once somebody has listened")
    _check_filled(path, everything)
    _check_identity(path, everything, manifest)
    is_check = everything["attention_check"].fillna(value=False).astype(bool)
    rehearsed = everything["training"].astype(bool)
    tested = everything[~rehearsed & ~is_check]
    finished = tested[tested["finished"].astype(bool)]
    rated = finished[finished["rating"].notna()]
    if rated.empty:
        raise AnalysisError(
            f"{path}: no rating of a finished session is left to analyse ({len(tested) - len(finished)} rows of "
            f"unfinished sessions, {rehearsed.sum()} of training); "
            "export again once somebody has finished"
        )
    _check_cells(path, finished)
    _check_pages(path, finished, manifest)
    cells, shown = _cells(finished, manifest)
    return Ratings(
        frame=rated.reset_index(drop=True),
        run=sittings_of(typed),
        study=str(everything["study"].iloc[0]),
        simulated=bool(everything["simulated"].astype(bool).any()),
        simulated_listeners=int(rated.loc[rated["simulated"].astype(bool), "listener"].nunique()),
        rows=len(everything),
        training=int(rehearsed.sum()),
        attention_checks=int(is_check.sum()),
        unfinished=len(tested) - len(finished),
        missing=shown - len(rated),
        not_shown=cells - shown,
    )


def _check_cells(path: Path, frame: pd.DataFrame) -> None:
    twice = frame[frame.duplicated(CELL)]
    if len(twice):
        cell = twice.iloc[0][CELL]
        first, second = (_line(index) for index in frame.index[(frame[CELL] == cell).all(axis=1)][:2])
        where = ", ".join(f"{name} {value}" for name, value in cell.items())
        more = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
        raise AnalysisError(
            f"{path}: line {second}: a second rating of the cell in line {first}{more}: {where}; "
            "expected one; remove the one that does not count, or export again"
        )


def _line(index: int) -> int:
    """The line of the file that a row stands on: the first holds the names of the columns."""
    return int(index) + 2


def _check_filled(path: Path, frame: pd.DataFrame) -> None:
    """What says whose rating a row is, and whether it counts, can't be empty."""
    for column, expected in _FILLED.items():
        empty = frame[column].isna() | (frame[column] == "")
        if empty.any():
            line = _line(frame.index[empty][0])
            raise AnalysisError(f"{path}: line {line}: {column} is empty; expected {expected}; export again")


_FILLED = {
    "listener": "a pseudonym",
    "replicate": "a whole number",
    "training": "true or false",
    "finished": "true or false",
    "simulated": "true or false",
}


def _check_pages(path: Path, finished: pd.DataFrame, manifest: Manifest) -> None:
    """More systems than a page has room for are no page of this experiment."""
    most = manifest.experiment.systems_on_page()
    systems = finished[finished["condition"].isin([system.name for system in manifest.experiment.systems])]
    counts = systems.groupby(TRIAL)["condition"].nunique()
    if (counts > most).any():
        where = ", ".join(f"{name} {value}" for name, value in zip(TRIAL, counts.index[counts > most][0], strict=True))
        raise AnalysisError(
            f"{path}: {counts.max()} systems are rated on one page: {where}; expected at most {most}, as "
            "test.systems_per_page says; export again"
        )


def _cells(finished: pd.DataFrame, manifest: Manifest) -> tuple[int, int]:
    """How many cells the trials of these sessions have: all that is rated, and what was to be rated on their pages."""
    experiment = manifest.experiment
    systems = {system.name for system in experiment.systems}
    there = {(c.item, c.condition) for c in manifest.clips if c.role not in ("reference", "mixture")}
    cells, shown = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for attribute in (one.name for one in experiment.attributes):
        rated = set(experiment.conditions_of(attribute))
        for item in {item for item, _ in there}:
            own = {condition for where, condition in there if where == item} & rated
            cells[item, attribute] = len(own)
            shown[item, attribute] = len(own - systems) + experiment.systems_on_page(len(own & systems))
    trials = finished.drop_duplicates(TRIAL)
    pages = list(zip(trials["item"], trials["attribute"], strict=True))
    return sum(cells[page] for page in pages), sum(shown[page] for page in pages)


def _check_identity(path: Path, frame: pd.DataFrame, manifest: Manifest) -> None:
    if len(studies := sorted(set(frame["study"]))) > 1:
        raise AnalysisError(f"{path}: ratings of several studies ({', '.join(studies)}); export one: --study NAME")
    for column, expected in (("stimuli_id", manifest.stimuli_id), ("study_id", manifest.study_id)):
        for found in sorted(set(frame[column])):
            if found != expected:
                raise AnalysisError(
                    f"{path}: ratings of another study: {column} {found[:16]}…, the stimulus set has {expected[:16]}…; "
                    "give the set that the listeners heard"
                )
    known = {
        "condition": {clip.condition for clip in manifest.clips if clip.role not in ("reference", "mixture")},
        "item": {item.name for item in manifest.items},
        "attribute": {attribute.name for attribute in manifest.experiment.attributes},
    }
    for column, names in known.items():
        if strange := sorted(set(frame[column]) - names):
            raise AnalysisError(
                f"{path}: {column} {', '.join(map(repr, strange))} is not in the stimulus set; "
                f"expected one of {', '.join(sorted(names))}"
            )

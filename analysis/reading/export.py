"""Read ratings that the app recorded, and check that they belong together, and to this stimulus set.

They come from an export (CSV, or Parquet with the same columns) or straight from the app's database, and it makes no
difference which.

Conventions: one row per rating, columns as in ``mushra_app.ratings``; ids are text. What is left out of the
analysis (training, attention checks, unfinished sessions, missing cells) is counted, never silently dropped.

Defines: ``Place``, ``load``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.errors import AnalysisError
from analysis.reading import contract
from analysis.reading.ratings import CELL, PAGE, Ratings
from analysis.study import of_manifest
from mushra_app.ratings import Peek, sha256_of
from stimuli.manifest import Manifest


class Place(NamedTuple):
    """Ratings in the app's database: its data folder, and the short name of a study where there are several.

    ``version``: number of the version that is meant; None: every one. ``peek``, ``who``: why somebody has to look while
    the study still runs, and who it is. ``blind``: what is made of the ratings names no condition, so that no reason is
    needed; ``study_id`` is then the one version that is meant, and ``look`` what is noted all the same.
    """

    data_dir: Path
    study: str | None = None
    version: int | None = None
    peek: str = ""
    who: str = "the command line"
    blind: bool = False
    study_id: str | None = None
    look: str = ""

    def __str__(self) -> str:
        """As sentences name it."""
        return f"{self.data_dir}, study {self.study}" if self.study else str(self.data_dir)


def load(source: Path | Place, manifest: Manifest, peeks: tuple[Peek, ...] = ()) -> Ratings:
    """Read what the app recorded and hold it against the set that was heard.

    Parameters
    ----------
    source : an export, or where the database is.
    manifest : of the set that was heard.
    peeks : the looks while the study ran that belong to a file; a database knows its own.

    Raises
    ------
    RatingsError, AppError
        Where the file is missing or not an export, or the database is not there.
    AnalysisError
        Where a cell that says whose rating it is is empty, the ratings are of several studies, of another study or
        other sounds, name a condition or item that the set does not have, hold a cell twice, or leave nothing to
        analyse; or where a page has more systems than the experiment puts on one.
    """
    running, sha256 = False, ""
    if isinstance(source, Place):
        from mushra_app.stored_ratings import read_database  # a database's libraries, which no file needs

        look = {"peek": source.peek, "who": source.who, "blind": source.blind, "look": source.look}
        rows, running, peeks = read_database(source.data_dir, source.study, version=source.version, **look)
        sha256 = "" if source.blind else sha256_of(rows)
        everything = contract.frame_of([row for row in rows if source.study_id in (None, row["study_id"])])
    else:
        everything = contract.read(source)
    if everything.empty:
        raise AnalysisError(f"{source}: holds no ratings; export again once somebody has listened")
    _check_filled(source, everything)
    _check_identity(source, everything, manifest)
    is_check = everything["attention_check"].fillna(value=False).astype(bool)
    rehearsed = everything["training"].astype(bool)
    tested = everything[~rehearsed & ~is_check]
    finished = tested[tested["finished"].astype(bool)]
    rated = finished[finished["rating"].notna()]
    if rated.empty:
        raise AnalysisError(
            f"{source}: no rating of a finished session is left to analyse ({len(tested) - len(finished)} rows of "
            f"unfinished sessions, {rehearsed.sum()} of training); "
            "export again once somebody has finished"
        )
    _check_cells(source, finished)
    _check_pages(source, finished, manifest)
    cells, shown = _cells(finished, manifest)
    return Ratings(
        frame=rated.reset_index(drop=True),
        checks=everything[is_check & ~rehearsed & everything["finished"].astype(bool)].reset_index(drop=True),
        study=of_manifest(manifest),
        run=contract.sittings(everything),
        simulated=bool(everything["simulated"].astype(bool).any()),
        simulated_listeners=int(rated.loc[rated["simulated"].astype(bool), "listener"].nunique()),
        rows=len(everything),
        training=int(rehearsed.sum()),
        attention_checks=int(is_check.sum()),
        unfinished=len(tested) - len(finished),
        missing=shown - len(rated),
        not_shown=cells - shown,
        peeks=peeks,
        running=running,
        sha256=sha256,
    )


def _check_cells(source: Path | Place, frame: pd.DataFrame) -> None:
    twice = frame[frame.duplicated(CELL)]
    if len(twice):
        cell = twice.iloc[0][CELL]
        first, second = (_where(source, index) for index in frame.index[(frame[CELL] == cell).all(axis=1)][:2])
        where = ", ".join(f"{name} {value}" for name, value in cell.items())
        more = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
        raise AnalysisError(
            f"{source}: {second}: a second rating of the cell in {first}{more}: {where}; "
            "expected one; remove the one that does not count, or export again"
        )


def _where(source: Path | Place, index: int) -> str:
    """Where a row stands: a line of a file, whose first one holds the names of the columns, or a row out of a table."""
    in_lines = isinstance(source, Path) and source.suffix.lower() != contract.PARQUET
    return f"line {int(index) + 2}" if in_lines else f"row {int(index) + 1}"


def _check_filled(source: Path | Place, frame: pd.DataFrame) -> None:
    """What says whose rating a row is, and whether it counts, can't be empty."""
    for column, expected in _FILLED.items():
        empty = frame[column].isna() | (frame[column] == "")
        if empty.any():
            place = _where(source, frame.index[empty][0])
            raise AnalysisError(f"{source}: {place}: {column} is empty; expected {expected}; export again")


_FILLED = {
    "listener": "a pseudonym",
    "replicate": "a whole number",
    "training": "true or false",
    "finished": "true or false",
    "simulated": "true or false",
}


def _check_pages(source: Path | Place, finished: pd.DataFrame, manifest: Manifest) -> None:
    """More systems than a page has room for are no page of this experiment."""
    most = manifest.experiment.systems_on_page()
    systems = finished[finished["condition"].isin([system.name for system in manifest.experiment.systems])]
    counts = systems.groupby(PAGE)["condition"].nunique()
    if (counts > most).any():
        where = ", ".join(f"{name} {value}" for name, value in zip(PAGE, counts.index[counts > most][0], strict=True))
        raise AnalysisError(
            f"{source}: {counts.max()} systems are rated on one page: {where}; expected at most {most}, as "
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
    trials = finished.drop_duplicates(PAGE)
    pages = list(zip(trials["item"], trials["attribute"], strict=True))
    return sum(cells[page] for page in pages), sum(shown[page] for page in pages)


def _check_identity(source: Path | Place, frame: pd.DataFrame, manifest: Manifest) -> None:
    if len(studies := sorted(frame["study"].unique())) > 1:
        raise AnalysisError(f"{source}: ratings of several studies ({', '.join(studies)}); export one: --study NAME")
    if len(versions := sorted(frame["study_id"].unique())) > 1:
        one = "--version NUMBER" if isinstance(source, Place) else "mushra export --version NUMBER"
        raise AnalysisError(
            f"{source}: ratings of {len(versions)} versions of {studies[0]} (study_id "
            f"{', '.join(f'{found[:16]}…' for found in versions)}); the stimulus set is of one, "
            f"{manifest.study_id[:16]}…; take that version alone, with {one} (mushra study show {studies[0]} has them)"
        )
    for column, expected in (("stimuli_id", manifest.stimuli_id), ("study_id", manifest.study_id)):
        for found in sorted(frame[column].unique()):
            if found != expected:
                raise AnalysisError(
                    f"{source}: ratings of another study: {column} {found[:16]}…, the stimulus set has "
                    f"{expected[:16]}…; give the set that the listeners heard, or "
                    "the ratings of its version (--version NUMBER)"
                )
    known = {
        "condition": {clip.condition for clip in manifest.clips if clip.role not in ("reference", "mixture")},
        "item": {item.name for item in manifest.items},
        "attribute": {attribute.name for attribute in manifest.experiment.attributes},
    }
    for column, names in known.items():
        if strange := sorted(set(frame[column].unique()) - names):
            raise AnalysisError(
                f"{source}: {column} {', '.join(map(repr, strange))} is not in the stimulus set; "
                f"expected one of {', '.join(sorted(names))}"
            )

"""Read ratings and check that they belong together, and to this stimulus set.

Conventions: one row per rating, columns as in ``mushra_app.ratings``; ids are text. What is left out of the
analysis (training, unfinished sessions, missing cells) is counted, never silently dropped.

Defines: ``Ratings``, ``load``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError
from mushra_app.ratings import COLUMNS, read_csv
from stimuli.manifest import Manifest

CELL = ["listener", "attribute", "item", "condition", "replicate"]


@dataclass(frozen=True)
class Ratings:
    """Ratings that can be analysed, and what was left out on the way.

    ``frame`` holds the rated rows of finished sessions without training.
    """

    frame: pd.DataFrame
    study: str
    simulated: bool
    rows: int
    training: int
    unfinished: int
    missing: int


def load(path: Path, manifest: Manifest) -> Ratings:
    """Read an export of ratings and hold it against the set that was heard.

    Raises
    ------
    RatingsError
        Where the file is missing or not an export.
    AnalysisError
        Where the ratings are of several studies, of another study or other sounds, name a condition or item that
        the set does not have, hold a cell twice, or leave nothing to analyse.
    """
    everything = pd.DataFrame(read_csv(path), columns=pd.Index([column.name for column in COLUMNS]))
    if everything.empty:
        raise AnalysisError(f"{path}: holds no ratings; export again once somebody has listened")
    _check_identity(path, everything, manifest)
    tested = everything[~everything["training"].astype(bool)]
    finished = tested[tested["finished"].astype(bool)]
    rated = finished[finished["rating"].notna()]
    if rated.empty:
        raise AnalysisError(f"{path}: no rating of a finished session is left to analyse ({len(tested)} unfinished)")
    twice = rated[rated.duplicated(CELL)]
    if len(twice):
        where = ", ".join(f"{name} {value}" for name, value in twice.iloc[0][CELL].items())
        raise AnalysisError(f"{path}: {len(twice)} ratings are there twice, first: {where}; export again")
    return Ratings(
        frame=rated.reset_index(drop=True),
        study=str(everything["study"].iloc[0]),
        simulated=bool(everything["simulated"].astype(bool).any()),
        rows=len(everything),
        training=len(everything) - len(tested),
        unfinished=len(tested) - len(finished),
        missing=len(finished) - len(rated),
    )


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
        "condition": {clip.condition for clip in manifest.clips},
        "item": {item.name for item in manifest.items},
    }
    for column, names in known.items():
        if strange := sorted(set(frame[column]) - names):
            raise AnalysisError(f"{path}: {column} {', '.join(strange)} is not in the stimulus set")

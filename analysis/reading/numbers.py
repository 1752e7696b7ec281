"""Objective metrics of what was heard, wherever the numbers come from.

Task: a set's own scored table (``metrics.json``), or, where there is none of this set, the family ``ratios`` computed
from its clips here and now; or somebody's own file. Conventions: rows of the stretch ``excerpt`` of a scored table.

Defines: ``Numbers``, ``of_set``, ``of_file``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.family import Metric
from analysis.metrics.results import table
from analysis.metrics.results.table import Scored
from analysis.reading.given import check_names, metrics_of, read_given
from stimuli.manifest import Manifest

AGAIN = "score the set with: mushra metrics DIR"
BASES = ("render", "clip", "given")
"""Of what was heard."""
FEW = "No more metrics than these were computed for this report; mushra metrics DIR adds all the others."


@dataclass(frozen=True, eq=False)
class Numbers:
    """``frame``: rows of a scored table, of excerpts alone; ``metrics``: what is known of each by its name; ``notes``:
    what a reader must know, a sentence each; ``versions``: of what computed them, where that is known; ``file``: where
    they were read, None where they were computed here."""

    frame: pd.DataFrame
    metrics: Mapping[str, Metric]
    notes: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def values(self) -> pd.DataFrame:
        """A row per item and condition, a column per metric, NaN where there is no number."""
        wide = self.frame.pivot(index=["item", "condition"], columns="metric", values="value")
        return wide.reindex(columns=list(self.metrics)).rename_axis(columns=None).reset_index()


def of_set(folder: Path, manifest: Manifest) -> Numbers:
    """The numbers of a stimulus set.

    Raises
    ------
    AnalysisError
        Where ``metrics.json`` is there and can't be read.
    """
    from analysis.metrics.scoring.score import score_clips  # reads sound, which no other part of a report does

    scored = table.read(folder)
    path = folder / table.FILE_NAME
    if scored is not None and scored.stimuli_id == manifest.stimuli_id:
        return _of_scored(scored, path)
    other = () if scored is None else (f"{path.name} is of other sounds than these and was not used.",)
    computed = score_clips(folder, manifest)
    # Clips don't hold the other sources: what needs them has no number anywhere, and is one of the others.
    there = computed.frame.groupby("metric")["value"].transform("count") > 0
    frame = computed.frame[there].reset_index(drop=True) if there.any() else computed.frame
    return Numbers(frame, metrics_of(frame["metric"])[0], (*other, FEW), computed.versions)


def of_file(path: Path, stimuli_id: str, items: Collection[str], conditions: Collection[str]) -> Numbers:
    """Numbers that somebody names: a ``metrics.json``, or a table (``analysis.reading.given``).

    Parameters
    ----------
    stimuli_id : of the sounds that were rated; empty where nobody knows it.
    items, conditions : those of the study.

    Raises
    ------
    AnalysisError
        Where the file can't be read, is of other sounds, items or conditions, or holds what scoring doesn't write.
    """
    if path.suffix.lower() != ".json":
        frame = read_given(path, items, conditions)
        metrics, strange = metrics_of(frame["metric"])
        return Numbers(frame, metrics, (f"The metrics were read from {path.name}.", *_taken(strange)), file=path)
    _check_ours(path)
    scored = table.read_file(path)
    if scored is None:
        raise AnalysisError(f"{path}: no such file; give the file that holds the metrics")
    if stimuli_id and scored.stimuli_id != stimuli_id:
        raise AnalysisError(
            f"{path}: is of the sounds {str(scored.stimuli_id)[:12]}…, and the ratings are of {stimuli_id[:12]}…; "
            "score the set that was heard with: mushra metrics DIR"
        )
    found = _of_scored(scored, path)
    for column, known in (("item", items), ("condition", conditions)):
        if strange := [name for name in found.frame[column].unique() if name not in known]:
            named = ", ".join(map(repr, list(known)[:20])) + (", …" if len(known) > 20 else "")
            raise AnalysisError(
                f"{path}: the {column} {strange[0]!r} is none of those rated; expected one of {named}; {AGAIN}"
            )
    return found


def _check_ours(path: Path) -> None:
    """Refuse museval's own results by name: they are JSON, too, and hold no condition."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # which the scored table's own reader says
    if isinstance(found, dict) and "targets" in found and "schema_number" not in found:
        raise AnalysisError(
            f"{path}: is museval's results of one track, which don't say of which condition; read the folder that "
            "holds them with: mushra metrics DIR --read-museval CONDITION=FOLDER"
        )


def _of_scored(scored: Scored, path: Path) -> Numbers:
    frame = scored.frame[scored.frame["stretch"] == "excerpt"].reset_index(drop=True)
    if frame.empty:
        raise AnalysisError(f"{path}: holds no number of an excerpt; {AGAIN}")
    _check_rows(path, frame)
    check_names(path, frame["metric"])
    metrics, strange = metrics_of(frame["metric"])
    return Numbers(frame, metrics, (*scored.notes, *_taken(strange)), scored.versions, path)


def _check_rows(path: Path, frame: pd.DataFrame) -> None:
    """Refuse rows of an excerpt that our own scoring would not have written."""
    for column in ("item", "condition", "metric", "basis"):
        if not all(isinstance(value, str) and value.strip() for value in frame[column]):
            raise AnalysisError(f"{path}: a number of an excerpt has no {column}; {AGAIN}")
    if strange := [basis for basis in frame["basis"].unique() if basis not in BASES]:
        what = "files without a set, which nobody rated" if strange[0] == "file" else f"the basis {strange[0]!r}"
        raise AnalysisError(f"{path}: holds numbers of {what}; expected {', '.join(BASES)}; {AGAIN}")
    if np.isinf(frame["value"]).any():
        row = frame[np.isinf(frame["value"])].iloc[0]
        raise AnalysisError(
            f"{path}: {row['metric']} of {row['item']!r}, {row['condition']!r}: found {row['value']}; expected a "
            "finite number, or null where there is none"
        )
    if (twice := frame.duplicated(["item", "condition", "metric"])).any():
        row = frame[twice].iloc[0]
        raise AnalysisError(f"{path}: holds {row['metric']} of {row['item']!r}, {row['condition']!r} twice; {AGAIN}")


def _taken(strange: tuple[str, ...]) -> tuple[str, ...]:
    if not strange:
        return ()
    names = ", ".join(strange)
    return (f"Of {names} nothing is known here: a higher value was taken as the better one.",)

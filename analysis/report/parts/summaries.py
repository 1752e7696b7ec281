"""What was rated, of one attribute, as rows: summaries of every condition and cell, and what the ratings are like.

Defines: ``condition_rows``, ``cell_rows``, ``drawn_unit``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.report.parts.results import CellRow, ConditionRow, rows_of
from analysis.report.parts.tried import DRAWS, SEED, Tried
from analysis.statistics.description import summaries
from analysis.statistics.description.bootstrap import cluster_interval
from stimuli.experiment import Side

RANK = {"hidden_reference": 0, "system": 1, "anchor": 2}


def condition_rows(frame: pd.DataFrame, roles: Mapping[str, str], tried: Tried) -> tuple[ConditionRow, ...]:
    """Hidden reference first, then systems and then anchors, each by falling median."""
    rated = set(frame["condition"].unique())
    heard = [Side(condition) for condition in roles if condition in rated]
    resampled = tried(lambda: cluster_interval(frame, heard, draws=DRAWS, seed=SEED, unit=drawn_unit(frame)))
    if resampled is None:
        resampled = pd.DataFrame(columns=["wanted", "low", "high"])
    limits = resampled.rename(columns={"wanted": "condition", "low": "resampled_low", "high": "resampled_high"})
    columns = ["condition", "resampled_low", "resampled_high"]
    found = summaries.per_condition(frame).merge(limits[columns], on="condition", how="left")
    found = found.assign(role=found["condition"].map(dict(roles)))
    order = sorted(
        range(len(found)),
        key=lambda place: (RANK[found["role"][place]], -found["median"][place], found["condition"][place]),
    )
    return rows_of(ConditionRow, found.iloc[order])


def cell_rows(frame: pd.DataFrame) -> tuple[CellRow, ...]:
    """One row per condition and item."""
    return rows_of(CellRow, summaries.per_cell(frame))


def drawn_unit(frame: pd.DataFrame) -> str:
    """What the bootstrap draws beside listeners: songs where several excerpts are of one song, else items."""
    songs = frame["song"].nunique() if (frame["song"] != "").all() else 0
    return "song" if 2 <= songs < frame["item"].nunique() else "item"

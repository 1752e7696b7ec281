"""Which cells metrics are compared on: the same for all, so that no metric is better for having had the easier ones.

A cell is an item under a condition. The hidden reference is not among them: it differs from nothing, ratios have no
number there, and a metric that has one would get credit for what anybody hears. A metric that has numbers for too few
of the other cells is left out, instead of taking cells from the rest: while those left share fewer than 90 % of the
cells for which any of them has a number, the one with fewest numbers goes.

Conventions: L listeners, C cells, M metrics. Defines: ``Beside``, ``beside``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.family import Metric
from stimuli.experiment import REFERENCE

SHARED = 0.9
FEWEST = {"item": 2, "condition": 3, "cell": 6}
CELL = ["item", "condition"]
OWN = (*CELL, "song", "rating")
"""Columns of the cells beside the metrics': no metric can be called so."""
DECIMALS = 9
"""Of ratings: equal means must be equal, whatever the order in which they were added up."""


@dataclass(frozen=True)
class Beside:
    """Ratings and metrics of the cells that all compared metrics have.

    ``table``: item, condition, song, rating and each metric as measured. ``values`` (C, M): turned so that more is
    better. ``rated`` (L, C): each listener's mean over replicates, NaN where not rated.
    """

    metrics: tuple[Metric, ...]
    table: pd.DataFrame
    values: np.ndarray
    rated: np.ndarray
    left_out: dict[str, str]

    @property
    def ratings(self) -> np.ndarray:
        """Mean rating of each cell (C,)."""
        return self.table["rating"].to_numpy(float)

    @property
    def too_few(self) -> str:
        """Why nothing can be said; empty where something can."""
        if not self.metrics:
            return "no metric has numbers that differ for the cells that were rated"
        found = {"cell": len(self.table)} | {column: self.table[column].nunique() for column in CELL}
        short = [
            f"{found[what]} {what}{'s' if found[what] > 1 else ''}"
            for what, fewest in FEWEST.items()
            if found[what] < fewest
        ]
        wanted = ", ".join(f"{fewest} {what}s" for what, fewest in FEWEST.items())
        if short:
            return f"{' and '.join(short)} with a rating and all metrics; at least {wanted} are needed"
        return "" if np.ptp(self.ratings) > 0 else "all cells have the same mean rating"


def beside(ratings: pd.DataFrame, values: pd.DataFrame, metrics: Sequence[Metric]) -> Beside:
    """Put metrics beside ratings.

    Parameters
    ----------
    ratings : listener, item, condition, rating, replicate, and song where there are any; of one attribute.
    values : item, condition and a column for each metric, NaN where it has no number.

    Raises
    ------
    AnalysisError
        Where a column is missing, a metric is called as a column of cells is, or a cell has two rows of values.
    """
    _check(ratings, values, metrics)
    heard = ratings[(ratings["condition"] != REFERENCE) & np.isfinite(ratings["rating"])]
    by_listener = heard.groupby([*CELL, "listener"])["rating"].mean().unstack("listener")
    names = [metric.name for metric in metrics]
    finite = values.set_index(CELL)[names].replace([np.inf, -np.inf], np.nan).reindex(by_listener.index)
    kept, left_out = _sharing(finite)
    table = finite[kept].dropna() if kept else finite.iloc[:0, :0]
    for name in [name for name in kept if len(table) and table[name].nunique() == 1]:
        left_out[name] = f"has the same number for all {len(table)} cells"
    chosen = tuple(metric for metric in metrics if metric.name in kept and metric.name not in left_out)
    rated = by_listener.loc[table.index].dropna(axis=1, how="all")
    table = table[[metric.name for metric in chosen]]
    table.insert(0, "rating", np.round(rated.mean(axis=1), DECIMALS))
    table = table.reset_index()
    songs = dict(zip(ratings["item"], ratings["song"], strict=True)) if "song" in ratings else {}
    table.insert(2, "song", [songs.get(item, "") for item in table["item"]])
    turned = np.empty((len(table), len(chosen)))
    for place, metric in enumerate(chosen):
        turned[:, place] = [metric.goodness(value) for value in table[metric.name]]
    return Beside(chosen, table, turned, rated.to_numpy(float).T, left_out)


def _sharing(finite: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Metrics that share most of their cells, and why the others don't."""
    there = finite.notna()
    kept, left_out = list(there.columns), {}
    while kept:
        any_of_them, all_of_them = there[kept].any(axis=1).sum(), there[kept].all(axis=1).sum()
        if any_of_them and all_of_them >= SHARED * any_of_them:
            break
        counts = there[kept].sum()
        fewest = min(reversed(kept), key=lambda name: counts[name])
        left_out[fewest] = (
            f"has numbers for {counts[fewest]} of {any_of_them} cells; too few to compare it with the others"
        )
        kept.remove(fewest)
        if not any_of_them:
            left_out[fewest] = "has no number for any rated cell"
    return kept, left_out


def _check(ratings: pd.DataFrame, values: pd.DataFrame, metrics: Sequence[Metric]) -> None:
    if taken := [metric.name for metric in metrics if metric.name in OWN]:
        raise AnalysisError(f"agreement: a metric is called {taken[0]!r}, which is a column of the cells; rename it")
    wanted = {
        "ratings": (ratings, ["listener", "item", "condition", "rating"]),
        "values of metrics": (values, [*CELL, *(metric.name for metric in metrics)]),
    }
    for what, (frame, columns) in wanted.items():
        if missing := [column for column in columns if column not in frame]:
            raise AnalysisError(
                f"agreement: the {what} have no column {', '.join(missing)}; expected {', '.join(columns)}"
            )
    if (twice := values.duplicated(CELL)).any():
        item, condition = values.loc[twice, CELL].iloc[0]
        raise AnalysisError(f"agreement: two rows of values for {item} under {condition}; expected one for each cell")

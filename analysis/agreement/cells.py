"""Which cells metrics are compared on: the same for all, so that no metric is better for having had the easier ones.

A cell is an item under a condition. The hidden reference is not among them: it differs from nothing, ratios have no
number there, and a metric that has one would get credit for what anybody hears. A metric that has numbers for too few
of the other cells is left out, instead of taking cells from the rest: while those left share fewer than 90 % of the
cells for which any of them has a number, the one with fewest numbers goes. A condition that most metrics lack as a
whole goes before they do. The metric that others are tested beyond stays as long as it has numbers for half of the
cells, and then cells are those that it has.

Conventions: L listeners, C cells, M metrics. Defines: ``Beside``, ``beside``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.family import Metric

SHARED = 0.9
SEVERAL = 2
"""Metrics that have to lack a condition, and half of all at least, before it is left out for them."""
ROUNDING = 1e-12
HUGE = 1e100
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
    better. ``rated`` (L, C): each listener's mean over replicates, NaN where not rated. ``problems``: what was left
    out of the ratings, and what they lack; a sentence each.
    """

    metrics: tuple[Metric, ...]
    table: pd.DataFrame
    values: np.ndarray
    rated: np.ndarray
    left_out: dict[str, str]
    problems: tuple[str, ...]

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


def beside(
    ratings: pd.DataFrame,
    values: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    reference: str | None = None,
    base: str | None = None,
) -> Beside:
    """Put metrics beside ratings.

    Parameters
    ----------
    ratings : listener, item, condition, rating, replicate, and song where there are any; of one attribute.
    values : item, condition and a column for each metric, NaN where it has no number.
    reference : the condition that is left out, if there is one.
    base : the metric that goes last; if it has numbers for most cells, the others are compared on its cells.

    Raises
    ------
    AnalysisError
        Where a column is missing, a metric is called as a column of cells is, or a cell has two rows of values.
    """
    _check(ratings, values, metrics)
    heard = ratings[(ratings["condition"] != reference) & np.isfinite(ratings["rating"])]
    by_listener = heard.groupby([*CELL, "listener"])["rating"].mean().unstack("listener")
    names = [metric.name for metric in metrics]
    finite = values.set_index(CELL)[names].replace([np.inf, -np.inf], np.nan).reindex(by_listener.index)
    kept, gone, left_out = _sharing(finite, base)
    table = finite[kept].dropna() if kept else finite.iloc[:0, :0]
    turned = {
        metric.name: np.array([metric.goodness(value) for value in table.get(metric.name, ())]) for metric in metrics
    }
    for name in [name for name in kept if _constant(turned[name])]:
        left_out[name] = f"has the same number for all {len(table)} cells"
    chosen = tuple(metric for metric in metrics if metric.name in kept and metric.name not in left_out)
    rated = by_listener.loc[table.index].dropna(axis=1, how="all")
    problems = _problems(ratings, by_listener, rated, gone=gone, reference=reference) if chosen else ()
    table = table[[metric.name for metric in chosen]]
    table.insert(0, "rating", np.round(rated.mean(axis=1), DECIMALS))
    table = table.reset_index()
    songs = dict(zip(ratings["item"], ratings["song"], strict=True)) if "song" in ratings else {}
    table.insert(2, "song", [songs.get(item, "") for item in table["item"]])
    goodness = (
        np.column_stack([_of_a_size(turned[metric.name]) for metric in chosen]) if chosen else np.empty((len(table), 0))
    )
    return Beside(chosen, table, goodness, rated.to_numpy(float).T, left_out, problems)


def _constant(turned: np.ndarray) -> bool:
    """Whether numbers differ by no more than rounding."""
    return bool(len(turned)) and bool(np.ptp(turned) <= ROUNDING * np.abs(turned).max())


def _of_a_size(turned: np.ndarray) -> np.ndarray:
    """The same, or where squares of the numbers would leave what a float holds, in units of the largest."""
    largest = np.abs(turned).max()
    return turned if 1 / HUGE < largest < HUGE else turned / largest


def _sharing(finite: pd.DataFrame, base: str | None) -> tuple[list[str], list[str], dict[str, str]]:
    """Metrics that share most of their cells, conditions left out for them, and why the other metrics are not there."""
    there = finite.notna()
    kept, left_out = list(there.columns), {}
    counts = there.sum()
    gone = _lacking([name for name in kept if counts[name]], there, base)
    there = there[~there.index.get_level_values("condition").isin(gone)]
    while kept:
        any_of_them, all_of_them = there[kept].any(axis=1).sum(), there[kept].all(axis=1).sum()
        leads = base in kept and there[base].sum() >= max(1, any_of_them / 2)
        wanted = there[base].sum() if leads else any_of_them
        if wanted and all_of_them >= SHARED * wanted:
            break
        counts = (there[kept].mul(there[base], axis=0) if leads else there[kept]).sum()
        fewest = min((name for name in reversed(kept) if not leads or name != base), key=lambda name: counts[name])
        left_out[fewest] = f"has numbers for {counts[fewest]} of {wanted} cells; too few to compare it with the others"
        kept.remove(fewest)
        if not wanted:
            left_out[fewest] = "has no number for any rated cell"
    return kept, gone, left_out


def _lacking(names: list[str], there: pd.DataFrame, base: str | None) -> list[str]:
    """Conditions in which most metrics, or ``base``, have no number at all: better without these than without those.

    None where that would be more than a quarter of the conditions (one may always go), or leave too few.
    """
    by_condition = there[names].groupby(level="condition").any()
    heard = by_condition[by_condition.any(axis=1)]
    without = (~heard).sum(axis=1) >= max(SEVERAL, len(names) / 2)
    if base in names:
        without |= ~heard[base]
    gone = list(map(str, heard.index[without]))
    few = len(gone) <= max(1, len(heard) // 4) and len(heard) - len(gone) >= FEWEST["condition"]
    return gone if few else []


def _problems(
    ratings: pd.DataFrame, by_listener: pd.DataFrame, rated: pd.DataFrame, *, gone: list[str], reference: str | None
) -> tuple[str, ...]:
    """What of the ratings is not in the comparison, and what is not even in it.

    Parameters
    ----------
    by_listener, rated : mean ratings of all cells, and of those that are used; a column per listener.
    gone : conditions that were left out.
    """
    sentences = []
    if reference is not None and (ratings["condition"] == reference).any():
        sentences.append(
            "The hidden reference is left out: it differs from nothing, so that ratios have no number there, and every "
            "other metric would get credit for what anybody hears."
        )
    if gone:
        what = "The condition" if len(gone) == 1 else "The conditions"
        sentences.append(f"{what} {', '.join(gone)}: left out for all metrics, because some have no number there.")
    others = by_listener[~by_listener.index.get_level_values("condition").isin(gone)]
    if lost := len(others) - len(rated):
        cells = "1 cell that was" if lost == 1 else f"{lost} cells that were"
        sentences.append(f"Left out for all metrics, because one of them has no number there: {cells} rated.")
    if holes := int(rated.isna().any().sum()):
        sentences.append(
            f"{holes} of {rated.shape[1]} listeners did not rate all {len(rated)} cells: the mean ratings of cells are "
            "of different listeners, some of whom are more lenient than others, which makes all correlations uncertain."
        )
    return tuple(sentences)


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

"""Contrasts of two conditions from their own pages alone, so that what other conditions vary does not enter.

The mixed model of all conditions pools its variances over them. Where systems differ in how much listeners and items
vary on them, a contrast's error should be its own: here the differences of the two ratings of one page are modelled,
d = mean + listener + item (+ song, + listener:item where there are replicates) + e, with Satterthwaite's degrees of
freedom. For complete data this is the classical quasi-F. Null: the mean difference over all listeners and items is 0.

Conventions: as in ``means``. Defines: ``by_pair``, ``rows_of``, ``PAGE``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.mixed import means
from analysis.statistics.mixed.fit import Fit, fit
from analysis.statistics.mixed.terms import maximal, of_differences
from analysis.statistics.sides import of_side
from stimuli.experiment import Contrast, Side

PAGE = ("listener", "item", "replicate", "song")
"""Columns that are the same for both ratings of a page."""


PAIRS = ("listener", "item")


def by_pair(
    frame: pd.DataFrame,
    wanted: Sequence[Contrast],
    *,
    adjust: str = "holm",
    df: str = "satterthwaite",
    pages: Literal["shared", "all"] = "shared",
) -> pd.DataFrame:
    """Each contrast from a model of its own.

    Two sides on the same levels are compared by their differences on pages that held both. Sides on different levels
    (seen against unseen) share no page: they get a mixed model of only their ratings, and so does every contrast with
    ``pages="all"``, for incomplete blocks in which few pages held both.

    Returns
    -------
    DataFrame
        As ``means.contrasts``.

    Raises
    ------
    AnalysisError
        Where fewer than two listeners or items rated both sides, or the differences are all equal.
    """
    rows = []
    for wish in wanted:
        shared = pages == "shared" and wish.first.on == wish.second.on
        weights, own = _paired(frame, wish) if shared else _apart(frame, wish)
        rows.append([str(wish), str(wish.first), str(wish.second), *means.estimates(own, weights, df)[0]])
    columns = ["contrast", "first", "second", "difference", "se", "df", "low", "high"]
    found = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))
    return means.tested(found, adjust)


def _paired(frame: pd.DataFrame, wish: Contrast) -> tuple[np.ndarray, Fit]:
    """The mean of differences on the same page."""
    keys = [column for column in PAGE if column in frame]
    sides = [rows_of(frame, side, wish) for side in wish]
    if not set(sides[0]["item"].unique()) & set(sides[1]["item"].unique()):
        raise AnalysisError(f"{wish}: never rated on the same item, so that a difference may be the items'")
    first, second = (own.groupby(keys, observed=True)["rating"].mean() for own in sides)
    differences = (first - second).dropna().rename("rating").reset_index()
    _check(differences, wish)
    try:
        own = fit(differences, of_differences(differences))
    except AnalysisError as error:
        raise AnalysisError(f"{wish}: of the differences on {len(differences)} pages: {error}") from error
    return np.ones((1, 1)), own


def _apart(frame: pd.DataFrame, wish: Contrast) -> tuple[np.ndarray, Fit]:
    """The difference of means of sides that are on different pages."""
    parts = [rows_of(frame, side, wish).assign(condition=str(side)) for side in wish]
    if wish.first.on == wish.second.on and not set(parts[0]["item"].unique()) & set(parts[1]["item"].unique()):
        raise AnalysisError(f"{wish}: never rated on the same item, so that a difference may be the items'")
    both = pd.concat(parts, ignore_index=True).drop(columns=["target", "dataset", "listener_group"], errors="ignore")
    _check(both, wish)
    own = _fitted(both)
    fixed = own.cells.fixed
    first, second = (fixed.rows(fixed.grid(condition=str(side)))[0] for side in wish)
    return (first - second)[None, :], own


def _fitted(both: pd.DataFrame) -> Fit:
    """The largest model; in sparse ratings listener:item may take all of the residual, and is then left out of it."""
    terms = maximal(both)
    try:
        return fit(both, terms)
    except AnalysisError:
        if PAIRS not in terms.random:
            raise
        return fit(both, replace(terms, random=tuple(term for term in terms.random if term != PAIRS)))


def rows_of(frame: pd.DataFrame, side: Side, wish: Contrast) -> pd.DataFrame:
    """The ratings that one side of a contrast is about."""
    own = of_side(frame, side, wish)
    if own.empty:
        raise AnalysisError(f"{wish}: no rating of {side}; check its name, or leave the contrast out")
    return own


def _check(rows: pd.DataFrame, wish: Contrast) -> None:
    for column in ("listener", "item"):
        if (count := rows[column].nunique()) < 2:
            raise AnalysisError(f"{wish}: {count} {column} with ratings of both sides; two or more are needed")

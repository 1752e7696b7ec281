"""What every test of planned contrasts begins with: two means of each listener who rated both sides.

A test is over listeners, with these items. ``means`` is either the table of all listeners' means (listeners by
conditions; contrasts then name no factors), or what gives the two means of a contrast, where listeners heard each
pair on other pages or a contrast is on levels of a factor (``description.summaries.paired_means``).

Conventions: differences are first minus second, in points, rounded to 1e-9, so that ties of the ratings stay ties.

Defines: ``Paired``, ``Means``, ``pair``, ``differences``, ``table``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.adjustment import adjusted
from stimuli.experiment import Contrast

DECIMALS = 9
Paired = Callable[[Contrast], pd.DataFrame]
"""Gives the listeners' means of a contrast's two sides, as columns first and second; rows with a hole are left out."""
Means = pd.DataFrame | Paired


def pair(means: Means, contrast: Contrast) -> pd.DataFrame:
    """Means of both sides (columns first, second) of each listener who rated both (rows).

    Raises
    ------
    AnalysisError
        For fewer than two such listeners, a condition that nobody rated, or a contrast on factors where ``means`` is
        a table of conditions.
    """
    if isinstance(means, pd.DataFrame):
        if contrast.first.on or contrast.second.on:
            raise AnalysisError(f"{contrast}: is on levels of a factor; expected conditions of these means alone")
        names = [side.condition for side in contrast]
        if missing := [name for name in names if name not in means]:
            raise AnalysisError(f"{contrast}: nobody rated {missing[0]}; nothing can be compared")
        both = means[names].set_axis(["first", "second"], axis=1).dropna()
    else:
        both = means(contrast).dropna()
    if len(both) < 2:
        raise AnalysisError(f"{contrast}: fewer than two listeners rated both; nothing can be compared")
    return both


def differences(means: Means, contrast: Contrast) -> np.ndarray:
    """First minus second of each listener who rated both."""
    both = pair(means, contrast)
    return np.round(both["first"].to_numpy(float) - both["second"].to_numpy(float), DECIMALS)


def table(contrasts: Sequence[Contrast], rows: Sequence[Mapping[str, object]], adjust: str) -> pd.DataFrame:
    """One row per contrast: contrast, first, second (as written in a plan), the row itself, and its p adjusted.

    ``p_adjusted`` is ``p`` adjusted over all rows by ``holm`` or ``hochberg``; a row without p has none, but counts
    among the family as one that shows nothing. Empty for no contrasts.
    """
    names = [{"contrast": str(one), "first": str(one.first), "second": str(one.second)} for one in contrasts]
    found = pd.DataFrame([{**name, **row} for name, row in zip(names, rows, strict=True)])
    if found.empty:
        return found
    p = found["p"].to_numpy(float)
    return found.assign(p_adjusted=np.where(np.isnan(p), np.nan, adjusted(np.nan_to_num(p, nan=1.0), adjust)))

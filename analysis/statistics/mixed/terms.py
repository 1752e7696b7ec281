"""Which effects a mixed model of ratings has, chosen by what a frame holds.

Random are the intercepts of listeners and items, of their pairs with each other and with the conditions, and where
several items are excerpts of one song, of songs. Fixed are the conditions, and the target, the data set and the group
of listeners with their interactions with the condition. What the data can't tell from the residual or from another
effect is left out, with the reason.

Defines: ``Term``, ``Terms``, ``maximal``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError

Term = tuple[str, ...]
LISTENER = "listener"
OWNERS = {"target": "item", "dataset": "item", "listener_group": LISTENER}
"""Factors beside the condition, and of what they are a property as a rule."""
RANDOM: tuple[Term, ...] = (
    ("listener",),
    ("listener", "item"),
    ("listener", "condition"),
    ("item",),
    ("item", "condition"),
    ("song",),
    ("song", "condition"),
)


@dataclass(frozen=True)
class Terms:
    """Effects of a model: ``fixed`` without the intercept, ``random`` as intercepts of each level.

    ``left_out``: what a maximal model would have but these data can't estimate, a sentence each.
    """

    fixed: tuple[Term, ...]
    random: tuple[Term, ...]
    left_out: tuple[str, ...] = ()

    @property
    def random_names(self) -> tuple[str, ...]:
        """As they are written: ``listener:item``."""
        return tuple(":".join(term) for term in self.random)


def maximal(frame: pd.DataFrame) -> Terms:
    """The largest model that these ratings can estimate.

    Parameters
    ----------
    frame : columns listener, item, condition; where present song, target, dataset, listener_group.

    Raises
    ------
    AnalysisError
        For fewer than two listeners or two conditions.
    """
    for column in (LISTENER, "condition"):
        if frame[column].nunique() < 2:
            raise AnalysisError(
                f"mixed model: {frame[column].nunique()} {column} in {len(frame)} ratings; "
                "two or more are needed to compare conditions for listeners in general"
            )
    factors, without = _factors(frame)
    fixed: tuple[Term, ...] = (("condition",), *((factor,) for factor in factors))
    fixed += tuple(("condition", factor) for factor in factors)
    random, unidentified = _random(frame, fixed, RANDOM)
    return Terms(fixed, random, (*without, *unidentified))


def of_differences(frame: pd.DataFrame) -> Terms:
    """The largest model of differences between two conditions: as ``maximal``, less what has the condition."""
    factors, without = _factors(frame.assign(condition=""))
    fixed = tuple((factor,) for factor in factors)
    random, unidentified = _random(frame, fixed, [term for term in RANDOM if "condition" not in term])
    return Terms(fixed, random, (*without, *unidentified))


def _factors(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Factors beside the condition that can be estimated, and why others can't."""
    chosen: list[str] = []
    reasons: list[str] = []
    for factor in (factor for factor in OWNERS if factor in frame and frame[factor].nunique() > 1):
        reason = _unestimable(frame, factor) or next(
            (f"it can't be told from {other}" for other in chosen if _same(frame, [factor], [other])), None
        )
        if reason:
            reasons.append(f"{factor} is left out: {reason}.")
        else:
            chosen.append(factor)
    return chosen, reasons


def _unestimable(frame: pd.DataFrame, factor: str) -> str | None:
    owner = OWNERS[factor]
    pairs = frame[[owner, factor]].drop_duplicates()
    if factor == "listener_group" and pairs[owner].duplicated().any():
        return "some listeners are in several groups"
    owners = pairs.groupby(factor)[owner].nunique()
    if not pairs[owner].duplicated().any() and owners.min() < 2:
        return f"{owners.idxmin()} has one {owner} only, and can't be told from it"
    if frame.groupby("condition")[factor].nunique().max() < 2:
        return f"no condition was rated on more than one {factor}"
    return None


def _random(
    frame: pd.DataFrame, fixed: tuple[Term, ...], candidates: Iterable[Term]
) -> tuple[tuple[Term, ...], list[str]]:
    """Random terms that can be estimated, and why others can't."""
    chosen: list[Term] = []
    reasons: list[str] = []
    cell = sorted({column for term in fixed for column in term})
    nested = "song" in frame and 1 < frame["song"].nunique() < frame["item"].nunique()
    for term in candidates:
        if "song" in term and not nested:
            continue
        name, levels = ":".join(term), _levels(frame, term)
        if levels < 2:
            reasons.append(f"{name} is left out: there is one only.")
        elif levels == len(frame):
            reasons.append(f"{name} is left out: each of its levels has one rating, as the residual.")
        elif cell and _levels(frame, [*cell, *term]) == _levels(frame, cell):
            reasons.append(f"{name} is left out: it can't be told from the fixed effects.")
        elif same := next((other for other in chosen if _same(frame, term, other)), None):
            reasons.append(f"{name} is left out: it can't be told from {':'.join(same)}.")
        else:
            chosen.append(term)
    return tuple(chosen), reasons


def _levels(frame: pd.DataFrame, columns: Iterable[str]) -> int:
    """How many combinations of the columns' values occur."""
    key = np.zeros(len(frame), np.int64)
    for column in columns:
        codes = pd.factorize(frame[column])[0]
        key = key * (int(codes.max()) + 1) + codes
    return len(pd.unique(key))


def _same(frame: pd.DataFrame, first: Iterable[str], second: Iterable[str]) -> bool:
    """Whether two sets of columns cut the ratings into the same parts."""
    together = _levels(frame, dict.fromkeys([*first, *second]))
    return _levels(frame, first) == together == _levels(frame, second)

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
    parts = _parts(frame)
    for column in (LISTENER, "condition"):
        if (count := parts.levels([column])) < 2:
            raise AnalysisError(
                f"mixed model: {count} {column} in {len(frame)} ratings; "
                "two or more are needed to compare conditions for listeners in general"
            )
    factors, without = _factors(parts)
    fixed: tuple[Term, ...] = (("condition",), *((factor,) for factor in factors))
    fixed += tuple(("condition", factor) for factor in factors)
    random, unidentified = _random(parts, fixed, RANDOM)
    return Terms(fixed, random, (*without, *unidentified))


def of_differences(frame: pd.DataFrame) -> Terms:
    """The largest model of differences between two conditions: their mean, and the random terms without condition.

    It has no other fixed effect: the mean is over the items and listeners as they are, of which none counts more
    because there are few of its target, data set or group.
    """
    parts = _parts(frame.assign(condition=""))
    random, unidentified = _random(parts, (), [term for term in RANDOM if "condition" not in term])
    return Terms((), random, tuple(unidentified))


@dataclass(frozen=True)
class _Parts:
    """Into which parts columns cut the ratings: numbers of their values."""

    rows: int
    codes: dict[str, np.ndarray]

    def levels(self, columns: Iterable[str]) -> int:
        """How many combinations of the columns' values occur."""
        key = np.zeros(self.rows, np.int64)
        for column in columns:
            key = key * (int(self.codes[column].max()) + 1) + self.codes[column]
        return len(pd.unique(key))

    def same(self, first: Iterable[str], second: Iterable[str]) -> bool:
        """Whether two sets of columns cut the ratings into the same parts."""
        together = self.levels(dict.fromkeys([*first, *second]))
        return self.levels(first) == together == self.levels(second)

    def counts(self, inner: str, outer: str) -> np.ndarray:
        """How many values of one column occur with each value of another."""
        width = int(self.codes[inner].max()) + 1
        pairs = np.unique(self.codes[outer] * width + self.codes[inner])
        return np.bincount(pairs // width)


def _parts(frame: pd.DataFrame) -> _Parts:
    columns = {column for term in RANDOM for column in term} | set(OWNERS)
    if "song" in frame and (frame["song"] == "").any():  # items without one are not all of one song
        columns.remove("song")
    return _Parts(len(frame), {name: pd.factorize(frame[name])[0] for name in sorted(columns & set(frame.columns))})


def _factors(parts: _Parts) -> tuple[list[str], list[str]]:
    """Factors beside the condition that can be estimated, and why others can't."""
    chosen: list[str] = []
    reasons: list[str] = []
    for factor in (factor for factor in OWNERS if factor in parts.codes and parts.levels([factor]) > 1):
        reason = _unestimable(parts, factor) or next(
            (f"it can't be told from {other}" for other in chosen if parts.same([factor], [other])), None
        )
        if reason:
            reasons.append(f"{factor} is left out: {reason}.")
        else:
            chosen.append(factor)
    return chosen, reasons


def _unestimable(parts: _Parts, factor: str) -> str | None:
    owner = OWNERS[factor]
    nested = parts.counts(factor, owner).max() == 1
    if factor == "listener_group" and not nested:
        return "some listeners are in several groups"
    if nested and parts.counts(owner, factor).min() < 2:
        return f"one of its levels has one {owner} only, and can't be told from it"
    if parts.counts(factor, "condition").max() < 2:
        return "no condition was rated on more than one of its levels"
    return None


def _random(parts: _Parts, fixed: tuple[Term, ...], candidates: Iterable[Term]) -> tuple[tuple[Term, ...], list[str]]:
    """Random terms that can be estimated, and why others can't."""
    chosen: list[Term] = []
    reasons: list[str] = []
    cell = sorted({column for term in fixed for column in term})
    songs = "song" in parts.codes and 1 < parts.levels(["song"]) < parts.levels(["item"])
    for term in (term for term in candidates if songs or "song" not in term):
        levels = parts.levels(term)
        if levels < 2:
            reason = "there is one only"
        elif levels == parts.rows:
            reason = "each of its levels has one rating, as the residual"
        elif parts.levels([*cell, *term]) == parts.levels(cell):
            reason = "it can't be told from the fixed effects"
        elif same := next((other for other in chosen if parts.same(term, other)), None):
            reason = f"it can't be told from {':'.join(same)}"
        else:
            chosen.append(term)
            continue
        reasons.append(f"{':'.join(term)} is left out: {reason}.")
    return tuple(chosen), reasons

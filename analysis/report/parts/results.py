"""What a report holds, row by row: the types of its tables, for the page, the JSON and its schema, CSV and LaTeX alike.

Conventions: ratings and differences in points of the scale (0 to 100); intervals are 95 % unless the name says 90; a
number that does not exist is None, never NaN. Defines: the rows, and ``rows_of``, which makes them from a frame.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

Row = TypeVar("Row")


@dataclass(frozen=True)
class ConditionRow:
    """Ratings of one condition. ``low`` and ``high``: Student's t over listener means; ``resampled_*``: the two-way
    cluster bootstrap over listeners and items; hinges are Tukey's, the other quartiles linear."""

    condition: str
    role: str
    n: int
    listeners: int
    mean: float
    low: float | None
    high: float | None
    resampled_low: float | None
    resampled_high: float | None
    sd: float | None
    median: float
    q1: float
    q3: float
    q1_hinge: float
    q3_hinge: float
    skew: float | None
    kurtosis: float | None
    bimodality: float | None
    multimodal: bool
    at_ceiling: int


@dataclass(frozen=True)
class CellRow:
    """Ratings of one condition on one item; the interval is over listeners."""

    condition: str
    item: str
    n: int
    listeners: int
    mean: float
    low: float | None
    high: float | None
    median: float
    q1: float
    q3: float
    skew: float | None
    kurtosis: float | None
    bimodality: float | None
    multimodal: bool
    at_ceiling: int


@dataclass(frozen=True)
class MeanRow:
    """The mean of a condition as the mixed model estimates it, for items like these."""

    condition: str
    mean: float | None
    se: float | None
    df: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ContrastRow:
    """A planned contrast by a mixed model of its two conditions: for listeners and items like these.

    ``p_equivalence`` is of two one-sided tests at the planned margin, which ``low_90`` and ``high_90`` belong to;
    ``p_adjusted_unscreened`` is what it would be without screening.
    """

    contrast: str
    first: str
    second: str
    difference: float
    se: float
    df: float
    t: float
    p: float
    p_adjusted: float
    low: float
    high: float
    resampled_low: float | None
    resampled_high: float | None
    low_90: float | None = None
    high_90: float | None = None
    p_equivalence: float | None = None
    equivalent: bool | None = None
    p_adjusted_unscreened: float | None = None


@dataclass(frozen=True)
class PooledRow:
    """A planned contrast by one mixed model of all systems, with variances pooled over them.

    ``se_kr``, ``df_kr`` and ``p_kr`` are Kenward and Roger's, where there are not too many ratings for them; the others
    are with Satterthwaite's degrees of freedom.
    """

    contrast: str
    difference: float
    se: float
    df: float
    t: float
    p: float
    p_adjusted: float
    low: float
    high: float
    se_kr: float | None = None
    df_kr: float | None = None
    p_kr: float | None = None


@dataclass(frozen=True)
class EffectTestRow:
    """F test of a fixed effect of the joint mixed model, type III, with Satterthwaite's degrees of freedom."""

    term: str
    num_df: float
    den_df: float
    f: float
    p: float


@dataclass(frozen=True)
class RankRow:
    """A planned contrast on listener means: for exactly these items. ``difference`` is Hodges and Lehmann's."""

    contrast: str
    first: str
    second: str
    listeners: int
    difference: float
    low: float
    high: float
    v: float
    p: float
    exact: bool
    p_adjusted: float
    p_permutation: float | None
    p_permutation_adjusted: float | None
    rank_biserial: float
    mean_difference: float
    """What equivalence and its 90 % interval are about: by t tests of the listeners' differences."""
    low_90: float | None = None
    high_90: float | None = None
    p_equivalence: float | None = None
    equivalent: bool | None = None
    p_adjusted_unscreened: float | None = None


@dataclass(frozen=True)
class EffectRow:
    """How large a difference of listener means is, free of units."""

    contrast: str
    listeners: int
    d_z: float | None
    d_z_low: float | None
    d_z_high: float | None
    g_z: float | None
    superiority: float
    superiority_low: float
    superiority_high: float


@dataclass(frozen=True)
class AnovaRow:
    """One effect of the analysis of variance within listeners; ``reason``: which test the standard takes, and why."""

    effect: str
    f: float | None
    df1: float
    df2: float
    p: float | None
    eps_gg: float | None
    p_gg: float | None
    eps_hf: float | None
    p_hf: float | None
    f_multivariate: float | None
    p_multivariate: float | None
    eta2_partial: float | None
    eta2_generalised: float | None
    method: str
    p_standard: float | None
    reason: str


@dataclass(frozen=True)
class CoefficientRow:
    """One coefficient of how far listeners agree, with its 95 % interval where it has one."""

    coefficient: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Attachment3Row:
    """BS.1534-3, Attachment 3, as written: difference of medians, ratings pooled; and a paired version beside it."""

    contrast: str
    difference: float
    larger: int
    draws: int
    p: float
    significant: bool
    p_paired: float


@dataclass(frozen=True)
class Attachment4Row:
    """BS.1534-3, Attachment 4: a planned contrast with its own error, adjusted by Hochberg. ``test`` is ``sign`` where
    the differences are not normal (``p_normal``)."""

    contrast: str
    listeners: int
    mean_difference: float
    t: float | None
    df: float
    p_t: float | None
    p_normal: float | None
    p_sign: float
    test: str
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class OrdinalRow:
    """A planned contrast by the ordinal model of the five bands: log odds of a higher band, and the odds ratio.

    ``p_higher`` and ``p_lower``: probabilities that a rating of the first lies in a higher, in a lower band than one of
    the second.
    """

    first: str
    second: str
    difference: float
    se: float
    z: float
    p: float
    p_adjusted: float
    odds_ratio: float
    low: float
    high: float
    p_higher: float
    p_lower: float


@dataclass(frozen=True)
class OutlierRow:
    """A rating beyond 1.5 interquartile ranges of the hinges of its condition and item (BS.1534-3, 4.1.2): to be looked
    at, never removed by itself. ``low`` and ``high`` are the fences."""

    listener: str
    item: str
    condition: str
    replicate: int
    rating: float
    low: float
    high: float


@dataclass(frozen=True)
class ScreeningRow:
    """One rule's verdict on one listener."""

    listener: str
    rule: str
    slips: int | None
    trials: int | None
    value: float | None
    limit: float
    excluded: bool
    reason: str


@dataclass(frozen=True)
class SensitivityRow:
    """Mean of a condition with all listeners, and with those whom screening left."""

    condition: str
    before: float
    after: float


def rows_of(kind: type[Row], frame: pd.DataFrame | Iterable[dict[str, Any]]) -> tuple[Row, ...]:
    """Rows of a type out of a frame's columns of the same names; columns the type does not have are left out."""
    wanted = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    records = frame.to_dict("records") if isinstance(frame, pd.DataFrame) else frame
    return tuple(kind(**{name: plain(line[name]) for name in wanted if name in line}) for line in records)


def plain(value: Any) -> Any:
    """numpy's numbers as Python's; None for what is missing or, as JSON knows no infinity, no finite number."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    found = value.item() if hasattr(value, "item") else value
    return None if isinstance(found, float) and math.isinf(found) else found

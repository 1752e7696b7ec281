"""What BS.1534-3 itself describes for comparing two systems, as written, with a sounder version beside it.

* Attachment 3 (normative) shuffles single ratings between two conditions and looks at the difference of their medians.
  As worded it is one-sided and forgets who gave which rating, so that listeners' habits pass for chance; it is offered
  for reports that must follow the text, and is labelled so. ``paired_medians`` keeps the statistic and shuffles within
  listeners, to both sides.
* Attachment 4 (informative) wants few planned contrasts, each against its own error (t on listeners' means), a sign
  test where differences are not normal, and Hochberg's adjustment.

Conventions: ratings and differences in points, first minus second. Defines: ``AS_WRITTEN``, ``attachment_3``,
``paired_medians``, ``attachment_4``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.sides import of_side
from analysis.statistics.these_items.paired import paired_t, sign_test
from analysis.statistics.these_items.pairs import DECIMALS, Means, differences, table
from stimuli.experiment import Contrast

AS_WRITTEN = "BS.1534-3, Attachment 3, as written: one-sided, ratings unpaired"
DRAWS = 10_000
ALPHA = 0.05
CHUNK = 500
FEWEST_FOR_SHAPIRO, MOST_FOR_SHAPIRO = 3, 5000


def attachment_3(frame: pd.DataFrame, contrast: Contrast, *, draws: int = DRAWS, seed: int) -> dict[str, object]:
    """The permutation test of Attachment 3, as written. Null: all ratings come from one distribution.

    All ratings of both sides are pooled; as many as the first side has are drawn without replacement, the rest is the
    second; p is the share of draws whose difference of medians is larger than the actual one. It is significant for
    fewer than 500 of 10,000.

    Parameters
    ----------
    frame : columns condition, rating and those of the factors that the contrast names; each row counts.

    Returns
    -------
    dict
        label, contrast, n_first, n_second, difference (of medians), larger (draws), draws, p, significant.

    Raises
    ------
    AnalysisError
        Where a side has no rating.
    """
    first, second = _ratings(frame, contrast)
    levels, pooled = np.unique(np.concatenate([first, second]), return_counts=True)
    actual = round(float(np.median(first) - np.median(second)), DECIMALS)
    draw = np.random.default_rng(seed)
    larger = 0
    for size in _sizes(draws):
        # How often each value is drawn says all about the medians, and is quick to draw.
        drawn = draw.multivariate_hypergeometric(pooled, len(first), size=size)
        larger += int((_differences_of_medians(levels, drawn, pooled - drawn) > actual).sum())
    return {
        **{"label": AS_WRITTEN, "contrast": str(contrast), "n_first": len(first), "n_second": len(second)},
        **{"difference": actual, "larger": larger, "draws": draws, "p": larger / draws},
        "significant": larger < ALPHA * draws,
    }


def paired_medians(frame: pd.DataFrame, contrast: Contrast, *, draws: int = DRAWS, seed: int) -> dict[str, object]:
    """Attachment 3's difference of medians, paired and two-sided. Null: a listener's two sides could be exchanged.

    In each draw every listener's ratings of both sides are exchanged or left. Listeners who rated one side only are
    left out.

    Returns
    -------
    dict
        label, contrast, listeners, difference (of medians), draws, p: (as far from 0 or further + 1) / (draws + 1).

    Raises
    ------
    AnalysisError
        Where fewer than two listeners rated both sides.
    """
    sides = [of_side(frame, side, contrast) for side in contrast]
    listeners = sorted(set(sides[0]["listener"]) & set(sides[1]["listener"]))
    if len(listeners) < 2:
        raise AnalysisError(f"{contrast}: fewer than two listeners rated both; nothing can be compared")
    sides = [own[own["listener"].isin(listeners)] for own in sides]
    levels = np.unique(np.concatenate([own["rating"].to_numpy(float) for own in sides]))
    first, second = (_counts(own, listeners, levels) for own in sides)
    each, both, swapped = first.sum(axis=0), (first + second).sum(axis=0), second - first
    difference = float(_differences_of_medians(levels, each, both - each)[0])
    draw = np.random.default_rng(seed)
    as_far = 0
    for size in _sizes(draws):
        drawn = each + draw.integers(0, 2, (size, len(listeners))).astype(float) @ swapped
        as_far += int((np.abs(_differences_of_medians(levels, drawn, both - drawn)) >= abs(difference)).sum())
    return {
        "label": "difference of medians, exchanged within listeners, two-sided",
        **{"contrast": str(contrast), "listeners": len(listeners), "difference": difference, "draws": draws},
        "p": (as_far + 1) / (draws + 1),
    }


def attachment_4(means: Means, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Planned contrasts as Attachment 4 wants them, with Hochberg's adjustment.

    Each is a t test of the listeners' own differences, so that its error is not pooled over other conditions; where
    these differences are not normal (Shapiro and Wilk, p < 0.05) the sign test takes its place.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, listeners, mean_difference, t, df, p_t, p_normal (NaN for fewer
        than three listeners or equal differences; of the first 5,000 of more), p_sign, test (``t`` or ``sign``), p,
        p_adjusted; empty for no contrasts.
    """
    rows = []
    for contrast in contrasts:
        own = differences(means, contrast)
        found = paired_t(own)
        normal = _normality(own)
        test = "sign" if normal < ALPHA or np.isnan(found["t"]) else "t"
        rows.append(
            {
                "listeners": len(own),
                **{name: found[name] for name in ("mean_difference", "t", "df")},
                **{"p_t": found["p"], "p_normal": normal, "p_sign": sign_test(own), "test": test},
                "p": sign_test(own) if test == "sign" else found["p"],
            }
        )
    return table(contrasts, rows, "hochberg")


def _normality(values: np.ndarray) -> float:
    """p of Shapiro and Wilk's test; NaN where it is not defined."""
    if len(values) < FEWEST_FOR_SHAPIRO or (values == values[0]).all():
        return float("nan")
    return float(stats.shapiro(values[:MOST_FOR_SHAPIRO]).pvalue)


def _ratings(frame: pd.DataFrame, contrast: Contrast) -> tuple[np.ndarray, np.ndarray]:
    first, second = (of_side(frame, side, contrast)["rating"].to_numpy(float) for side in contrast)
    if not len(first) or not len(second):
        missing = contrast.second if len(first) else contrast.first
        raise AnalysisError(f"{contrast}: nobody rated {missing}; nothing can be compared")
    return first, second


def _sizes(draws: int) -> Iterator[int]:
    """Draws in portions, to keep memory small."""
    return (min(CHUNK, draws - start) for start in range(0, draws, CHUNK))


def _counts(rated: pd.DataFrame, listeners: Sequence[str], levels: np.ndarray) -> np.ndarray:
    """How often each listener (rows) gave each value (columns)."""
    row = np.searchsorted(np.asarray(listeners, dtype=object), rated["listener"].to_numpy(object))
    column = np.searchsorted(levels, rated["rating"].to_numpy(float))
    found = np.zeros((len(listeners), len(levels)))
    np.add.at(found, (row, column), 1)
    return found


def _differences_of_medians(levels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """First minus second of each draw (rows), so rounded that equal differences are equal."""
    return np.round(_medians(levels, first) - _medians(levels, second), DECIMALS)


def _medians(levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Medians of samples (rows) given by how often each level (columns, rising) is in them."""
    reached = np.cumsum(np.atleast_2d(counts), axis=1)
    total = reached[:, -1:]
    lower, upper = ((reached < place).sum(axis=1) for place in ((total + 1) // 2, total // 2 + 1))
    return (levels[lower] + levels[upper]) / 2

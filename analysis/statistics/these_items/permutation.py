"""Sign-flip permutation of listeners' differences: a test of the mean that asks for no distribution.

If two conditions are alike, a listener's difference could as well have had the other sign. The test counts how many
of all patterns of signs, or of patterns drawn from a seed, give a mean at least as far from 0 as the one observed.
Null hypothesis: the differences lie symmetrically around 0, for these items and listeners in general.

Conventions: two-sided; differences are rounded to 1e-9 and added as whole numbers of that unit, so that equal sums are
equal. All contrasts share their patterns: one table of signs, one product of matrices.

Defines: ``sign_flips``, ``compare``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.these_items.pairs import DECIMALS, Means, pair, table
from stimuli.experiment import Contrast

MOST_EXACT = 20
"""Listeners up to which all patterns of signs are counted: 2^20, a million."""
CHUNK = 4096
"""Patterns made at a time, to keep memory small."""


def sign_flips(differences: np.ndarray, *, draws: int = 10_000, seed: int) -> pd.DataFrame:
    """Test the mean of each column of differences.

    Parameters
    ----------
    differences : listeners by contrasts, in points; NaN where a listener did not rate both, who is left out there.
    draws : patterns to draw where there are more than 20 listeners; the p is (as far or further + 1) / (draws + 1)
        then (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585), and exact for fewer listeners.

    Returns
    -------
    DataFrame
        One row per column: listeners, mean_difference, p, exact, patterns.

    Raises
    ------
    AnalysisError
        Where a column has fewer than two differences.
    """
    values = np.asarray(differences, float)
    counts = np.isfinite(values).sum(axis=0)
    if (counts < 2).any():
        raise AnalysisError(f"sign flips need the differences of two listeners or more, found {counts.min()}")
    # A whole number of 1e-9 points: sums are exact below 2^53, 9 million points.
    units = np.nan_to_num(np.round(values * 10**DECIMALS))
    observed = np.abs(units.sum(axis=0))
    exact = len(values) <= MOST_EXACT
    patterns = _all_signs(len(values)) if exact else _drawn_signs(len(values), draws, seed)
    as_far = sum((np.abs(signs @ units) >= observed).sum(axis=0) for signs in patterns)
    total = 2 ** (len(values) - 1) if exact else draws
    return pd.DataFrame(
        {
            "listeners": counts,
            "mean_difference": np.nansum(values, axis=0) / counts,
            "p": as_far / total if exact else (as_far + 1) / (total + 1),
            "exact": exact,
            "patterns": 2 * total if exact else total,
        }
    )


def compare(
    means: Means, contrasts: Sequence[Contrast], *, adjust: str = "holm", draws: int = 10_000, seed: int
) -> pd.DataFrame:
    """Test planned contrasts by sign flips, with their p adjusted over all of them.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, listeners, mean_difference (points), p, exact, patterns,
        p_adjusted; empty for no contrasts.

    Raises
    ------
    AnalysisError
        Where fewer than two listeners rated both sides of a contrast.
    """
    if not contrasts:
        return table([], [], adjust)
    pairs = [pair(means, contrast) for contrast in contrasts]
    columns = pd.concat([own["first"] - own["second"] for own in pairs], axis=1).sort_index()
    found = sign_flips(columns.to_numpy(float), draws=draws, seed=seed)
    return table(contrasts, found.to_dict("records"), adjust)  # type: ignore[arg-type]


def _all_signs(count: int) -> Iterator[np.ndarray]:
    """All patterns whose last sign is plus, in chunks; the others are their mirror images, just as far from 0."""
    bits = np.arange(count)
    for start in range(0, 2 ** (count - 1), CHUNK):
        patterns = np.arange(start, min(start + CHUNK, 2 ** (count - 1)))
        yield 1.0 - 2.0 * ((patterns[:, None] >> bits) & 1)


def _drawn_signs(count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    draw = np.random.default_rng(seed)
    for start in range(0, draws, CHUNK):
        yield 1.0 - 2.0 * draw.integers(0, 2, (min(CHUNK, draws - start), count), dtype=np.int8)

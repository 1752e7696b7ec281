"""Whether one of two metrics is more closely correlated with the ratings than the other.

Both are measured on the same cells, so that the two correlations depend on each other. Williams' t (1959) allows for
that; Steiger (1980, doi:10.1037/0033-2909.87.2.245, there T2) recommends it over Hotelling's test. It takes the cells
for independent and normal. The cells of one item are not independent, and its p is then too small as a rule: read it
beside the bootstrap's interval, which draws items whole and leads. With Spearman's coefficients, which are Pearson's of
ranks, it is an approximation.

Conventions: correlations from -1 to 1. Defines: ``williams``.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

FEWEST = 4
ROUNDING = 1e-12


def williams(
    first: np.ndarray, second: np.ndarray, between: np.ndarray, *, cells: int
) -> tuple[np.ndarray, np.ndarray]:
    """Williams' test that two correlations with one variable (the ratings) are equal.

    Parameters
    ----------
    first, second : correlations of either metric with the ratings.
    between : correlation of the two metrics.
    cells : how many there are, four or more.

    Returns
    -------
    t, above 0 where the first is larger, and its two-sided p with cells - 3 degrees of freedom. Of equal correlations,
    t is 0 and p 1, also where the metrics are equal.
    """
    first, second, between = (np.asarray(one, float) for one in (first, second, between))
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    variance = 2 * (cells - 1) / (cells - 3) * np.maximum(determinant, 0) + mean**2 * (1 - between) ** 3
    difference = np.where(np.abs(first - second) > ROUNDING, first - second, 0.0)
    # Opposite metrics have opposite correlations r and -r: numerator and spread vanish together, and the limit is
    # r sqrt((cells - 3) / (1 - r^2)), which is 2 r over this spread.
    opposite = between < ROUNDING - 1
    of_opposite = 4 * np.maximum(1 - (difference / 2) ** 2, 0) / (cells - 3)
    usual = np.divide(variance, (cells - 1) * (1 + between), out=np.zeros(variance.shape), where=~opposite)
    spread = np.sqrt(np.where(opposite, of_opposite, usual))
    # Perfect metrics leave no spread; any difference of theirs is infinite then.
    out = np.select([difference > 0, difference < 0], [np.inf, -np.inf], 0.0)
    t = np.divide(difference, spread, out=out, where=(difference != 0) & (spread > 0))
    return t, 2 * stats.t.sf(np.abs(t), cells - 3)

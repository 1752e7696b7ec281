"""Order statistics, spread and shape of many groups of ratings at once, without a loop over groups.

Conventions: ``values`` holds the ratings and ``codes`` the number of each one's group, from 0; every group has one
value at least. Results are arrays with one entry per group. NaN stands where a number is not defined: the standard
deviation of one value, the shape of values that are too few or all equal.

Defines: ``counts``, ``means``, ``deviations``, ``quartiles``, ``shape``, ``MULTIMODAL_ABOVE``.
"""

from __future__ import annotations

import numpy as np

MULTIMODAL_ABOVE = 5 / 9
"""Bimodality of a uniform distribution: BS.1534-3, clause 9, takes anything above for several modes."""


def counts(codes: np.ndarray) -> np.ndarray:
    """How many values each group has."""
    return np.bincount(codes)


def means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean of each group."""
    return np.bincount(codes, values) / counts(codes)


def deviations(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Standard deviation of each group, with n - 1."""
    return np.sqrt(_central_sums(values, codes, 2)[0] / _at_least(counts(codes) - 1, 1))


def quartiles(values: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Median, linearly interpolated quartiles (q1, q3) and Tukey's hinges (q1_hinge, q3_hinge) of each group."""
    ordered = values[np.lexsort((values, codes))]
    count = counts(codes)
    start = np.cumsum(count) - count
    half = (count + 1) // 2  # for an odd count the median belongs to both halves

    def middle(first: np.ndarray, length: np.ndarray) -> np.ndarray:
        return (ordered[first + (length - 1) // 2] + ordered[first + length // 2]) / 2

    def linear(share: float) -> np.ndarray:
        below, part = np.divmod((count - 1) * share, 1)
        low = start + below.astype(int)
        return ordered[low] * (1 - part) + ordered[np.minimum(low + 1, start + count - 1)] * part

    return {
        "median": middle(start, count),
        "q1": linear(0.25),
        "q3": linear(0.75),
        "q1_hinge": middle(start, half),
        "q3_hinge": middle(start + count - half, half),
    }


def shape(values: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Skewness, excess kurtosis and bimodality of each group.

    Skewness and kurtosis are the bias-corrected G1 and G2 (Joanes and Gill 1998, doi:10.1111/1467-9884.00122);
    bimodality is (G1^2 + 1) / (G2 + 3 (n - 1)^2 / ((n - 2) (n - 3))), BS.1534-3, clause 9. Skewness needs three
    values, the others four, and none is defined where all are equal.

    Returns
    -------
    dict
        skew, kurtosis, bimodality, multimodal (bool: bimodality > 5/9; a condition at the end of the scale trips it
        too, though it has one mode: read it beside the number of ratings there).
    """
    n = counts(codes).astype(float)
    second, third, fourth = (total / n for total in _central_sums(values, codes, 2, 3, 4))
    variance = np.where(second > 0, second, np.nan)
    two, three = _at_least(n - 2, 1), _at_least(n - 3, 1)
    skew = third / variance**1.5 * np.sqrt(n * (n - 1)) / two
    kurtosis = (n - 1) / (two * three) * ((n + 1) * (fourth / variance**2 - 3) + 6)
    bimodality = (skew**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / (two * three))
    return {"skew": skew, "kurtosis": kurtosis, "bimodality": bimodality, "multimodal": bimodality > MULTIMODAL_ABOVE}


def _central_sums(values: np.ndarray, codes: np.ndarray, *powers: int) -> list[np.ndarray]:
    """Sums of powers of the distances from the group's mean; exactly 0 where all values of a group are equal."""
    lowest, highest = np.full(codes.max() + 1, np.inf), np.full(codes.max() + 1, -np.inf)
    np.minimum.at(lowest, codes, values)
    np.maximum.at(highest, codes, values)
    centre = np.where(lowest == highest, lowest, means(values, codes))
    distance = values - centre[codes]
    return [np.bincount(codes, distance**power) for power in powers]


def _at_least(numbers: np.ndarray, least: int) -> np.ndarray:
    """The numbers, NaN where they are smaller: what is divided by them is not defined."""
    return np.where(numbers >= least, numbers, np.nan)

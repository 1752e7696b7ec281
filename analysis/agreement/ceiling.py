"""The noise ceiling: how far a metric could go along with these ratings that knew exactly what is heard.

A mean of few listeners is not what all would say, so that not even a perfect metric correlates 1 with it. How noisy it
is shows where one half of the listeners is held against the other: the Spearman correlation of their means, over many
random halves, is taken to the whole panel by the formula of Spearman (1910, doi:10.1111/j.2044-8295.1910.tb00206.x)
and Brown (doi:10.1111/j.2044-8295.1910.tb00207.x). The root of that reliability is the correlation of the panel's mean
with the mean of very many such listeners (Spearman 1904, doi:10.2307/1412159).

Both formulas are of Pearson's correlation and hold for ranks nearly. Defines: ``ceiling``.
"""

from __future__ import annotations

import numpy as np

from analysis.agreement import correlations
from analysis.agreement.cells import DECIMALS, Beside

FEWEST_LISTENERS = 4
"""Below that a half is one listener."""
HALVES = 200


def ceiling(found: Beside, *, seed: int) -> float:
    """Spearman's correlation (0 to 1) that a perfect metric can be expected to have with the cells' mean ratings.

    NaN for fewer than ``FEWEST_LISTENERS``, and where no half says how cells differ. A cell that one half has not rated
    is not in that comparison.
    """
    listeners = len(found.rated)
    if listeners < FEWEST_LISTENERS:
        return np.nan
    half = listeners // 2
    order = np.argsort(np.random.default_rng(seed).random((HALVES, listeners)), axis=1)
    (first, there), (second, also) = (
        _means(found.rated, chosen) for chosen in (order[:, :half], order[:, half : 2 * half])
    )
    between = correlations.spearman_of_two(first, second, (there & also).astype(float))
    if not np.isfinite(between).any():
        return np.nan
    mean = max(float(np.nanmean(between)), 0.0)  # halves that contradict each other know nothing
    larger = listeners / half
    return float(np.sqrt(larger * mean / (1 + (larger - 1) * mean)))


def _means(rated: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean rating of each cell (D, C) by the listeners chosen in each draw (D, H), and whether anybody rated it."""
    there = np.isfinite(rated)
    drawn = np.zeros((len(chosen), len(rated)))
    np.put_along_axis(drawn, chosen, 1.0, axis=1)
    counts, sums = drawn @ there, drawn @ np.nan_to_num(rated)
    means = np.divide(sums, counts, out=np.zeros(sums.shape), where=counts > 0)
    return np.round(means, DECIMALS), counts > 0

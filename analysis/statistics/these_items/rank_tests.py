"""Rank tests on listener means: Friedman over all conditions, Wilcoxon for planned pairs, Holm over the pairs.

What they can say: listeners are the random sample, the items are exactly these. They say nothing about items in
general, and their null hypotheses are about the listeners' mean over these items.

Conventions: ``means`` is listeners (rows) by conditions (columns); listeners with a missing cell are left out of
a test that needs it. Differences are rounded to 1e-9, so that ties of the ratings stay ties. p two-sided.

Defines: ``friedman``, ``wilcoxon``, ``compare``, ``hodges_lehmann``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.adjustment import holm

DECIMALS = 9
CONFIDENCE = 0.95
MOST_EXACT = 50
"""Listeners up to which Wilcoxon is exact where there are no ties and no zeros."""


def friedman(means: pd.DataFrame) -> dict[str, float]:
    """Friedman's test (1937) with Kendall's W. Null: every order of the conditions is as likely for each listener.

    Returns
    -------
    dict
        chi2, df, p, kendall_w (0 to 1), listeners, conditions.

    Raises
    ------
    AnalysisError
        For fewer than two complete listeners or three conditions, or where no listener tells conditions apart.
    """
    complete = means.dropna().round(DECIMALS)
    listeners, conditions = complete.shape
    if listeners < 2 or conditions < 3:
        raise AnalysisError(
            "Friedman's test needs 2 listeners who rated everything and 3 conditions, "
            f"found {listeners} and {conditions}"
        )
    if (complete.nunique(axis=1) == 1).all():
        raise AnalysisError("Friedman's test: every listener rated all conditions alike")
    chi2, p = stats.friedmanchisquare(*complete.to_numpy(float).T)
    return {
        "chi2": float(chi2),
        "df": conditions - 1,
        "p": float(p),
        "kendall_w": float(chi2 / (listeners * (conditions - 1))),
        "listeners": listeners,
        "conditions": conditions,
    }


def wilcoxon(first: np.ndarray, second: np.ndarray) -> dict[str, float | bool]:
    """Wilcoxon's signed-rank test (1945) of paired values. Null: the differences lie symmetrically around 0.

    Zeros are left out; exact for up to 50 listeners without ties and zeros, else the normal approximation with
    continuity correction.

    Returns
    -------
    dict
        v (sum of positive ranks), p, exact, n (non-zero differences), rank_biserial (-1 to 1).
    """
    differences = np.round(np.asarray(first, float) - np.asarray(second, float), DECIMALS)
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return {"v": 0.0, "p": 1.0, "exact": False, "n": 0, "rank_biserial": 0.0}
    ranks = stats.rankdata(np.abs(nonzero))
    positive, total = float(ranks[nonzero > 0].sum()), float(ranks.sum())
    tied = len(np.unique(np.abs(nonzero))) < len(nonzero) or len(nonzero) < len(differences)
    exact = not tied and len(nonzero) <= MOST_EXACT
    found = stats.wilcoxon(nonzero, method="exact" if exact else "approx", correction=not exact)
    return {
        "v": positive,
        "p": float(found.pvalue),  # type: ignore[attr-defined]
        "exact": exact,
        "n": len(nonzero),
        "rank_biserial": (2 * positive - total) / total,
    }


Paired = Callable[[str, str], pd.DataFrame]
"""Gives the listeners' means of two conditions, as two columns; rows with a hole are left out."""


def compare(means: pd.DataFrame | Paired, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Planned pairs with Holm's correction over all of them.

    Parameters
    ----------
    means : of every condition; or what gives those of a pair, where listeners heard each pair on other pages.

    Returns
    -------
    DataFrame
        One row per pair: first, second, listeners, difference (Hodges-Lehmann, in points), low, high (95 %), v, p,
        exact, n, rank_biserial, p_holm; empty for no pairs.
    """
    rows = []
    for first, second in pairs:
        own = means(first, second) if callable(means) else means[[first, second]]
        both = own.dropna().to_numpy(float)
        if len(both) < 2:
            raise AnalysisError(f"{first} - {second}: fewer than two listeners rated both; nothing can be compared")
        rows.append(
            {
                "first": first,
                "second": second,
                "listeners": len(both),
                **hodges_lehmann(both[:, 0] - both[:, 1]),
                **wilcoxon(both[:, 0], both[:, 1]),
            }
        )
    found = pd.DataFrame(rows)
    return found.assign(p_holm=holm(found["p"].to_numpy(float))) if rows else found


def hodges_lehmann(differences: np.ndarray) -> dict[str, float]:
    """Median of all means of two differences (Hodges and Lehmann 1963), with its distribution-free 95 % interval.

    The interval's ends are order statistics of those means, chosen by the exact signed-rank distribution. For five
    listeners or fewer no 95 % interval exists, and its ends are the smallest and the largest mean.
    """
    values = np.round(np.asarray(differences, float), DECIMALS)
    upper = np.triu_indices(len(values))
    walsh = np.sort((values[:, None] + values[None, :])[upper] / 2)
    below = _signed_rank_quantile((1 - CONFIDENCE) / 2, len(values))
    skip = max(below, 1)
    return {"difference": float(np.median(walsh)), "low": float(walsh[skip - 1]), "high": float(walsh[-skip])}


def _signed_rank_quantile(probability: float, count: int) -> int:
    """Smallest v with P(V <= v) >= probability, V the signed-rank sum of ``count`` differences under the null."""
    ways = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways
        longer[rank:] += ways
        ways = longer / 2
    return int(np.searchsorted(np.cumsum(ways), probability * (1 - 1e-12)))

"""Rank tests on listener means: Friedman over all conditions, Wilcoxon for planned contrasts.

What they can say: listeners are the random sample, the items are exactly these. They say nothing about items in
general, and their null hypotheses are about the listeners' mean over these items.

Conventions: ``means`` is listeners (rows) by conditions (columns); listeners with a missing cell are left out of
a test that needs it. Differences are rounded to 1e-9, so that ties of the ratings stay ties. p two-sided.

Defines: ``friedman``, ``wilcoxon``, ``compare``, ``pair_concordance``, ``hodges_lehmann``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.these_items.pairs import DECIMALS, Means, pair, table
from stimuli.experiment import Contrast

CONFIDENCE = 0.95
MOST_EXACT = 50
"""Listeners up to which Wilcoxon is exact where there are no ties and no zeros."""
MOST_COUNTED = 200
"""Listeners up to which the interval of the Hodges-Lehmann difference is from the exact signed-rank distribution."""


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


def compare(means: Means, contrasts: Sequence[Contrast], *, adjust: str = "holm") -> pd.DataFrame:
    """Wilcoxon's test of planned contrasts, with their p adjusted over all of them.

    Parameters
    ----------
    means : of every condition; or what gives those of a contrast (see ``pairs``).
    adjust : ``holm`` or ``hochberg``.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, listeners, difference (Hodges-Lehmann, in points), low, high
        (95 %), v, p, exact, n, rank_biserial, kendall_w (see ``pair_concordance``), p_adjusted; empty for none.

    Raises
    ------
    AnalysisError
        Where fewer than two listeners rated both sides of a contrast.
    """
    rows = []
    for contrast in contrasts:
        first, second = pair(means, contrast).to_numpy(float).T
        rows.append(
            {
                "listeners": len(first),
                **hodges_lehmann(first - second),
                **wilcoxon(first, second),
                "kendall_w": pair_concordance(first - second),
            }
        )
    return table(contrasts, rows, adjust)


def pair_concordance(differences: np.ndarray) -> float:
    """Kendall's W of two conditions, the effect size of Friedman's test made of them alone.

    (n+ - n-)^2 / (n (n+ + n-)): 1 where all listeners prefer the same one, 0 where as many prefer either, or where
    none prefers any.
    """
    signs = np.sign(np.round(np.asarray(differences, float), DECIMALS))
    told_apart = np.abs(signs).sum()
    return float(signs.sum() ** 2 / (len(signs) * told_apart)) if told_apart else 0.0


def hodges_lehmann(differences: np.ndarray) -> dict[str, float]:
    """Median of all means of two differences (Hodges and Lehmann 1963), with its distribution-free 95 % interval.

    The interval's ends are order statistics of those means, chosen by the signed-rank distribution: the exact one for
    up to 200 listeners, its normal approximation for more. For five listeners or fewer no 95 % interval exists, and
    its ends are the smallest and the largest mean.
    """
    values = np.round(np.asarray(differences, float), DECIMALS)
    upper = np.triu_indices(len(values))
    walsh = (values[:, None] + values[None, :])[upper] / 2
    skip = max(_signed_rank_quantile((1 - CONFIDENCE) / 2, len(values)), 1)
    wanted = [skip - 1, (len(walsh) - 1) // 2, len(walsh) // 2, len(walsh) - skip]
    low, below, above, high = np.partition(walsh, wanted)[wanted]
    return {"difference": float((below + above) / 2), "low": float(low), "high": float(high)}


def _signed_rank_quantile(probability: float, count: int) -> int:
    """Smallest v with P(V <= v) >= probability, V the signed-rank sum of ``count`` differences under the null."""
    if count > MOST_COUNTED:
        mean, variance = count * (count + 1) / 4, count * (count + 1) * (2 * count + 1) / 24
        # V takes whole numbers: P(V <= v) is the normal distribution at v + 1/2.
        return int(np.ceil(mean + stats.norm.ppf(probability) * np.sqrt(variance) - 0.5))
    ways = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways
        longer[rank:] += ways
        ways = longer / 2
    return int(np.searchsorted(np.cumsum(ways), probability * (1 - 1e-12)))

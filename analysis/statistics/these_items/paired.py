"""Planned contrasts on listeners' means: paired t, equivalence, and how large the effects are.

All is of the listeners' differences (first minus second, each a mean over these items): the sample is of listeners,
and nothing is said of items in general. The t test and the equivalence test take the differences to be about normal,
or listeners to be many; so do the intervals of d_z and g_z.

Conventions: differences and margins in points; intervals 95 %, but 90 % where equivalence is tested, so that it holds
exactly where the interval lies within the margin; p two-sided but for equivalence.

Defines: ``compare``, ``paired_t``, ``equivalence``, ``standardised``, ``superiority``, ``rank_biserial``,
``sign_test``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from analysis.statistics.these_items.pairs import Means, differences, table
from analysis.statistics.these_items.rank_tests import hodges_lehmann, wilcoxon
from stimuli.experiment import Contrast

CONFIDENCE = 0.95
ALPHA = 0.05
ENDLESS = 5.0
"""Standard deviations beyond which a normal distribution holds nothing that matters."""
VAST = 1000
"""t over the root of twice its degrees of freedom from which its noncentrality follows from the deviation alone."""


def compare(
    means: Means, contrasts: Sequence[Contrast], *, margin: float | None = None, adjust: str = "holm"
) -> pd.DataFrame:
    """Every planned contrast with its t test, its effect sizes and, where a margin is given, its equivalence.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, listeners, the columns of ``paired_t`` (mean_difference, sd, t,
        df, p, low, high), ``standardised`` (d_z, g_z and their limits), hodges_lehmann and its limits,
        ``superiority`` and ``rank_biserial`` with theirs, p_sign, of ``equivalence`` where there is a margin, and
        p_adjusted: p over all contrasts by ``holm`` or ``hochberg``. Empty for no contrasts.

    Raises
    ------
    AnalysisError
        Where fewer than two listeners rated both sides of a contrast.
    """
    rows = []
    for contrast in contrasts:
        own = differences(means, contrast)
        shift = hodges_lehmann(own)
        rows.append(
            {
                "listeners": len(own),
                **paired_t(own),
                **standardised(own),
                "hodges_lehmann": shift["difference"],
                "hodges_lehmann_low": shift["low"],
                "hodges_lehmann_high": shift["high"],
                **superiority(own),
                **rank_biserial(own),
                "p_sign": sign_test(own),
                **(equivalence(own, margin) if margin is not None else {}),
            }
        )
    return table(contrasts, rows, adjust)


def paired_t(differences: np.ndarray) -> dict[str, float]:
    """Student's t of paired values. Null: the expected difference is 0.

    Returns
    -------
    dict
        mean_difference, sd (n - 1), t, df, p, low, high (95 %). Where all differences are equal there is no spread to
        hold them against: t and p are NaN and the limits are the mean.
    """
    mean, sd, error, df = _moments(differences)
    t = mean / error if error > 0 else np.nan
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, df)) * error
    p = float(2 * stats.t.sf(abs(t), df))
    return {
        **{"mean_difference": mean, "sd": sd, "t": t, "df": df, "p": p},
        **{"low": mean - reach, "high": mean + reach},
    }


def equivalence(differences: np.ndarray, margin: float) -> dict[str, float | bool]:
    """Two one-sided t tests (Schuirmann 1987, doi:10.1007/BF01068419). Null: the difference is ``margin`` or more.

    Returns
    -------
    dict
        margin, p_equivalence (the larger of the two), equivalence_low, equivalence_high (90 %) and equivalent (p below
        0.05, which is where the interval lies within the margin). Where all differences are equal p is NaN.
    """
    mean, _, error, df = _moments(differences)
    # Without any spread there is nothing to hold the margin against: no claim is made.
    p = float(stats.t.sf((margin - abs(mean)) / error, df)) if error > 0 else float("nan")
    reach = float(stats.t.ppf(1 - ALPHA, df)) * error
    return {
        **{"margin": margin, "p_equivalence": p, "equivalence_low": mean - reach, "equivalence_high": mean + reach},
        "equivalent": p < ALPHA,
    }


def standardised(differences: np.ndarray) -> dict[str, float]:
    """Cohen's d_z (mean over standard deviation of the differences) and Hedges' g_z, with 95 % limits.

    g_z = d_z (1 - 3 / (4 df - 1)) takes out most of the bias of few listeners. The limits are those of the
    noncentrality of t (Steiger and Fouladi 1997), over the root of n: exact for normal differences. All are NaN where
    all differences are equal.
    """
    mean, sd, _, df = _moments(differences)
    if not sd > 0:
        return dict.fromkeys(("d_z", "d_z_low", "d_z_high", "g_z", "g_z_low", "g_z_high"), np.nan)
    root, correction = np.sqrt(len(differences)), 1 - 3 / (4 * df - 1)
    shares = (1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2
    low, high = (_noncentrality(mean / sd * root, df, share) / root for share in shares)
    d_z = {"": mean / sd, "_low": low, "_high": high}
    return {f"d_z{end}": float(value) for end, value in d_z.items()} | {
        f"g_z{end}": float(value * correction) for end, value in d_z.items()
    }


def superiority(differences: np.ndarray) -> dict[str, float]:
    """Share of listeners with first above second, ties counted half (0 to 1), with Wilson's 95 % interval (1927).

    Wilson's interval takes each listener for a yes or no; with ties it is a little too wide.
    """
    count = len(differences)
    share = float((np.sum(differences > 0) + np.sum(differences == 0) / 2) / count)
    z2 = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) ** 2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = float(np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count))
    low, high = max(centre - reach, 0.0), min(centre + reach, 1.0)
    return {"superiority": share, "superiority_low": low, "superiority_high": high}


def rank_biserial(differences: np.ndarray) -> dict[str, float]:
    """Rank-biserial correlation of the signed ranks (Kerby 2014, doi:10.2466/11.IT.3.1; -1 to 1), with 95 % limits.

    It estimates 2 P(D + D' > 0) - 1, D and D' two listeners' differences. The limits are those values that a score
    test does not reject, as Wilson's are, with the variance that the signed-rank sum has for normal differences so
    far from 0. Without any difference they are -1 and 1.
    """
    found = wilcoxon(differences, np.zeros(len(differences)))
    n, value = int(found["n"]), float(found["rank_biserial"])
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    low, high = (_limit_of_share((value + 1) / 2, n, sign * reach) if n else (1 - sign) / 2 for sign in (1, -1))
    return {"rank_biserial": value, "rank_biserial_low": 2 * low - 1, "rank_biserial_high": 2 * high - 1}


def _limit_of_share(share: float, n: int, reach: float) -> float:
    """The share P(D + D' > 0) from which the observed one is ``reach`` standard errors away (above, if positive)."""

    def too_far(h: float) -> float:
        # Normal differences have a share of Phi(h), and P(D + D' > 0, D + D'' > 0) is of two normals correlated by 1/2.
        expected = float(stats.norm.cdf(h))
        both = expected - 2 * float(special.owens_t(h, 3**-0.5))
        variance = 4 * (both - expected**2) / n * (2 * n + 1) / (2 * n + 2)
        return share - expected - reach * np.sqrt(max(variance, 0.0))

    ends = (-ENDLESS, ENDLESS)
    if too_far(ends[0]) * too_far(ends[1]) >= 0:
        return 0.0 if reach > 0 else 1.0
    return float(stats.norm.cdf(optimize.brentq(too_far, *ends)))


def sign_test(differences: np.ndarray) -> float:
    """p of the exact sign test; zeros are left out. Null: a listener is as likely to prefer either. 1 without any."""
    above, below = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    return float(stats.binomtest(above, above + below).pvalue) if above + below else 1.0


def _moments(differences: np.ndarray) -> tuple[float, float, float, int]:
    """Mean, standard deviation, standard error, degrees of freedom; no deviation where all differences are equal."""
    equal = bool((differences == differences[0]).all())
    mean = float(differences[0] if equal else differences.mean())
    sd = 0.0 if equal else float(differences.std(ddof=1))
    return mean, sd, sd / np.sqrt(len(differences)), len(differences) - 1


def _noncentrality(t: float, df: int, share: float) -> float:
    """The noncentrality under which this share of all t lies below the observed one; it falls as that rises."""
    if abs(t) > VAST * np.sqrt(2 * df):  # so large that the spread of the mean is nothing beside that of the deviation
        below = share if t > 0 else 1 - share
        return float(t * np.sqrt(stats.chi2.isf(below, df) / df))
    return float(special.nctdtrinc(df, share, t))

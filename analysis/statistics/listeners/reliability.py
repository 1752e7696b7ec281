"""How far listeners agree: intraclass correlations, Cronbach's and Krippendorff's alpha, Kendall's W.

Listeners are the raters, and what they rated, each condition of each item, are the targets. Agreement over targets that
include a hidden reference and anchors is high in any test where people listened; agreement over systems alone says
whether they hear the same differences between those. High agreement is not validity: a listener who turns the scale
around is as consistent as the others.

Conventions: ``targets`` is a table of targets (rows) by listeners (columns) with NaN where nothing was rated. All but
Krippendorff's alpha need it complete; ``complete_part`` gives what can be used of one that isn't. Degrees of agreement
are at most 1, and 0 or below where there is none.

Defines: ``targets``, ``complete_part``, ``intraclass``, ``cronbach_alpha``, ``krippendorff_alpha``, ``kendall_w``,
``replicate_concordance``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError

CONFIDENCE = 0.95


def targets(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over replicates of every condition and item (rows) by listener (columns), both sorted."""
    return frame.groupby(["condition", "item", "listener"])["rating"].mean().unstack("listener")


def complete_part(table: pd.DataFrame) -> pd.DataFrame:
    """A part without missing cells: the listener or target that lacks the largest share goes, until none lacks any.

    Which is not always the largest such part, but the same whatever the order of rows and columns, unless two lack
    as much. May be empty, where listeners rated different things.
    """
    missing = table.isna().to_numpy()
    rows, columns = (np.ones(length, bool) for length in missing.shape)
    of_row, of_column = missing.sum(axis=1), missing.sum(axis=0)
    while rows.any() and columns.any() and of_row[rows].any():
        shares = np.where(rows, of_row / columns.sum(), -1), np.where(columns, of_column / rows.sum(), -1)
        if shares[1].max() >= shares[0].max():
            worst = int(shares[1].argmax())
            columns[worst], of_row = False, of_row - missing[:, worst]
        else:
            worst = int(shares[0].argmax())
            rows[worst], of_column = False, of_column - missing[worst]
    return table.loc[rows, columns]


def intraclass(table: pd.DataFrame) -> pd.DataFrame:
    """The six intraclass correlations of Shrout and Fleiss with exact 95 % intervals.

    ICC1 takes every target to be rated by other listeners, ICC2 takes listeners for a sample and counts their leniency
    as disagreement, ICC3 looks at consistency alone; k is for the mean over all these listeners. Null hypothesis of F:
    targets do not differ. Intervals after McGraw and Wong (1996, doi:10.1037/1082-989X.1.1.30).

    Returns
    -------
    DataFrame
        One row per form: type (ICC1, ICC2, ICC3, ICC1k, ICC2k, ICC3k), icc, f, df1, df2, p, low, high, targets,
        listeners.

    Raises
    ------
    AnalysisError
        Where a rating is missing, there are fewer than two targets or listeners, or all ratings are equal.
    """
    ratings = _checked(table, "the intraclass correlation")
    n, k = ratings.shape
    rows, columns, error, within = _mean_squares(ratings)
    df1, df_within, df_error = n - 1, n * (k - 1), (n - 1) * (k - 1)
    singles = {
        "ICC1": (_consistency(rows, within, k), rows, within, df_within, _limits(rows, within, (df1, df_within), k)),
        "ICC2": (_agreement(rows, columns, error, n=n, k=k), rows, error, df_error, _limits_of_agreement(ratings)),
        "ICC3": (_consistency(rows, error, k), rows, error, df_error, _limits(rows, error, (df1, df_error), k)),
    }
    table_rows = []
    for suffix, step in (("", lambda icc: icc), ("k", lambda icc: _of_mean(icc, k))):
        for name, (icc, above, below, df2, limits) in singles.items():
            f = above / below if below > 0 else float("inf")
            low, high = (step(limit) for limit in limits)
            found = {"type": name + suffix, "icc": step(icc), "f": f, "df1": df1, "df2": df2}
            found |= {"p": float(stats.f.sf(f, df1, df2)), "low": low, "high": high, "targets": n, "listeners": k}
            table_rows.append(found)
    return pd.DataFrame(table_rows)


def cronbach_alpha(table: pd.DataFrame) -> float:
    """Cronbach's alpha (1951) of the sum over listeners: k / (k - 1) (1 - sum of variances / variance of the sum).

    Raises
    ------
    AnalysisError
        As ``intraclass``, and where all targets have the same sum.
    """
    ratings = _checked(table, "Cronbach's alpha")
    k = ratings.shape[1]
    whole = ratings.sum(axis=1).var(ddof=1)
    if not whole > 0:
        raise AnalysisError("Cronbach's alpha: the listeners together rated all targets alike")
    return float(k / (k - 1) * (1 - ratings.var(axis=0, ddof=1).sum() / whole))


def krippendorff_alpha(table: pd.DataFrame) -> float:
    """Krippendorff's alpha with the interval metric; ratings may be missing.

    1 minus the observed over the expected mean squared difference of two ratings: of the same target by two listeners,
    against any two (Krippendorff 2004, Content Analysis, chapter 11). Targets rated by one listener only do not count.

    Raises
    ------
    AnalysisError
        Where no target was rated by two listeners, or all such ratings are equal.
    """
    ratings = table.to_numpy(float)
    count = np.isfinite(ratings).sum(axis=1)
    ratings, count = ratings[count >= 2], count[count >= 2]
    if not len(ratings):
        raise AnalysisError("Krippendorff's alpha: no target was rated by two listeners")
    total = int(count.sum())
    centred = np.nan_to_num(ratings - np.nanmean(ratings))
    # Twice n times the sum of squares around the mean is the sum of squared differences over all ordered pairs.
    within = (centred**2).sum(axis=1) - centred.sum(axis=1) ** 2 / count
    observed = (2 * count * within / (count - 1)).sum() / total
    expected = 2 * ((centred**2).sum() - centred.sum() ** 2 / total) / (total - 1)
    if np.nanmin(ratings) == np.nanmax(ratings):
        raise AnalysisError("Krippendorff's alpha: all ratings are equal; nothing to agree on")
    return float(1 - observed / expected)


def kendall_w(table: pd.DataFrame) -> dict[str, float]:
    """Kendall's coefficient of concordance (1939) of the listeners' rank orders of the targets, corrected for ties.

    Null hypothesis: each listener's order is random. 1 where all order the targets alike; of two listeners, or of two
    replicates of one, it is (1 + Spearman's rho) / 2 where there are no ties.

    Returns
    -------
    dict
        w (0 to 1), chi2, df, p, targets, listeners.

    Raises
    ------
    AnalysisError
        As ``intraclass``, and where no listener tells targets apart.
    """
    ratings = _checked(table, "Kendall's W")
    n, k = ratings.shape
    ranks = stats.rankdata(ratings.round(9), axis=0)
    # Every listener's ranks have the variance of 1..n less what ties take: together, that is the largest there can be.
    most = k * float(((ranks - (n + 1) / 2) ** 2).sum())
    if not most > 0:
        raise AnalysisError("Kendall's W: no listener tells targets apart")
    w = float(((ranks.sum(axis=1) - k * (n + 1) / 2) ** 2).sum()) / most
    chi2 = k * (n - 1) * w
    found = {"w": w, "chi2": chi2, "df": n - 1, "p": float(stats.chi2.sf(chi2, n - 1))}
    return found | {"targets": n, "listeners": k}


def replicate_concordance(frame: pd.DataFrame) -> pd.DataFrame:
    """Kendall's W of each listener's own replicates: how far the same listener orders the same targets alike.

    Over the targets that the listener rated in every replicate of the frame; listeners without such are left out.

    Returns
    -------
    DataFrame
        One row per listener: listener, targets, replicates, w (NaN where the listener told nothing apart, or rated
        fewer than two targets so); empty where nothing was presented twice.
    """
    cells = frame.groupby(["listener", "condition", "item", "replicate"])["rating"].mean().unstack("replicate").dropna()
    replicates = cells.shape[1]
    names = ["listener", "targets", "replicates", "w"]
    if replicates < 2 or cells.empty:
        return pd.DataFrame(columns=pd.Index(names))
    ranks = cells.round(9).groupby("listener").rank()
    centred = ranks - ranks.groupby("listener").transform("mean")
    together, most = centred.sum(axis=1) ** 2, replicates * (centred**2).sum(axis=1)
    found = pd.DataFrame({"together": together, "most": most, "targets": 1}).groupby("listener").sum()
    w = found["together"].div(found["most"].where(found["most"] > 0))
    return found.assign(replicates=replicates, w=w).reset_index()[names]


def _checked(table: pd.DataFrame, what: str) -> np.ndarray:
    """The ratings, where they are complete and vary."""
    ratings = table.to_numpy(float)
    if missing := int(np.isnan(ratings).sum()):
        raise AnalysisError(
            f"{what} needs every listener's rating of every target, but {missing} of {ratings.size} are missing; "
            "take the complete part of them, or Krippendorff's alpha, which needs no complete ratings"
        )
    if min(ratings.shape) < 2:
        raise AnalysisError(
            f"{what} needs two targets and two listeners or more, found {ratings.shape[0]} and {ratings.shape[1]}"
        )
    if ratings.min() == ratings.max():
        raise AnalysisError(f"{what}: all ratings are equal; nothing to agree on")
    return ratings


def _mean_squares(ratings: np.ndarray) -> tuple[float, float, float, float]:
    """Between targets, between listeners, their interaction with error, and within targets."""
    n, k = ratings.shape
    centred = ratings - ratings.mean()
    of_row, of_column = centred.mean(axis=1), centred.mean(axis=0)
    rows, columns = k * float((of_row**2).sum()), n * float((of_column**2).sum())
    error = float(((centred - of_row[:, None] - of_column) ** 2).sum())
    return rows / (n - 1), columns / (k - 1), error / ((n - 1) * (k - 1)), (columns + error) / (n * (k - 1))


def _consistency(rows: float, below: float, k: int) -> float:
    """ICC1 and ICC3: what targets differ by, over that and what disturbs it; 1 where nothing does."""
    return (rows - below) / (rows + (k - 1) * below)


def _agreement(rows: float, columns: float, error: float, *, n: int, k: int) -> float:
    """ICC2: listeners' leniency disturbs too."""
    return (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)


def _limits(rows: float, below: float, df: tuple[int, int], k: int) -> tuple[float, float]:
    """Limits of ICC1 and ICC3: those of F."""
    share = (1 + CONFIDENCE) / 2
    low = _consistency(rows, float(stats.f.ppf(share, *df)) * below, k)
    return low, _consistency(rows, below / float(stats.f.ppf(share, *df[::-1])), k)


def _limits_of_agreement(ratings: np.ndarray) -> tuple[float, float]:
    """Limits of ICC2, by Satterthwaite's degrees of freedom of what F is divided by (McGraw and Wong, table 7)."""
    n, k = ratings.shape
    rows, columns, error, _ = _mean_squares(ratings)
    icc = _agreement(rows, columns, error, n=n, k=k)
    if icc >= 1:
        return 1.0, 1.0
    a, b = k * icc / (n * (1 - icc)), 1 + k * icc * (n - 1) / (n * (1 - icc))
    df = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    share, lenient = (1 + CONFIDENCE) / 2, k * columns + (k * n - k - n) * error
    for_low, for_high = stats.f.ppf(share, n - 1, df), stats.f.ppf(share, df, n - 1)
    low = n * (rows - for_low * error) / (for_low * lenient + n * rows)
    high = n * (for_high * rows - error) / (lenient + n * for_high * rows)
    return float(low), float(high)


def _of_mean(icc: float, k: int) -> float:
    """Spearman and Brown: the correlation of the mean over k listeners."""
    below = 1 + icc * (k - 1)
    return icc * k / below if below > 0 else float("-inf")

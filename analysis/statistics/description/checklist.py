"""The exploratory checklist of BS.1534-3: what a reader must know of the ratings before believing a test of them.

Variances of the conditions, residuals, the part of the scale in use, the anchors, one dimension or several, outliers:
each as a number, with a sentence where a limit of the standard is passed. Nothing is changed or left out.

Residuals are of the model of Attachment 4: a rating less the mean of its condition and item, and less the listener's
own mean distance from these means. Conventions: ratings from 0 to 100; ``systems`` are the conditions under test.

Defines: ``Checklist``, ``check``, ``outliers``, ``residual_shape``, ``mardia``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.description import grouped, summaries
from analysis.statistics.listeners import reliability

LARGEST_VARIANCE_RATIO = 4
SKEW_FLAGGED, SKEW_SEVERE = 0.5, 1.0
IDEAL = (20, 80)
ANCHOR_GAP = (20, 30)
WHISKER = 1.5
ALPHA = 0.05
LEAST_ALPHA = 0.7
MOST_FOR_SHAPIRO = 5000
FEWEST_FOR_NORMALITY = 8


@dataclass(frozen=True)
class Checklist:
    """What was found. ``facts`` by name, NaN where not defined; ``cells`` as ``residual_shape``, ``outliers`` alike.

    variance_ratio (largest over smallest variance of all conditions), variance_ratio_systems, normality_p (of all
    residuals), multivariate_skew_p and multivariate_kurtosis_p (``mardia`` of listeners' means), share_20_80 and
    share_above_80 (of the systems' ratings), systems_above_80 (how many have their median there), anchor_gap (points),
    first_component (share of the listeners' variance, 0 to 1), cronbach_alpha, skewed and severely_skewed (how many
    cells), outliers (how many).
    """

    facts: dict[str, float]
    normality_test: str
    cells: pd.DataFrame
    outliers: pd.DataFrame
    sentences: tuple[str, ...]


def check(
    frame: pd.DataFrame, systems: Sequence[str], *, low_anchor: str | None = None, mid_anchor: str | None = None
) -> Checklist:
    """Go through the list.

    Parameters
    ----------
    frame : columns listener, item, condition, rating, one row at least; others are kept in ``outliers``.
    low_anchor, mid_anchor : names of the 3.5 kHz and the 7 kHz anchor, where there are any.
    """
    tested = frame[frame["condition"].isin(systems)]
    cells, beyond, residuals = residual_shape(frame), outliers(frame), _residuals(frame)
    normality_test, normality_p = _normality(residuals)
    skew_p, kurtosis_p = mardia(summaries.listener_means(frame))
    facts = {
        "variance_ratio": _variance_ratio(frame),
        "variance_ratio_systems": _variance_ratio(tested),
        "normality_p": normality_p,
        "multivariate_skew_p": skew_p,
        "multivariate_kurtosis_p": kurtosis_p,
        **_place_on_scale(tested),
        "anchor_gap": _gap(frame, low_anchor, mid_anchor),
        **_dimensions(frame),
        "skewed": float((cells["flag"] != "").sum()),
        "severely_skewed": float((cells["flag"] == "severe").sum()),
        "outliers": float(len(beyond)),
    }
    return Checklist(facts, normality_test, cells, beyond, _sentences(facts, len(cells), len(systems), normality_test))


def outliers(frame: pd.DataFrame) -> pd.DataFrame:
    """Ratings beyond 1.5 interquartile ranges of the hinges of their condition and item (clause 4.1.2).

    To be looked at, not to be removed: the standard lets a rating go only where it is shown to be an error.

    Returns
    -------
    DataFrame
        The rows of the frame, with low and high, the fences of their cell.
    """
    codes = frame.groupby(["condition", "item"]).ngroup().to_numpy()
    found = grouped.quartiles(frame["rating"].to_numpy(float), codes)
    reach = WHISKER * (found["q3_hinge"] - found["q1_hinge"])
    fenced = frame.assign(low=(found["q1_hinge"] - reach)[codes], high=(found["q3_hinge"] + reach)[codes])
    return fenced[(fenced["rating"] < fenced["low"]) | (fenced["rating"] > fenced["high"])]


def residual_shape(frame: pd.DataFrame) -> pd.DataFrame:
    """Shape of the residuals in each condition and item.

    Returns
    -------
    DataFrame
        condition, item, n, skew, kurtosis and flag: ``flagged`` where the skew passes 0.5 to either side, ``severe``
        where it passes 1.0 (the standard then wants resampling or Friedman's test), else empty.
    """
    groups = frame.groupby(["condition", "item"])["rating"]
    codes = groups.ngroup().to_numpy()
    shape = grouped.shape(_residuals(frame), codes)
    size = np.abs(shape["skew"])
    flag = np.select([size > SKEW_SEVERE, size > SKEW_FLAGGED], ["severe", "flagged"], "")
    found = groups.size().index.to_frame(index=False)
    return found.assign(n=grouped.counts(codes), skew=shape["skew"], kurtosis=shape["kurtosis"], flag=flag)


def mardia(means: pd.DataFrame) -> tuple[float, float]:
    """p of Mardia's tests (1970, doi:10.1093/biomet/57.3.519) of multivariate skewness and kurtosis.

    Null hypothesis: listeners' means of the conditions are jointly normal. NaN where complete listeners are no more
    than conditions, or a condition's means don't vary by themselves.
    """
    values = means.dropna().to_numpy(float)
    n, k = values.shape
    if n <= k:
        return np.nan, np.nan
    centred = values - values.mean(axis=0)
    covariance = centred.T @ centred / n
    if np.linalg.matrix_rank(covariance) < k:
        return np.nan, np.nan
    distances = centred @ np.linalg.solve(covariance, centred.T)
    skew, kurtosis = float((distances**3).sum()) / n**2, float((np.diag(distances) ** 2).sum()) / n
    z = (kurtosis - k * (k + 2)) / np.sqrt(8 * k * (k + 2) / n)
    return float(stats.chi2.sf(n * skew / 6, k * (k + 1) * (k + 2) / 6)), float(2 * stats.norm.sf(abs(z)))


def _residuals(frame: pd.DataFrame) -> np.ndarray:
    """A rating less its cell's mean, and less the listener's own mean distance from the cells' means."""
    cell = frame.groupby(["condition", "item"]).ngroup().to_numpy()
    listener = frame.groupby("listener").ngroup().to_numpy()
    ratings = frame["rating"].to_numpy(float)
    distance = ratings - grouped.means(ratings, cell)[cell]
    # So rounded that residuals which are equal but for dust have no shape.
    return np.round(distance - grouped.means(distance, listener)[listener], 9)


def _normality(residuals: np.ndarray) -> tuple[str, float]:
    """Shapiro and Wilk's test, which is made for up to 5,000 values, else D'Agostino and Pearson's."""
    if len(residuals) > MOST_FOR_SHAPIRO:
        return "D'Agostino and Pearson's test", float(stats.normaltest(residuals).pvalue)
    if len(residuals) < FEWEST_FOR_NORMALITY or (residuals == residuals[0]).all():
        return "Shapiro and Wilk's test", float("nan")
    return "Shapiro and Wilk's test", float(stats.shapiro(residuals).pvalue)


def _variance_ratio(frame: pd.DataFrame) -> float:
    variances = frame.groupby("condition")["rating"].var().dropna().to_numpy(float)
    if len(variances) < 2 or not variances.max() > 0:
        return float("nan")
    return float(variances.max() / variances.min()) if variances.min() > 0 else float("inf")


def _place_on_scale(tested: pd.DataFrame) -> dict[str, float]:
    """Where on the scale the systems are: the standard is made for the middle, 20 to 80."""
    ratings = tested["rating"]
    medians = tested.groupby("condition")["rating"].median()
    return {
        "share_20_80": float(ratings.between(*IDEAL).mean()),
        "share_above_80": float((ratings > IDEAL[1]).mean()),
        "systems_above_80": float((medians > IDEAL[1]).sum()),
    }


def _gap(frame: pd.DataFrame, low_anchor: str | None, mid_anchor: str | None) -> float:
    names = (low_anchor, mid_anchor)
    low, mid = (frame.loc[frame["condition"] == name, "rating"].to_numpy(float) for name in names)
    return float(mid.mean() - low.mean()) if len(low) and len(mid) else float("nan")


def _dimensions(frame: pd.DataFrame) -> dict[str, float]:
    """Do listeners rate one thing: the first principal component of their ratings, and Cronbach's alpha."""
    table = reliability.complete_part(reliability.targets(frame))
    varying = table.loc[:, table.nunique() > 1]
    if min(varying.shape) < 2:
        return {"first_component": np.nan, "cronbach_alpha": np.nan}
    standardised = (varying - varying.mean()) / varying.std()
    singular = np.linalg.svd(standardised.to_numpy(float), compute_uv=False)
    try:
        alpha = reliability.cronbach_alpha(table)
    except AnalysisError:
        alpha = np.nan
    return {"first_component": float(singular[0] ** 2 / (singular**2).sum()), "cronbach_alpha": alpha}


def _sentences(facts: dict[str, float], cells: int, systems: int, normality_test: str) -> tuple[str, ...]:
    """What passes a limit of the standard, most serious first; a number that is not defined passes none."""
    f, low, high = facts, *ANCHOR_GAP
    return tuple(
        sentence
        for passed, sentence in (
            (
                f["systems_above_80"] > systems / 2,
                f"{f['systems_above_80']:.0f} of {systems} systems have their median above 80 (clause 2): so good that "
                "the result may be invalid; BS.1116 is made for small impairments.",
            ),
            (
                f["anchor_gap"] < low or f["anchor_gap"] > high,
                f"The mid anchor was rated {f['anchor_gap']:.1f} points above the low anchor; Attachment 5 wants "
                f"{low} to {high}.",
            ),
            (
                f["variance_ratio_systems"] > LARGEST_VARIANCE_RATIO,
                f"The largest variance of a system is {f['variance_ratio_systems']:.1f} times the smallest; clause 9 "
                f"allows {LARGEST_VARIANCE_RATIO}: tests that pool variances are in doubt.",
            ),
            (
                f["severely_skewed"] > 0,
                f"Residuals are severely skewed (beyond {SKEW_SEVERE:g}) in {f['severely_skewed']:.0f} of {cells} "
                "cells of condition and item: Attachment 4 wants resampling or Friedman's test there.",
            ),
            (
                f["normality_p"] < ALPHA,
                f"Residuals are not normal ({normality_test}, p {_relation(f['normality_p'])}); with many ratings that "
                "is found for deviations that do no harm.",
            ),
            (
                f["cronbach_alpha"] < LEAST_ALPHA,
                f"Cronbach's alpha over listeners is {f['cronbach_alpha']:.2f}: below {LEAST_ALPHA}, listeners may not "
                "have rated the same thing.",
            ),
            (
                f["outliers"] > 0,
                f"{f['outliers']:.0f} ratings lie beyond 1.5 interquartile ranges of their cell; the JSON and the "
                "tables list them, and they stay in every result.",
            ),
        )
        if passed
    )


def _relation(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"

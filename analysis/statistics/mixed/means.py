"""Estimated means of a mixed model, contrasts between them, and tests of whole terms.

A mean is over the levels of all other fixed factors with equal weights, whatever was rated how often (as R's emmeans).
Conventions: 95 % intervals, not adjusted; p two-sided. Defines: ``estimated_means``, ``contrasts``, ``tested``,
``tests``, ``equivalence``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import linalg, stats

from analysis.errors import AnalysisError
from analysis.statistics.adjustment import METHODS, adjusted
from analysis.statistics.mixed.degrees_of_freedom import uncertainty
from analysis.statistics.mixed.fit import Fit
from analysis.statistics.mixed.terms import Term
from analysis.statistics.sides import COLUMNS
from stimuli.experiment import Contrast, Side

CONFIDENCE = 0.95


def estimated_means(fit: Fit, *, by: Sequence[str] = ("condition",), df: str = "satterthwaite") -> pd.DataFrame:
    """Mean of each combination of levels of the factors ``by``.

    Returns
    -------
    DataFrame
        The columns of ``by``, mean, se, df, low, high; without numbers where the data can't tell.
    """
    fixed = fit.cells.fixed
    if unknown := [factor for factor in by if factor not in fixed.factors]:
        raise AnalysisError(
            f"estimated means: {', '.join(unknown)} is no fixed effect of this model; "
            f"expected one of {', '.join(fixed.factors)}"
        )
    points = [dict(zip(by, point, strict=True)) for point in itertools.product(*(fixed.factors[f] for f in by))]
    weights = np.array([fixed.rows(fixed.grid(**point)).mean(axis=0) for point in points])
    known = fixed.estimable(weights)
    numbers = pd.DataFrame(np.nan, index=range(len(points)), columns=["mean", "se", "df", "low", "high"])
    numbers.loc[known] = estimates(fit, weights[known], df)
    return pd.concat([pd.DataFrame(points), numbers], axis=1)


def contrasts(fit: Fit, wanted: Sequence[Contrast], *, adjust: str = "holm", df: str = "satterthwaite") -> pd.DataFrame:
    """Differences of two means each, tested against 0.

    Parameters
    ----------
    wanted : sides may be on levels of fixed factors.
    adjust : ``holm``, ``hochberg``, ``tukey`` (only where all pairs of some sides are wanted) or ``none``.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, difference (points), se, df, t, p, p_adjusted, low, high.

    Raises
    ------
    AnalysisError
        For a contrast that these data can't estimate, and for ``tukey`` without all pairs.
    """
    weights = np.array([_weights(fit, wish.first, wish) - _weights(fit, wish.second, wish) for wish in wanted])
    weights = weights.reshape(len(wanted), len(fit.cells.fixed.columns))
    if not (known := fit.cells.fixed.estimable(weights)).all():
        lost = wanted[int(np.argmin(known))]
        raise AnalysisError(
            f"{lost}: can't be estimated, because no ratings tell its sides from other effects; "
            "contrast conditions that were rated on the same levels"
        )
    found = pd.DataFrame(estimates(fit, weights, df), columns=["difference", "se", "df", "low", "high"]).assign(
        contrast=[str(wish) for wish in wanted],
        first=[str(wish.first) for wish in wanted],
        second=[str(wish.second) for wish in wanted],
    )
    return tested(found, adjust)


def tested(found: pd.DataFrame, adjust: str) -> pd.DataFrame:
    """Add t, p and p_adjusted to contrast, first, second, difference, se, df, low, high."""
    t = found["difference"] / found["se"]
    found = found.assign(t=t, p=2 * stats.t.sf(np.abs(t), found["df"]))
    found["p_adjusted"] = _adjusted(found, adjust)
    return found[["contrast", "first", "second", "difference", "se", "df", "t", "p", "p_adjusted", "low", "high"]]


def tests(fit: Fit, *, df: str = "satterthwaite") -> pd.DataFrame:
    """F tests of each fixed term, of type III: all differences between its levels, the others averaged, are 0.

    With ``kenward-roger`` F is scaled. Where cells are empty, only what can be estimated of a term is tested.

    Returns
    -------
    DataFrame
        One row per term: term, num_df, den_df, f, p.
    """
    known = uncertainty(fit, df)
    rows = []
    for term in fit.terms.fixed:
        hypothesis = _hypothesis(fit, term)
        f, degrees = known.f_test(hypothesis) if len(hypothesis) else (np.nan, np.nan)
        p = float(stats.f.sf(f, len(hypothesis), degrees)) if len(hypothesis) else np.nan
        rows.append({"term": ":".join(term), "num_df": len(hypothesis), "den_df": degrees, "f": f, "p": p})
    return pd.DataFrame(rows, columns=["term", "num_df", "den_df", "f", "p"])


def _hypothesis(fit: Fit, term: Term) -> np.ndarray:
    """Independent contrasts over the estimated columns that are all 0 where the term has no effect."""
    fixed = fit.cells.fixed
    rows = []
    for levels in itertools.product(*(fixed.factors[factor][1:] for factor in term)):
        row = np.zeros(len(fixed.columns))
        for signs in itertools.product((0, 1), repeat=len(term)):
            point = {
                factor: level if sign else fixed.factors[factor][0]
                for factor, level, sign in zip(term, levels, signs, strict=True)
            }
            row += (-1) ** (len(term) - sum(signs)) * fixed.rows(fixed.grid(**point)).mean(axis=0)
        rows.append(row)
    matrix = np.array(rows)
    if fixed.null.shape[1]:
        matrix = linalg.null_space((matrix @ fixed.null).T).T @ matrix
    return _one_after_another(matrix[:, fixed.kept], fit.cells.gram)


def _one_after_another(contrasts: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Contrasts of the same hypothesis that independent ratings would estimate independently (Doolittle's rows).

    F is the same for any such contrasts, but not Fai and Cornelius' degrees of freedom; these are lmerTest's.
    """
    root = np.linalg.cholesky(np.linalg.inv(contrasts @ np.linalg.solve(gram, contrasts.T))).T
    return root / np.diagonal(root)[:, None] @ contrasts


def equivalence(found: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419): is each difference within the margin?

    Null: the difference is ``margin`` points or more, either way.

    Returns
    -------
    DataFrame
        The contrasts with p_equivalence, low_90, high_90 and equivalent (p below 0.05), not adjusted.
    """
    if not margin > 0:
        raise AnalysisError(f"equivalence: the margin is {margin:g}; expected points above 0")
    p = stats.t.cdf((np.abs(found["difference"]) - margin) / found["se"], found["df"])
    reach = stats.t.ppf(0.95, found["df"]) * found["se"]
    return found.assign(
        p_equivalence=p,
        low_90=found["difference"] - reach,
        high_90=found["difference"] + reach,
        equivalent=p < 0.05,
    )


def estimates(fit: Fit, weights: np.ndarray, df: str) -> np.ndarray:
    """Estimate, se, df, low, high of each row of weights over all columns."""
    kept = weights[:, fit.cells.fixed.kept]
    known = uncertainty(fit, df)
    estimates = kept @ fit.coefficients
    se = np.sqrt(np.einsum("mi,ij,mj->m", kept, known.covariance, kept))
    degrees = known.degrees(kept)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, degrees) * se
    return np.column_stack([estimates, se, degrees, estimates - reach, estimates + reach])


def _weights(fit: Fit, side: Side, wish: Contrast) -> np.ndarray:
    """Of the mean of one side, over all columns."""
    fixed = fit.cells.fixed
    chosen = {"condition": side.condition} | {COLUMNS[factor]: level for factor, level in side.on}
    for factor, level in chosen.items():
        if factor not in fixed.factors:
            raise AnalysisError(
                f"{wish}: {factor} is no fixed effect of this model; {'; '.join(fit.terms.left_out) or 'add it'}"
            )
        if level not in fixed.factors[factor]:
            raise AnalysisError(f"{wish}: no rating of {factor} {level}; found {', '.join(fixed.factors[factor])}")
    return fixed.rows(fixed.grid(**chosen)).mean(axis=0)


def _adjusted(found: pd.DataFrame, adjust: str) -> np.ndarray:
    p = found["p"].to_numpy(float)
    if adjust == "none":
        return p
    if adjust == "tukey":
        sides = sorted({*found["first"], *found["second"]})
        pairs = {frozenset(pair) for pair in zip(found["first"], found["second"], strict=True)}
        if len(found) != len(pairs) or len(pairs) != len(sides) * (len(sides) - 1) // 2:
            raise AnalysisError(
                f"tukey adjusts for all pairs, {len(sides)} sides have {len(sides) * (len(sides) - 1) // 2}; "
                f"found {len(found)} contrasts; use holm"
            )
        return stats.studentized_range.sf(np.abs(found["t"]) * np.sqrt(2), len(sides), found["df"])
    if adjust not in METHODS:
        raise AnalysisError(f"adjust: found {adjust!r}; expected {', '.join(METHODS)}, tukey or none")
    return adjusted(p, adjust)

"""Repeated-measures analysis of variance, condition by item within listeners, and the choice BS.1534-3 makes in it.

Every effect is a set of orthonormal contrasts of a listener's ratings: K - 1 for a factor of K levels, the products of
both factors' for their interaction. Each listener has a score on each contrast, and all that is reported comes from
these scores (listeners by contrasts): the univariate F from their sums of squares, sphericity from their covariance,
and Hotelling's T^2 from both. Null hypothesis of each: all scores have expectation 0, so that the levels of the factor
do not differ, for these items and listeners in general.

Conventions: replicates are averaged first; there is no missing cell. Defines: ``repeated_measures``, ``one_way``,
``ratings_cube``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg, stats

from analysis.errors import AnalysisError

SPHERICAL_ABOVE = 0.85
SPARE_LISTENERS = 30
NOTHING = 1e-18
"""Share of all squared ratings below which a sum of squares is rounding dust."""


def repeated_measures(frame: pd.DataFrame) -> pd.DataFrame:
    """Condition, item, and their interaction, each tested against its own interaction with listeners.

    Returns
    -------
    DataFrame
        One row per effect (``condition``, ``item``, ``condition:item``): effect, ss, df1, ss_error, df2, mse, f, p,
        eta2_partial, eta2_generalised (Olejnik and Algina 2003, doi:10.1037/1082-989X.8.4.434: all sums of squares with
        listeners in the denominator), mauchly_w, mauchly_p, eps_gg, p_gg, eps_hf (may pass 1; its p uses 1 then), p_hf,
        t2, f_multivariate, df1_multivariate, df2_multivariate, p_multivariate, method (``univariate`` or
        ``multivariate``), p_standard (of that method) and reason, a sentence. What is not defined is NaN: sphericity
        for a single contrast or fewer listeners than contrasts, the multivariate test for no more listeners than
        contrasts.

    Raises
    ------
    AnalysisError
        Where a cell is missing, cells have different numbers of replicates, or there are fewer than two listeners,
        conditions or items.
    """
    cube = ratings_cube(frame)
    listeners, conditions, items = cube.shape
    of_condition, of_item = linalg.helmert(conditions), linalg.helmert(items)
    scores = {
        "condition": cube.mean(axis=2) @ of_condition.T * np.sqrt(items),
        "item": cube.mean(axis=1) @ of_item.T * np.sqrt(conditions),
        "condition:item": (of_condition @ cube @ of_item.T).reshape(listeners, -1),
    }
    between = conditions * items * _squares(cube.mean(axis=(1, 2)))
    return _table(scores, between, dust=NOTHING * float((cube**2).sum()), levels=max(conditions, items))


def one_way(means: pd.DataFrame) -> pd.DataFrame:
    """Conditions alone, on listeners' means over the items; columns as in ``repeated_measures``, one row.

    Parameters
    ----------
    means : listeners (rows) by conditions (columns); listeners with a missing mean are left out.
    """
    complete = means.dropna().to_numpy(float)
    listeners, conditions = complete.shape
    _check_enough({"listener": listeners, "condition": conditions})
    scores = {"condition": complete @ linalg.helmert(conditions).T}
    between = conditions * _squares(complete.mean(axis=1))
    return _table(scores, between, dust=NOTHING * float((complete**2).sum()), levels=conditions)


def ratings_cube(frame: pd.DataFrame) -> np.ndarray:
    """Ratings as an array of listeners by conditions by items, each sorted; replicates averaged.

    Raises
    ------
    AnalysisError
        As ``repeated_measures``; the message says how many cells are missing and names the first.
    """
    cells = frame.groupby(["listener", "condition", "item"])["rating"].agg(["mean", "size"])
    factors = ["listener", "condition", "item"]
    levels = [cells.index.unique(factor) for factor in factors]
    _check_enough(dict(zip(factors, map(len, levels), strict=True)))
    everywhere = pd.MultiIndex.from_product(levels, names=factors)
    if missing := len(everywhere) - len(cells):
        first = ", ".join(map(str, everywhere[~everywhere.isin(cells.index)][0]))
        raise AnalysisError(
            f"the analysis of variance needs every listener's rating of every condition of every item, but {missing} "
            f"of {len(everywhere)} cells are missing (the first: {first}); the mixed model takes ratings as they are"
        )
    if cells["size"].nunique() > 1:
        raise AnalysisError(
            f"the analysis of variance needs as many replicates of every cell, found {cells['size'].min()} to "
            f"{cells['size'].max()}; the mixed model takes ratings as they are"
        )
    return cells["mean"].to_numpy(float).reshape([len(level) for level in levels])


def _check_enough(counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if count < 2:
            raise AnalysisError(f"the analysis of variance needs two {name}s or more, found {count}")


def _table(scores: dict[str, np.ndarray], between: float, *, dust: float, levels: int) -> pd.DataFrame:
    """The effects, each with the standard's choice."""
    rows = [{"effect": name, **_univariate(own, dust), **_multivariate(own)} for name, own in scores.items()]
    errors = between + sum(row["ss_error"] for row in rows)
    for row, own in zip(rows, scores.values(), strict=True):
        row["eta2_generalised"] = row["ss"] / (row["ss"] + errors) if errors > dust else np.nan
        row |= _choice(row, own.shape, levels)
    columns = ["effect", "ss", "df1", "ss_error", "df2", "mse", "f", "p", "eta2_partial", "eta2_generalised"]
    found = pd.DataFrame(rows)
    return found[[*columns, *(name for name in found if name not in columns)]]


def _univariate(scores: np.ndarray, dust: float) -> dict[str, float]:
    """F of a set of scores, with its corrections for what is not spherical."""
    listeners, contrasts = scores.shape
    df1, df2 = contrasts, contrasts * (listeners - 1)
    ss, error = listeners * float((scores.mean(axis=0) ** 2).sum()), _squares(scores)
    found = {"ss": ss, "df1": df1, "ss_error": error, "df2": df2, "mse": error / df2}
    if error <= dust:  # every listener tells the levels apart by the same amounts: nothing to hold them against
        names = ("f", "p", "eta2_partial", "mauchly_w", "mauchly_p", "eps_gg", "p_gg", "eps_hf", "p_hf")
        return found | dict.fromkeys(names, np.nan)
    f = (ss / df1) / (error / df2)
    found |= {"f": f, "p": float(stats.f.sf(f, df1, df2)), "eta2_partial": ss / (ss + error)}
    covariance = np.atleast_2d(np.cov(scores, rowvar=False))
    eps_gg = float(np.trace(covariance) ** 2 / (contrasts * (covariance**2).sum()))
    eps_hf = _huynh_feldt(eps_gg, listeners, contrasts)
    found |= _mauchly(covariance, listeners)
    for name, epsilon in (("gg", eps_gg), ("hf", eps_hf)):
        capped = min(1.0, epsilon) if epsilon == epsilon else np.nan
        found |= {f"eps_{name}": epsilon, f"p_{name}": float(stats.f.sf(f, capped * df1, capped * df2))}
    return found


def _huynh_feldt(eps_gg: float, listeners: int, contrasts: int) -> float:
    """Huynh and Feldt (1976, doi:10.3102/10769986001001069), not capped at 1; 1 for a single contrast."""
    if contrasts == 1:
        return 1.0
    below = contrasts * (listeners - 1 - contrasts * eps_gg)
    return (listeners * contrasts * eps_gg - 2) / below if below > 0 else np.nan


def _mauchly(covariance: np.ndarray, listeners: int) -> dict[str, float]:
    """Mauchly's test of sphericity (1940), p by Box's expansion to second order (Anderson 2003, section 10.7)."""
    q, df = len(covariance), listeners - 1
    if not 1 < q <= df or np.linalg.matrix_rank(covariance) < q:
        return {"mauchly_w": np.nan, "mauchly_p": np.nan}
    log_w = float(np.linalg.slogdet(covariance)[1] - q * np.log(np.trace(covariance) / q))
    rho = 1 - (2 * q**2 + q + 2) / (6 * q * df)
    second = (q + 2) * (q - 1) * (q - 2) * (2 * q**3 + 6 * q**2 + 3 * q + 2) / (288 * (q * df * rho) ** 2)
    chi2, chi2_df = -df * rho * log_w, q * (q + 1) / 2 - 1
    p = stats.chi2.sf(chi2, chi2_df)
    p += second * (stats.chi2.sf(chi2, chi2_df + 4) - p)
    return {"mauchly_w": float(np.exp(log_w)), "mauchly_p": float(np.clip(p, 0, 1))}


def _multivariate(scores: np.ndarray) -> dict[str, float]:
    """Hotelling's T^2 (1931) of the scores: needs no sphericity, but more listeners than contrasts."""
    listeners, contrasts = scores.shape
    df2 = listeners - contrasts
    found = {"df1_multivariate": contrasts, "df2_multivariate": df2}
    covariance = np.atleast_2d(np.cov(scores, rowvar=False))
    if df2 < 1 or np.linalg.matrix_rank(covariance) < contrasts:
        return {"t2": np.nan, "f_multivariate": np.nan, **found, "p_multivariate": np.nan}
    mean = scores.mean(axis=0)
    t2 = float(listeners * mean @ np.linalg.solve(covariance, mean))
    f = df2 / (contrasts * (listeners - 1)) * t2
    return {"t2": t2, "f_multivariate": f, **found, "p_multivariate": float(stats.f.sf(f, contrasts, df2))}


def _choice(row: dict[str, float], shape: tuple[int, int], levels: int) -> dict[str, str | float]:
    """BS.1534-3, Attachment 4: univariate with Huynh and Feldt's correction, or multivariate; and why."""
    listeners, contrasts = shape
    epsilon, limit = row["eps_hf"], levels + SPARE_LISTENERS
    univariate = {"method": "univariate", "p_standard": row["p_hf"]}
    if row["ss_error"] == 0 or row["f"] != row["f"]:
        return univariate | {
            "reason": "All listeners told these levels apart by the same amounts: nothing to test with."
        }
    met = epsilon > SPHERICAL_ABOVE and listeners < limit
    known = f"is {epsilon:.3f}" if epsilon == epsilon else "can't be had"
    facts = f"Huynh and Feldt's epsilon {known} with {listeners} listeners; " + (
        f"above {SPHERICAL_ABOVE} and fewer than {limit}"
        if met
        else f"the univariate test needs more than {SPHERICAL_ABOVE} and fewer than {limit}"
    )
    if met:
        return univariate | {"reason": f"{facts}: the univariate test, corrected by this epsilon."}
    if listeners >= levels and row["p_multivariate"] == row["p_multivariate"]:
        return {"method": "multivariate", "p_standard": row["p_multivariate"], "reason": f"{facts}: Hotelling's test."}
    return univariate | {
        "reason": f"{facts}, and Hotelling's test more listeners than its {contrasts} contrasts, which must all vary: "
        "the univariate test, corrected by this epsilon, stands in."
    }


def _squares(values: np.ndarray) -> float:
    """Sum of squares around the mean over listeners."""
    return float(((values - values.mean(axis=0)) ** 2).sum())

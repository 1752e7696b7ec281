"""The likelihood-ratio test of a fixed effect in the mixed model.

Defines: ``likelihood_ratio``.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.terms import Terms


def likelihood_ratio(frame: pd.DataFrame, terms: Terms, *, without: str = "condition") -> dict[str, float]:
    """Compare the model with one that lacks a factor and its interactions, both by full maximum likelihood.

    Null: the factor has no effect. The chi-square is that of many listeners and items; for few it is too small a
    hurdle, and the F tests of ``means.tests`` are to be preferred.

    Returns
    -------
    dict
        chi2, df, p.

    Raises
    ------
    AnalysisError
        Where the factor is no fixed effect of the model, or a model can't be fitted.
    """
    smaller = replace(terms, fixed=tuple(term for term in terms.fixed if without not in term))
    if smaller.fixed == terms.fixed:
        raise AnalysisError(f"likelihood ratio: {without} is no fixed effect of this model; nothing can be left out")
    with_it, without_it = (fit(frame, each, method="ml") for each in (terms, smaller))
    chi2 = max(without_it.deviance - with_it.deviance, 0.0)
    df = len(with_it.names) - len(without_it.names)
    return {"chi2": chi2, "df": df, "p": float(stats.chi2.sf(chi2, df))}

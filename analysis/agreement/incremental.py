"""What a metric tells of the ratings, alone and beyond another: tests in a mixed model of the cells' mean ratings.

rating = intercept (+ base) + metric + item + condition + e, with random intercepts of items and of conditions (and of
songs, alone and with the conditions, where several items are of one song). For complete data that is what the model of
all ratings says of a metric: what listeners vary by themselves is the same in all cells, and what they vary from cell
to cell is in e. Conditions are random because a system is liked or not for more than metrics hear: without them, five
systems on fifty items would count as 250 independent cells, and any metric that differs between systems would be found
to matter.

The test is Kenward and Roger's F of a fit by restricted maximum likelihood. The likelihood-ratio test would let
through 10 to 20 % where 5 % is asked, since conditions are few: a metric that differs between four conditions and not
within them has four values to be tested on.

Source of the marginal R squared: Nakagawa and Schielzeth (2013), doi:10.1111/j.2041-210x.2012.00261.x.
Conventions: values turned so that more is better, in their standard deviations. Defines: ``Slope``, ``slopes``,
``base_of``, ``increments``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis.agreement.cells import Beside
from analysis.agreement.rows import IncrementRow
from analysis.errors import AnalysisError
from analysis.statistics.adjustment import holm
from analysis.statistics.mixed.cells import Cells, cells_of
from analysis.statistics.mixed.degrees_of_freedom import uncertainty
from analysis.statistics.mixed.fit import Fit
from analysis.statistics.mixed.kenward_roger import MOST_RATINGS
from analysis.statistics.mixed.optimum import LARGEST, minimise
from analysis.statistics.mixed.terms import Term, Terms

BASES = ("mdx_sdr_db", "bss_sdr_db", "si_sdr_db")
SAME = 1e-9
"""Share of a metric's variance that base leaves, below which the two say the same."""
EXACT = 1e-12
"""Share of the ratings' sum of squares below which what metrics leave of them is rounding."""


@dataclass(frozen=True)
class Slope:
    """A metric alone: points for one standard deviation of it, and the test that this is 0; NaN where there is none.

    ``slope_f`` with 1 and ``slope_df`` degrees of freedom; ``slope_p_adjusted`` is Holm's over the metrics.
    """

    slope: float = np.nan
    slope_f: float = np.nan
    slope_df: float = np.nan
    slope_p: float = np.nan
    slope_p_adjusted: float = np.nan


def slopes(found: Beside) -> tuple[tuple[Slope, ...], tuple[str, ...]]:
    """Each metric alone, in the order of the metrics, and sentences on what could not be tested.

    Null hypothesis: the mean rating doesn't depend on the metric, in items and conditions like these. A correlation
    over all cells can't say so: a metric that is one number for each of eight conditions has eight chances to go along
    with them, and not as many as there are cells.
    """
    terms = Terms((), _random(found.table))
    cells = cells_of(found.table, terms)
    rows, problems = [], []
    for metric, own in zip(found.metrics, _standard(found.values).T, strict=True):
        try:
            fit = _fitted(cells, terms, found.ratings, [own])
            rows.append(Slope(float(fit.coefficients[1]), *_last(fit)))
        except AnalysisError as error:
            rows.append(Slope())
            problems.append(f"Whether {metric.label} would agree about other systems is not tested: with it, {error}.")
    tested = [place for place, row in enumerate(rows) if np.isfinite(row.slope_p)]
    for place, p in zip(tested, holm(np.array([rows[place].slope_p for place in tested])), strict=True):
        rows[place] = replace(rows[place], slope_p_adjusted=float(p))
    return tuple(rows), tuple(problems)


def base_of(names: Sequence[str]) -> str | None:
    """The metric that others are tested beyond: the first SDR there is."""
    ours = next((name for name in BASES if name in names), None)
    return ours or next((name for name in names if name.strip().casefold() == "sdr"), None)


def increments(found: Beside, base: str | None) -> tuple[tuple[IncrementRow, ...], tuple[str, ...]]:
    """Each metric beyond ``base``, in the order of the metrics.

    Null hypothesis: at any given value of ``base``, the mean rating doesn't depend on the metric.

    Returns
    -------
    rows, and sentences on what could not be tested; neither where there is one metric alone.
    """
    names = [metric.name for metric in found.metrics]
    if len(names) < 2:
        return (), ()
    if base not in names:
        return (), (f"What metrics tell beyond {base or 'SDR'} is not tested: it is not among the metrics compared.",)
    values = _standard(found.values)
    given, label = values[:, names.index(base)], found.metrics[names.index(base)].label
    terms = Terms((), _random(found.table))
    cells = cells_of(found.table, terms)
    try:
        r2_base = _marginal(_fitted(cells, terms, found.ratings, [given]))
    except AnalysisError as error:
        return (), (f"What metrics tell beyond {label} is not tested: with it, {error}.",)
    rows: list[IncrementRow] = []
    problems: list[str] = []
    for metric, own in zip(found.metrics, values.T, strict=True):
        if metric.name == base:
            continue
        if 1 - np.mean(own * given) ** 2 < SAME:
            problems.append(f"{metric.label} tells nothing beyond {label}: the one is a multiple of the other.")
            continue
        try:
            rows.append(_row(metric.name, base, r2_base, _fitted(cells, terms, found.ratings, [given, own])))
        except AnalysisError as error:
            problems.append(f"What {metric.label} tells beyond {label} is not tested: with it, {error}.")
    adjusted = holm(np.array([row.p for row in rows]))
    return tuple(replace(row, p_adjusted=float(p)) for row, p in zip(rows, adjusted, strict=True)), tuple(problems)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / values.std(axis=0)


def _random(table: pd.DataFrame) -> tuple[Term, ...]:
    """Random terms; songs only where all items have one and some have the same."""
    songs = table["song"].nunique()
    nested = not (table["song"] == "").any() and 1 < songs < table["item"].nunique()
    return (("item",), ("condition",), *((("song",), ("song", "condition")) if nested else ()))


def _fitted(cells: Cells, terms: Terms, ratings: np.ndarray, columns: Sequence[np.ndarray]) -> Fit:
    """The model with these columns beside the intercept, as the fixed effects of its cells."""
    given = np.column_stack([np.ones(cells.rows), *columns])
    left = ratings - given @ np.linalg.lstsq(given, ratings)[0]
    if left @ left < EXACT * ratings @ ratings:
        raise AnalysisError("the ratings are predicted exactly, which leaves no residual to test on")
    matrices = np.empty((1, *given.shape))
    matrices[0, cells.row_cell] = given
    solution, curvature = minimise(replace(cells, matrices=matrices), reml=True)
    if (solution.ratios >= LARGEST).any():
        raise AnalysisError("items and conditions leave no residual, so that nothing can be tested")
    return Fit(terms, "reml", solution, curvature)


def _row(metric: str, base: str, r2_base: float, both: Fit) -> IncrementRow:
    f, df, p = _last(both)
    return IncrementRow(metric, base, float(both.coefficients[2]), f, df, p, p, r2_base, _marginal(both))


def _last(fit: Fit) -> tuple[float, float, float]:
    """F, its degrees of freedom and p of the last fixed effect being 0."""
    method = "kenward-roger" if fit.observations <= MOST_RATINGS else "satterthwaite"
    f, df = uncertainty(fit, method).f_test(np.eye(len(fit.coefficients))[-1:])
    return f, df, float(stats.f.sf(f, 1, df))


def _marginal(fit: Fit) -> float:
    """Variance of the fixed effects' predictions as a share of all variance."""
    explained = float((fit.cells.matrices[0] @ fit.coefficients).var())
    return explained / (explained + sum(fit.variances.values()))

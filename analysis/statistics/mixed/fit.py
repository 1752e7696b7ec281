"""The crossed linear mixed model of ratings: listeners and items are both random samples.

y = X b + Z u + e: fixed effects of the conditions, random intercepts for each level of each random term, independent
and normal with one variance per term. Fitted by restricted (``reml``) or full (``ml``) maximum likelihood, as R's
lme4 does; held against it to 1e-6 of the deviance.

Conventions: a rating frame of one attribute, rows with a missing cell simply not there; variances in squared points.
A term whose variance is estimated as 0 is named in ``singular``; it stays in the model. Sources: Bates, Maechler,
Bolker and Walker (2015), doi:10.18637/jss.v067.i01; Barr, Levy, Scheepers and Tily (2013),
doi:10.1016/j.jml.2012.11.001, for keeping the maximal model. Defines: ``Fit``, ``fit``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.mixed.cells import Cells, cells_of
from analysis.statistics.mixed.deviance import Solution, solve
from analysis.statistics.mixed.optimum import LARGEST, Curvature, minimise
from analysis.statistics.mixed.terms import Terms

RESIDUAL = "residual"
ROUNDING = 1e-24
"""Share of a sum of squares below which it is dust of the floating point."""
NOTHING_LEFT = 1e-12
"""Share of the ratings' variation below which the fixed effects leave nothing."""


@dataclass(frozen=True)
class Fit:
    """A fitted mixed model.

    ``solution`` and ``curvature`` are what degrees of freedom are computed from.
    """

    terms: Terms
    method: Literal["reml", "ml"]
    solution: Solution
    curvature: Curvature

    @property
    def cells(self) -> Cells:
        """The data."""
        return self.solution.cells

    @property
    def observations(self) -> int:
        """How many ratings."""
        return self.cells.rows

    @property
    def levels(self) -> dict[str, int]:
        """How many levels of each random term there are."""
        counts = [int(level.max()) + 1 for level in self.cells.row_levels]
        return dict(zip(self.terms.random_names, counts, strict=True))

    @property
    def deviance(self) -> float:
        """-2 log likelihood; with ``reml`` the restricted one, to be compared only between the same fixed effects."""
        return self.solution.deviance

    @property
    def log_likelihood(self) -> float:
        """Half of the deviance, negative."""
        return -self.deviance / 2

    @property
    def parameters(self) -> int:
        """Fixed effects, variances of the random terms, and the residual's."""
        return len(self.coefficients) + len(self.terms.random) + 1

    @property
    def aic(self) -> float:
        """Akaike's criterion (1974)."""
        return self.deviance + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion (1978)."""
        return self.deviance + float(np.log(self.observations)) * self.parameters

    @property
    def theta(self) -> dict[str, float]:
        """Standard deviation of each random term relative to the residual's."""
        return {
            name: float(np.sqrt(ratio))
            for name, ratio in zip(self.terms.random_names, self.solution.ratios, strict=True)
        }

    @property
    def variances(self) -> dict[str, float]:
        """Variance of each random term and of the residual, in squared points."""
        residual = self.solution.variance
        return {name: theta**2 * residual for name, theta in self.theta.items()} | {RESIDUAL: residual}

    @property
    def singular(self) -> tuple[str, ...]:
        """Random terms whose variance was estimated as 0."""
        return tuple(name for name, theta in self.theta.items() if theta == 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fixed effects, the intercept first; a factor's first level is the baseline."""
        return self.cells.fixed.names

    @property
    def aliased(self) -> tuple[str, ...]:
        """Fixed effects that were left out because the data can't tell them from others."""
        return self.cells.fixed.aliased

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Estimates of the fixed effects, in the order of ``names``, in points."""
        estimates = self.solution.coefficients.copy()
        estimates[0] += self.cells.mean
        return estimates

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the fixed effects' estimates."""
        return self.solution.variance * self.solution.fixed_inverse

    @cached_property
    def fitted(self) -> np.ndarray:
        """Fixed effects plus conditional modes of the random ones, for each row of the frame."""
        cells = self.cells
        diagonal, inner, _ = self.solution.modes()
        values = self.solution.fitted[cells.group[cells.pattern]] + inner @ cells.inner_columns.T
        values += diagonal[:, cells.level]
        return cells.mean + values[cells.row_listener, cells.row_cell]

    @cached_property
    def residuals(self) -> np.ndarray:
        """Ratings less ``fitted``, for each row of the frame."""
        return self.cells.ratings - self.fitted


def fit(frame: pd.DataFrame, terms: Terms, *, method: Literal["reml", "ml"] = "reml") -> Fit:
    """Fit a mixed model to the ratings of one attribute.

    Parameters
    ----------
    frame : column rating and those that the terms name. Cells may be missing, or rated several times.
    method : ``ml`` only to compare models with different fixed effects.

    Raises
    ------
    AnalysisError
        Where a column is missing, a rating is no number, a random term has fewer than two levels, or nothing varies.
    """
    _check(frame, terms)
    cells = cells_of(frame, terms)
    _check_variation(cells)
    solution, curvature = minimise(cells, reml=method == "reml")
    if (solution.ratios >= LARGEST).any():
        raise AnalysisError(
            f"mixed model: the random effects leave no residual in {cells.rows} ratings; nothing can be tested; "
            "more ratings are needed, or listeners who rated all alike to be left out"
        )
    return Fit(terms, method, solution, curvature)


def _check(frame: pd.DataFrame, terms: Terms) -> None:
    wanted = {"rating"} | {column for term in (*terms.fixed, *terms.random) for column in term}
    if missing := sorted(wanted - set(frame.columns)):
        raise AnalysisError(
            f"mixed model: the ratings have no column {', '.join(missing)}; add it, or leave its term out"
        )
    for column in sorted(wanted - {"rating"}):
        if empty := int(frame[column].isna().sum()):
            raise AnalysisError(f"mixed model: {column} is empty in {empty} of {len(frame)} rows; fill it in")
    if not pd.api.types.is_numeric_dtype(frame["rating"]):
        raise AnalysisError(
            f"mixed model: the column rating holds text ({frame['rating'].iloc[0]!r}); expected numbers"
        )
    if unusable := int((~np.isfinite(frame["rating"].to_numpy(float))).sum()):
        raise AnalysisError(
            f"mixed model: {unusable} of {len(frame)} ratings are missing or infinite; leave these rows out first"
        )
    if not terms.random:
        raise AnalysisError("mixed model: no random term is left; expected at least listener or item")
    for column in sorted({term[0] for term in terms.random if len(term) == 1} | {c for t in terms.fixed for c in t}):
        if frame[column].nunique() < 2:
            raise AnalysisError(
                f"mixed model: one {column} in {len(frame)} ratings; a model with its effect needs two or more"
            )


def _check_variation(cells: Cells) -> None:
    if cells.rows <= cells.matrices.shape[2]:
        raise AnalysisError(
            f"mixed model: {cells.rows} ratings for {cells.matrices.shape[2]} fixed effects; more ratings are needed"
        )
    if cells.square_sum <= ROUNDING * max(cells.rows * cells.mean**2, 1e-300):
        raise AnalysisError(
            f"mixed model: all {cells.rows} ratings are equal ({cells.mean:g}); expected some to differ"
        )
    alone = solve(cells, np.zeros(len(cells.row_levels)), reml=False)
    if alone.square_sum <= NOTHING_LEFT * cells.square_sum:
        raise AnalysisError(
            f"mixed model: the {cells.rows} ratings do not vary within a condition; "
            "variances of listeners and items can't be estimated"
        )

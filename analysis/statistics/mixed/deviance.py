"""The profiled deviance of the mixed model, and its slope, at given ratios of variances.

What is eliminated first is in ``within``; here the effects that all listeners share (item, item:condition) and the
fixed effects are fitted, densely, to one matrix over cells. The slope is the textbook's: for a term with columns Z it
is tr(Z'PZ) - |Z'Py|^2 / residual variance, where P takes the fixed effects out of the inverse of V (for maximum
likelihood the trace is of the inverse itself).

Conventions: ratios are variances relative to the residual's, one per random term, 0 or more. Sources: Bates, Maechler,
Bolker and Walker (2015), J. Stat. Softw. 67(1), doi:10.18637/jss.v067.i01, for the profiled deviance; Searle, Casella
and McCulloch (1992), Variance Components, chapter 6, for the slope. Defines: ``Solution``, ``solve``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.statistics.mixed.cells import Cells
from analysis.statistics.mixed.within import Within, eliminate, modes_within, slope_within


@dataclass(frozen=True)
class Solution:
    """The model solved at given ratios. q outer columns, p fixed columns."""

    cells: Cells
    ratios: np.ndarray
    reml: bool
    within: Within
    gain: np.ndarray  # (q, q) what takes the outer columns out
    outer_gram: np.ndarray  # (q, q)
    outer_fixed: np.ndarray  # (q, p)
    log_determinant: float  # of V
    information: np.ndarray  # (p, p) X'V^-1 X
    coefficients: np.ndarray  # (p,)
    outer_scores: np.ndarray  # (q,) Z'Py
    square_sum: float  # y'Py

    @property
    def degrees(self) -> int:
        """Ratings, less the fixed effects where they are taken account of."""
        return self.cells.rows - (len(self.coefficients) if self.reml else 0)

    @property
    def variance(self) -> float:
        """The residual's, where the deviance is smallest in it."""
        return self.square_sum / self.degrees

    @property
    def deviance(self) -> float:
        """-2 log likelihood, the residual variance profiled out."""
        return self.deviance_at(self.variance)

    def deviance_at(self, variance: float) -> float:
        """-2 log likelihood at a residual variance."""
        logs = self.log_determinant + (np.linalg.slogdet(self.information)[1] if self.reml else 0.0)
        return float(logs + self.degrees * np.log(2 * np.pi * variance) + self.square_sum / variance)

    @cached_property
    def fixed_inverse(self) -> np.ndarray:
        """Covariance of the fixed effects, relative to the residual's variance."""
        return np.linalg.inv(self.information)

    @cached_property
    def fitted(self) -> np.ndarray:
        """Fixed effects with the shared random ones, over groups and cells (G, K), less the ratings' mean."""
        modes = self.ratios[self.cells.outer] * self.outer_scores
        return self.cells.matrices @ self.coefficients + self.cells.outer_columns @ modes

    def slope_at(self, variance: float) -> np.ndarray:
        """Slope of the deviance in each ratio, at a residual variance."""
        cells, gain = self.cells, self.gain
        taken = gain @ self.outer_gram
        traces = np.diagonal(self.outer_gram) - (self.outer_gram * taken).sum(axis=0)
        spread = np.broadcast_to(_sandwich(cells, gain), (len(cells.members), *cells.same_level.shape))
        if self.reml:
            left = self.outer_fixed - taken.T @ self.outer_fixed
            traces = traces - ((left @ self.fixed_inverse) * left).sum(axis=1)
            columns = cells.matrices - cells.outer_columns @ (gain @ self.outer_fixed)
            spread = spread + columns @ self.fixed_inverse @ columns.transpose(0, 2, 1)
        slope = slope_within(cells, self.within, spread, self.fitted, variance)
        np.add.at(slope, cells.outer, traces - self.outer_scores**2 / variance)
        return slope

    def modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Conditional modes of the diagonal term (L, J), the inner columns (L, s) and the outer ones (q,)."""
        diagonal, inner = modes_within(self.cells, self.within, self.fitted)
        ratio = self.ratios[self.cells.diagonal] if self.cells.diagonal >= 0 else 0.0
        return (
            ratio * diagonal,
            self.ratios[self.cells.inner] * inner,
            self.ratios[self.cells.outer] * self.outer_scores,
        )


def solve(cells: Cells, ratios: np.ndarray, *, reml: bool) -> Solution:
    """Solve the model at given ratios."""
    within = eliminate(cells, ratios)
    outer, matrices = cells.outer_columns, cells.matrices
    by_outer = outer.T @ within.cross.sum(axis=0)
    gram = outer.T @ by_outer.T
    weighted = within.cross @ matrices
    across = outer.T @ weighted.sum(axis=0)
    fixed = (matrices.transpose(0, 2, 1) @ weighted).sum(axis=0)
    totals = outer.T @ within.totals.sum(axis=0)
    fixed_totals = (within.totals[:, None, :] @ matrices)[:, 0].sum(axis=0)
    deviations = np.sqrt(ratios[cells.outer])
    root = np.linalg.cholesky(deviations[:, None] * gram * deviations + np.eye(len(deviations)))
    half = np.linalg.inv(root) * deviations
    gain = half.T @ half
    halves, half_totals = half @ across, half @ totals
    information = fixed - halves.T @ halves
    right = fixed_totals - halves.T @ half_totals
    coefficients = np.linalg.solve(information, right)
    left = totals - across @ coefficients
    return Solution(
        cells=cells,
        ratios=ratios,
        reml=reml,
        within=within,
        gain=gain,
        outer_gram=gram,
        outer_fixed=across,
        log_determinant=within.log_determinant + 2 * float(np.log(np.diagonal(root)).sum()),
        information=information,
        coefficients=coefficients,
        outer_scores=left - gram @ (gain @ left),
        square_sum=float(within.square_sum - half_totals @ half_totals - coefficients @ right),
    )


def _sandwich(cells: Cells, gain: np.ndarray) -> np.ndarray:
    """P gain P' over the cells, P the outer columns."""
    return cells.outer_columns @ (cells.outer_columns @ gain).T

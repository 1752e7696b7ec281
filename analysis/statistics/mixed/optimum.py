"""Finds the ratios of variances at which the deviance of a mixed model is smallest, also where some are 0.

A quasi-Newton method goes down in the ratios themselves. In their square roots, lme4's parameters, every boundary is
flat, and a search that touches one stays there. Newton steps end it; their curvature is what Satterthwaite needs.

Defines: ``Curvature``, ``minimise``, ``curvature``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from analysis.statistics.mixed.cells import Cells
from analysis.statistics.mixed.deviance import Solution, solve

START = 1.0
"""Ratio of each variance to the residual's that the search starts from."""
LARGEST = 1e4
"""Ratio at which the residual counts as 0: a hundredth of what listeners or items do."""
NEAR_ZERO = 1e-5
"""Ratios below this are tried at 0."""
SHORT, SLOPE = 0.1, 1e-4
"""A slope counts that promises more than this decrease per rating, over a way of the ratio's size or ``SHORT``."""
STEP = 1e-3
"""Of the differences that give the curvature, relative to a ratio."""
ROUNDS = 10
EXACT = 1e-10
"""Decrease of the deviance that a Newton step must promise to be worth making, for few ratings."""
ROUNDING = 1e-15
"""The same relative to the deviance, whose digits end there, for many."""


@dataclass(frozen=True)
class Curvature:
    """Second derivatives at the optimum in the ratios that are not 0, and in the residual's variance (last).

    ``free``: positions of those ratios. ``hessian``: of the deviance, not profiled. ``covariance``: slopes of the
    fixed effects' covariance, one matrix for each of these parameters.
    """

    free: np.ndarray
    hessian: np.ndarray
    covariance: np.ndarray


def minimise(cells: Cells, *, reml: bool) -> tuple[Solution, Curvature]:
    """The solution of smallest deviance, with its curvature."""
    return _polished(_at_boundary(_descend(cells, np.full(len(cells.row_levels), START), reml=reml)))


def _polished(solution: Solution) -> tuple[Solution, Curvature]:
    """The solution after Newton steps, and the curvature there."""
    shape = curvature(solution)
    for _ in range(ROUNDS):
        step, promise = _newton(solution, shape)
        if promise < EXACT + ROUNDING * abs(solution.deviance):
            break
        solution = _shortened(solution, step)
        shape = curvature(solution)
    return solution, shape


def _descend(cells: Cells, start: np.ndarray, *, reml: bool) -> Solution:
    """Go down from ``start``, and again from where that ended, without its memory, as long as it is no minimum.

    The method's line search can run into a corner of two boundaries, and then reports convergence on a slope.
    """
    solution = _descended(cells, start, reml=reml)
    for _ in range(ROUNDS):
        if not _on_a_slope(solution):
            break
        solution = _descended(cells, solution.ratios, reml=reml)
    return solution


def _on_a_slope(solution: Solution) -> bool:
    """Whether the deviance still falls within the bounds; what is left of a slope at a minimum is far less."""
    slope, ratios = solution.slope_at(solution.variance), solution.ratios
    outward = ((ratios == 0) & (slope > 0)) | ((ratios == LARGEST) & (slope < 0))
    return bool((np.abs(np.where(outward, 0, slope)) * np.maximum(ratios, SHORT) > SLOPE * solution.cells.rows).any())


def _descended(cells: Cells, start: np.ndarray, *, reml: bool) -> Solution:
    def deviance(ratios: np.ndarray) -> tuple[float, np.ndarray]:
        solution = solve(cells, ratios, reml=reml)
        return solution.deviance, solution.slope_at(solution.variance)

    found = optimize.minimize(
        deviance,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, LARGEST)] * len(start),
        options={"ftol": 1e-13, "gtol": 1e-5},
    )
    return solve(cells, found.x, reml=reml)


def _at_boundary(solution: Solution) -> Solution:
    """Ratios near 0 are 0 where that is no worse."""
    for position in np.flatnonzero((solution.ratios > 0) & (solution.ratios < NEAR_ZERO)):
        ratios = solution.ratios.copy()
        ratios[position] = 0
        other = solve(solution.cells, ratios, reml=solution.reml)
        if other.deviance <= solution.deviance:
            solution = other
    return solution


def curvature(solution: Solution) -> Curvature:
    """By central differences of the slope, which is exact, in each ratio that is not 0."""
    variance, free = solution.variance, np.flatnonzero(solution.ratios > 0)
    hessian = np.zeros((len(free) + 1, len(free) + 1))
    covariance = np.zeros((len(free) + 1, *solution.information.shape))
    for row, position in enumerate(map(int, free)):
        step = min(STEP * max(solution.ratios[position], STEP), solution.ratios[position] / 2)
        ahead, behind = (_moved(solution, position, way * step) for way in (1, -1))
        width = 2 * step
        hessian[row, :-1] = (ahead.slope_at(variance) - behind.slope_at(variance))[free] / width
        hessian[row, -1] = hessian[-1, row] = -(ahead.square_sum - behind.square_sum) / width / variance**2
        covariance[row] = variance * (ahead.fixed_inverse - behind.fixed_inverse) / width
    hessian[-1, -1] = solution.degrees / variance**2
    covariance[-1] = solution.fixed_inverse
    return Curvature(free, (hessian + hessian.T) / 2, covariance)


def _moved(solution: Solution, position: int, by: float) -> Solution:
    ratios = solution.ratios.copy()
    ratios[position] += by
    return solve(solution.cells, ratios, reml=solution.reml)


def _newton(solution: Solution, shape: Curvature) -> tuple[np.ndarray, float]:
    """Newton's step in all ratios, and the decrease of the deviance that it promises."""
    slope = solution.slope_at(solution.variance)[shape.free]
    cross, inner = shape.hessian[:-1, -1], shape.hessian[:-1, :-1]
    profiled = inner - np.outer(cross, cross) / shape.hessian[-1, -1]
    step = np.zeros(len(solution.ratios))
    step[shape.free] = -np.linalg.lstsq(profiled, slope, rcond=None)[0]
    return step, float(-step[shape.free] @ slope / 2)


def _shortened(solution: Solution, step: np.ndarray) -> Solution:
    """Halve a step until the deviance is no larger."""
    for _ in range(ROUNDS):
        found = solve(solution.cells, np.clip(solution.ratios + step, 0, LARGEST), reml=solution.reml)
        if found.deviance <= solution.deviance:
            return _at_boundary(found)
        step = step / 2
    return solution

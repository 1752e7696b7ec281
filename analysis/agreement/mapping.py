"""How far off ratings are that are predicted from a metric, once its scale has been mapped to the ratings'.

A metric in decibels predicts no points; its scale is fitted to the ratings by least squares first, by a straight line
or by a third-order polynomial that is monotone between the smallest and the largest value, as ITU-T P.1401 has it.
Either may fall: how far a mapping errs is asked here, which way it runs is what a correlation says.

RMSE = sqrt(sum of squared errors / (N - d)). d is the degrees of freedom of the mapping, 4 for the third order as
P.1401 has it, and by the same rule (one for each coefficient) 2 for the line and 0 where nothing is fitted. N counts
cells. The errors are of the cells that the mapping was fitted to: with few cells they flatter.

Conventions: values and ratings (C,), finite; points. Defines: ``rmse``, ``rmse_linear``, ``rmse_cubic``,
``monotone_cubic``.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Polynomial
from scipy import optimize

LINEAR, CUBIC = 2, 4
"""Coefficients."""
TURN = 0.02
TURNS = np.linspace(-1, 1, 101)
"""Where a saddle of the polynomial is looked for, in steps of ``TURN``, before it is narrowed down."""
FLAT = 1e-9
"""A slope this far below 0, in points over half of the range, is rounding."""


def rmse(values: np.ndarray, ratings: np.ndarray) -> float:
    """Of a metric that predicts points itself."""
    return _root_mean(ratings - values, 0)


def rmse_linear(values: np.ndarray, ratings: np.ndarray) -> float:
    """After the best straight line; NaN for fewer than three cells or equal values."""
    if np.ptp(values) == 0:
        return np.nan
    return _root_mean(ratings - Polynomial.fit(values, ratings, 1)(values), LINEAR)


def rmse_cubic(values: np.ndarray, ratings: np.ndarray) -> float:
    """After the best monotone third-order polynomial; NaN for fewer than five cells or four different values."""
    if len(np.unique(values)) < CUBIC:
        return np.nan
    return _root_mean(ratings - monotone_cubic(values, ratings)(values), CUBIC)


def monotone_cubic(values: np.ndarray, ratings: np.ndarray) -> Polynomial:
    """The third-order polynomial of least squares among those that rise, or fall, all over the range of the values.

    Returns
    -------
    Polynomial
        From a value to points; monotone between the smallest and the largest value, and meant for no others.
    """
    domain = [values.min(), values.max()]
    scaled = (2 * values - sum(domain)) / (domain[1] - domain[0])
    found = [sign * _rising(scaled, sign * ratings) for sign in (1, -1)]
    coefficients = min(found, key=lambda one: _misfit(one, scaled, ratings))
    return Polynomial(coefficients, domain=domain, window=[-1, 1])


def _rising(scaled: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Coefficients (rising powers) of the best cubic that doesn't fall between -1 and 1.

    The problem is convex, so that the best is the best under the constraints that bind, taken as equations: none; no
    slope at one end, or at both; or a slope that touches 0 inside, and then is k (x - turn)^2; or no slope at all.
    """
    ends = {place: np.array([0, 1, 2 * place, 3]) for place in (-1, 1)}
    free = [np.eye(CUBIC), *(_null(row[None, :]) for row in ends.values()), _null(np.array([*ends.values()]))]
    candidates = [_least_squares(basis, scaled, ratings) for basis in free]
    candidates += [np.array([ratings.mean(), 0, 0, 0]), _with_saddle(scaled, ratings)]
    return min((one for one in candidates if _rises(one)), key=lambda one: _misfit(one, scaled, ratings))


def _with_saddle(scaled: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """The best level + k (x - turn)^3 with the turn inside and k not below 0: for each turn a straight line."""

    def left_over(turn: float) -> float:
        bent = (scaled - turn) ** 3
        bent -= bent.mean()
        return -(max(bent @ ratings, 0.0) ** 2) / (bent @ bent)

    best = min(TURNS, key=left_over)
    bounds = (max(best - TURN, -1), min(best + TURN, 1))
    turn = optimize.minimize_scalar(left_over, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x
    saddle = np.array([[1, 0, 0, 0], [-(turn**3), 3 * turn**2, -3 * turn, 1]]).T
    return _least_squares(saddle, scaled, ratings)


def _null(rows: np.ndarray) -> np.ndarray:
    """Columns that span what the rows take to 0."""
    return np.linalg.svd(rows)[2][len(rows) :].T


def _least_squares(basis: np.ndarray, scaled: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    powers = np.vander(scaled, CUBIC, increasing=True)
    return basis @ np.linalg.lstsq(powers @ basis, ratings, rcond=None)[0]


def _rises(coefficients: np.ndarray) -> bool:
    """Whether the slope is nowhere below 0 between -1 and 1: at the ends, and where it is smallest between them."""
    slope = Polynomial(coefficients).deriv()
    lowest = [-1.0, 1.0]
    if coefficients[3] > 0 and abs(turn := -coefficients[2] / (3 * coefficients[3])) < 1:
        lowest.append(turn)
    return bool(min(slope(place) for place in lowest) >= -FLAT * max(np.abs(coefficients).max(), 1))


def _misfit(coefficients: np.ndarray, scaled: np.ndarray, ratings: np.ndarray) -> float:
    return float(((ratings - Polynomial(coefficients)(scaled)) ** 2).sum())


def _root_mean(errors: np.ndarray, fitted: int) -> float:
    left = len(errors) - fitted
    return float(np.sqrt((errors**2).sum() / left)) if left > 0 else np.nan

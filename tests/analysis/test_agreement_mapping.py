"""Errors after mapping: against a general solver, by hand, and where there can be no number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from analysis.agreement import mapping

SHAPES = {
    "line": lambda x: 50 + 3 * x,
    "turns": lambda x: 50 + 5 * np.sin(x),
    "nothing": lambda x: 50 + 0 * x,
    "falls": lambda x: -(x**3),
    "levels off": lambda x: 80 / (1 + np.exp(-2 * x)),
    "saddle": lambda x: 40 + (x - 1) ** 3,
}


def by_solver(values: np.ndarray, ratings: np.ndarray) -> float:
    """Smallest sum of squares under the same constraint, by sequential quadratic programming on a grid of slopes."""
    scaled = (2 * values - values.min() - values.max()) / np.ptp(values)
    powers, grid = np.vander(scaled, 4, increasing=True), np.linspace(-1, 1, 401)
    slopes = np.column_stack([0 * grid, np.ones(401), 2 * grid, 3 * grid**2])
    scale = ratings.var()
    found = [
        optimize.minimize(
            lambda c: ((powers @ c - ratings) ** 2).sum() / scale,
            np.array([ratings.mean(), 0, 0, 0]),
            jac=lambda c: 2 * powers.T @ (powers @ c - ratings) / scale,
            constraints={"type": "ineq", "fun": lambda c, s=sign: s * slopes @ c, "jac": lambda c, s=sign: s * slopes},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        ).fun
        for sign in (1, -1)
    ]
    return float(min(found)) * scale


@pytest.mark.parametrize("shape", SHAPES)
def test_the_monotone_cubic_is_the_best_there_is(shape: str) -> None:
    draw = np.random.default_rng(list(SHAPES).index(shape))
    for _ in range(12):
        values = draw.normal(0, 3, draw.integers(6, 40))
        ratings = SHAPES[shape](values) + draw.normal(0, 4, len(values))
        found = mapping.monotone_cubic(values, ratings)
        slopes = np.diff(found(np.linspace(values.min(), values.max(), 2001)))
        assert slopes.min() >= -1e-6 or slopes.max() <= 1e-6
        # The solver's slopes are held on its grid alone, and may gain a little between.
        assert ((ratings - found(values)) ** 2).sum() == pytest.approx(by_solver(values, ratings), rel=2e-4)


def test_errors_are_divided_by_cells_less_what_was_fitted() -> None:
    values, ratings = np.array([0.0, 1, 2, 3, 4, 5]), np.array([10.0, 12, 19, 35, 41, 39])
    line = np.polyfit(values, ratings, 1)
    assert mapping.rmse_linear(values, ratings) == pytest.approx(
        np.sqrt(((ratings - np.polyval(line, values)) ** 2).sum() / 4)
    )
    left = ((ratings - mapping.monotone_cubic(values, ratings)(values)) ** 2).sum()
    assert mapping.rmse_cubic(values, ratings) == pytest.approx(np.sqrt(left / 2))
    assert mapping.rmse(ratings + 3, ratings) == pytest.approx(3)


def test_a_cubic_that_rises_by_itself_is_found_exactly_and_scale_does_not_matter() -> None:
    values = np.linspace(-3, 4, 9)
    rising = 20 + 2 * values + 0.1 * values**3
    assert mapping.rmse_cubic(values, rising) == pytest.approx(0, abs=1e-9)
    bent = rising + 5 * np.sin(3 * values)
    assert mapping.rmse_cubic(-40 * values + 7, bent) == pytest.approx(mapping.rmse_cubic(values, bent), rel=1e-6)


def test_no_number_where_nothing_can_be_fitted() -> None:
    two = np.array([1.0, 1, 1, 2, 2, 2])
    assert np.isnan(mapping.rmse_linear(np.ones(6), np.arange(6.0)))
    assert np.isnan(mapping.rmse_cubic(two, np.arange(6.0)))
    assert np.isnan(mapping.rmse_cubic(np.arange(4.0), np.arange(4.0)))

"""Coefficients of weighted samples: against scipy on the data written out, and what must not change them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from analysis.agreement import correlations

SCIPY: dict[str, Callable] = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
ITEM = np.repeat(np.arange(7), 4)


@pytest.fixture(params=[0, 1], ids=["few ties", "many ties"])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings (5 samples, 28 cells), values of 3 metrics, and how often each cell was drawn: by items, with holes."""
    draw = np.random.default_rng(request.param)
    ratings = np.round(draw.normal(50, 10, (5, 28)), 3 - 4 * request.param)
    values = np.round(draw.normal(0, 2, (28, 3)), 2 - 2 * request.param)
    weights = draw.multinomial(7, [1 / 7] * 7, 5)[:, ITEM] * (draw.random((5, 28)) < 0.9)
    return ratings, values, weights.astype(float)


@pytest.mark.parametrize("name", SCIPY)
def test_a_drawn_sample_has_the_coefficients_of_its_rows_written_out(
    name: str, sample: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    ratings, values, weights = sample
    found = getattr(correlations, name)(ratings, values, weights)
    for place, metric in np.ndindex(found.shape):
        rows = np.repeat(np.arange(28), weights[place].astype(int))
        assert found[place, metric] == pytest.approx(
            SCIPY[name](ratings[place][rows], values[rows, metric])[0], abs=1e-12
        )


def test_within_is_the_mean_of_taus_of_items_and_counts_pairs(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    ratings, values, weights = sample
    tau, right = correlations.within(ratings, values, weights, ITEM)
    for place, metric in np.ndindex(tau.shape):
        taus: list[float] = []
        pairs: list[float] = []
        for item in range(7):
            own = np.flatnonzero((item == ITEM) & (weights[place] > 0))
            times = int(weights[place][item == ITEM].max())
            x, y = values[own, metric], ratings[place, own]
            orders = [
                0.5 + 0.5 * np.sign((y[a] - y[b]) * (x[a] - x[b]))
                for a in range(len(own))
                for b in range(a)
                if y[a] != y[b]
            ]
            if orders:
                taus += [float(np.array(stats.kendalltau(x, y))[0]) if np.ptp(x) else 0.0] * times
                pairs += orders * times
        assert tau[place, metric] == pytest.approx(np.mean(taus), abs=1e-12)
        assert right[place, metric] == pytest.approx(np.mean(pairs), abs=1e-12)


def test_rank_coefficients_ask_for_order_alone_and_pearson_for_shape() -> None:
    draw = np.random.default_rng(2)
    ratings, values = draw.normal(50, 10, (1, 28)), draw.normal(0, 2, (28, 1))
    once = np.ones((1, 28))
    plain = correlations.coefficients(ratings, values, once, ITEM)
    bent = correlations.coefficients(ratings, np.exp(values), once, ITEM)
    moved = correlations.coefficients(ratings, 1e6 + 0.01 * values, once, ITEM)
    for name in ("spearman", "kendall", "within", "right"):
        assert bent[name] == pytest.approx(plain[name], abs=1e-12)
    assert moved["pearson"] == pytest.approx(plain["pearson"], abs=1e-6)
    assert abs(bent["pearson"] - plain["pearson"]) > 0.001


def test_what_does_not_vary_has_no_correlation() -> None:
    """In a draw of one item, a metric that goes by items alone is a constant."""
    draw = np.random.default_rng(3)
    ratings = draw.normal(50, 10, (2, 28))
    values = np.column_stack([0.1 * ITEM, draw.normal(0, 1, 28)])
    weights = np.vstack([np.ones(28), 7.0 * (ITEM == 3)])
    for coefficient in (correlations.pearson, correlations.spearman, correlations.kendall):
        assert np.isnan(coefficient(ratings, values, weights)).tolist() == [[False, False], [True, False]]
    tau, right = correlations.within(ratings, values, weights, ITEM)
    assert tau[:, 0].tolist() == [0, 0]
    assert right[:, 0].tolist() == [0.5, 0.5]


def test_an_item_whose_conditions_sound_alike_says_nothing() -> None:
    ratings = np.array([[50.0, 50, 50, 10, 20, 30]])
    values = np.array([[3.0, 2, 1, 1, 2, 3]]).T
    tau, right = correlations.within(ratings, values, np.ones((1, 6)), np.repeat([0, 1], 3))
    assert (tau.item(), right.item()) == (1, 1)
    assert np.isnan(correlations.within(ratings[:, :3], values[:3], np.ones((1, 3)), np.zeros(3, int))).all()

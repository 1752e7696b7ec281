"""The noise ceiling: against the correlation of what simulated listeners really hear with their means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_metrics import follows, metrics, quality, ratings, values

from analysis.agreement.agreement import agreement
from analysis.agreement.ceiling import FEWEST_LISTENERS, ceiling
from analysis.agreement.cells import Beside, beside


def of_listeners(rated: np.ndarray) -> Beside:
    """Ratings of listeners (L, C), nothing else of which the ceiling asks for."""
    return Beside((), pd.DataFrame(), np.empty((rated.shape[1], 0)), rated, {}, ())


@pytest.mark.parametrize(("listeners", "noise"), [(4, 15.0), (5, 25.0), (8, 60.0), (20, 30.0)])
def test_it_is_what_the_true_quality_correlates_with_the_mean_of_the_panel(listeners: int, noise: float) -> None:
    draw = np.random.default_rng(listeners)
    found, truth = [], []
    for seed in range(100):
        heard = draw.normal(50, 20, 60)
        lenient = draw.normal(0, 10, (listeners, 1))
        rated = heard + lenient + draw.normal(0, noise, (listeners, 60))
        found.append(ceiling(of_listeners(rated), seed=seed))
        truth.append(stats.spearmanr(heard, rated.mean(axis=0))[0])
    assert max(truth) < 0.99
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.025)


def test_holes_and_a_listener_too_many_for_two_halves() -> None:
    draw = np.random.default_rng(3)
    found, truth = [], []
    for seed in range(100):
        heard = draw.normal(50, 20, 60)
        rated = heard + draw.normal(0, 30, (9, 60))
        rated[draw.random(rated.shape) < 0.2] = np.nan
        found.append(ceiling(of_listeners(rated), seed=seed))
        truth.append(stats.spearmanr(heard, np.nanmean(rated, axis=0))[0])
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.025)


def test_listeners_who_contradict_each_other_leave_nothing_and_few_are_not_asked() -> None:
    heard = np.arange(12.0)
    contradicting = np.array([heard, -heard] * 2 + [0 * heard])
    assert 0 <= ceiling(of_listeners(contradicting), seed=1) < 0.3
    assert ceiling(of_listeners(np.tile(heard, (4, 1))), seed=1) == pytest.approx(1)
    assert np.isnan(ceiling(of_listeners(np.tile(heard, (FEWEST_LISTENERS - 1, 1))), seed=1))
    assert np.isnan(ceiling(of_listeners(np.ones((4, 12))), seed=1)), "who hears no difference says none"


def test_it_is_among_what_is_found_and_does_not_depend_on_the_metrics() -> None:
    draw = np.random.default_rng(4)
    true = quality(draw, 6, 5)
    frame, measured = ratings(draw, true, 8), values(a=follows(draw, true, 9), b=follows(draw, true, 60))
    found = [agreement(frame, measured, metrics(*names), draws=50, seed=2) for names in ("a", "ab")]
    assert found[0].ceiling == found[1].ceiling == ceiling(beside(frame, measured, metrics("a")), seed=2)
    assert 0.5 < found[0].ceiling < 1

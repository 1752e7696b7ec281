"""Simulated ratings have the components, counts and habits that were asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.planning.components import PRESETS, Components
from analysis.statistics.planning.simulate import STANDARDS, Answers, Careless, simulate
from analysis.statistics.planning.trials import Trials

COMPONENTS = Components(listener=7, item=5, listener_item=4, listener_condition=6, item_condition=8, residual=9)
SYSTEMS = {"a": 70.0, "b": 60.0, "c": 50.0, "d": 40.0}


def cube(frame: pd.DataFrame) -> np.ndarray:
    """Complete ratings: listeners by items by conditions."""
    wide = frame.pivot(index=["listener", "item"], columns="condition", values="rating")
    return wide.to_numpy().reshape(frame["listener"].nunique(), frame["item"].nunique(), -1)


def effect(ratings: np.ndarray, axes: tuple[int, ...]) -> float:
    """Mean square of an effect of the balanced three-way table."""
    kept = ratings
    for axis in range(3):
        mean = kept.mean(axis=axis, keepdims=True)
        kept = kept - mean if axis in axes else mean
    df = np.prod([ratings.shape[axis] - 1 for axis in axes])
    return float((kept**2).sum() * ratings.size / kept.size / df)


def test_the_mean_squares_are_those_of_the_components() -> None:
    """Each over its expectation, times df, is chi-squared: exact for normal components in balanced ratings."""
    trials = Trials(listeners=40, items=30, systems=4)
    ratings = cube(simulate(COMPONENTS, trials, SYSTEMS, seed=11))
    people, items, systems = ratings.shape
    e, li, lc, ic = (
        getattr(COMPONENTS, name) ** 2 for name in ("residual", "listener_item", "listener_condition", "item_condition")
    )
    expected = {
        (0, 1, 2): e,
        (0, 2): e + items * lc,
        (1, 2): e + people * ic,
        (0, 1): e + systems * li,
        (0,): e + systems * li + items * lc + items * systems * COMPONENTS.listener**2,
        (1,): e + systems * li + people * ic + people * systems * COMPONENTS.item**2,
    }
    for axes, value in expected.items():
        df = np.prod([ratings.shape[axis] - 1 for axis in axes])
        low, high = stats.chi2.ppf([0.0005, 0.9995], df) / df
        assert low < effect(ratings, axes) / value < high, axes


def test_means_and_noise_are_those_of_each_condition() -> None:
    quiet = Components(0, 0, 0, 0, 0, residual=5)
    frame = simulate(quiet, Trials(100, 20, systems=4), SYSTEMS, seed=3, answers=Answers(noise={"b": 3, "d": 0.5}))
    found = frame.groupby("condition")["rating"].agg(["mean", "std"])
    for name, spread in {"a": 5, "b": 15, "c": 5, "d": 2.5}.items():
        assert found.loc[name, "mean"] == pytest.approx(SYSTEMS[name], abs=4 * spread / 2000**0.5)
        assert found.loc[name, "std"] == pytest.approx(spread, rel=4 / 4000**0.5)


def test_the_same_seed_gives_the_same_ratings_and_another_one_others() -> None:
    first, again, other = (simulate(COMPONENTS, Trials(5, 4, systems=4), SYSTEMS, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["rating"] != other["rating"]).all()


def test_bounded_answers_are_whole_numbers_with_a_ceiling_and_the_reference_at_it() -> None:
    means = {**STANDARDS, "a": 95.0, "b": 5.0}
    frame = simulate(COMPONENTS, Trials(40, 10), means, seed=4, answers=Answers(bounded=True))
    assert frame["rating"].between(0, 100).all() and (frame["rating"] % 1 == 0).all()
    at = frame.groupby("condition")["rating"].agg(lambda ratings: (ratings == 100).mean())
    # Of those not given 100, few round up to it.
    low, high = stats.binom.ppf([0.0005, 0.9995], 400, 0.78 + 0.22 * (2 * stats.norm.cdf(0.5 / 7) - 1)) / 400
    assert low <= at["reference"] <= high
    assert at["a"] > 0.1 and (frame.loc[frame["condition"] == "b", "rating"] == 0).mean() > 0.1
    assert frame.loc[frame["condition"] == "lowpass-3500", "rating"].mean() < 40


def test_unbounded_answers_know_no_ends() -> None:
    ratings = simulate(COMPONENTS, Trials(40, 10), {"a": 95.0, "b": 5.0}, seed=4)["rating"]
    assert ratings.max() > 100 and ratings.min() < 0 and (ratings % 1 != 0).all()


def test_incomplete_pages_hold_all_pairs_equally_often_and_the_anchors_always() -> None:
    means = {**STANDARDS, **SYSTEMS}
    frame = simulate(COMPONENTS, Trials(6, 5, systems=4, per_page=2), means, seed=5)
    pages = frame.groupby(["listener", "item"])["condition"].agg(set)
    assert len(pages) == 30 and all(page > set(STANDARDS) and len(page) == 5 for page in pages)
    for pair in itertools.combinations(SYSTEMS, 2):
        assert sum(page > set(pair) for page in pages) == 5


def test_each_listener_hears_a_part_of_the_items_and_each_item_is_heard_equally_often() -> None:
    frame = simulate(COMPONENTS, Trials(10, 6, per_listener=3), {"a": 1, "b": 2}, seed=5)
    assert (frame.groupby("listener")["item"].nunique() == 3).all()
    assert (frame.groupby("item")["listener"].nunique() == 5).all()


def test_replicates_and_targets_are_columns() -> None:
    frame = simulate(COMPONENTS, Trials(3, 5, replicates=2, targets=2), {"a": 1, "b": 2}, seed=6)
    assert frame.groupby("replicate").size().to_dict() == {0: 30, 1: 30, 2: 30}
    assert frame.drop_duplicates("item")["target"].value_counts().to_dict() == {"target 1": 3, "target 2": 2}
    assert not frame.duplicated(["listener", "item", "replicate", "condition"]).any()
    cells = frame.groupby(["listener", "item", "condition"])["rating"]
    assert (cells.nunique() == 3).all()  # the residual is new each time


def test_a_share_is_missing_at_random() -> None:
    frame = simulate(COMPONENTS, Trials(50, 20, systems=4), SYSTEMS, seed=7, answers=Answers(missing=0.2))
    low, high = stats.binom.ppf([0.0005, 0.9995], 4000, 0.8)
    assert low <= len(frame) <= high
    by_condition = frame["condition"].value_counts()
    assert stats.chisquare(by_condition).pvalue > 0.001


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.05, 1), (0.2, 4), (1.0, 20)])
@pytest.mark.parametrize("kind", ["random", "flat", "reversed"])
def test_careless_listeners_are_as_many_as_asked_and_the_others_what_they_were(
    kind: str, share: float, count: int
) -> None:
    trials, means = Trials(20, 10, systems=4), {**STANDARDS, **SYSTEMS}
    careful = simulate(COMPONENTS, trials, means, seed=8, answers=Answers(bounded=True))
    how = Answers(bounded=True, careless=Careless(share, kind))  # type: ignore[arg-type]
    frame = simulate(COMPONENTS, trials, means, seed=8, answers=how)
    conduct = frame.groupby("listener")["conduct"].first()
    assert (conduct == kind).sum() == count and (conduct[conduct != kind] == "careful").all()
    assert (careful["conduct"] == "careful").all()
    spoilt = (frame["conduct"] == kind).to_numpy()
    assert (frame.loc[~spoilt, "rating"] == careful.loc[~spoilt, "rating"]).all()
    if not count:
        return
    said, meant = frame[spoilt], careful.loc[spoilt, "rating"]
    if kind == "reversed":
        assert (said["rating"] == 100 - meant).all()
    elif kind == "flat":
        assert (said.groupby("listener")["rating"].nunique() == 1).all()
    else:
        assert stats.kstest(said["rating"] + 0.5, stats.uniform(0, 101).cdf).pvalue > 0.001


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Components(1, 1, 1, 1, 1, -2), "residual: found -2; expected"),
        (lambda: Components(1, 1, 1, 1, float("nan"), 1), "item_condition: found nan"),
        (lambda: Components(1, 1, 1, 0, 0, 0), "every difference would be found"),
        (lambda: Trials(1, 5), "listeners: found 1"),
        (lambda: Trials(5, 1), "items: found 1; expected 2"),
        (lambda: Trials(5, 5, targets=3), "items: found 5 for 3 targets"),
        (lambda: Trials(5, 5, systems=1), "systems: found 1"),
        (lambda: Trials(5, 5, systems=3, per_page=4), "systems per page: found 4; expected 2 to 3"),
        (lambda: Trials(5, 5, replicates=-1), "replicates: expected 0"),
        (lambda: Answers(missing=1.5), "missing: found 1.5"),
        (lambda: Answers(careless=Careless(-0.1)), "careless.share: found -0.1"),
        (lambda: simulate(COMPONENTS, Trials(5, 5), SYSTEMS, seed=1), "found 4 systems .* expected 2"),
        (
            lambda: simulate(COMPONENTS, Trials(5, 5, systems=4), SYSTEMS, seed=1, answers=Answers(noise={"x": 2})),
            "noise: x has no mean",
        ),
    ],
)
def test_what_can_not_be_is_said(make, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        make()


def test_every_preset_says_where_it_is_from() -> None:
    assert {"sisec08", "moderate"} < set(PRESETS)
    for name, preset in PRESETS.items():
        assert len(preset.source) > 40, name
        assert "/" not in preset.source

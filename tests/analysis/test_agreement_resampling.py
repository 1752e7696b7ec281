"""The bootstrap of coefficients: against drawing rows by hand, and how often its intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_metrics import follows, metrics, quality, ratings, values

from analysis.agreement import correlations, resampling
from analysis.agreement.cells import beside


def by_hand(frame: pd.DataFrame, metric: Mapping[Any, float], draws: int) -> np.ndarray:
    """Pearson's correlation in draws of listeners and songs, row by row."""
    draw = np.random.default_rng(7)
    wide = frame.pivot_table(index=["song", "item", "condition"], columns="listener", values="rating")
    said = np.array([metric[cell[1:]] for cell in wide.index])
    rated, song = wide.to_numpy(), wide.index.get_level_values("song")
    songs = [np.flatnonzero(song == name) for name in sorted(set(song))]
    found = []
    for _ in range(draws):
        rows = np.concatenate([songs[place] for place in draw.choice(len(songs), len(songs))])
        people = draw.choice(rated.shape[1], rated.shape[1])
        chosen = rated[rows][:, people]
        rows, chosen = (one[np.isfinite(chosen).any(axis=1)] for one in (rows, chosen))
        found.append(np.corrcoef(np.nanmean(chosen, axis=1), said[rows])[0, 1])
    return np.array(found)


def test_draws_are_of_listeners_and_of_songs_with_all_their_items_and_holes_too() -> None:
    draw = np.random.default_rng(1)
    true = quality(draw, 8, 3)
    frame = ratings(draw, true, 5).sample(frac=0.7, random_state=1)
    frame["song"] = "s" + (frame["item"].str[1:].astype(int) // 2).astype(str)
    measured = values(a=follows(draw, true, 9))
    found = beside(frame, measured, metrics("a"))
    drawn = resampling.drawn(found, draws=4000, seed=1)
    own = correlations.pearson(drawn.ratings, found.values, drawn.weights)[:, 0]
    other = by_hand(frame, measured.set_index(["item", "condition"])["a"].to_dict(), 1500)
    assert drawn.blocks == 4
    levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(np.quantile(own, levels), np.quantile(other, levels), atol=0.15 * other.std())


def test_items_are_drawn_where_songs_are_unknown_or_one_and_a_lone_listener_is_said() -> None:
    draw = np.random.default_rng(2)
    true = quality(draw, 4, 3)
    frame, measured = ratings(draw, true, 3), values(a=true)
    assert resampling.drawn(beside(frame, measured, metrics("a")), draws=2, seed=1).blocks == 4
    of_one = resampling.drawn(beside(frame.assign(song="s"), measured, metrics("a")), draws=2, seed=1)
    assert (of_one.blocks, "one song" in of_one.problems[0]) == (4, True)
    assert "4 items" in of_one.problems[1]
    alone = resampling.drawn(beside(frame[frame["listener"] == "L0000"], measured, metrics("a")), draws=2, seed=1)
    assert "One listener" in alone.problems[1]


def test_limits_without_bias_and_with_many_blocks_are_percentiles() -> None:
    draws = np.random.default_rng(3).normal(0.5, 0.1, (20_000, 2))
    draws[::2, 1] = np.nan
    low, high = resampling.limits(np.array([0.5, 0.5]), draws, blocks=10_000)
    np.testing.assert_allclose([*low, *high], [0.304, 0.304, 0.696, 0.696], atol=0.01)
    assert np.isnan(resampling.limits(np.array([0.5]), draws[::2, 1:], blocks=9)).all()
    assert np.isnan(resampling.limits(np.array([np.nan]), draws[:, :1], blocks=9)).all()


@pytest.mark.parametrize(("estimate", "there"), [(0.6, True), (0.69, True), (0.71, False), (0.95, False)])
def test_an_estimate_outside_its_draws_has_no_interval_instead_of_one_that_shrinks(
    estimate: float, *, there: bool
) -> None:
    """The correction has no bound otherwise: from 0.71 on the interval would lie beyond, and be of no width at 0.95."""
    draws = np.random.default_rng(3).normal(0.5, 0.1, (20_000, 1))
    (low,), (high,) = resampling.limits(np.array([estimate]), draws, blocks=10_000)
    assert bool(np.isfinite(low) and np.isfinite(high)) is there
    assert not there or (low <= estimate <= high and high - low > 0.1)


def test_simultaneous_intervals_are_wider_by_the_largest_of_many_and_by_students_t() -> None:
    draws = np.random.default_rng(4).normal(0, 1, (20_000, 20))
    low, high = resampling.simultaneous(np.zeros(20), draws, blocks=10_000)
    together = stats.norm.ppf((1 + 0.95 ** (1 / 20)) / 2)
    np.testing.assert_allclose((high - low) / 2, together, rtol=0.03)
    few = resampling.simultaneous(np.zeros(20), draws, blocks=5)[1]
    np.testing.assert_allclose(few / high, stats.t.ppf(0.975, 4) * np.sqrt(5 / 4) / stats.norm.ppf(0.975), rtol=1e-3)


def test_two_or_three_blocks_have_no_interval() -> None:
    draws = np.random.default_rng(3).normal(0.5, 0.1, (500, 2))
    for way in (resampling.limits, resampling.simultaneous):
        assert np.isnan(way(np.full(2, 0.5), draws, blocks=3)).all()
        assert np.isfinite(way(np.full(2, 0.5), draws, blocks=4)).all()


def test_few_blocks_are_spoken_of_and_enough_are_not() -> None:
    draw = np.random.default_rng(2)
    for items, said in ((3, "No interval is given, since there are 3 items"), (6, "no more than 6 items"), (7, "")):
        true = quality(draw, items, 4)
        found = resampling.drawn(beside(ratings(draw, true, 3), values(a=true), metrics("a")), draws=2, seed=1)
        assert said in " ".join(found.problems) and len(found.problems) == bool(said)


def of_songs(draw: np.random.Generator, songs: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and metric of excerpts, whose songs the metric likes or not, each as a whole."""
    true = quality(draw, songs * each, 5)
    return true, follows(draw, true, 10) + np.repeat(25 * draw.standard_normal((songs, 1)), each, axis=0)


@pytest.mark.proof
@pytest.mark.parametrize(("songs", "each", "least"), [(4, 3, 0.70), (6, 2, 0.85), (12, 2, 0.90), (24, 2, 0.92)])
def test_intervals_of_excerpts_from_few_songs_are_as_narrow_as_is_said(songs: int, each: int, least: float) -> None:
    draw = np.random.default_rng(777)
    all_of_them, said = (one.reshape(1, -1) for one in of_songs(draw, 3000, 1))
    truth = correlations.spearman(all_of_them, said.T, np.ones(said.shape)).item()
    hits = 0
    for study in range(200):
        true, metric = of_songs(draw, songs, each)
        rated = ratings(draw, true, 12, noise=15)
        rated["song"] = (rated["item"].str[1:].astype(int) // each).astype(str)
        found = beside(rated, values(a=metric), metrics("a"))
        drawn = resampling.drawn(found, draws=300, seed=study)
        assert drawn.blocks == songs
        of_draws = correlations.spearman(drawn.ratings, found.values, drawn.weights)
        once = correlations.spearman(found.ratings[None, :], found.values, np.ones((1, len(found.table))))[0]
        low, high = resampling.limits(once, of_draws, blocks=songs)
        hits += int(low[0] <= truth <= high[0])
    print(songs, each, hits / 200)
    assert hits / 200 >= least
    assert (songs < resampling.ENOUGH_BLOCKS) is (hits / 200 < 0.91), "a warning where it is due"


def coverage(studies: int, *, size: tuple[int, int, int], draws: int, many: int) -> dict[str, float]:
    """How often intervals hold the coefficients that ``many`` items and no noise of listeners would show."""
    items, conditions, listeners = size
    draw = np.random.default_rng(items)
    all_of_them = quality(draw, many, conditions)
    said = follows(draw, all_of_them, 6, of_items=8).reshape(-1, 1)
    each = np.repeat(np.arange(many), conditions)
    truth = correlations.coefficients(all_of_them.reshape(1, -1), said, np.ones((1, said.size)), each)
    hits = dict.fromkeys(("pearson", "spearman", "kendall", "within"), 0)
    for study in range(studies):
        true = quality(draw, items, conditions)
        measured = values(a=follows(draw, true, 6, of_items=8))
        found = beside(ratings(draw, true, listeners, noise=15), measured, metrics("a"))
        own = pd.factorize(found.table["item"])[0]
        drawn = resampling.drawn(found, draws=draws, seed=study)
        of_draws = correlations.coefficients(drawn.ratings, found.values, drawn.weights, own)
        once = correlations.coefficients(found.ratings[None, :], found.values, np.ones((1, len(own))), own)
        for name in hits:
            low, high = resampling.limits(once[name][0], of_draws[name], blocks=drawn.blocks)
            hits[name] += int(low[0] <= truth[name].item() <= high[0])
    return {name: count / studies for name, count in hits.items()}


def test_intervals_hold_the_truth() -> None:
    """Plain percentiles hold Spearman in 80 % and ``within`` in 73 % of such studies."""
    found = coverage(30, size=(30, 6, 20), draws=150, many=500)
    assert min(found.values()) >= 0.86


@pytest.mark.proof
@pytest.mark.parametrize("size", [(6, 5, 10), (8, 5, 4), (12, 5, 12), (30, 6, 20)])
def test_intervals_hold_the_truth_in_95_percent(size: tuple[int, int, int]) -> None:
    found = coverage(200, size=size, draws=500, many=4000)
    print(size, found)
    assert min(found.values()) > 0.90
    assert min(found.values()) < 0.995  # not merely wide

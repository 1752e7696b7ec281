"""Coefficients between ratings and metrics over many weighted samples at once: what a bootstrap asks for.

A sample says how often each cell (an item under a condition) was drawn, and what its mean rating is there; the
metrics' values are the same in all samples. A cell that was drawn twice counts as two cells with equal values, as if
the data had been written down again, so that with all weights 1 these are the textbook's coefficients.

Conventions: D samples, C cells, M metrics. ``ratings`` (D, C), ``weights`` (D, C) whole numbers from 0, ``values``
(C, M), all finite; a coefficient is (D, M), from -1 to 1, NaN where ratings or values don't vary. Equal ratings must be
equal to the last digit: rounded beforehand. Defines: ``Coefficients``, ``coefficients``, ``pearson``, ``spearman``,
``spearman_of_two``, ``kendall``, ``within``, ``ranks``.
"""

from __future__ import annotations

import numpy as np

DUST = 1e-12
"""Share of a variance over all cells below which that of a sample is rounding."""

Coefficients = dict[str, np.ndarray]
"""By name."""


def coefficients(ratings: np.ndarray, values: np.ndarray, weights: np.ndarray, item: np.ndarray) -> Coefficients:
    """All of them: pearson, spearman, kendall, within and right (the share of pairs), each (D, M)."""
    found = {each.__name__: each(ratings, values, weights) for each in (pearson, spearman, kendall)}
    found["within"], found["right"] = within(ratings, values, weights, item)
    return found


def pearson(ratings: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation."""
    centred = values - values.mean(axis=0)  # so that no digits are lost
    rated = ratings - ratings.mean()
    count, of_ratings = weights.sum(axis=1, keepdims=True), weights * rated
    sums, products = weights @ centred, of_ratings @ centred
    total = of_ratings.sum(axis=1, keepdims=True)
    covariance = products - total * sums / count
    spread = (of_ratings * rated).sum(axis=1, keepdims=True) - total**2 / count
    spreads = weights @ centred**2 - sums**2 / count
    return _ratio(covariance, _above(spread, (rated**2).mean()) * _above(spreads, (centred**2).mean(axis=0)))


def spearman(ratings: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation; ties share the mean of their ranks."""
    rated = _standard(ranks(ratings, weights), weights)
    found = np.empty((len(ratings), values.shape[1]))
    for place, column in enumerate(values.T):
        ranked = _standard(ranks(np.broadcast_to(column, ratings.shape), weights), weights)
        found[:, place] = np.einsum("dc,dc,dc->d", weights, rated, ranked)
    return np.clip(found, -1, 1)


def spearman_of_two(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation in each sample (D,) of two ratings (D, C) that both differ from sample to sample."""
    one, other = (_standard(ranks(ratings, weights), weights) for ratings in (first, second))
    return np.clip(np.einsum("dc,dc,dc->d", weights, one, other), -1, 1)


def kendall(ratings: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Kendall's tau-b over all pairs of cells. Time grows with the square of the cells."""
    rated = _codes(ratings).astype(np.float32)  # whole numbers: differences and sums of products are exact
    drawn, measured = weights.astype(np.float32), np.column_stack([_codes(column) for column in values.T])
    shape = (len(ratings), values.shape[1])
    agreeing, of_metrics, of_ratings = np.zeros(shape), np.zeros(shape), np.zeros((len(ratings), 1))
    for cell in range(len(values) - 1):
        pairs = drawn[:, [cell]] * drawn[:, cell + 1 :]
        orders = np.sign(measured[cell + 1 :] - measured[cell]).astype(np.float32)
        heard = np.sign(rated[:, cell + 1 :] - rated[:, [cell]]) * pairs
        agreeing += heard @ orders
        of_metrics += pairs @ np.abs(orders)
        of_ratings += np.abs(heard).sum(axis=1, keepdims=True)
    return _ratio(agreeing, of_metrics * of_ratings)


def within(
    ratings: np.ndarray, values: np.ndarray, weights: np.ndarray, item: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Agreement within items: the mean over items of tau-b over an item's cells, and the share of pairs ordered right.

    An item whose ratings don't differ says nothing and is left out. A metric that gives all cells of an item one value
    has a tau of 0 there, so that all metrics are over the same items. Of pairs that listeners order, one that the
    metric doesn't is half right.

    Parameters
    ----------
    item : (C,) the number of each cell's item; its cells have equal weights, or 0 where nobody rated them.
    """
    shape = (len(ratings), values.shape[1])
    total, right, items, pairs = np.zeros(shape), np.zeros(shape), np.zeros(shape[:1]), np.zeros(shape[:1])
    for own in (np.flatnonzero(item == number) for number in np.unique(item)):
        first, second = (own[places] for places in np.triu_indices(len(own), 1))
        there = (weights[:, first] > 0) & (weights[:, second] > 0)
        heard = np.sign(ratings[:, first] - ratings[:, second]) * there
        orders = np.sign(values[first] - values[second])
        agreeing, count = heard @ orders, np.abs(heard).sum(axis=1)
        tau = np.nan_to_num(_ratio(agreeing, count[:, None] * (there @ np.abs(orders))))
        drawn = weights[:, own].max(axis=1) * (count > 0)
        total += drawn[:, None] * tau
        right += drawn[:, None] * (agreeing + count[:, None]) / 2
        items += drawn
        pairs += drawn * count
    return tuple(
        np.divide(sums, number[:, None], out=np.full(shape, np.nan), where=number[:, None] > 0)
        for sums, number in ((total, items), (right, pairs))
    )  # type: ignore[return-value]


def ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks in each sample (D, C) from 1, each value counted as often as its weight; ties have their mean rank."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered, counts = (np.take_along_axis(one, order, axis=1) for one in (values, weights))
    upto = np.cumsum(counts, axis=1)
    new = np.diff(ordered, axis=1) > 0
    edge = np.ones((len(values), 1), bool)
    below = np.maximum.accumulate(np.where(np.hstack([edge, new]), upto - counts, 0), axis=1)
    last = np.where(np.hstack([new, edge]), upto, np.inf)
    through = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    found = np.empty(values.shape)
    np.put_along_axis(found, order, (below + through + 1) / 2, axis=1)
    return found


def _standard(ranked: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks less their mean, over the root of their sum of squares; NaN where all are equal."""
    centred = ranked - (weights.sum(axis=1, keepdims=True) + 1) / 2
    spread = np.einsum("dc,dc,dc->d", weights, centred, centred)[:, None]
    return centred / np.sqrt(np.where(spread > 0, spread, np.nan))


def _codes(values: np.ndarray) -> np.ndarray:
    """Numbers in the order of the values along the last axis, equal for equal values."""
    ordered = np.sort(values, axis=-1)
    steps = np.concatenate([np.zeros((*values.shape[:-1], 1), int), np.diff(ordered, axis=-1) > 0], axis=-1)
    found = np.empty(values.shape, int)
    np.put_along_axis(found, np.argsort(values, axis=-1, kind="stable"), np.cumsum(steps, axis=-1), axis=-1)
    return found


def _above(spread: np.ndarray, of_all: np.ndarray) -> np.ndarray:
    return np.where(spread > DUST * of_all, spread, 0)


def _ratio(product: np.ndarray, squared: np.ndarray) -> np.ndarray:
    """product / sqrt(squared), kept from leaving -1 to 1 by rounding; NaN where squared is 0."""
    root = np.sqrt(squared)
    return np.clip(np.divide(product, root, out=np.full(root.shape, np.nan), where=root > 0), -1, 1)

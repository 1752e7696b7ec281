"""How reliable a listener is, and how well they tell conditions apart, from sounds that they rated twice.

After the idea of eGauge (Report ITU-R BS.2300), whose formulas were not to be had: reliability, how alike a listener
rates the same sound twice, and discrimination, how far apart they rate different ones in proportion to that; both
held against a noise floor that is what the same ratings give when they are dealt out at random within their pages.

* ``rmse``, ``mad`` (mean absolute difference), ``pearson``, ``spearman``: first against second rating, all sounds.
* ``reliability``: their correlation about the pages' means (see ``chance``), with its ``reliability_floor``.
* ``f_condition``: mean square of conditions over that of replicates (condition x item, every sound twice), with its
  ``discrimination_floor``, the 95 % point of 99 permutations within pages.

An inverted scale is as reliable and discriminating as a right one: ``rank_order`` sees it. Where a listener rated
everything alike, correlations and F are 0/0 and are NaN.

Conventions: columns listener, item, replicate, condition, rating; the first two presentations count. Mean squares are
of items on which all of the listener's conditions were rated twice, and NaN where there are fewer than two. Defines:
``consistency``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners.chance import CHANCE, agreement

PERMUTATIONS = 99
FLOOR = 0.95
DUST = 1e-9
"""Sums of squares below this, for every rating, are rounding and nothing else."""


def consistency(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """One row per listener who rated a sound twice.

    Parameters
    ----------
    seed : of the permutations.

    Returns
    -------
    DataFrame
        By listener: n (sounds rated twice), rmse, mad, pearson, spearman, reliability, reliability_floor, f_condition,
        discrimination_floor, ms_condition, ms_item, ms_interaction, ms_residual, noise (of the reliability).

    Raises
    ------
    AnalysisError
        Where nobody rated a sound twice.
    """
    pairs = _pairs(frame)
    if not len(pairs):
        raise AnalysisError("no listener rated a sound twice")
    close = agreement(pairs["listener"], pairs.groupby(["listener", "item"]).ngroup(), pairs["first"], pairs["second"])
    table = _retest(pairs).assign(
        reliability=close["agreement"], reliability_floor=CHANCE * close["noise"], noise=close["noise"]
    )
    return table.join(_mean_squares(pairs, seed))


def _pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """The first two ratings of every sound that has two, as columns first and second."""
    sound = ["listener", "item", "condition"]
    rated = frame.loc[frame["rating"].notna(), [*sound, "replicate", "rating"]].sort_values("replicate", kind="stable")
    turn = rated.groupby(sound).cumcount()
    first, second = (rated[turn == n].set_index(sound)["rating"] for n in (0, 1))
    return pd.DataFrame({"second": second}).join(first.rename("first"), how="left").reset_index()


def _retest(pairs: pd.DataFrame) -> pd.DataFrame:
    by = pairs["listener"]
    apart = pairs["first"] - pairs["second"]
    ranks = [pairs[name].groupby(by).rank() for name in ("first", "second")]
    return pd.DataFrame(
        {
            "n": apart.groupby(by).size(),
            "rmse": np.sqrt((apart**2).groupby(by).mean()),
            "mad": apart.abs().groupby(by).mean(),
            # All of a listener's sounds as one page: the plain correlation.
            "pearson": agreement(by, by, pairs["first"], pairs["second"])["agreement"],
            "spearman": agreement(by, by, *ranks)["agreement"],
        }
    )


def _mean_squares(pairs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Analysis of variance of each listener: condition x item with two ratings a cell."""
    ratings, listeners = _pages(pairs)
    there = ~np.isnan(ratings[..., 0])
    items, conditions = there[:, :, 0].sum(axis=1), there.any(axis=1).sum(axis=1)
    cells, replicates = np.nan_to_num(ratings.mean(axis=3)), np.nan_to_num(ratings)
    total = np.maximum(items * conditions, 1)
    grand = cells.sum(axis=(1, 2)) / total
    of_item = cells.sum(axis=2) / np.maximum(conditions, 1)[:, None]
    of_condition = cells.sum(axis=1) / np.maximum(items, 1)[:, None]
    rest = cells - of_item[:, :, None] - of_condition[:, None, :] + grand[:, None, None]
    has_item, has_condition = there.any(axis=2), there.any(axis=1)
    squares = {
        "ms_condition": 2 * items * ((of_condition - grand[:, None]) ** 2 * has_condition).sum(axis=1),
        "ms_item": 2 * conditions * ((of_item - grand[:, None]) ** 2 * has_item).sum(axis=1),
        "ms_interaction": 2 * (rest**2 * there).sum(axis=(1, 2)),
        "ms_residual": ((replicates[..., 0] - replicates[..., 1]) ** 2).sum(axis=(1, 2)) / 2,
    }
    freedom = [conditions - 1, items - 1, (conditions - 1) * (items - 1), total]
    enough = (items >= 2) & (conditions >= 2)
    found = pd.DataFrame(
        {name: _ratio(ss, df, enough) for (name, ss), df in zip(squares.items(), freedom, strict=True)},
        index=pd.Index(listeners),
    )
    dust = DUST * np.ones(len(found))
    varied = enough & ((squares["ms_residual"] > dust) | (squares["ms_condition"] > dust))
    found["f_condition"] = _f(found["ms_condition"], found["ms_residual"], varied)
    found["discrimination_floor"] = np.where(varied, _floor(ratings, items, conditions, seed), np.nan)
    return found


def _pages(pairs: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    """Ratings as listener x page x sound x turn: complete pages and the listener's conditions first, then NaN."""
    of_page = pairs.groupby(["listener", "item"])["condition"].transform("size")
    complete = pairs[of_page == pairs.groupby("listener")["condition"].transform("nunique")]
    listeners = pd.Index(sorted(pairs["listener"].unique()))
    places = [
        listeners.get_indexer(pd.Index(complete["listener"])),
        _places(complete, "item"),
        _places(complete, "condition"),
    ]
    shape = [len(listeners), *(int(place.max(initial=-1)) + 1 or 1 for place in places[1:]), 2]
    ratings = np.full(shape, np.nan)
    ratings[places[0], places[1], places[2]] = complete[["first", "second"]].to_numpy(float)
    return ratings, listeners


def _places(complete: pd.DataFrame, column: str) -> np.ndarray:
    """For each row the place of its item or condition among those of its listener, from 0."""
    return (complete.groupby("listener")[column].rank(method="dense") - 1).to_numpy(np.int64)


def _floor(ratings: np.ndarray, items: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """F of conditions that one in twenty passes whose ratings are dealt out at random within their pages."""
    draw = np.random.default_rng(seed)
    pages = np.moveaxis(ratings, 3, 2)  # listener x item x turn x sound
    absent = np.isnan(pages)
    dealt = np.nan_to_num(pages)
    freedom = np.maximum(conditions - 1, 1), np.maximum(items * conditions, 1)
    found = np.empty((PERMUTATIONS, len(pages)))
    for turn in range(PERMUTATIONS):
        keys = draw.random(pages.shape)
        keys[absent] = 2.0  # stay behind what was rated
        mixed = np.take_along_axis(dealt, keys.argsort(axis=3), axis=3)
        means = mixed.sum(axis=(1, 2)) / np.maximum(2 * items, 1)[:, None]
        grand = means.sum(axis=1) / np.maximum(conditions, 1)
        between = 2 * items * (((means - grand[:, None]) ** 2) * ~absent.any(axis=(1, 2))).sum(axis=1)
        within = ((mixed[:, :, 0] - mixed[:, :, 1]) ** 2).sum(axis=(1, 2)) / 2
        found[turn] = (between / freedom[0]) / np.maximum(within / freedom[1], DUST)
    return np.quantile(found, FLOOR, axis=0, method="higher")


def _ratio(squares: np.ndarray, freedom: np.ndarray, enough: np.ndarray) -> np.ndarray:
    found = np.full(len(squares), np.nan)
    np.divide(squares, freedom, out=found, where=enough)
    return found


def _f(condition: pd.Series, residual: pd.Series, varied: np.ndarray) -> np.ndarray:
    """F; infinite where every sound was rated the same twice, NaN where all were rated alike."""
    found = np.where(varied, np.inf, np.nan)
    np.divide(condition.to_numpy(), residual.to_numpy(), out=found, where=varied & (residual.to_numpy() > DUST))
    return found

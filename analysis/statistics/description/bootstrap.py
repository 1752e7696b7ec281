"""Intervals from resampling listeners and items at once: what both being a sample means for a mean or a difference.

In each draw as many listeners as there are, and as many items, are drawn with replacement, independently of each
other; a cell (a listener's mean over replicates of one item) counts as often as its listener was drawn times as often
as its item was (the pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122). A missing cell counts nothing: the mean
is over cells that are there. The interval says how means would vary with other listeners *and* other items like these;
it is a little too wide where both vary little beside the noise, and too narrow for very few items.

Conventions: points; a contrast is first minus second. Defines: ``cluster_interval``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.sides import of_side
from stimuli.experiment import Contrast, Side

CONFIDENCE = 0.95


def cluster_interval(
    frame: pd.DataFrame, wanted: Sequence[Side | Contrast], *, draws: int = 2000, seed: int, unit: str = "item"
) -> pd.DataFrame:
    """Percentile intervals (95 %) of means of conditions and of planned contrasts.

    A contrast whose sides are on the same levels of the factors is over the pages that held both; where the levels
    differ each side is over its own, with the same listeners and items drawn for both.

    Parameters
    ----------
    frame : columns listener, item, replicate, condition, rating, and those of the factors that ``wanted`` names.
    wanted : conditions (``Side``) and contrasts, in the order of the rows.
    unit : the column that is drawn from beside listeners: ``item``, or ``song`` where several items are of one song.

    Returns
    -------
    DataFrame
        One row for each wanted: wanted (as a plan writes it), estimate (mean over cells), low, high; NaN where there
        is no such cell. Draws that miss every cell are left out.

    Raises
    ------
    AnalysisError
        For fewer than two listeners or two units.
    """
    listener, listeners = _numbered(frame, "listener")
    block, blocks = _numbered(frame, unit)
    size = (listeners, blocks)
    pages = _pages(frame.assign(_listener=listener, _block=block), wanted)
    parts = [_parts(pages, one, size) for one in wanted]
    draw = np.random.default_rng(seed)
    weights = [draw.multinomial(count, np.full(count, 1 / count), draws).astype(float) for count in size]
    rows = []
    for one, of_one in zip(wanted, parts, strict=True):
        estimate = sum(sign * sums.sum() / counts.sum() if counts.any() else np.nan for sign, sums, counts in of_one)
        drawn = np.sum([sign * _weighted(weights, sums, counts) for sign, sums, counts in of_one], axis=0)
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, _TAILS) if len(drawn) else (np.nan, np.nan)
        rows.append({"wanted": str(one), "estimate": float(estimate), "low": float(low), "high": float(high)})
    return pd.DataFrame(rows, columns=pd.Index(["wanted", "estimate", "low", "high"]))


_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
Part = tuple[int, np.ndarray, np.ndarray]
"""A sign; sums over cells, and how many cells there are, both listeners by units."""


def _numbered(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, int]:
    codes, names = pd.factorize(frame[column], sort=True)
    if len(names) < 2:
        raise AnalysisError(f"the bootstrap needs two {column}s or more, found {len(names)}")
    return codes, len(names)


def _pages(coded: pd.DataFrame, wanted: Sequence[Side | Contrast]) -> dict[Side, pd.Series]:
    """Ratings of each side by the page it stood on, each side looked up once."""
    sides = {side for one in wanted for side in ([one] if isinstance(one, Side) else one)}
    by_condition = dict(iter(coded.groupby("condition")))
    page = ["_listener", "_block", "item", "replicate"]
    return {
        side: of_side(by_condition.get(side.condition, coded[:0]), side, side).groupby(page)["rating"].mean()
        for side in sides
    }


def _parts(pages: dict[Side, pd.Series], one: Side | Contrast, size: tuple[int, int]) -> list[Part]:
    """The means whose signed sum is wanted: one of a condition or of differences within pages, else two."""
    if isinstance(one, Side):
        return [_cells(pages[one], 1, size)]
    first, second = (pages[side] for side in one)
    if one.first.on != one.second.on:
        return [_cells(first, 1, size), _cells(second, -1, size)]
    return [_cells(first.sub(second).dropna(), 1, size)]  # a page that lacks one side gives no difference


def _cells(rated: pd.Series, sign: int, size: tuple[int, int]) -> Part:
    """Replicates averaged; then sums and numbers of the cells of each listener and unit."""
    cells = rated.groupby(["_listener", "_block", "item"]).mean()
    listener, block = (cells.index.get_level_values(place).to_numpy(int) for place in (0, 1))
    place = listener * size[1] + block
    sums = np.bincount(place, cells.to_numpy(float), minlength=size[0] * size[1])
    counts = np.bincount(place, minlength=size[0] * size[1])
    return sign, sums.reshape(size), counts.reshape(size).astype(float)


def _weighted(weights: Sequence[np.ndarray], sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean over cells in each draw; NaN where it holds none."""
    of_listeners, of_blocks = weights
    total, number = (np.einsum("db,db->d", of_listeners @ cells, of_blocks) for cells in (sums, counts))
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)

"""Draws of listeners and items: how coefficients would vary with other people and other music like these.

In each draw as many listeners as there are, and as many songs (with all their items and conditions; items where no
song is named), are drawn with replacement, independently: the pigeonhole bootstrap, as for means in
``statistics.description.bootstrap``. Conditions are kept: the question is how metrics agree about these.

Conventions: D draws, L listeners, C cells. Defines: ``Drawn``, ``drawn``, ``limits``, ``simultaneous``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.agreement.cells import DECIMALS, Beside

CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Drawn:
    """Each draw's mean ratings (D, C), and how often each cell was drawn (D, C); ``problems`` limit what they say."""

    ratings: np.ndarray
    weights: np.ndarray
    problems: tuple[str, ...]


def drawn(found: Beside, *, draws: int, seed: int) -> Drawn:
    """Draw listeners and blocks of items. A cell that none of the drawn listeners rated has weight 0 in that draw."""
    blocks, problems = _blocks(found.table)
    draw = np.random.default_rng(seed)
    listeners = len(found.rated)
    of_listeners = draw.multinomial(listeners, np.full(listeners, 1 / listeners), draws).astype(float)
    of_blocks = draw.multinomial(blocks.max() + 1, np.full(blocks.max() + 1, 1 / (blocks.max() + 1)), draws)
    counts = of_listeners @ np.isfinite(found.rated)
    sums = of_listeners @ np.nan_to_num(found.rated)
    ratings = np.divide(sums, counts, out=np.zeros(sums.shape), where=counts > 0)
    if listeners < 2:
        problems = (*problems, "One listener rated: intervals say nothing of other listeners.")
    return Drawn(np.round(ratings, DECIMALS), of_blocks[:, blocks] * (counts > 0).astype(float), problems)


def _blocks(table: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number of the block that each cell is drawn with: its song's where all items have one."""
    songs = table["song"].nunique()
    if (table["song"] == "").any():
        return pd.factorize(table["item"])[0], ()
    if songs < 2:
        one = "All items are of one song: intervals speak of other excerpts of it, not of other songs."
        return pd.factorize(table["item"])[0], (one,)
    return pd.factorize(table["song"])[0], ()


def limits(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval (95 %) of each column of (D, M), of the draws that have a number; NaN where none has."""
    kept = np.where(np.isfinite(draws).any(axis=0), draws, 0)
    low, high = np.nanquantile(kept, TAILS, axis=0)
    nothing = ~np.isfinite(draws).any(axis=0)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def simultaneous(estimates: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of all columns of (D, M) that hold together in 95 %: the largest distance, in standard errors, decides.

    So that of many it may be said which differ from 0, also of those that were picked for being largest (Westfall and
    Young 1993, Resampling-Based Multiple Testing). A column that doesn't vary has no width.
    """
    whole = draws[np.isfinite(draws).all(axis=1)]
    if len(whole) < 2:
        return np.full(len(estimates), np.nan), np.full(len(estimates), np.nan)
    error = whole.std(axis=0, ddof=1)
    distance = np.divide(np.abs(whole - estimates), error, out=np.zeros(whole.shape), where=error > 0)
    reach = np.quantile(distance.max(axis=1, initial=0), CONFIDENCE) * error
    return estimates - reach, estimates + reach

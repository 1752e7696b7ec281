"""Whether two people, or one person twice, tell the sounds of a page apart alike: agreement held against chance.

Agreement is the correlation of two sets of ratings about their pages' means, over all of a listener's pages at once, so
that easy and hard items add nothing to it. Who rates at random has an agreement around 0, and how far around is known
without simulation: if the ratings of each page are dealt out anew, page by page, the sum of products has mean 0 and
variance sum_p Sx_p Sy_p / (m_p - 1), S being a page's sum of squares and m its number of sounds. The noise is that
variance's root on the scale of the correlation; rating at random, one in 44 passes two of it (the sum is over tens of
sounds, and close to normal).

Conventions: columns listener and page beside the two ratings; a page of one sound says nothing. Defines:
``agreement``, ``CHANCE``, ``CLEAR``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

CHANCE = 2.0
"""Noises that an agreement is above 0 by, once in 44 times, when ratings are random."""
CLEAR = 4.0
"""Noises that the middle listener must be above 0 for anybody to be judged: then of those who hear what the others hear
two in a hundred at most fall below ``CHANCE``, two standard deviations further down."""


def agreement(listener: pd.Series, page: pd.Series, first: pd.Series, second: pd.Series) -> pd.DataFrame:
    """Agreement and its noise, by listener.

    Returns
    -------
    DataFrame
        By listener: agreement (-1 to 1; NaN where either set tells nothing apart on any page), noise, pages.
    """
    number, pages = pd.factorize(page)
    who, listeners = pd.factorize(listener, sort=True)
    sounds = np.bincount(number, minlength=len(pages))
    x, y = (values - (np.bincount(number, values) / sounds)[number] for values in _floats(first, second))
    products, across, down = (np.bincount(number, values) for values in (x * y, x * x, y * y))
    of_page = np.zeros(len(pages), dtype=np.int64)
    of_page[number] = who
    spread = across * down / np.maximum(sounds - 1, 1)
    total, sx, sy, variance = (
        np.bincount(of_page, values, minlength=len(listeners)) for values in (products, across, down, spread)
    )
    scale = np.sqrt(sx * sy)
    said = scale > 1e-9
    out = np.full((2, len(listeners)), np.nan)
    np.divide(total, scale, out=out[0], where=said)
    np.divide(np.sqrt(variance), scale, out=out[1], where=said)
    counted = np.bincount(of_page[sounds > 1], minlength=len(listeners))
    return pd.DataFrame({"agreement": out[0], "noise": out[1], "pages": counted}, index=pd.Index(listeners))


def _floats(*columns: pd.Series) -> list[np.ndarray]:
    return [column.to_numpy(float) for column in columns]

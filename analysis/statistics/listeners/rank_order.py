"""The rule ``rank-order``: who orders the sounds no more like the others than by chance, or the other way round.

It holds a listener's ranks on each page against the ranks of what all others gave the same sounds on average, and
excludes where the agreement (see ``chance``) is below what one in 44 passes who rates at random. Inverted scales,
random and flat ratings fall below. It is not relative to the other listeners' agreement: however alike they are, who
hears the conditions passes.

Nobody is judged where the sounds can't tell: with fewer than five listeners, or where the middle listener's agreement
is less than four times its noise (conditions that sound alike, or hardly any pages; with 20 % careless listeners the
middle one is still careful).

What it does, simulated: 20 listeners, 10 items, 6 conditions; SDs 6/4/9 of listener x condition, item x condition and
residual, or 3.1/8.6/7.4 as in SiSEC08; 0, 5 and 20 % of listeners random, flat or reversed. It found 244 of 250 random
raters, 248 of 250 flat and all reversed ones, and lost none of 8,250 careful listeners. Together with the standard's
rules and ``flat-ratings`` all careless ones were found.

Conventions: columns listener, item, replicate (where there is one), condition, rating. Defines: ``RULE``,
``rank_order``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts
from analysis.statistics.listeners.chance import CHANCE, CLEAR, agreement

RULE = "rank-order"
FEWEST = 5
"""Listeners from which there are others to speak of."""


def rank_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all listeners who rated something that others rated too.

    Raises
    ------
    AnalysisError
        Where the ratings can't tell anybody from chance.
    """
    rated = frame[frame["rating"].notna()]
    if (number := rated["listener"].nunique()) < FEWEST:
        raise AnalysisError(f"there are {number} listeners, too few to hold one against the others; it needs {FEWEST}")
    others = _others(rated)
    shared = rated[others.notna()]
    page = verdicts.pages(shared)
    own, theirs = (values[shared.index].groupby(page).rank() for values in (shared["rating"], others))
    found = agreement(shared["listener"], page, own, theirs)
    if not _clear(found):
        raise AnalysisError("the middle listener does not order the sounds clearly more like the others than by chance")
    value = found["agreement"].fillna(0.0)
    limit = (CHANCE * found["noise"]).fillna(0.0)
    silent = found["agreement"].isna()
    out = (value < limit) | silent
    measured = pd.DataFrame({"value": value, "limit": limit, "excluded": out})
    return verdicts.of_values(RULE, measured.assign(reason=list(map(_told, value, limit, out, silent))))


def _others(rated: pd.DataFrame) -> pd.Series:
    """What all others gave the sound of each row on average; NaN where nobody else rated it."""
    sound = rated.groupby(["item", "condition"])["rating"]
    own = rated.groupby(["item", "condition", "listener"])["rating"]
    count = (sound.transform("size") - own.transform("size")).to_numpy(float)
    total = (sound.transform("sum") - own.transform("sum")).to_numpy(float)
    means = np.full(len(rated), np.nan)
    np.divide(total, count, out=means, where=count > 0)
    # Rounded, because what is left of a sum is not free of float noise, and ties must stay ties.
    return pd.Series(means.round(9), index=rated.index)


def _clear(found: pd.DataFrame) -> bool:
    noises = (found["agreement"] / found["noise"]).fillna(0.0)
    return len(noises) > 0 and float(noises.median()) >= CLEAR


def _told(value: float, limit: float, out: bool, silent: bool) -> str:
    if silent:
        return "put the sounds of a page in no order"
    if not out:
        return f"ordered the sounds like the others (agreement {value:.2f})"
    return f"ordered the sounds no more like the others than by chance (agreement {value:.2f}, below {limit:.2f})"

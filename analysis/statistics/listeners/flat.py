"""The rule ``flat-ratings``: whose ratings of a page lie so close together that no sound is told from another.

A page slips where all its ratings lie within 5 points, although the reference and an anchor were among them and more
than half of all who rated that item told its sounds apart by more. 5 points are a quarter of one of the scale's five
bands, and a reference and an anchor of a useful test are tens of points apart. More than 15 % of such pages exclude.

Careful listeners never do it: none of 8,250 simulated ones (as in ``rank_order``). It finds the flat ones and no
others: who rates at random is left to the other rules.

Conventions: columns listener, item, replicate (where there is one), condition, rating. Defines: ``RULE``,
``flat_ratings``.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts

RULE = "flat-ratings"
POINTS = 5.0


def flat_ratings(frame: pd.DataFrame, reference: str | None, anchors: Collection[str]) -> pd.DataFrame:
    """Verdicts on all listeners with pages on which most listeners told the sounds apart.

    Raises
    ------
    AnalysisError
        Where there is no such page.
    """
    rated = frame[frame["rating"].notna()]
    seen = pd.DataFrame(
        {
            "listener": rated["listener"],
            "item": rated["item"],
            "rating": rated["rating"],
            "reference": rated["condition"] == reference,
            "anchor": rated["condition"].isin(list(anchors)),
        }
    ).groupby(verdicts.pages(rated))
    pages = seen.agg({"listener": "first", "item": "first", "reference": "any", "anchor": "any"})
    pages["slip"] = seen["rating"].max() - seen["rating"].min() <= POINTS
    pages = pages[pages["reference"] & pages["anchor"]]
    if not len(pages):
        raise AnalysisError("no page holds ratings of the hidden reference and of an anchor")
    trials = pages[pages.groupby("item")["slip"].transform("mean") < 0.5]
    if not len(trials):
        raise AnalysisError(f"most listeners rated all sounds within {POINTS:g} points")
    return verdicts.of_slips(RULE, trials, f"rated all sounds within {POINTS:g} points")

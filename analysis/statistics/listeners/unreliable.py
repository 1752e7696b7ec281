"""The rule ``unreliable``: whose second rating of a sound has no more to do with the first than chance, or who tells no
condition from another beyond their own scatter.

After the idea of eGauge (Report ITU-R BS.2300), whose formulas were not to be had: reliability and discrimination of
``consistency``, either below its noise floor excludes. The floors are the listener's own, what one in 44 (reliability)
or one in twenty (discrimination) passes whose ratings are dealt out at random within their pages, so that they depend
on no other listener.

Nobody is judged where replicates can't tell: where the middle listener's reliability is less than four times its
noise, as with one or two items rated twice, or conditions that sound alike. Discrimination is looked at only where the
middle listener's F is three times its floor, for then hardly a careful one falls below it. An inverted scale is not
found, it is as reliable as a right one.

What it does (simulated as in ``rank_order``, every item rated twice): it found 249 of 250 random raters, all flat ones,
and lost none of 8,250 careful listeners.

Conventions: columns listener, item, replicate, condition, rating. Defines: ``RULE``, ``unreliable``.
"""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts
from analysis.statistics.listeners.chance import CLEAR
from analysis.statistics.listeners.consistency import consistency

RULE = "unreliable"
CLEAR_F = 3.0
"""Floors that the middle listener's F must reach for discrimination to be judged."""


def unreliable(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Verdicts on all listeners who rated sounds twice.

    Raises
    ------
    AnalysisError
        Where nobody did, or where the replicates can't tell anybody from chance.
    """
    if "replicate" not in frame.columns:
        raise AnalysisError("no listener rated a sound twice")
    found = consistency(frame, seed)
    if float((found["reliability"] / found["noise"]).fillna(0.0).median()) < CLEAR:
        raise AnalysisError("the middle listener's second ratings are not clearly more like the first than by chance")
    ratio = (found["f_condition"] / found["discrimination_floor"]).fillna(0.0)
    by_f = (found["f_condition"] < found["discrimination_floor"]) & (ratio.median() >= CLEAR_F)
    by_r = found["reliability"] < found["reliability_floor"]
    silent = found["reliability"].isna()
    only_f = by_f & ~by_r & ~silent
    measured = pd.DataFrame(
        {
            "value": found["reliability"].fillna(0.0).where(~only_f, found["f_condition"]),
            "limit": found["reliability_floor"].fillna(0.0).where(~only_f, found["discrimination_floor"]),
            "excluded": by_r | by_f | silent,
        }
    )
    told = zip(measured["value"], measured["limit"], measured["excluded"], only_f, silent, strict=True)
    return verdicts.of_values(RULE, measured.assign(reason=[_told(*row) for row in told]))


def _told(value: float, limit: float, out: bool, only_f: bool, silent: bool) -> str:
    if silent:
        return "rated all sounds alike, so that no second rating can agree with the first"
    if only_f:
        return f"told conditions apart no better than by chance (F {value:.2f}, below {limit:.2f})"
    if out:
        return f"rated sounds the second time as if by chance (reliability {value:.2f}, below {limit:.2f})"
    return f"rated sounds alike the second time (reliability {value:.2f})"

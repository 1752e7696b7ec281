"""The rule ``attention-check``: who does not tell the reference from the worst sound of the test was not listening.

A check looks like any page: the reference once, and copies of the lowest anchor in all other places. It is failed where
the reference is not rated above every copy. More than 15 % of a listener's checks failed exclude, which with six checks
or fewer is a single one. Whoever listens fails none: 3.5 kHz of a full band are told by everybody who hears at all. One
who rates m sounds at random fails a check with probability (m - 1)/m, so that a single check with eight sounds finds
seven of eight.

It says nothing for attributes for which a low-pass need not sound worse.

Conventions: the checks' rows with columns listener, session, trial, condition, rating; a trial is known by all three of
listener, session and trial, and by the item. Defines: ``RULE``, ``attention_check``.
"""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts

RULE = "attention-check"


def attention_check(checks: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """Verdicts on all who took a check; pages that lack the reference or every copy are passed over.

    Raises
    ------
    AnalysisError
        Where there is no page to look at.
    """
    rated = checks[checks["rating"].notna()] if len(checks) else checks
    if not len(rated) or not (rated["condition"] == reference).any():
        raise AnalysisError("there are no attention checks")
    known = [name for name in ("listener", "session", "trial", "item") if name in rated.columns]
    is_reference = rated["condition"] == reference
    best = rated[~is_reference].groupby(known)["rating"].max()
    own = rated[is_reference].groupby(known)["rating"].min()
    both = pd.DataFrame({"own": own, "best": best}).dropna()
    slips = both.assign(slip=both["own"] <= both["best"]).reset_index()
    return verdicts.of_slips(RULE, slips, "did not rate the reference above the anchor's copies", "check")

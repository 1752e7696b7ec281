"""Post-screening of assessors, ITU-R BS.1534-3, clause 4.1.2, exactly as written.

* ``bs1534-hidden-reference``: an assessor who rates the hidden reference below 90 on more than 15 % of trials.
* ``bs1534-mid-anchor``: one who rates the 7 kHz anchor above 90 on more than 15 % of trials; an item on which
  more than 25 % of all assessors do so counts for nobody.

All inequalities are strict. Where the text is silent, this project: counts trials, replicates each by itself;
takes the 25 % over all assessors who rated the item, before any exclusion; and leaves excepted items out of
numerator and denominator.

Conventions: a frame with columns listener, item, condition, rating (0 to 100); conditions as the experiment
names them. Defines: ``RULES``, ``screen``, ``excluded``, ``excepted_items``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

HIDDEN_REFERENCE, MID_ANCHOR = "reference", "lowpass-7000"
RULES = ("bs1534-hidden-reference", "bs1534-mid-anchor")
REFERENCE_BELOW = 90
ANCHOR_ABOVE = 90
SHARE_PERCENT = 15
EXCEPTION_PERCENT = 25


def screen(frame: pd.DataFrame, rules: Sequence[str] = RULES) -> pd.DataFrame:
    """Apply the rules to every listener.

    Returns
    -------
    DataFrame
        One row per listener and rule: listener, rule, slips, trials, excluded (bool), one_slip_excludes (bool:
        so few trials that a single slip is an exclusion).
    """
    rows = []
    for rule in rules:
        slips = _slips(frame, rule)
        for listener, own in slips.groupby("listener", sort=True)["slip"]:
            count, trials = int(own.sum()), len(own)
            rows.append(
                {
                    "listener": listener,
                    "rule": rule,
                    "slips": count,
                    "trials": trials,
                    # Whole numbers, so that exactly 15 % is not more than 15 %.
                    "excluded": 100 * count > SHARE_PERCENT * trials,
                    "one_slip_excludes": SHARE_PERCENT * trials < 100,
                }
            )
    return pd.DataFrame(
        rows, columns=pd.Index(["listener", "rule", "slips", "trials", "excluded", "one_slip_excludes"])
    )


def excluded(screening: pd.DataFrame) -> list[str]:
    """Listeners whom any rule excludes, sorted."""
    return sorted(set(screening.loc[screening["excluded"].astype(bool), "listener"]))


def excepted_items(frame: pd.DataFrame) -> list[str]:
    """Items whose 7 kHz anchor more than 25 % of all assessors of that item rated above 90, sorted.

    The share is over the assessors who heard the item: where listeners get different items, the others have said
    nothing about it. An assessor counts once, however often the item was presented.
    """
    trials = frame[frame["condition"] == MID_ANCHOR]
    excepted = []
    for item, own in trials.groupby("item", sort=True):
        assessors = own["listener"].nunique()
        slipped = own.loc[own["rating"] > ANCHOR_ABOVE, "listener"].nunique()
        if 100 * slipped > EXCEPTION_PERCENT * assessors:
            excepted.append(str(item))
    return excepted


def _slips(frame: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The trials a rule looks at, with a column ``slip``."""
    if rule == "bs1534-hidden-reference":
        trials = frame[frame["condition"] == HIDDEN_REFERENCE]
        return trials.assign(slip=trials["rating"] < REFERENCE_BELOW)
    trials = frame[frame["condition"] == MID_ANCHOR]
    trials = trials.assign(slip=trials["rating"] > ANCHOR_ABOVE)
    return trials[~trials["item"].isin(excepted_items(frame))]

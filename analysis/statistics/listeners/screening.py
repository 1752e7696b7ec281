"""Post-screening of assessors, ITU-R BS.1534-3, clause 4.1.2, exactly as written.

* ``bs1534-hidden-reference``: an assessor who rates the hidden reference below 90 on more than 15 % of trials.
* ``bs1534-mid-anchor``: one who rates the 7 kHz anchor above 90 on more than 15 % of trials; an item on which
  more than 25 % of all assessors do so counts for nobody.

All inequalities are strict. Where the text is silent, this project: counts trials, replicates each by itself;
takes the 25 % over all assessors who rated the item, before any exclusion; and leaves excepted items out of
numerator and denominator. With six trials or fewer a single slip is more than 15 %.

How many careful assessors the first rule takes is theirs to say: where each rates the reference below 90 on a share p
of trials, 10 trials take 1 - (1-p)^10 - 10 p (1-p)^9 of them. That is 4.3 % for p = 0.034 (rated 100 with probability
0.78, else lower by |N(0, 7)|), and 0.1 % for p = 0.005. A rater who draws from 0 to 100 escapes it once in 10^8 tests.

Conventions: a frame with columns listener, item, condition, rating (0 to 100); rows without a rating are no trials. The
table has the shape of ``verdicts``. Defines: ``RULES``, ``screen``, ``excluded``, ``excepted_items``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.statistics.listeners import verdicts

RULES = ("bs1534-hidden-reference", "bs1534-mid-anchor")
REFERENCE_BELOW = 90
ANCHOR_ABOVE = 90
EXCEPTION_PERCENT = 25


def screen(
    frame: pd.DataFrame, rules: Sequence[str] = RULES, *, reference: str | None, mid_anchor: str | None
) -> pd.DataFrame:
    """Apply the standard's rules to every listener.

    Parameters
    ----------
    rules : names out of ``RULES``, in the order of the result; other rules are not this module's and passed over.
    reference, mid_anchor : the conditions that the rules look at. None where there is none, or where the mid anchor
        need not sound bad (a low-pass has no interference): the rule then says nothing of anybody.

    Returns
    -------
    DataFrame
        One row per listener and rule (see ``verdicts``); a listener on whom a rule has no trial has none.
    """
    found = []
    for rule in rules:
        if rule == RULES[0] and reference is not None:
            trials = _trials(frame, reference)
            slips = trials.assign(slip=trials["rating"] < REFERENCE_BELOW)
            found.append(verdicts.of_slips(rule, slips, f"rated the hidden reference below {REFERENCE_BELOW}"))
        if rule == RULES[1] and mid_anchor is not None:
            trials = _trials(frame, mid_anchor)
            slips = trials.assign(slip=trials["rating"] > ANCHOR_ABOVE)
            slips = slips[~slips["item"].isin(excepted_items(frame, mid_anchor))]
            found.append(verdicts.of_slips(rule, slips, f"rated the mid anchor above {ANCHOR_ABOVE}"))
    return verdicts.gathered(found)


def excluded(screening: pd.DataFrame) -> list[str]:
    """Listeners whom any rule excludes, sorted."""
    return sorted(set(screening.loc[screening["excluded"].astype(bool), "listener"]))


def excepted_items(frame: pd.DataFrame, mid_anchor: str | None) -> list[str]:
    """Items whose mid anchor more than 25 % of all assessors of that item rated above 90, sorted.

    The share is over the assessors who heard the item: where listeners get different items, the others have said
    nothing about it. An assessor counts once, however often the item was presented.
    """
    trials = _trials(frame, mid_anchor)
    assessors = trials.groupby("item")["listener"].nunique()
    slipped = trials[trials["rating"] > ANCHOR_ABOVE].groupby("item")["listener"].nunique()
    over = 100 * slipped.reindex(assessors.index, fill_value=0) > EXCEPTION_PERCENT * assessors
    return sorted(map(str, assessors.index[over]))


def _trials(frame: pd.DataFrame, condition: str | None) -> pd.DataFrame:
    return frame[(frame["condition"] == condition) & frame["rating"].notna()]

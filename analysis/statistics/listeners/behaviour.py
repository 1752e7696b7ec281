"""Rules on what listeners did on a page, from the log of the player: whether they heard what they rated, and how long.

* ``not-heard``: a page slips where a rated sound was never heard, by ``heard_s`` (seconds it sounded) or ``plays`` (how
  often it was started). A rating of what was not heard is no rating.
* ``too-fast``: a page slips where it took less than 2 s for each sound rated on it. A sound has to be heard for about
  1 s to be judged (the standard's shortest loop is 0.5 s, and it must be heard beside the reference), and a slider
  takes about 1 s to be found and moved; so this is what the hand and ear need at least, whatever the others took.
  Excerpts last about 10 s, so careful listeners stay far above it. It can't be reached by listening, only by not.

More than 15 % of a listener's pages exclude; pages of which nothing is on record are no trials.

Conventions: columns listener, item, replicate, and heard_s or plays per rating, trial_s (seconds) per page. Defines:
``RULES``, ``not_heard``, ``too_fast``.
"""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts

RULES = ("not-heard", "too-fast")
LEAST_S = 2.0
"""Seconds that a page takes for each sound on it, at least."""


def not_heard(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all whose playing is on record; AnalysisError where nobody's is."""
    rated = frame[frame["rating"].notna()]
    known, silent = pd.Series(False, rated.index), pd.Series(False, rated.index)
    for column in (name for name in ("heard_s", "plays") if name in rated.columns):
        amounts = pd.to_numeric(rated[column])
        known |= amounts.notna()
        silent |= amounts == 0
    if not known.any():
        raise AnalysisError("the ratings have nothing in the columns heard_s and plays")
    page = verdicts.pages(rated)
    slips = pd.DataFrame({"listener": rated["listener"], "slip": silent, "known": known}).groupby(page)
    trials = slips.agg({"listener": "first", "slip": "any", "known": "any"})
    return verdicts.of_slips(RULES[0], trials[trials["known"]], "rated a sound that was never heard")


def too_fast(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all whose time is on record; AnalysisError where nobody's is."""
    rated = frame[frame["rating"].notna()]
    if "trial_s" not in rated.columns or rated["trial_s"].notna().sum() == 0:
        raise AnalysisError("the ratings have nothing in the column trial_s")
    taken = pd.DataFrame({"listener": rated["listener"], "trial_s": pd.to_numeric(rated["trial_s"])})
    pages = taken.groupby(verdicts.pages(rated))
    trials = pages.agg(listener=("listener", "first"), taken_s=("trial_s", "max"), sounds=("listener", "size"))
    trials = trials[trials["taken_s"].notna()]
    slips = trials.assign(slip=trials["taken_s"] < LEAST_S * trials["sounds"])
    return verdicts.of_slips(RULES[1], slips, f"took less than {LEAST_S:g} s a sound")

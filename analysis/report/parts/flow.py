"""The way from what was stored to what is analysed: who and what was left out, step by step.

Defines: ``Step``, ``flow``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.statistics.listeners.rules import RULES


@dataclass(frozen=True)
class Step:
    """One step: what was left out here and why, and how many listeners remain."""

    left_out: int
    what: str
    remain: int


def flow(finished: int, screening: pd.DataFrame) -> tuple[Step, ...]:
    """Listeners left out by each rule, in the order of the rules; who breaks several counts at the first.

    Parameters
    ----------
    finished : listeners with ratings of this attribute in finished sessions.
    screening : rows of the screening, one per listener and rule.
    """
    gone: set[str] = set()
    steps = []
    for rule in dict.fromkeys(screening["rule"]):
        own = set(screening.loc[(screening["rule"] == rule) & screening["excluded"].astype(bool), "listener"]) - gone
        gone |= own
        steps.append(Step(len(own), RULES[rule], finished - len(gone)))
    return tuple(steps)

"""A check of the primary analysis: the five bands as ordered categories, of one attribute, as rows.

Defines: ``Ordinal``, ``ordinal``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.report.parts.results import OrdinalRow, rows_of
from analysis.report.parts.tried import Tried
from analysis.statistics.mixed import ordinal as bands
from analysis.study import Study


@dataclass(frozen=True)
class Ordinal:
    """What the cumulative-link mixed model of the five bands says; ``how`` it was fitted, in a sentence."""

    contrasts: tuple[OrdinalRow, ...]
    how: str


def ordinal(frame: pd.DataFrame, study: Study, tried: Tried) -> Ordinal | None:
    """Fit the model to the systems; None, with the reason among the problems, where that can't be done."""
    own = frame[frame["condition"].isin(study.systems)]
    possible = [
        one
        for one in study.contrasts
        if not any(side.on for side in one) and {side.condition for side in one} <= set(own["condition"])
    ]
    if not possible:
        return None
    fit = tried(lambda: bands.fit(own))
    found = tried(lambda: bands.contrasts(fit, possible, adjust=study.plan.adjust)) if fit else None
    if fit is None or found is None:
        return None
    return Ordinal(rows_of(OrdinalRow, found), fit.how)

"""A check of the primary analysis: the five bands as ordered categories, of one attribute, as rows.

Defines: ``Ordinal``, ``ordinal``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.report.parts.results import OrdinalRow, rows_of
from analysis.report.parts.tried import Tried
from analysis.statistics.ordinal import model as bands
from analysis.study import Study


@dataclass(frozen=True)
class Ordinal:
    """What the cumulative-link mixed model of the five bands says; ``spread``: standard deviations of its random terms,
    as log odds; ``notes``: what a reader has to know."""

    contrasts: tuple[OrdinalRow, ...]
    spread: dict[str, float]
    notes: tuple[str, ...]


def ordinal(frame: pd.DataFrame, study: Study, tried: Tried) -> Ordinal | None:
    """Fit the model to the systems; None, with the reason among the problems, where that can't be done."""
    own = frame[frame["condition"].isin(study.systems)]
    heard = set(own["condition"].unique())
    possible = [one for one in study.contrasts if all(side.condition in heard and not side.on for side in one)]
    if not possible:
        return None
    fit = tried(lambda: bands.fit(own))
    if fit is None:
        return None
    found = bands.contrasts(fit, possible, adjust=study.plan.adjust_on_means)
    return Ordinal(rows_of(OrdinalRow, found), dict(fit.sds), fit.notes)

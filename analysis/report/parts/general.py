"""Items in general: the primary analysis of one attribute by the mixed model, as rows.

Defines: ``General``, ``general``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.report.parts.results import ContrastRow, MeanRow, rows_of
from analysis.report.parts.tried import DRAWS, SEED, Tried
from analysis.report.words.wording import count
from analysis.statistics.description.bootstrap import cluster_interval
from analysis.statistics.mixed.means import equivalence, estimated_means
from analysis.statistics.mixed.primary import primary
from analysis.study import Study
from stimuli.experiment import Contrast

FEWEST_ITEMS = 2


@dataclass(frozen=True)
class General:
    """What the mixed model says.

    ``spread``: standard deviation of every random term, in points; ``how``: which form of the model was taken, and why;
    ``notes``: terms whose variance is 0, and terms that these ratings can't tell apart.
    """

    contrasts: tuple[ContrastRow, ...]
    means: tuple[MeanRow, ...]
    spread: dict[str, float]
    observations: int
    how: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Fitted:
    """What the figure of the residuals is drawn from."""

    fitted: np.ndarray
    residuals: np.ndarray


def general(
    frame: pd.DataFrame, study: Study, *, tried: Tried, resampled: bool = True
) -> tuple[General, Fitted] | None:
    """Fit the model to the systems, and to whatever else a planned contrast names; None where that can't be done.

    The hidden reference and the anchors stay out unless a contrast names them: they are rated near the ends of the
    scale, with less spread, and the model takes one residual variance for all. ``resampled``: with intervals of the
    two-way cluster bootstrap beside the model's.
    """
    named = {side.condition for one in study.contrasts for side in one}
    own = frame[frame["condition"].isin(named | set(study.systems))]
    if (items := own["item"].nunique()) < FEWEST_ITEMS:
        tried.say(
            f"For items in general nothing can be said: the ratings are of {count(items, 'item')}, and two are needed."
        )
        return None
    wanted = _heard(own, study.contrasts, tried)
    found = tried(lambda: primary(own, wanted, adjust=study.plan.adjust)) if wanted else None
    if found is None:
        return None
    rows = found.contrasts
    if study.plan.equivalence_margin is not None:
        rows = equivalence(rows, study.plan.equivalence_margin)
    drawn = tried(lambda: cluster_interval(own, wanted, draws=DRAWS, seed=SEED)) if resampled else None
    limits = ("low", "high")
    rows = rows.assign(**{f"resampled_{end}": np.nan if drawn is None else drawn[end] for end in limits})
    fit = found.fit
    zero = ", ".join(term.replace(":", " × ") for term in fit.singular)
    return (
        General(
            contrasts=rows_of(ContrastRow, rows),
            means=rows_of(MeanRow, estimated_means(fit)),
            spread={name: float(np.sqrt(variance)) for name, variance in fit.variances.items()},
            observations=fit.observations,
            how=found.how,
            notes=(*fit.terms.left_out, *([f"Estimated as 0: the variance of {zero}."] if zero else [])),
        ),
        Fitted(fit.fitted, fit.residuals),
    )


def _heard(frame: pd.DataFrame, planned: Sequence[Contrast], tried: Tried) -> list[Contrast]:
    """The planned contrasts of which both sides were rated; what was not is said."""
    heard = set(frame["condition"])
    possible = []
    for one in planned:
        if missing := [side.condition for side in one if side.condition not in heard]:
            tried.say(f"The planned contrast {one} can't be made: {missing[0]} was not heard.")
        else:
            possible.append(one)
    return possible

"""Items in general: the primary analysis of one attribute by mixed models, as rows.

Each planned contrast is tested in a model of its own two conditions (``statistics.mixed.primary`` says why). One model
of all systems stands beside it: it says how ratings vary and where every condition lies, and its contrasts are what a
model with pooled variances would have said.

Defines: ``General``, ``Fitted``, ``general``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.report.parts.results import ContrastRow, EffectTestRow, MeanRow, PooledRow, rows_of
from analysis.report.parts.summaries import drawn_unit
from analysis.report.parts.tried import DRAWS, SEED, Tried
from analysis.report.words.wording import count
from analysis.statistics.description.bootstrap import cluster_interval
from analysis.statistics.mixed import means
from analysis.statistics.mixed.fit import Fit, fit
from analysis.statistics.mixed.primary import primary
from analysis.statistics.mixed.terms import maximal
from analysis.study import Study
from stimuli.experiment import Contrast

FEWEST_ITEMS = 2
_EQUAL_WEIGHTS = (
    "Its means and contrasts count the levels of target, data set and group alike, however many items or listeners "
    "each has."
)


@dataclass(frozen=True)
class Joint:
    """One mixed model of all systems.

    ``spread``: standard deviation of every random term, in points; ``notes``: terms whose variance is 0, and terms that
    these ratings can't tell apart; ``tests``: of the fixed effects, type III; ``pooled``: the planned contrasts with
    variances pooled over all systems.
    """

    means: tuple[MeanRow, ...]
    pooled: tuple[PooledRow, ...]
    tests: tuple[EffectTestRow, ...]
    spread: dict[str, float]
    observations: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class General:
    """What mixed models say. ``how`` the contrasts were tested, in a sentence; ``joint`` is None where it can't be."""

    contrasts: tuple[ContrastRow, ...]
    how: str
    joint: Joint | None


@dataclass(frozen=True)
class Fitted:
    """What the figure of the residuals is drawn from."""

    fitted: np.ndarray
    residuals: np.ndarray


def general(frame: pd.DataFrame, study: Study, tried: Tried) -> tuple[General, Fitted | None] | None:
    """Test the planned contrasts; None, with the reason among the problems, where none can be."""
    own, wanted, rows = contrasts(frame, study, tried)
    if rows is None:
        return None
    found, how = rows
    drawn = tried(lambda: cluster_interval(own, wanted, draws=DRAWS, seed=SEED, unit=drawn_unit(own)))
    for end in ("low", "high"):
        found[f"resampled_{end}"] = np.nan if drawn is None else drawn[end]
    joint = tried(lambda: fit(own, maximal(own)))
    return (
        General(
            contrasts=rows_of(ContrastRow, found),
            how=how,
            joint=None if joint is None else _joint(joint, wanted, study.plan.adjust, tried),
        ),
        None if joint is None else Fitted(joint.fitted, joint.residuals),
    )


def contrasts(
    frame: pd.DataFrame, study: Study, tried: Tried
) -> tuple[pd.DataFrame, list[Contrast], tuple[pd.DataFrame, str] | None]:
    """The ratings that the model is of, the contrasts that they allow, and what those say, with how they were tested.

    The hidden reference and the anchors stay out unless a contrast names them: they are rated near the ends of the
    scale, with less spread.
    """
    named = {side.condition for one in study.contrasts for side in one}
    own = frame[frame["condition"].isin(named | set(study.systems))]
    if (items := own["item"].nunique()) < FEWEST_ITEMS:
        tried.say(f"Nothing can be said of items in general: there are ratings of {count(items, 'item')}, not of two.")
        return own, [], None
    adjust, wanted = study.plan.adjust, _heard(own, study.contrasts, tried)
    found = Tried()(lambda: primary(own, wanted, adjust=adjust)) if wanted else None
    if found is None:  # one that can't be tested must not take the others with it
        wanted = [one for one in wanted if tried(lambda one=one: primary(own, [one], adjust="none"))]
        if adjust == "tukey" and wanted:
            adjust = "holm"
            tried.say("Tukey's adjustment is for all pairs, of which not all could be tested; Holm's was taken.")
        found = tried(lambda: primary(own, wanted, adjust=adjust)) if wanted else None
    if found is None:
        return own, wanted, None
    margin = study.plan.equivalence_margin
    return own, wanted, (found.rows if margin is None else means.equivalence(found.rows, margin), found.why)


def _joint(found: Fit, wanted: Sequence[Contrast], adjust: str, tried: Tried) -> Joint:
    quietly = Tried()  # what this model can't say is no loss: the contrasts themselves have been tested
    pooled = quietly(lambda: means.contrasts(found, wanted, adjust=adjust))
    exact = tried(lambda: means.contrasts(found, wanted, adjust="none", df="kenward-roger"))
    if pooled is not None and exact is not None:
        pooled = pooled.assign(**{f"{name}_kr": exact[name] for name in ("se", "df", "p")})
    tests = means.tests(found)
    zero = ", ".join(term.replace(":", " × ") for term in found.singular)
    return Joint(
        means=rows_of(MeanRow, means.estimated_means(found)),
        pooled=() if pooled is None else rows_of(PooledRow, pooled),
        tests=rows_of(EffectTestRow, tests.dropna()),
        spread={name: float(np.sqrt(variance)) for name, variance in found.variances.items()},
        observations=found.observations,
        notes=(
            *found.terms.left_out,
            *([f"Estimated as 0: the variance of {zero}."] if zero else []),
            *([_EQUAL_WEIGHTS] if len(found.terms.fixed) > 1 else []),
            *(f"{term} can't be tested: cells are empty." for term in tests.loc[tests["f"].isna(), "term"]),
        ),
    )


def _heard(frame: pd.DataFrame, planned: Sequence[Contrast], tried: Tried) -> list[Contrast]:
    """The planned contrasts of which both sides were rated; what was not is said."""
    heard = set(frame["condition"].unique())
    possible = []
    for one in planned:
        if missing := [side.condition for side in one if side.condition not in heard]:
            tried.say(f"The planned contrast {one} can't be made: {missing[0]} was not heard.")
        else:
            possible.append(one)
    return possible

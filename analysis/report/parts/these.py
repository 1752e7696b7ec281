"""Exactly these items: tests on listener means of one attribute, as rows. The twin of the mixed model.

Defines: ``These``, ``these``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pandas as pd

from analysis.report.parts.results import EffectRow, RankRow, rows_of
from analysis.report.parts.tried import SEED, Tried
from analysis.statistics.description import summaries
from analysis.statistics.these_items import paired, permutation, rank_tests
from analysis.statistics.these_items.pairs import pair
from analysis.study import Study
from stimuli.experiment import Contrast


@dataclass(frozen=True)
class These:
    """What tests on listener means say. ``friedman`` is None where nobody heard all conditions of the same items."""

    contrasts: tuple[RankRow, ...]
    effects: tuple[EffectRow, ...]
    friedman: dict[str, float] | None


def these(frame: pd.DataFrame, study: Study, *, incomplete: bool, tried: Tried) -> These:
    """Test the planned contrasts that these ratings allow, and all conditions at once where pages were complete."""

    @cache
    def means(contrast: Contrast) -> pd.DataFrame:
        return summaries.paired_means(frame, contrast)

    possible = [one for one in study.contrasts if tried(lambda one=one: pair(means, one)) is not None]
    adjust = study.plan.adjust_on_means
    ranks = rank_tests.compare(means, possible, adjust=adjust)
    if possible:
        margin = study.plan.equivalence_margin
        beside = paired.compare(means, possible, margin=margin, adjust=adjust)
        permuted = permutation.compare(means, possible, adjust=adjust, seed=SEED)
        ranks["mean_difference"] = beside["mean_difference"]
        ranks = ranks.assign(p_permutation=permuted["p"], p_permutation_adjusted=permuted["p_adjusted"])
        if margin is not None:
            ranks = ranks.assign(
                **{"low_90": beside["equivalence_low"], "high_90": beside["equivalence_high"]},
                **{"p_equivalence": beside["p_equivalence"], "equivalent": beside["equivalent"]},
            )
    else:
        beside = ranks
    friedman = None if incomplete else tried(lambda: rank_tests.friedman(summaries.listener_means(frame)))
    return These(rows_of(RankRow, ranks), rows_of(EffectRow, beside), friedman)

"""Exactly these items: tests on listener means of one attribute, as rows. The twin of the mixed model.

Defines: ``These``, ``these``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.report.parts.results import EffectRow, RankRow, rows_of
from analysis.report.parts.tried import SEED, Tried
from analysis.statistics.description import summaries
from analysis.statistics.these_items import paired, permutation, rank_tests
from analysis.statistics.these_items.pairs import Means, pair
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
    means = means_of(frame, study.contrasts, incomplete=incomplete)
    possible = [one for one in study.contrasts if tried(lambda one=one: pair(means, one)) is not None]
    adjust = "holm" if study.plan.adjust == "tukey" else study.plan.adjust  # Tukey's needs one variance for all pairs
    ranks = rank_tests.compare(means, possible, adjust=adjust)
    if possible:
        margin = study.plan.equivalence_margin
        beside = paired.compare(means, possible, margin=margin, adjust=adjust)
        permuted = permutation.compare(means, possible, adjust=adjust, seed=SEED)
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


def means_of(frame: pd.DataFrame, contrasts: Sequence[Contrast], *, incomplete: bool) -> Means:
    """What gives the listeners' means of a contrast's two sides.

    Over the pages that held both, where pages are incomplete or a contrast is on levels of a factor; else each mean is
    over all items, and a missing rating leaves the others in.
    """
    if incomplete or any(side.on for one in contrasts for side in one):
        return lambda contrast: summaries.paired_means(frame, contrast)
    return summaries.listener_means(frame)

"""What BS.1534-3's own attachments ask for, of one attribute, as rows: Attachment 3 and 4 as they are written.

Defines: ``Standard``, ``standard``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.report.parts.results import AnovaRow, Attachment3Row, Attachment4Row, rows_of
from analysis.report.parts.tried import SEED, Tried
from analysis.statistics.description import summaries
from analysis.statistics.these_items import anova, attachments
from analysis.statistics.these_items.pairs import pair
from analysis.study import Study
from stimuli.experiment import Contrast


@dataclass(frozen=True)
class Standard:
    """Attachment 4's analysis of variance with its choice of test in a sentence, its contrasts, and Attachment 3."""

    anova: tuple[AnovaRow, ...]
    attachment4: tuple[Attachment4Row, ...]
    attachment3: tuple[Attachment3Row, ...]


def standard(frame: pd.DataFrame, study: Study, *, incomplete: bool) -> Standard:
    """Everything of the attachments that these ratings allow; what they don't is said by the other parts."""
    quietly = Tried()

    def means(contrast: Contrast) -> pd.DataFrame:
        return summaries.paired_means(frame, contrast)

    possible = [one for one in study.contrasts if quietly(lambda one=one: pair(means, one)) is not None]
    variance = None if incomplete else quietly(lambda: anova.repeated_measures(frame))
    pooled = [
        attachments.attachment_3(frame, one, seed=SEED)
        | {"p_paired": attachments.paired_medians(frame, one, seed=SEED)["p"]}
        for one in possible
    ]
    planned = quietly(lambda: attachments.attachment_4(means, possible)) if possible else None
    return Standard(
        anova=() if variance is None else rows_of(AnovaRow, variance),
        attachment4=() if planned is None else rows_of(Attachment4Row, planned),
        attachment3=rows_of(Attachment3Row, pooled),
    )

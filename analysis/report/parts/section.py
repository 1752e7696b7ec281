"""One attribute's part of the report: what was asked, and what the listeners said, as data and drawings.

What can't be computed from these ratings is left out, and ``problems`` says why in a sentence each.

Defines: ``Section``, ``section``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.reading.ratings import Ratings
from analysis.report.parts import agreement, listeners
from analysis.report.parts.drawn import drawn
from analysis.report.parts.flow import Step, flow
from analysis.report.parts.general import General, general
from analysis.report.parts.layout import Layout, layout_of, warnings_of
from analysis.report.parts.ordinal import Ordinal, ordinal
from analysis.report.parts.results import CellRow, CoefficientRow, ConditionRow, ScreeningRow, SensitivityRow, rows_of
from analysis.report.parts.standard import Standard, standard
from analysis.report.parts.summaries import cell_rows, condition_rows
from analysis.report.parts.these import SEED, These, these
from analysis.report.parts.tried import Tried
from analysis.report.words.conclusion import conclusion
from analysis.report.words.deviations import Status
from analysis.report.words.wording import count
from analysis.statistics.description import assumptions
from analysis.statistics.description.bootstrap import cluster_interval
from analysis.study import Asked, Study

DRAWS = 2000
"""Draws of the two-way cluster bootstrap."""


@dataclass(frozen=True)
class Section:
    """One attribute: what was asked, and what the listeners said.

    ``listeners`` rated, and the results are of the ``kept``: those whom screening left, or all where it left none.
    ``incomplete`` says how pages were laid out that held some of the systems each, by design.
    """

    attribute: str
    question: str
    status: Status
    listeners: int
    kept: int
    conclusion: tuple[str, ...]
    problems: tuple[str, ...]
    conditions: tuple[ConditionRow, ...]
    cells: tuple[CellRow, ...]
    assumptions: tuple[str, ...]
    general: General | None
    these: These
    ordinal: Ordinal | None
    standard: Standard
    incomplete: Layout | None
    screening: tuple[ScreeningRow, ...]
    flow: tuple[Step, ...]
    excluded: tuple[str, ...]
    excepted_items: tuple[str, ...]
    sensitivity: tuple[SensitivityRow, ...]
    reliability: tuple[CoefficientRow, ...]
    agreement: tuple[dict[str, Any], ...]
    spearman: dict[str, float]
    draws: int
    figures: dict[str, Any] = field(repr=False)


def section(
    asked: Asked,
    ratings: Ratings,
    study: Study,
    *,
    metrics: pd.DataFrame | None,
    status: Status,
    tell: Callable[[str], object],
) -> Section:
    """Screen, describe, test and draw one attribute.

    Parameters
    ----------
    asked : the attribute; ``ratings`` hold one rating of it at least.
    study : with the plan as it is carried out.
    metrics : what ``analysis.metrics.score`` found for the set; None for ratings of another tool.
    """
    tried = Tried()
    frame = ratings.frame[ratings.frame["attribute"] == asked.name]
    layout = layout_of(frame, study)
    tell(f"{asked.name}: screening")
    screened = listeners.screened(frame, ratings.checks, study, asked.name, tried)
    kept = screened.kept
    tried.say(*warnings_of(kept, layout))
    tell(f"{asked.name}: description")
    resampled = cluster_interval(kept, list(dict.fromkeys(kept["condition"])), draws=DRAWS, seed=SEED)
    conditions, cells = condition_rows(kept, study.roles, resampled), cell_rows(kept)
    tell(f"{asked.name}: mixed model")
    model = general(kept, study, draws=DRAWS, seed=SEED, tried=tried)
    tell(f"{asked.name}: these items")
    twin = these(kept, study, incomplete=layout is not None, tried=tried)
    tell(f"{asked.name}: ordinal model")
    bands = ordinal(kept, study, tried)
    tell(f"{asked.name}: attachments of the standard")
    attachments = standard(kept, study, incomplete=layout is not None)
    beside = agreement.beside(cells, metrics)
    model_rows = model[0] if model else None
    if screened.excluded and len(kept) < len(frame):
        tell(f"{asked.name}: without screening")
        model_rows, twin = listeners.before_and_after(frame, study, model_rows, twin, incomplete=layout is not None)
    number = int(kept["listener"].nunique())
    who = count(number, "listener") + (" (simulated)" if kept["simulated"].any() else "")
    tell(f"{asked.name}: figures")
    return Section(
        attribute=asked.name,
        question=asked.question,
        status=status,
        listeners=int(frame["listener"].nunique()),
        kept=number,
        conclusion=conclusion(
            study.plan.inference,
            model_rows.contrasts if model_rows else (),
            twin.contrasts,
            listeners=who,
            margin=study.plan.equivalence_margin,
        ),
        problems=tuple(tried.problems),
        conditions=conditions,
        cells=cells,
        assumptions=assumptions.said(kept, study.roles),
        general=model_rows,
        these=twin,
        ordinal=bands,
        standard=attachments,
        incomplete=layout,
        screening=rows_of(ScreeningRow, screened.rows),
        flow=flow(int(frame["listener"].nunique()), screened.rows),
        excluded=screened.excluded,
        excepted_items=screened.excepted_items,
        sensitivity=listeners.sensitivity(frame, kept, [row.condition for row in conditions]),
        reliability=listeners.coefficients(kept),
        agreement=agreement.rows(beside),
        spearman=agreement.spearman(beside),
        draws=DRAWS,
        figures=drawn(asked, study, kept, conditions, cells, model, twin, screened, beside),
    )

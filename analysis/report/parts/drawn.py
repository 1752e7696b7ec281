"""The figures of one attribute: those that its ratings allow.

Defines: ``Figures``, ``of_ratings``, ``of_results``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.report.figures.agreement import agreement
from analysis.report.figures.conditions import cells as cell_panels
from analysis.report.figures.conditions import conditions as condition_rows
from analysis.report.figures.contrasts import contrasts
from analysis.report.figures.drawing import Drawing
from analysis.report.figures.listeners import consistency, screening
from analysis.report.figures.residuals import residuals
from analysis.report.parts.agreement import METRIC, METRIC_LABEL
from analysis.report.parts.results import CellRow, ConditionRow, ScreeningRow, rows_of
from analysis.report.parts.tested import Tested
from analysis.statistics.description import summaries
from analysis.study import Asked, Study

Figures = dict[str, tuple[Drawing, ...]]
"""Name of a figure to its drawings, one but for the panels of the items; what can't be drawn is not there."""


def of_ratings(
    frame: pd.DataFrame,
    asked: Asked,
    study: Study,
    *,
    conditions: Sequence[ConditionRow],
    cells: Sequence[CellRow],
) -> Figures:
    """The figures that any ratings allow: every condition, and every condition on each item."""
    order = [row.condition for row in conditions]
    return {
        "conditions": (condition_rows(summaries.listener_means(frame), conditions, study.roles, asked.labels),),
        "cells": cell_panels(cells, order, study.roles, asked.labels),
    }


def of_results(
    study: Study, found: Tested, *, screened: pd.DataFrame, consistent: pd.DataFrame | None, beside: pd.DataFrame
) -> Figures:
    """The figures of what was found, where there is something to show.

    Parameters
    ----------
    screened : verdicts of the screening.
    consistent : reliability and discrimination of each listener; None without replicates.
    beside : mean ratings and metrics of each condition and item.
    """
    general = study.plan.inference == "items in general"
    rows = found.general_rows if general else found.these.contrasts
    drawings = {
        "contrasts": contrasts(rows, study.plan.equivalence_margin) if rows else None,
        "residuals": residuals(found.fitted.fitted, found.fitted.residuals) if found.fitted else None,
        "screening": screening(rows_of(ScreeningRow, screened)),
        "consistency": None if consistent is None else consistency(consistent),
        "agreement": agreement(beside, METRIC, METRIC_LABEL, study.roles) if len(beside) else None,
    }
    return {name: (drawing,) for name, drawing in drawings.items() if drawing is not None}

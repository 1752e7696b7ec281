"""The figures of one attribute: those that its ratings allow.

Defines: ``Figures``, ``of_ratings``, ``of_results``, ``of_metrics``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.reading.numbers import Numbers
from analysis.report.figures.agreement import forest
from analysis.report.figures.conditions import cells as cell_panels
from analysis.report.figures.conditions import conditions as condition_rows
from analysis.report.figures.contrasts import contrasts
from analysis.report.figures.drawing import Drawing
from analysis.report.figures.listeners import consistency, screening
from analysis.report.figures.matrix import MOST_NAMES, matrix
from analysis.report.figures.residuals import residuals
from analysis.report.figures.scatters import MOST_SCATTERS, scatters
from analysis.report.parts.agreement import Compared
from analysis.report.parts.results import CellRow, ConditionRow, ScreeningRow, rows_of
from analysis.report.parts.tested import Tested
from analysis.statistics.description import summaries
from analysis.study import Asked, Study

Figures = dict[str, tuple[Drawing, ...]]
"""Name of a figure to its drawings, one but for panels of items and of metrics; what can't be drawn is not there."""


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


def of_results(study: Study, found: Tested, *, screened: pd.DataFrame, consistent: pd.DataFrame | None) -> Figures:
    """The figures of what was found, where there is something to show.

    Parameters
    ----------
    screened : verdicts of the screening.
    consistent : reliability and discrimination of each listener; None without replicates.
    """
    general = study.plan.inference == "items in general"
    rows = found.general_rows if general else found.these.contrasts
    drawings = {
        "contrasts": contrasts(rows, study.plan.equivalence_margin) if rows else None,
        "residuals": residuals(found.fitted.fitted, found.fitted.residuals) if found.fitted else None,
        "screening": screening(rows_of(ScreeningRow, screened)),
        "consistency": None if consistent is None else consistency(consistent),
    }
    return {name: (drawing,) for name, drawing in drawings.items() if drawing is not None}


def of_metrics(found: Compared, numbers: Numbers, study: Study) -> Figures:
    """The figures of metrics beside the ratings: the best ones' scatters, the forest of all, and the matrix."""
    rows = found.rows.metrics
    if not rows:
        return {}
    names = {"rating": "mean rating", **{row.metric: row.label for row in rows}}
    best = [numbers.metrics[row.metric] for row in rows[:MOST_SCATTERS]]
    shown = list(names)[:MOST_NAMES]
    figures = {"scatters": scatters(found.cells, best, study.roles), "agreement": (forest(rows, found.rows.ceiling),)}
    return figures | ({"correlations": (matrix(found.matrix.loc[shown, shown], names),)} if len(rows) > 1 else {})

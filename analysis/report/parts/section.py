"""One attribute's part of the report: what was asked, and what the listeners said, as data and drawings.

What can't be computed from these ratings is left out, and ``problems`` says why in a sentence each.

Defines: ``Section``, ``section``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.reading.numbers import Numbers
from analysis.reading.ratings import Ratings
from analysis.report.parts import listeners
from analysis.report.parts.agreement import Agreement, compared
from analysis.report.parts.drawn import of_metrics, of_ratings, of_results
from analysis.report.parts.flow import Step, flow
from analysis.report.parts.general import General
from analysis.report.parts.layout import Layout, layout_of, warnings_of
from analysis.report.parts.ordinal import Ordinal
from analysis.report.parts.results import (
    CellRow,
    CoefficientRow,
    ConditionRow,
    OutlierRow,
    ScreeningRow,
    SensitivityRow,
    plain,
    rows_of,
)
from analysis.report.parts.standard import Standard
from analysis.report.parts.summaries import cell_rows, condition_rows
from analysis.report.parts.tested import Tested, beside_all, tested
from analysis.report.parts.these import These
from analysis.report.parts.tried import DRAWS, Tried
from analysis.report.words.conclusion import conclusion
from analysis.report.words.deviations import Status
from analysis.report.words.wording import count
from analysis.statistics.description.checklist import check
from analysis.study import Asked, Study

ANALYSED = [
    "listener",
    "item",
    "condition",
    "replicate",
    "rating",
    "song",
    "target",
    "dataset",
    "listener_group",
    "simulated",
]
"""Columns that are looked at once listeners are screened; the others only cost time."""
NOBODY_LEFT: tuple[Status, str] = (
    "exploratory",
    "the rules of the plan left nobody, and these are results of all listeners",
)


@dataclass(frozen=True)
class Section:
    """One attribute: what was asked, and what the listeners said.

    ``listeners`` rated, and the results are of the ``kept``: those whom screening left, or all where it left none.
    ``checked`` and ``facts`` are the standard's exploratory checklist (``description.checklist``). ``incomplete``
    says how pages were laid out that held some of the systems each, by design.
    """

    attribute: str
    question: str
    status: Status
    why: str
    listeners: int
    kept: int
    conclusion: tuple[str, ...]
    problems: tuple[str, ...]
    conditions: tuple[ConditionRow, ...]
    cells: tuple[CellRow, ...]
    checked: tuple[str, ...]
    facts: dict[str, float | None]
    outliers: tuple[OutlierRow, ...]
    general: General | None
    these: These
    ordinal: Ordinal | None
    standard: Standard
    incomplete: Layout | None
    screening: tuple[ScreeningRow, ...]
    flow: tuple[Step, ...]
    applied: tuple[str, ...]
    excluded: tuple[str, ...]
    excepted_items: tuple[str, ...]
    sensitivity: tuple[SensitivityRow, ...]
    reliability: tuple[CoefficientRow, ...]
    agreement: Agreement | None
    draws: int
    figures: dict[str, Any] = field(repr=False)
    """``parts.drawn.Figures``; no part of the JSON."""


def section(
    asked: Asked,
    ratings: Ratings,
    study: Study,
    *,
    numbers: Numbers | None,
    status: tuple[Status, str],
    tell: Callable[[str], object],
) -> Section:
    """Screen, describe, test and draw one attribute.

    Parameters
    ----------
    asked : the attribute; ``ratings`` hold one rating of it at least.
    study : with the plan as it is carried out.
    numbers : objective metrics of the sounds that were rated; None where there are none.
    status : whether these results are those that were planned, and why.
    tell : is told the name of each part of the work before it begins.
    """
    tried = Tried()
    frame = ratings.frame[ratings.frame["attribute"] == asked.name]
    layout = layout_of(frame, study)
    tell("screening")
    screened = listeners.screened(frame, ratings.checks, study, asked.name, tried)
    frame, kept = frame[ANALYSED], screened.kept[ANALYSED]
    rated, number = int(frame["listener"].nunique()), int(kept["listener"].nunique())
    tried.say(*warnings_of(kept, layout))
    if len(screened.excluded) == rated:
        status = NOBODY_LEFT
    tell("description")
    conditions, cells = condition_rows(kept, study.roles, tried), cell_rows(kept)
    checked = check(kept, study.systems, low_anchor=study.low_anchor, mid_anchor=study.mid_anchor_of(asked.name))
    found = _tested(kept, frame, study, incomplete=layout is not None, tried=tried, tell=tell)
    tell("metrics")
    beside = tried(lambda: compared(kept, numbers, study.reference)) if numbers else None
    tell("figures")
    return Section(
        attribute=asked.name,
        question=asked.question,
        status=status[0],
        why=status[1],
        listeners=rated,
        kept=number,
        conclusion=_conclusion(kept, study, found),
        problems=tuple(tried.problems),
        conditions=conditions,
        cells=cells,
        checked=checked.sentences,
        facts={name: plain(value) for name, value in checked.facts.items()},
        outliers=rows_of(OutlierRow, checked.outliers),
        general=found.general,
        these=found.these,
        ordinal=found.ordinal,
        standard=found.standard,
        incomplete=layout,
        screening=rows_of(ScreeningRow, screened.rows),
        flow=flow(rated, screened.rows),
        applied=screened.applied,
        excluded=screened.excluded,
        excepted_items=screened.excepted_items,
        sensitivity=listeners.sensitivity(frame, kept, [row.condition for row in conditions]),
        reliability=listeners.coefficients(kept),
        agreement=beside.rows if beside else None,
        draws=DRAWS,
        figures=of_ratings(kept, asked, study, conditions=conditions, cells=cells)
        | of_results(study, found, screened=screened.rows, consistent=listeners.consistent(kept))
        | (of_metrics(beside, numbers, study) if beside and numbers else {}),
    )


def _conclusion(kept: pd.DataFrame, study: Study, found: Tested) -> tuple[str, ...]:
    """What the tests say, in sentences, and of how many listeners."""
    who = count(kept["listener"].nunique(), "listener") + (" (simulated)" if kept["simulated"].any() else "")
    planned = len(study.contrasts)
    return conclusion(study.plan, found.general_rows, found.these.contrasts, listeners=who, planned=planned)


def _tested(
    kept: pd.DataFrame,
    frame: pd.DataFrame,
    study: Study,
    *,
    incomplete: bool,
    tried: Tried,
    tell: Callable[[str], object],
) -> Tested:
    """Every test of the kept, and beside it the results of all where screening took some."""
    found = tested(kept, study, incomplete=incomplete, tried=tried, tell=tell)
    if not 0 < len(kept) < len(frame):
        return found
    tell("tests without screening")
    return beside_all(found, frame, study, incomplete=incomplete)

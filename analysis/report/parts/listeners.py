"""Who rated, of one attribute: the screening, what it changed, and how far listeners agree.

Defines: ``Screened``, ``screened``, ``before_and_after``, ``sensitivity``, ``coefficients``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.report.parts.general import General, general
from analysis.report.parts.results import SensitivityRow
from analysis.report.parts.these import These, these
from analysis.report.parts.tried import Tried
from analysis.report.words.wording import count
from analysis.statistics.description import summaries
from analysis.statistics.listeners.screen import screen_all
from analysis.study import Study

FEWEST_FOR_INTERVAL = 6
"""Listeners from which a distribution-free 95 % interval of the median difference exists."""


@dataclass(frozen=True)
class Screened:
    """What screening says of every listener, and the ratings of those whom it left: of all where it left none."""

    rows: pd.DataFrame
    excluded: tuple[str, ...]
    excepted_items: tuple[str, ...]
    kept: pd.DataFrame


def screened(frame: pd.DataFrame, checks: pd.DataFrame, study: Study, attribute: str, tried: Tried) -> Screened:
    """Screen by the rules of the plan, and say what a reader must know of those who are left."""
    found = screen_all(frame, checks, study, attribute, study.plan.exclude)
    kept = frame[~frame["listener"].isin(found.excluded)]
    tried.say(*found.warnings, *found.unusable.values())
    if kept.empty:
        tried.say("Every listener was excluded by the screening; all results are those before screening.")
        kept = frame
    if (number := kept["listener"].nunique()) < FEWEST_FOR_INTERVAL:
        left = f"Only {count(number, 'listener')} {'is' if number == 1 else 'are'}"
        tried.say(
            f"{left} left: a 95 % interval of a median difference needs {FEWEST_FOR_INTERVAL}; with fewer it runs "
            "from the smallest to the largest value, and covers less."
        )
    if kept["rating"].nunique() == 1:
        tried.say(f"All ratings are equal ({kept['rating'].iloc[0]:g}): nothing tells the conditions apart.")
    return Screened(found.rows, tuple(found.excluded), tuple(found.excepted_items), kept)


def before_and_after(
    frame: pd.DataFrame, study: Study, model: General | None, twin: These, *, incomplete: bool
) -> tuple[General | None, These]:
    """The same results, each contrast with its adjusted p as it would be with all listeners in ``frame``."""
    quietly = Tried()
    with_all = general(frame, study, draws=2, seed=0, tried=quietly)
    twin_with_all = these(frame, study, incomplete=incomplete, tried=quietly)
    before = _p_by_contrast(with_all[0].contrasts if with_all else ())
    twin_before = _p_by_contrast(twin_with_all.contrasts)
    if model is not None:
        model = replace(model, contrasts=_with_p(model.contrasts, before))
    return model, replace(twin, contrasts=_with_p(twin.contrasts, twin_before))


def _p_by_contrast(rows: Sequence[Any]) -> dict[str, float]:
    return {row.contrast: row.p_adjusted for row in rows}


def _with_p(rows: tuple[Any, ...], before: dict[str, float]) -> tuple[Any, ...]:
    return tuple(replace(row, p_adjusted_unscreened=before.get(row.contrast)) for row in rows)


def sensitivity(before: pd.DataFrame, after: pd.DataFrame, order: Sequence[str]) -> tuple[SensitivityRow, ...]:
    """Mean of each condition with all listeners, and after screening."""
    with_all, kept = (summaries.listener_means(frame).mean() for frame in (before, after))
    return tuple(SensitivityRow(one, float(with_all[one]), float(kept[one])) for one in order)

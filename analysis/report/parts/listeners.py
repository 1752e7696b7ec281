"""Who rated, of one attribute: the screening, what it changed, and how far listeners agree.

Defines: ``Screened``, ``screened``, ``sensitivity``, ``coefficients``, ``consistent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.report.parts.results import CoefficientRow, SensitivityRow, rows_of
from analysis.report.parts.tried import Tried
from analysis.report.words.wording import count
from analysis.statistics.description import summaries
from analysis.statistics.listeners import reliability
from analysis.statistics.listeners.all_rules import screen_all
from analysis.statistics.listeners.consistency import consistency
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
    applied: tuple[str, ...]
    """Rules of the plan that could be."""


def screened(frame: pd.DataFrame, checks: pd.DataFrame, study: Study, attribute: str, tried: Tried) -> Screened:
    """Screen by the rules of the plan, and say what a reader must know of those who are left."""
    found = screen_all(frame, checks, study=study, attribute=attribute, rules=study.plan.exclude)
    kept = frame[~frame["listener"].isin(found.excluded)]
    applied = tuple(rule for rule in study.plan.exclude if rule not in found.unusable)
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
    return Screened(found.rows, found.excluded, found.excepted_items, kept, applied)


def sensitivity(before: pd.DataFrame, after: pd.DataFrame, order: Sequence[str]) -> tuple[SensitivityRow, ...]:
    """Mean of each condition with all listeners, and after screening."""
    with_all, kept = (summaries.listener_means(frame).mean() for frame in (before, after))
    return tuple(SensitivityRow(one, float(with_all[one]), float(kept[one])) for one in order)


def coefficients(frame: pd.DataFrame) -> tuple[CoefficientRow, ...]:
    """How far listeners agree over all conditions and items; those that need every cell, over the complete part."""
    table = reliability.targets(frame)
    complete = reliability.complete_part(table)
    found = []
    quietly = Tried()
    if (intraclass := quietly(lambda: reliability.intraclass(complete))) is not None:
        named = intraclass.rename(columns={"type": "coefficient", "icc": "value"})
        found += rows_of(CoefficientRow, named)
    for name, compute in (
        ("Cronbach's alpha", lambda: reliability.cronbach_alpha(complete)),
        ("Krippendorff's alpha", lambda: reliability.krippendorff_alpha(table)),
        ("Kendall's W", lambda: reliability.kendall_w(complete)["w"]),
    ):
        if (value := quietly(compute)) is not None:
            found.append(CoefficientRow(name, float(value), None, None))
    own = reliability.replicate_concordance(frame)["w"].dropna()
    if len(own):
        found.append(CoefficientRow("Kendall's W of a listener's replicates (mean)", float(own.mean()), None, None))
    return tuple(found)


def consistent(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Reliability and discrimination of each listener who has both; None where nobody does.

    Without replicates there is neither; where pages are incomplete by design there is no discrimination.
    """
    found = Tried()(lambda: consistency(frame)) if frame["replicate"].nunique() > 1 else None
    if found is None:
        return None
    both = found[found["reliability"].notna() & (found["f_condition"] > 0)]
    return both if len(both) else None

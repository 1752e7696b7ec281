"""All rules by which a listener may be left out, applied in the order of the plan; nothing else leaves anybody out.

A rule that these ratings say nothing about (no such column, no replicates, no such condition) gives no verdict, and a
sentence says why. Rules look at everybody: what one finds changes nothing of what another sees.

Conventions: as in ``verdicts``. Defines: ``Screening``, ``screen_all``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import behaviour, flat, rank_order, screening, stated, unreliable, verdicts
from analysis.statistics.listeners.attention import attention_check
from analysis.study import Study


@dataclass(frozen=True)
class Screening:
    """What the rules found of one attribute's listeners.

    ``rows``: one per listener and rule, as in ``verdicts``. ``unusable``: a sentence for each rule that could not be
    applied. ``excluded``: whom any rule excludes, sorted. ``excepted_items``: those that the standard's mid-anchor rule
    left out. ``warnings``: what a reader must know, in sentences.
    """

    rows: pd.DataFrame
    unusable: dict[str, str]
    excluded: tuple[str, ...]
    excepted_items: tuple[str, ...]
    warnings: tuple[str, ...]


def screen_all(
    frame: pd.DataFrame, checks: pd.DataFrame, *, study: Study, attribute: str, rules: Sequence[str]
) -> Screening:
    """Apply rules to all listeners of one attribute.

    Parameters
    ----------
    frame : rated rows of this attribute.
    checks : rows of attention checks, of any attribute, with a column attribute; may be empty.
    rules : names out of ``stimuli.experiment.ExclusionRule``, in the order of the result.
    """
    tables, unusable = [], {}
    for rule in dict.fromkeys(rules):
        try:
            table = _verdicts(rule, frame, checks, study, attribute)
        except AnalysisError as error:
            unusable[rule] = f"The screening rule {rule} could not be applied: {error}."
        else:
            tables.append(table)
    rows = verdicts.gathered(tables)
    by_mid_anchor = screening.RULES[1] in rules
    excepted = screening.excepted_items(frame, study.mid_anchor_of(attribute)) if by_mid_anchor else []
    return Screening(
        rows=rows,
        unusable=unusable,
        excluded=tuple(screening.excluded(rows)),
        excepted_items=tuple(excepted),
        warnings=tuple(_warnings(rows, frame)),
    )


def _verdicts(rule: str, frame: pd.DataFrame, checks: pd.DataFrame, study: Study, attribute: str) -> pd.DataFrame:
    """One rule's verdicts; AnalysisError says, without a full stop, why there are none."""
    if rule in screening.RULES:
        return _standard(rule, frame, study, attribute)
    if rule == "attention-check":
        return _attention(checks, study, attribute)
    if rule == flat.RULE:
        anchors = [name for name, role in study.roles.items() if role == "anchor"]
        return flat.flat_ratings(frame, study.reference, anchors)
    others = {
        "inexperienced": stated.inexperienced,
        "headphone-check": stated.headphone_check,
        "not-heard": behaviour.not_heard,
        "too-fast": behaviour.too_fast,
        "unreliable": unreliable.unreliable,
        "rank-order": rank_order.rank_order,
    }
    if rule not in others:
        raise AnalysisError("there is no such rule")
    return others[rule](frame)


def _standard(rule: str, frame: pd.DataFrame, study: Study, attribute: str) -> pd.DataFrame:
    names = {"reference": study.reference, "mid_anchor": study.mid_anchor_of(attribute)}
    needed = names["reference" if rule == screening.RULES[0] else "mid_anchor"]
    if needed is None:
        exempt = rule == screening.RULES[1] and study.mid_anchor is not None
        what = "the mid anchor need not sound bad here" if exempt else "the study has no such condition"
        raise AnalysisError(what)
    if needed not in set(frame["condition"].unique()):
        raise AnalysisError(f"no {needed} was rated")
    found = screening.screen(frame, [rule], **names)
    if not len(found):
        raise AnalysisError("every item is excepted, because more than 25 % rated its mid anchor above 90")
    return found


def _attention(checks: pd.DataFrame, study: Study, attribute: str) -> pd.DataFrame:
    if not next(one.mid_anchor_rule for one in study.attributes if one.name == attribute):
        raise AnalysisError("a low-pass need not sound worse than the reference here")
    own = checks[checks["attribute"] == attribute] if len(checks) else checks
    return attention_check(own, study.reference)


def _warnings(rows: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    found = []
    single = rows[verdicts.one_slip_excludes(rows)]
    for rule, own in single.groupby("rule", sort=False):
        of = sorted({int(trials) for trials in own["trials"]})
        spread = f"{of[0]}" if of[0] == of[-1] else f"{of[0]} to {of[-1]}"
        found.append(
            f"One slip is enough to be excluded by {rule}, with {spread} trials a listener; read it with care, "
            f"and have at least 7 trials."
        )
    return found

"""The conclusion: two sentences, the first about what the plan asks about, the second about the other target.

Conventions: rows are ``ContrastRow`` or ``RankRow``; both have difference, low, high, p_adjusted, and what the test of
equivalence says where a margin was planned. Defines: ``conclusion``, ``Tested``.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.report.parts.results import ContrastRow, RankRow
from analysis.report.words.wording import count, level, points, relation
from stimuli.experiment import AnalysisPlan

ALPHA = 0.05
MOST_TOLD = 3
"""Contrasts that the conclusion spells out; the table holds them all."""
GENERAL = "items in general"
Tested = Sequence[ContrastRow | RankRow]


def conclusion(plan: AnalysisPlan, general: Tested, these: Tested, *, listeners: str, planned: int) -> tuple[str, str]:
    """What the planned contrasts say of the planned target, and what they say of the other.

    Parameters
    ----------
    plan : says what a conclusion is about, and within how many points conditions count as equally good.
    general : what the mixed model found, in which items are a random sample as listeners are.
    these : what tests on listener means found.
    planned : how many contrasts were planned.
    listeners : how many there were, and whether they were people: "20 listeners".
    """
    margin = plan.equivalence_margin
    heads = {
        GENERAL: (f"For items in general, as {listeners} heard a sample of them", general),
        "these items": (f"For exactly these items, as {listeners} heard them", these),
    }
    first, second = (heads.pop(plan.inference), *heads.values())
    return f"{first[0]}: {_claims(first[1], margin, planned)}", f"{second[0]}: {_claims(second[1], margin, planned)}"


def _claims(rows: Tested, margin: float | None, planned: int) -> str:
    """Differences first, the largest before the others; then what is equally good; then what is open."""
    if not rows:
        return "no planned contrast could be tested."
    sure = sorted((row for row in rows if row.p_adjusted < ALPHA), key=lambda row: -abs(row.difference))
    alike = [row for row in rows if row.equivalent and row.p_adjusted >= ALPHA]
    claims = [_difference(row, margin) for row in sure[:MOST_TOLD]]
    if len(sure) > MOST_TOLD:
        claims.append(f"{count(len(sure) - MOST_TOLD, 'further contrast')} differed")
    claims += [_equivalence(row, margin) for row in alike[:MOST_TOLD]]
    if len(alike) > MOST_TOLD:
        more = len(alike) - MOST_TOLD
        claims.append(f"{count(more, 'further contrast')} {'is' if more == 1 else 'are'} equivalent")
    if left := len(rows) - len(sure) - len(alike):
        claims.append(_open(rows, left, margin))
    if untested := planned - len(rows):
        claims.append(f"{count(untested, 'planned contrast')} could not be tested")
    return "; ".join(claims) + "."


def _difference(row: ContrastRow | RankRow, margin: float | None) -> str:
    """A difference told from its better side."""
    better, worse, low, high = row.first, row.second, row.low, row.high
    if row.difference < 0:
        better, worse, low, high = row.second, row.first, -row.high, -row.low
    small = f", and by less than {level(margin)}" if row.equivalent and margin else ""
    return (
        f"{better} was rated {points(abs(row.difference))} points above {worse} "
        f"(95 %: {points(low)} to {points(high)}, p {relation(row.p_adjusted)}){small}"
    )


def _equivalence(row: ContrastRow | RankRow, margin: float | None) -> str:
    difference = points(getattr(row, "mean_difference", row.difference))
    interval = f"{points(row.low_90 or 0)} to {points(row.high_90 or 0)}"
    return (
        f"{row.first} and {row.second} are equally good within {level(margin or 0)} points (difference {difference}, "
        f"90 %: {interval}, p {relation(row.p_equivalence or 0)})"
    )


def _open(rows: Tested, left: int, margin: float | None) -> str:
    """What neither differs nor is shown to be alike."""
    proof = f"nor is equality within {level(margin)} points shown" if margin else "which is no proof of equality"
    if left < len(rows):
        return f"{count(left, 'planned contrast')} {'shows' if left == 1 else 'show'} no difference, {proof}"
    smallest = f"adjusted p {relation(min(row.p_adjusted for row in rows))}"
    if left == 1:
        return f"the contrast {rows[0].contrast} shows no difference ({smallest}), {proof}"
    return f"none of {count(left, 'planned contrast')} shows a difference (smallest {smallest}), {proof}"

"""The conclusion: two sentences, what the planned contrasts say and for what it holds.

Defines: ``conclusion``.
"""

from __future__ import annotations

import pandas as pd

from analysis.report.wording import count, points, relation
from stimuli.experiment import Experiment

ALPHA = 0.05
MOST_TOLD = 3
"""Contrasts that the conclusion spells out; the table holds them all."""


def conclusion(contrasts: pd.DataFrame, experiment: Experiment, listeners: str) -> tuple[str, ...]:
    """Two sentences: what the planned contrasts say, and for what it holds.

    ``listeners`` says how many there were, and whether they were people. Where the plan asks about items in general,
    that is denied first: systems differ by more on some items than on others, and a test on listener means takes
    that for certainty.
    """
    heard = f"as {listeners} heard them"
    claim = _claims(contrasts)
    if experiment.analysis.inference == "items in general":
        return (
            "The plan asks about items in general, but this release tests only exactly these items: how far systems "
            "differ varies from item to item, so that a claim about others needs more items, and a model in which "
            "items are a random sample as listeners are.",
            f"For these items, {heard}: {claim}",
        )
    return (claim, f"This holds for exactly these items, {heard}.")


def _claims(contrasts: pd.DataFrame) -> str:
    """What the planned contrasts say, the largest differences first."""
    if contrasts.empty:
        return "No planned contrast could be tested."
    sure = contrasts[contrasts["p_holm"] < ALPHA]
    if sure.empty:
        return (
            f"None of the {count(len(contrasts), 'planned contrast')} shows a difference "
            f"(smallest Holm-corrected p {relation(contrasts['p_holm'].min())}); that is no proof of equality."
        )
    told = sorted(map(_claim, sure.itertuples()), key=lambda claim: -claim[2])
    claims = [
        f"{better} was rated {points(size)} points above {worse} "
        f"(95 %: {points(low)} to {points(high)}, p {relation(p)})"
        for better, worse, size, low, high, p in told[:MOST_TOLD]
    ]
    more = f"; {count(len(told) - MOST_TOLD, 'further contrast')} differed" if len(told) > MOST_TOLD else ""
    rest = len(contrasts) - len(sure)
    return f"{'; '.join(claims)}{more}" + (
        f"; {count(rest, 'planned contrast')} showed no difference." if rest else "."
    )


def _claim(line: object) -> tuple[str, str, float, float, float, float]:
    """A contrast told from its better side."""
    row = line._asdict()  # type: ignore[attr-defined]
    if row["difference"] >= 0:
        return row["first"], row["second"], row["difference"], row["low"], row["high"], row["p_holm"]
    return row["second"], row["first"], -row["difference"], -row["high"], -row["low"], row["p_holm"]

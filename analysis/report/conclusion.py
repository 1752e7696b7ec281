"""The conclusion: two sentences, what the planned contrasts say and for what it holds.

Defines: ``conclusion``.
"""

from __future__ import annotations

import pandas as pd

from analysis.report.wording import count, relation
from stimuli.experiment import Experiment

ALPHA = 0.05
MOST_TOLD = 3
"""Contrasts that the conclusion spells out; the table holds them all."""


def conclusion(contrasts: pd.DataFrame, experiment: Experiment, listeners: int) -> tuple[str, ...]:
    """Two sentences: what the planned contrasts say, and for what it holds; the larger promise is denied first."""
    heard = f"as {count(listeners, 'listener')} heard them"
    claim = _claims(contrasts)
    if experiment.analysis.inference == "items in general":
        return (
            "The plan asks about items in general; this release tests only exactly these items, "
            "and says nothing about others.",
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
        f"{better} was rated {size:.0f} points above {worse} (95 % {low:.0f} to {high:.0f}, p {relation(p)})"
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

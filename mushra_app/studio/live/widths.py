"""How wide intervals are so far, as a page shows it: a bar per contrast, whose name nobody sees.

Conventions: points of the scale. Defines: ``Bar``, ``Widths``, ``widths``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.studio.live.ages import minutes
from mushra_app.study.monitoring import Look
from stimuli.experiment import AnalysisPlan


@dataclass(frozen=True)
class Bar:
    """One contrast by its letter; ``reach`` is None where there is no interval yet, ``share`` is of the picture."""

    label: str
    reach: float | None
    share: float


@dataclass(frozen=True)
class Widths:
    """The newest look at the widths, and what the plan says about it: ``target`` is None for a fixed number.

    ``reached``: the plan lets the test end. Where screening has ``kept`` nobody, the widths are those before it.
    ``target_share`` is where the target is drawn.
    """

    target: float | None
    most: int
    bars: tuple[Bar, ...]
    target_share: float
    listeners: int
    partly: int
    kept: int
    simulated: bool
    reached: bool
    as_of: str


def widths(look: Look, plan: AnalysisPlan) -> Widths:
    """Put a look into a picture."""
    found = look.found or {"contrasts": [], "listeners": 0, "kept": 0, "simulated": False}
    reaches = [one["reach"] for one in found["contrasts"]]
    known = [reach for reach in reaches if reach is not None]
    top = 1.1 * max([*known, plan.precision or 0.0, 1.0])
    return Widths(
        target=plan.precision,
        most=plan.listeners,
        bars=tuple(Bar(one["label"], one["reach"], round((one["reach"] or 0) / top, 4)) for one in found["contrasts"]),
        target_share=round((plan.precision or 0) / top, 4),
        listeners=found["listeners"],
        partly=found.get("partly", 0),  # what earlier releases found lacks it
        kept=found["kept"],
        simulated=found["simulated"],
        reached=plan.precision is not None
        and found["kept"] > 0
        and bool(reaches)
        and len(known) == len(reaches)
        and max(known) <= plan.precision,
        as_of=minutes(look.as_of),
    )

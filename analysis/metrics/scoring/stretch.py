"""A stretch of sound to be measured: what it is called, its truth, and the sounds of its conditions.

Each sound is asked for when its turn comes, so that one estimate at a time is in memory beside the truth. Whatever has
no number has a row with the reason: nothing that was asked for is left out.

Defines: ``Stretch``, ``Row``, ``rows_of``, ``row_of``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic
from analysis.metrics.family import Family, measure
from analysis.metrics.truth import NoNumber, Truth
from stimuli.errors import HiddenReferenceError

Row = dict[str, Any]
"""One row of the scored table."""


@dataclass(frozen=True)
class Stretch:
    """``labels`` are the columns of the table that all rows share; ``roles`` the role of each condition, in order.

    ``truth`` and ``sound`` make what they say, or raise with the reason why it isn't there.
    """

    labels: Mapping[str, str]
    roles: Mapping[str, str]
    truth: Callable[[], Truth]
    sound: Callable[[str], np.ndarray]


def rows_of(
    stretch: Stretch,
    families: Sequence[Family],
    cautions: dict[str, str] | None = None,
    arithmetic: Arithmetic = NUMPY,
) -> Iterator[tuple[Row, bool]]:
    """Every metric of every condition, and whether it may have a number the next time; condition after condition.

    ``cautions`` is given what the families have to say of their numbers, by their names. ``arithmetic`` computes them.
    """
    truth, numbers = _made(lambda: stretch.truth().computed_by(arithmetic)), set[str]()
    for condition in stretch.roles:
        sound = truth if isinstance(truth, NoNumber) else _made(lambda name=condition: stretch.sound(name))
        for family in families:
            if isinstance(truth, NoNumber) or isinstance(sound, NoNumber):
                found: Mapping[str, float | NoNumber] = {metric.name: sound for metric in family.metrics}
            else:
                found = measure(family, truth, sound)
            numbers |= {family.name for value in found.values() if not isinstance(value, NoNumber)}
            for metric, value in found.items():
                passing = isinstance(value, NoNumber) and value.passing
                yield row_of(stretch, condition, family.name, metric, value), passing
    if cautions is not None and isinstance(truth, Truth):
        able = [family for family in families if family.name in numbers]
        cautions.update({family.name: said for family in able if (said := family.caution(truth))})


def row_of(stretch: Stretch, condition: str, family: str, metric: str, found: float | NoNumber) -> Row:
    """The row of a number, or of the reason why there is none."""
    said = {"value": None, "reason": found.reason} if isinstance(found, NoNumber) else {"value": found, "reason": ""}
    about = {"condition": condition, "role": stretch.roles[condition], "family": family, "metric": metric}
    return {**stretch.labels, **about, **said}


def _made(make: Callable[[], Any]) -> Any:
    """What is made, or the reason why it can't be."""
    try:
        return make()
    except HiddenReferenceError as error:
        return NoNumber(str(error))

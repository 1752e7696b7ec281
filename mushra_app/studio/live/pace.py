"""How long trials take, and at which of them people stop: what a small picture shows of all sessions together.

Conventions: seconds; quartiles are linear between the two nearest values. Positions count from 1.
Defines: ``Step``, ``Pace``, ``pace``, ``quartiles``, ``Bar``, ``stops``.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mushra_app.study.sittings import Sitting
from mushra_app.words import say

NICE = (1, 2, 5)


@dataclass(frozen=True)
class Step:
    """Trials at one position: how many were saved, and the quartiles of the seconds that they took."""

    position: int
    count: int
    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Pace:
    """``top_s`` is where the picture's scale ends; ``median_s`` is over all trials."""

    steps: tuple[Step, ...]
    top_s: float
    median_s: float


@dataclass(frozen=True)
class Bar:
    """How many stopped at one trial; ``name`` is its number, or what comes after the last one."""

    position: int
    name: str
    count: int


def pace(sittings: Iterable[Sitting]) -> Pace | None:
    """Of all saved trials; None where there are none."""
    by_position: dict[int, list[float]] = defaultdict(list)
    for sitting in sittings:
        for position, seconds in sitting.times_s.items():
            by_position[position].append(seconds)
    if not by_position:
        return None
    steps = tuple(
        Step(position, len(times), *quartiles(sorted(times))) for position, times in sorted(by_position.items())
    )
    everything = sorted(seconds for times in by_position.values() for seconds in times)
    return Pace(steps, _above(max(step.upper for step in steps)), quartiles(everything)[1])


def quartiles(ordered: Sequence[float]) -> tuple[float, float, float]:
    """Of numbers in order, at least one."""

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])

    return at(0.25), at(0.5), at(0.75)


def stops(positions: Iterable[int], trials: int) -> tuple[Bar, ...]:
    """A bar per trial, those where nobody stopped too, and one after the last trial where somebody stopped there."""
    counted = Counter(positions)
    last = max(trials, *counted) if counted else trials
    return tuple(
        Bar(position, str(position) if position <= trials else say("end"), counted[position])
        for position in range(1, last + 1)
    )


def _above(value: float) -> float:
    """1, 2 or 5 times a power of ten, the smallest that is not below ``value``."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(nice * power for nice in (*NICE, 10) if nice * power >= value * (1 - 1e-12))

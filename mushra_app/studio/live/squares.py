"""The trials of one session as a picture: a mark per trial, whose shape is its kind and whose filling is its state.

A square is a trial of the test, a circle one of training, a diamond an attention check. Filled: saved. Empty: to come.
A mark with a dot: where somebody is. A cross: where somebody stopped.

Conventions: units of an SVG picture, ``STEP`` wide per mark. Defines: ``Marks``, ``marks``, ``STEP``, ``HEIGHT``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

STEP, HEIGHT = 14, 14
SHAPES = {
    "e": "M{x} 2h10v10h-10z",
    "t": "M{x} 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "a": "M{x} 7l5-6 5 6-5 6z",
}
DOT = "M{x} 7m3 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0z"
CROSS = "M{x} 7m-1-6l12 12m0-12l-12 12"


@dataclass(frozen=True)
class Marks:
    """Paths of an SVG picture, each of all marks in one state; empty ones are left out of the page."""

    width: int
    saved: str
    to_come: str
    here: str
    stopped: str


@lru_cache(maxsize=4096)
def marks(blocks: str, saved: str, here: int = 0, stopped: int = 0) -> Marks:
    """The picture; ``here`` and ``stopped`` are positions from 1, 0 for none."""
    drawn = [SHAPES[block].format(x=STEP * number + 2) for number, block in enumerate(blocks)]
    return Marks(
        width=STEP * len(blocks),
        saved="".join(path for path, state in zip(drawn, saved, strict=True) if state == "1"),
        to_come="".join(path for path, state in zip(drawn, saved, strict=True) if state == "0"),
        here=_at(DOT, here, len(blocks)),
        stopped=_at(CROSS, stopped, len(blocks)),
    )


def _at(shape: str, position: int, trials: int) -> str:
    return shape.format(x=STEP * (position - 1) + 2) if 1 <= position <= trials else ""

"""What a listener did on one trial, on a line of time: a lane per sound, by its number on the page.

Which sound was which is not said: lanes are positions. A sound plays from ``play`` or ``switch`` until ``pause`` or the
next switch; what was playing when the trial was saved plays until then.

Conventions: seconds since the trial was shown; the picture is ``WIDTH`` wide and ``LANE`` high per lane, and its paths
are in those units. Defines: ``Happened``, ``Lane``, ``Timeline``, ``timeline``, ``WIDTH``, ``LANE``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, LANE = 720, 16
"""Of the picture; a lane's bar is 8 high, a move a stroke over the whole lane."""


@dataclass(frozen=True)
class Happened:
    """One event of a page: ``sound`` is the lane, None for none."""

    at_s: float
    kind: str
    sound: int | None


@dataclass(frozen=True)
class Lane:
    """One sound: paths of when it played and when its slider moved; how long in all, and how often."""

    name: str
    plays: str
    moves: str
    heard_s: float
    moved: int


@dataclass(frozen=True)
class Timeline:
    """One trial; ``away`` is the path of when the page was not looked at, ``ticks`` are seconds and where they are."""

    lanes: tuple[Lane, ...]
    away: str
    length_s: float
    ticks: tuple[tuple[float, float], ...]
    height: int


@dataclass
class _Drawn:
    plays: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    heard_s: float = 0.0


def timeline(events: Sequence[Happened], names: Sequence[str], length_s: float) -> Timeline:
    """Draw the events of a trial, in the order of their times; ``names`` are the lanes from the top."""
    length_s = max(length_s, max((event.at_s for event in events), default=0.0), 1e-3)
    drawn = [_Drawn() for _ in names]
    away: list[str] = []
    ordered = sorted(events, key=lambda event: event.at_s)
    end = Happened(length_s, "end", None)
    playing: tuple[float, int] | None = None
    left: float | None = None
    for event in [*ordered, end]:
        if playing and event.kind in ("play", "switch", "pause", "end"):
            _play(drawn[playing[1]], playing[1], playing[0], event.at_s, length_s)
            playing = None
        if event.kind in ("play", "switch") and event.sound is not None:
            playing = event.at_s, event.sound
        if event.kind == "slider" and event.sound is not None:
            drawn[event.sound].moves.append(f"M{_x(event.at_s, length_s)} {LANE * event.sound + 1}v{LANE - 2}")
        if event.kind == "blur" and left is None:
            left = event.at_s
        if event.kind in ("focus", "end") and left is not None:
            away.append(_box(left, event.at_s, length_s, 0, LANE * len(names)))
            left = None
    return Timeline(
        lanes=tuple(
            Lane(name, "".join(one.plays), "".join(one.moves), round(one.heard_s, 1), len(one.moves))
            for name, one in zip(names, drawn, strict=True)
        ),
        away="".join(away),
        length_s=length_s,
        ticks=tuple((second, _x(second, length_s)) for second in _ticks(length_s)),
        height=LANE * len(names),
    )


def _play(lane: _Drawn, number: int, since_s: float, until_s: float, length_s: float) -> None:
    lane.heard_s += until_s - since_s
    lane.plays.append(_box(since_s, until_s, length_s, LANE * number + 4, 8))


def _box(since_s: float, until_s: float, length_s: float, top: int, height: int) -> str:
    """A bar that is seen however short it is."""
    left, right = _x(since_s, length_s), _x(until_s, length_s)
    return f"M{left} {top}h{max(round(right - left, 1), 1)}v{height}H{left}z"


def _x(second: float, length_s: float) -> float:
    return round(WIDTH * second / length_s, 1)


def _ticks(length_s: float) -> list[float]:
    """Round seconds, 3 to 8 of them."""
    steps = [nice * 10.0**power for power in range(-3, 8) for nice in (1, 2, 5)]
    step = next(step for step in steps if length_s / step <= 8)
    return [round(step * number, 6) for number in range(1, int(length_s / step) + 1)]

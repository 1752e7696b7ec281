"""What can be said of a draft before any sound is made: mistakes, rules of BS.1534-3, time, balance.

Conventions: places are paths of the form's fields (``systems.1.name``), "" where a mistake belongs to no field; times
in seconds. Defines: ``Mistake``, ``Time``, ``Evenness``, ``Checked``, ``checked``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from mushra_app.session import planning
from mushra_app.session.design import Design
from mushra_app.session.planning import Plan
from stimuli.errors import ExperimentError
from stimuli.experiment import Experiment, parse
from stimuli.manifest import RuleResult
from stimuli.standard.check import check_experiment

MOST_PLANNED = 48
"""Listeners whose plans are drawn to look at: the balance of more is hardly another, and takes as much longer."""
MOST_WORK = 600_000
"""Steps that drawing may take, so that a page answers at once: for large files fewer listeners are drawn."""
KEPT = 16
"""Texts are looked at again and again: by the page, by its script, by whoever opens it."""
PLACE = re.compile(r"^([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*): ")
SEED = 0


@dataclass(frozen=True)
class Mistake:
    """One sentence, and the field that it is about."""

    place: str
    sentence: str


@dataclass(frozen=True)
class Time:
    """Trials and seconds of one session: of the listeners with the least and the most."""

    session: int
    trials: tuple[int, int]
    seconds: tuple[float, float]


@dataclass(frozen=True)
class Evenness:
    """How often each sound stands at each position on a page: least, most, and were it equal."""

    what: str
    least: int
    most: int
    expected: float


@dataclass(frozen=True)
class Checked:
    """What is known of a draft; without an experiment there is nothing but mistakes. ``plans`` are the blocks and items
    of the first listeners' trials, to be drawn; ``drawn`` is how many listeners' plans were looked at."""

    experiment: Experiment | None
    mistakes: tuple[Mistake, ...]
    rules: tuple[RuleResult, ...] = ()
    times: tuple[Time, ...] = ()
    evenness: tuple[Evenness, ...] = ()
    plans: tuple[tuple[tuple[str, int], ...], ...] = ()
    drawn: int = 0


@lru_cache(maxsize=KEPT)
def checked(text: str) -> Checked:
    """Look at a draft's text."""
    try:
        experiment = parse(text)
    except ExperimentError as error:
        return Checked(None, tuple(_mistake(line) for line in error.problems))
    design = planning.design_of(experiment)
    plans = planning.planned(design, _listeners_to_draw(experiment, design), SEED)
    return Checked(
        experiment,
        (),
        check_experiment(experiment),
        _times(experiment, plans),
        _evenness(design, plans),
        _drawn(design, plans),
        len(plans),
    )


def _listeners_to_draw(experiment: Experiment, design: Design) -> int:
    """As many as the file plans, as far as they can be drawn at once; one at least."""
    items = min(design.per_listener or len(design.test), len(design.test))
    conditions = max((len(names) for names in design.hidden.values()), default=0)
    each = items**2 + items * len(design.attributes) * (design.replicates + 1) * conditions
    return max(1, min(experiment.analysis.listeners, MOST_PLANNED, MOST_WORK // max(each, 1)))


def _mistake(line: str) -> Mistake:
    sentence = line.removeprefix("experiment.toml: ")
    found = PLACE.match(sentence)
    return Mistake(re.sub(r"\[(\d+)\]", r".\1", found[1]) if found else "", sentence)


def _times(experiment: Experiment, plans: Sequence[Plan]) -> tuple[Time, ...]:
    took = [planning.seconds_of(experiment, one) for one in plans]
    counts = [
        {part: sum(trial.part == part for trial in one) for part in seconds}
        for one, seconds in zip(plans, took, strict=True)
    ]
    return tuple(
        Time(
            part,
            (min(own[part] for own in counts), max(own[part] for own in counts)),
            (min(own[part] for own in took), max(own[part] for own in took)),
        )
        for part in took[0]
    )


def _evenness(design: Design, plans: Sequence[Plan]) -> tuple[Evenness, ...]:
    return tuple(
        Evenness(balance.what, balance.positions.smallest, balance.positions.largest, balance.positions.expected)
        for attribute in design.attributes
        for balance in planning.balance_of(attribute, planning.pages_of(plans, attribute))
    )


def _drawn(design: Design, plans: Sequence[Plan]) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each of the first listeners the block of every trial, and the number of its item."""
    numbers = {item: number for number, item in enumerate(dict.fromkeys((*design.test, *design.training)), 1)}
    return tuple(tuple((trial.block, numbers[trial.item]) for trial in one) for one in plans[:12])

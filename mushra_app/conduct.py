"""The test as it was run, held against BS.1534-3: what the name MUSHRA asks beyond the sounds.  CONTRACT

The name is earned twice: by the stimulus set (``stimuli.standard``) and by how people listened to it. The second half
is judged here, from what the app has on record of every session whose ratings count, by the app itself while a study
runs and by the report afterwards. What is not on record counts as not met.

Conventions: levels in dB(A); a session that was not finished is no part of a run. Defines: ``Run``, ``Sitting``,
``sittings_of``, ``check_run``, ``called``, ``MUSHRA``, ``MULTI_STIMULUS``, ``BS1534``, ``CROSSFADE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stimuli.manifest import RuleResult
from stimuli.standard.rule import Rule

MUSHRA, MULTI_STIMULUS = "MUSHRA test", "multi-stimulus test"
BS1534 = "bs1534"
"""The way of switching that clause 5.3 has: 5 ms out, then 5 ms in, and never a cross-fade."""
CROSSFADE = "crossfade"
"""The other way that a page has: a cross-fade of 5 ms with equal gain."""
EXPERIENCED = "experienced"
TRANSDUCERS = {"": "not recorded", "headphones": "headphones", "loudspeakers": "loudspeakers"}
REFERENCE_DB_A, ADJUSTED_DB = 78.0, 4.0
"""Level of one channel's alignment signal, and how far a listener may turn it up or down (clause 8)."""

Run = tuple["Sitting", ...]


@dataclass(frozen=True)
class Sitting:
    """What is on record of one finished session; "" and None where nothing is."""

    listener: str
    simulated: bool
    trained: bool
    experience: str
    transducer: str
    level_db_a: float | None
    fade_modes: frozenset[str]
    altered: int = 0
    """Most sounds of one of its trials that a browser decoded otherwise than they were built."""


def sittings_of(rows: Iterable[Mapping[str, Any]]) -> Run:
    """Finished sessions out of rows of the ratings contract, training rows among them.

    A listener is trained where any of their sessions has training rows: several sessions share one training. Switching
    is told by the trials that count.
    """
    found: dict[Any, Sitting] = {}
    trained: set[str] = set()
    for row in rows:
        if row["training"]:
            trained.add(row["listener"])
            continue
        if not row["finished"]:
            continue
        known = found.setdefault(row["session"], _sitting(row))
        altered = max(known.altered, row["altered"] or 0)
        found[row["session"]] = replace(known, fade_modes=known.fade_modes | {row["fade_mode"]}, altered=altered)
    return tuple(replace(sitting, trained=sitting.listener in trained) for sitting in found.values())


def check_run(sittings: Iterable[Sitting]) -> tuple[RuleResult, ...]:
    """Hold the finished sessions of a study version against the rules of a run."""
    run = tuple(sittings)
    return tuple(rule.result(run) for rule in RUN_RULES)


def called(rules: Iterable[RuleResult]) -> str:
    """What a test may be called, given what the rules of its set and of its run say."""
    return MULTI_STIMULUS if any(not rule.passed and rule.severity == "must" for rule in rules) else MUSHRA


def _sitting(row: Mapping[str, Any]) -> Sitting:
    return Sitting(
        listener=row["listener"],
        simulated=row["simulated"],
        trained=False,
        experience=row["experience"],
        transducer=row["transducer"],
        level_db_a=row["level_db_a"],
        fade_modes=frozenset(),
    )


def _share(run: Run, fault: Callable[[Sitting], bool]) -> str:
    """How many sessions have a fault, as "3 of 20 sessions"; "" where none has."""
    count = sum(map(fault, run))
    return f"{count} of {len(run)} {'session' if len(run) == 1 else 'sessions'}" if count else ""


def _by_people(run: Run) -> str | None:
    if not run:
        return "nobody has finished the test yet"
    programs = _share(run, lambda one: one.simulated)
    return f"{programs} by programs, not people" if programs else None


def _trained(run: Run) -> str | None:
    without = _share(run, lambda one: not one.trained)
    return f"{without} without training" if without else None


def _assessors(run: Run) -> str | None:
    others = _share(run, lambda one: one.experience != EXPERIENCED)
    return f"{others} by listeners who did not say that they are experienced" if others else None


def _transducer(run: Run) -> str | None:
    kinds = sorted({TRANSDUCERS.get(one.transducer, one.transducer) for one in run})
    return None if kinds in ([], ["headphones"], ["loudspeakers"]) else f"listened on: {', '.join(kinds)}"


def _level(run: Run) -> str | None:
    unknown = _share(run, lambda one: one.level_db_a is None)
    if unknown:
        return f"no calibrated listening level is on record for {unknown}"
    off = _share(run, lambda one: abs((one.level_db_a or 0.0) - REFERENCE_DB_A) > ADJUSTED_DB)
    levels = sorted({one.level_db_a or 0.0 for one in run})
    return f"{off} at another level ({levels[0]:g} to {levels[-1]:g} dB(A))" if off else None


def _switching(run: Run) -> str | None:
    other = _share(run, lambda one: one.fade_modes != {BS1534})
    modes = frozenset[str]().union(*(one.fade_modes for one in run)) - {BS1534, ""}
    told = f" ({', '.join(sorted(modes))})" if modes else ", or it was not recorded"
    return f"{other} with other switching{told}" if other else None


def _as_built(run: Run) -> str | None:
    other = _share(run, lambda one: one.altered > 0)
    return f"{other} in which the browser decoded sounds otherwise than they were built" if other else None


RUN_RULES: tuple[Rule[Run], ...] = (
    Rule(
        "run-people",
        "practice",
        "must",
        "people listened",
        _by_people,
        "a rehearsal earns no name: let people take the test",
    ),
    Rule(
        "run-training",
        "5.2",
        "must",
        "every assessor was trained before rating",
        _trained,
        'give an item use = "training" or "both"; whoever was not trained can\'t be in a MUSHRA test',
    ),
    Rule(
        "run-assessors",
        "4.1",
        "must",
        "all assessors are experienced",
        _assessors,
        "invite experienced assessors, or call it a multi-stimulus test",
    ),
    Rule(
        "run-transducer",
        "8",
        "must",
        "all listened on one type of transducer",
        _transducer,
        "ask for headphones or for loudspeakers, not for both",
    ),
    Rule(
        "run-level",
        "8",
        "must",
        f"the listening level is on record and within {ADJUSTED_DB:g} dB of {REFERENCE_DB_A:g} dB(A)",
        _level,
        "calibrate the listening places (mushra place add) and give out their links, or call it a multi-stimulus test",
    ),
    Rule(
        "run-switching",
        "5.3",
        "must",
        "sounds were switched by 5 ms out, then 5 ms in",
        _switching,
        'set test.switching = "bs1534", and let listeners use this release\'s page',
    ),
    Rule(
        "run-sounds",
        "practice",
        "should",
        "no browser is known to have played other sounds than were built",
        _as_built,
        "look which browser it was, and what lies between it and the server",
    ),
)

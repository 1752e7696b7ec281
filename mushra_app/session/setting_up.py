"""What a listener goes through before the first trial of a session: level, sides, headphones.

Each step is a page with sounds (``mushra_app.session.setup_sounds``) and a form. What was answered is kept as a row per
attempt; which step is next follows from these rows. What happens to somebody who fails is the experiment's policy:
``note`` goes on without a word, ``warn`` says what may be wrong and lets them try again or go on, ``refuse`` ends the
session after ``TRIES`` failures. Simulated listeners have no ears to set up and skip all of it; so does the level at a
place that was calibrated.

Conventions: gains in dB relative to the clips as built, never above 0; answers are texts; a round's number counts
from 1. The right answers are drawn from the session's seed, the step and the attempt, and never reach the page.

Defines: ``HEADROOM_DB``, ``LOWEST_DB``, ``next_step``, ``page``, ``sound``, ``answer``, ``alignment_noise``,
``gain_range``, ``outcomes``, ``refused_at``.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from mushra_app.errors import AppError, NotFoundError
from mushra_app.listener.pages import CheckPage, LevelPage, Round
from mushra_app.models import ListeningSession, SetupStep, StudyVersion, now
from mushra_app.session import course
from mushra_app.session.enrolment import experiment_of, title_of
from mushra_app.words import say
from stimuli.experiment import Setup

HEADROOM_DB = 4.0
"""Kept free above the level that is set, so that a listener may turn up by as much between trials (BS.1534-3, 8)."""
LOWEST_DB = -24.0
TRIES = 2
SLOWEST_RATE_HZ = 32_000
"""A device that runs slower than this is a telephone's: Bluetooth headsets do while their microphone is open."""
LONGEST_OUTPUT = 500
SIDES = ("left", "middle", "right")
INTERVALS = ("1", "2", "3")


@dataclass(frozen=True)
class Check:
    """A step that can be failed: ``rounds`` questions, of which ``needed`` have to be answered right."""

    kind: str
    rounds: int
    needed: int
    answers: tuple[str, ...]


CHECKS = {
    "sides": Check("sides", rounds=4, needed=4, answers=SIDES),
    "antiphase": Check("antiphase", rounds=6, needed=5, answers=INTERVALS),  # as Woods et al. pass it
    "huggins": Check("huggins", rounds=6, needed=6, answers=INTERVALS),  # as Milne et al. pass it
}


def next_step(sitting: ListeningSession) -> str | None:
    """The step that is to be done now: ``level``, ``sides``, ``headphones``, or None."""
    return next((step for step in _steps(sitting) if not _is_done(sitting, step)), None)


def page(sitting: ListeningSession, step: str, base: str) -> LevelPage | CheckPage:
    """A step's page."""
    setup, title = _setup(sitting), title_of(sitting.version)
    if step == "level":
        sounds = {kind: f"{base}/setup/level/1/{number}" for number, kind in enumerate(("tone", "noise"), 1)}
        return LevelPage(
            title=title,
            tone_url=sounds["tone"],
            noise_url=sounds["noise"],
            lowest_db=LOWEST_DB,
            highest_db=-HEADROOM_DB,
            gain_db=-HEADROOM_DB,
        )
    check, attempt = _check(setup, step), len(_attempts(sitting, step)) + 1
    failed = [row for row in _attempts(sitting, step) if row.passed is False]
    return CheckPage(
        title=title,
        step=step,
        kind=check.kind,
        rounds=tuple(Round(f"heard-{n}", f"{base}/setup/{step}/{attempt}/{n}") for n in range(1, check.rounds + 1)),
        answers=check.answers,
        gain_db=sitting.gain_db or 0.0,
        once=check.kind != "sides",
        error=_what_was_wrong(failed[-1]) if failed else "",
        may_skip=_may_skip(sitting, step),
    )


def sound(sitting: ListeningSession, step: str, attempt: int, number: int) -> bytes:
    """One sound of a step, as a WAV file; NotFoundError where there is none."""
    from mushra_app.session import setup_sounds  # loads NumPy, which no other page of the server needs

    if step not in _steps(sitting) or sitting.status != "started":
        raise NotFoundError("This sound is not part of this session.")
    lufs = experiment_of(sitting.version).loudness.target_lufs
    draw = setup_sounds.generator(sitting.seed, f"{step}/{attempt}/{number}")
    if step == "level":
        if number not in (1, 2):
            raise NotFoundError("This sound is not part of this session.")
        return setup_sounds.wav(
            setup_sounds.alignment_tone(lufs) if number == 1 else setup_sounds.alignment_noise(lufs, draw)
        )
    check = _check(_setup(sitting), step)
    if not 1 <= number <= check.rounds:
        raise NotFoundError("This sound is not part of this session.")
    right = _right_answers(sitting, step, attempt)[number - 1]
    if check.kind == "sides":
        return setup_sounds.wav(setup_sounds.one_side(lufs, draw, right))  # pyright: ignore[reportArgumentType]
    make = setup_sounds.antiphase_tones if check.kind == "antiphase" else setup_sounds.huggins_pitch
    return setup_sounds.wav(make(lufs, draw, INTERVALS.index(right)))


def answer(db: Session, sitting: ListeningSession, given: Mapping[str, str]) -> None:
    """Keep what was answered to the step that is due; nothing where the form was another one's.

    Raises
    ------
    AppError
        Where a level is no number within its range, or a round was left out.
    """
    step = next_step(sitting)
    if step is None or given.get("step") != step:
        return  # a page that was out of date: the next one is shown
    detail: dict[str, Any] = {"output": _output(given.get("output", ""))}
    passed: bool | None = None
    if step == "level":
        sitting.gain_db = detail["gain_db"] = _gain(given.get("gain_db", ""))
    elif given.get("skip") and _may_skip(sitting, step):
        passed, detail["skipped"] = False, True
    else:
        check = _check(_setup(sitting), step)
        answered = [given.get(f"heard-{number}", "") for number in range(1, check.rounds + 1)]
        if not set(answered) <= set(check.answers):
            raise AppError(say("Please answer every round; nothing was kept."))
        right = _right_answers(sitting, step, len(_attempts(sitting, step)) + 1)
        detail |= {"kind": check.kind, "right": right, "answered": answered}
        passed = sum(map(str.__eq__, right, answered)) >= check.needed and not _is_narrow(detail["output"])
    row = SetupStep(step=step, attempt=len(_attempts(sitting, step)) + 1, passed=passed, detail=detail, done_at=now())
    sitting.setup_steps.append(row)
    failures = sum(row.passed is False for row in _attempts(sitting, step))
    if _setup(sitting).on_failure == "refuse" and failures >= TRIES and not _is_done(sitting, step):
        course.refuse(sitting)
    db.flush()


def refused_at(sitting: ListeningSession) -> str | None:
    """The step that ended all sessions of this listener; None where it was an answer that did."""
    rows = [row for other in sitting.listener.sessions for row in other.setup_steps if row.passed is False]
    if not any(question.accept for question in experiment_of(sitting.version).questions):
        return rows[-1].step if rows else None
    counts = Counter((row.session_id, row.step) for row in rows)
    refuses = _setup(sitting).on_failure == "refuse"
    return next((step for (_, step), failures in counts.items() if refuses and failures >= TRIES), None)


def alignment_noise(version: StudyVersion, side: str) -> bytes:
    """The noise of one channel as a WAV file, as loud as a study's listeners have it where nobody turned anything."""
    from mushra_app.session import setup_sounds

    if side not in ("left", "right"):
        raise NotFoundError("There is no such sound: expected left or right.")
    experiment = experiment_of(version)
    lufs = experiment.loudness.target_lufs - (HEADROOM_DB if experiment.setup.level else 0.0)
    return setup_sounds.wav(setup_sounds.alignment_noise(lufs, setup_sounds.generator(0, "alignment"), side))


def gain_range(sitting: ListeningSession) -> tuple[float, float]:
    """Lowest and highest gain of a trial in dB; equal where the listener may not change it."""
    if not _setup(sitting).level:
        return 0.0, 0.0
    set_to = -HEADROOM_DB if sitting.gain_db is None else sitting.gain_db
    return set_to - HEADROOM_DB, set_to + HEADROOM_DB


def outcomes(steps: Sequence[SetupStep]) -> dict[str, str]:
    """For each step that can be failed, ``passed`` or ``failed``; a later attempt counts."""
    return {row.step: "passed" if row.passed else "failed" for row in steps if row.passed is not None}


def _setup(sitting: ListeningSession) -> Setup:
    return experiment_of(sitting.version).setup


def _check(setup: Setup, step: str) -> Check:
    return CHECKS[setup.headphones if step == "headphones" else step]


def _steps(sitting: ListeningSession) -> list[str]:
    """The steps of this session in order."""
    setup = _setup(sitting)
    if sitting.listener.simulated:
        return []
    wanted = {
        "level": setup.level and sitting.place_id is None,
        "sides": setup.sides,
        "headphones": setup.headphones != "off" and sitting.transducer == "headphones",
    }
    return [step for step, is_wanted in wanted.items() if is_wanted]


def _attempts(sitting: ListeningSession, step: str) -> list[SetupStep]:
    return [row for row in sitting.setup_steps if row.step == step]


def _may_skip(sitting: ListeningSession, step: str) -> bool:
    """Whether a listener may go on who failed a step."""
    failed = any(row.passed is False for row in _attempts(sitting, step))
    return failed and _setup(sitting).on_failure == "warn"


def _is_done(sitting: ListeningSession, step: str) -> bool:
    rows = _attempts(sitting, step)
    passed = any(row.passed is not False or row.detail.get("skipped") for row in rows)
    return passed or (bool(rows) and _setup(sitting).on_failure == "note")


def _right_answers(sitting: ListeningSession, step: str, attempt: int) -> list[str]:
    """What is right in each round: every answer about equally often, in a drawn order."""
    check = _check(_setup(sitting), step)
    draw = random.Random(f"{sitting.seed}/{step}/{attempt}")
    answers = [check.answers[n % len(check.answers)] for n in range(check.rounds)]
    if check.rounds % len(check.answers):
        answers[-1] = draw.choice(check.answers)  # not always the same one twice
    draw.shuffle(answers)
    return answers


def _what_was_wrong(row: SetupStep) -> str:
    """What a listener can do about a failed attempt."""
    if _is_narrow(row.detail["output"]):
        return say(
            "Your sound device runs at telephone quality: Bluetooth headphones do while their microphone is in use. "
            "Please use a cable, or choose another microphone, and try again."
        )
    if row.step == "headphones":
        return say("Some answers were not right. Please make sure that you wear headphones, and try again.")
    right, answered = row.detail["right"], row.detail["answered"]
    if answered == [{"left": "right", "right": "left"}.get(side, side) for side in right]:
        return say("Left and right are swapped. Please turn your headphones round, or swap your loudspeakers.")
    if set(answered) == {"middle"}:
        return say("You heard everything in the middle: your device plays in mono. Please look at its settings.")
    return say("Some answers were not right. Please check your headphones or loudspeakers, and try again.")


def _gain(text: str) -> float:
    try:
        gain = float(text)
    except ValueError:
        gain = float("nan")
    if not LOWEST_DB <= gain <= -HEADROOM_DB:
        raise AppError(say("The volume could not be read. Please go back and set it again."))
    return gain


def _output(text: str) -> dict[str, float]:
    """What the browser said of its output; nothing where it said nothing, or nonsense."""
    try:
        said = json.loads(text[:LONGEST_OUTPUT])
        return {name: float(said[name]) for name in ("rate_hz", "latency_s") if said.get(name) is not None}
    except (ValueError, TypeError, AttributeError):
        return {}


def _is_narrow(output: Mapping[str, float]) -> bool:
    return output.get("rate_hz", SLOWEST_RATE_HZ) < SLOWEST_RATE_HZ

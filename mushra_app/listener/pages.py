"""What each listener's page shows: one frozen dataclass per page, and nothing else reaches the template.

This is the blinding wall. No field can hold the name of a condition, a role, a file or an item: sounds are
known to the browser by random tokens that are drawn anew for every session. A test renders every page and
asserts that its context is exactly one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WelcomePage:
    """First page of a study: what it is about, consent, and how the listener listens.

    At a calibrated ``place`` (its name) there is one transducer, which the page says instead of asking. A ``preview``
    is looked at by somebody who may take part and has not said so yet: it has no form.
    """

    title: str
    consent: str
    contact: str
    trials: int
    sessions: int
    transducers: Mapping[str, str]
    experience: Mapping[str, str]
    place: str = ""
    errors: tuple[str, ...] = ()
    preview: bool = False


@dataclass(frozen=True)
class Field:
    """One question of a questionnaire; ``choices`` are what is stored, and how the listener reads it."""

    name: str
    text: str
    type: str
    choices: Mapping[str, str]
    required: bool
    value: str = ""
    error: str = ""


@dataclass(frozen=True)
class QuestionsPage:
    """A questionnaire, before or after the trials or at a break."""

    title: str
    heading: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class InstructionsPage:
    """What comes next: shown before the training, before the test, and at breaks."""

    title: str
    heading: str
    paragraphs: tuple[str, ...]
    button: str


@dataclass(frozen=True)
class LevelPage:
    """Set the level by a tone and by noise; gains in dB, to be changed by the listener within their range."""

    title: str
    tone_url: str
    noise_url: str
    lowest_db: float
    highest_db: float
    gain_db: float
    step: str = "level"


@dataclass(frozen=True)
class Round:
    """One sound of a check, and the name of its answer."""

    name: str
    url: str


@dataclass(frozen=True)
class CheckPage:
    """A check of the listener's sound: ``kind`` is sides, antiphase or huggins, ``answers`` what can be said.

    With ``once`` each sound is played a single time. ``error`` says what was wrong before; ``may_skip`` lets go on.
    """

    title: str
    step: str
    kind: str
    rounds: tuple[Round, ...]
    answers: tuple[str, ...]
    gain_db: float
    once: bool
    error: str
    may_skip: bool


@dataclass(frozen=True)
class Sound:
    """One sound of a trial, as the browser knows it."""

    token: str
    url: str
    label: str


@dataclass(frozen=True)
class TrialPage:
    """One MUSHRA trial: open references, and hidden sounds in the order drawn for this session.

    ``switching`` is ``bs1534`` or ``crossfade``. ``next_sounds`` are the addresses of the trial after it, to be
    fetched while this one is rated. ``gain_db`` is the page's own gain, to be changed within its range before the
    first sound is played; equal ends: not at all.
    """

    title: str
    number: int
    total: int
    training: bool
    question: str
    labels: tuple[str, ...]
    token: str
    save_url: str
    next_url: str
    references: tuple[Sound, ...]
    sounds: tuple[Sound, ...]
    rate_hz: int
    frames: int
    switching: str
    revision: int
    next_sounds: tuple[str, ...]
    gain_db: float
    lowest_gain_db: float
    highest_gain_db: float
    show_numbers: bool


@dataclass(frozen=True)
class DonePage:
    """The last page of a session: everything is stored.

    ``completion`` is a code to paste elsewhere and ``return_url`` where to return to. Where another session follows,
    ``next_url`` is its address, and ``wait_h`` how many hours it takes until it can begin.
    """

    title: str
    code: str
    contact: str
    completion: str = ""
    return_url: str = ""
    next_url: str = ""
    wait_h: int = 0


@dataclass(frozen=True)
class MessagePage:
    """A page that says what is the matter and what to do; where it ``forgets``, the browser drops what it keeps.

    ``code`` is one to paste elsewhere and ``return_url`` where to return to, for those who can't take part.
    """

    title: str
    heading: str
    paragraphs: tuple[str, ...]
    forgets: bool = False
    code: str = ""
    return_url: str = ""


@dataclass(frozen=True)
class WithdrawPage:
    """Asks a listener whether they want to withdraw; with ``asks_code``, from any browser, by the code they kept."""

    title: str
    asks_code: bool
    error: str = ""

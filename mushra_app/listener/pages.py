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
    """First page of a study: what it is about, consent, and how the listener listens."""

    title: str
    consent: str
    contact: str
    trials: int
    transducers: tuple[str, ...]
    experience: Mapping[str, str]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """One question of a questionnaire."""

    name: str
    text: str
    type: str
    choices: tuple[str, ...]
    required: bool
    value: str = ""
    error: str = ""


@dataclass(frozen=True)
class QuestionsPage:
    """A questionnaire, before or after the trials."""

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
class Sound:
    """One sound of a trial, as the browser knows it."""

    token: str
    url: str
    label: str


@dataclass(frozen=True)
class TrialPage:
    """One MUSHRA trial: open references, and hidden sounds in the order drawn for this session.

    ``switching`` is ``bs1534`` or ``crossfade``. ``next_sounds`` are the addresses of the trial after it, to be
    fetched while this one is rated.
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


@dataclass(frozen=True)
class DonePage:
    """The last page: everything is stored."""

    title: str
    code: str
    contact: str


@dataclass(frozen=True)
class MessagePage:
    """A page that says what is the matter and what to do."""

    title: str
    heading: str
    paragraphs: tuple[str, ...]

"""What the tab "Test" shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mushra_app.studio.tabs import StudyHead
from mushra_app.study.counting import Count


@dataclass(frozen=True)
class BrokenRule:
    """A rule of the set or of the run that is not met; a broken "must" takes the name MUSHRA."""

    rule: str
    severity: str
    authority: str
    message: str


@dataclass(frozen=True)
class VersionRow:
    """One version of the study; ``moves`` are the states that it may be brought into from here.

    ``reopening``: for it to run again a reason is needed.
    """

    number: int
    status: str
    published_at: str
    opened_at: str
    closed_at: str
    count: Count
    moves: tuple[str, ...]
    reopening: bool


@dataclass(frozen=True)
class TestPage:
    """One study: its state, what it may be called, and every version, the current one first.

    ``duplicate`` is the name that a duplicate is offered, or that was typed; None for whoever may make no study.
    ``under_way`` are listeners who are at it now, counted while the study runs. ``wrong`` has a sentence for each field
    that won't do.
    """

    head: StudyHead
    study_id: str
    stimuli_id: str
    items: int
    conditions: int
    listeners_planned: int
    listener_url: str
    called: str
    broken: tuple[BrokenRule, ...]
    versions: tuple[VersionRow, ...]
    under_way: int
    error: str = ""
    duplicate: str | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

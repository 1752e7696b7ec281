"""What the tab "Results" shows, and the two pages that ask before something is erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mushra_app.session.privacy import Kept
from mushra_app.studio.tabs import StudyHead
from mushra_app.study.counting import Count
from mushra_app.study.work import Works


@dataclass(frozen=True)
class ReportFacts:
    """What the report on the page is of.

    ``finished`` of its ``listeners`` have finished all their sessions; ``since`` counts trials that were saved after
    its ratings were read.
    """

    ratings: int
    listeners: int
    finished: int
    deviations: tuple[str, ...]
    early: bool
    since: int


@dataclass(frozen=True)
class ResultsPage:
    """What was made of a version's ratings, what can be made and taken out, and what is personal of the study.

    ``listeners`` and ``finished`` are those that a report may be made of, simulated ones too; ``count`` are people.
    ``number`` is the version that is shown, ``numbers`` are all that may have results. ``running`` is whether any
    version of the study runs, for then the results of all of them are sealed. ``who`` is a listener who was typed and
    is not there; ``wrong`` has a sentence for each field that won't do.
    """

    head: StudyHead
    running: bool
    number: int
    numbers: tuple[int, ...]
    study_id: str
    listeners: int
    finished: int
    count: Count
    trials: int
    looks: tuple[tuple[str, str], ...]
    width_looks: int
    works: Works
    report: ReportFacts | None
    exported: bool
    personal: Kept
    keep_days: float | None
    error: str = ""
    who: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WithdrawalPage:
    """A listener who is about to be withdrawn, and what of theirs is stored."""

    head: StudyHead
    pseudonym: str
    sessions: int
    trials: int
    error: str = ""


@dataclass(frozen=True)
class ErasurePage:
    """What is personal and about to be erased."""

    head: StudyHead
    personal: Kept
    error: str = ""

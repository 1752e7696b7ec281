"""What the tab "Design" shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mushra_app.studio.tabs import StudyHead
from mushra_app.study.drafts.checking import Evenness, Mistake, Time
from mushra_app.study.drafts.form import Part
from mushra_app.study.work import Works
from stimuli.manifest import RuleResult


@dataclass(frozen=True)
class Findings:
    """What is known of the file: ``rules`` are those that it breaks, of ``rules_in_all``; ``wrong`` are sentences by
    the field that they are about. ``plans`` are the trials of the first listeners: block, and number of the item;
    ``drawn`` is of how many listeners the plans were looked at."""

    mistakes: tuple[Mistake, ...]
    rules: tuple[RuleResult, ...]
    rules_in_all: int
    times: tuple[Time, ...]
    evenness: tuple[Evenness, ...]
    plans: tuple[tuple[tuple[str, int], ...], ...]
    listeners: int
    called: str
    drawn: int = 0

    @property
    def wrong(self) -> Mapping[str, str]:
        """The mistakes by their fields."""
        return {mistake.place: mistake.sentence for mistake in self.mistakes}


@dataclass(frozen=True)
class Power:
    """The smallest difference that is found, for numbers of listeners and of items."""

    listeners: tuple[int, ...]
    items: tuple[int, ...]
    differences: tuple[tuple[float, ...], ...]
    planned: tuple[int, int]
    conclusion: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class DesignPage:
    """The file of a study: of the draft where somebody writes one, else of the published version (``revision`` 0).

    ``parts`` are empty where the text is no TOML; ``publishable`` is why the draft can't be published from here, ""
    where it can. ``outdated`` are kinds of work whose result is of an earlier text; ``preset`` is the one that was last
    asked for. ``typed`` is what was not saved, because of ``error``. ``duplicate`` is the name that a duplicate is
    offered, or that was typed; None for whoever may make no study, and where the tab "Test" offers it. ``wrong`` says
    what is the matter with such a name.
    """

    head: StudyHead
    text: str
    revision: int
    changed_by: str
    changed_at: str
    parts: tuple[Part, ...]
    findings: Findings
    publishable: str
    power: Power | None
    presets: tuple[str, ...]
    words: str
    works: Works
    outdated: frozenset[str] = frozenset()
    preset: str = ""
    error: str = ""
    typed: str = ""
    duplicate: str | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewStudyPage:
    """A name is asked for."""

    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class FindingsPage:
    """The findings alone, for the script that looks at a file while it is written."""

    findings: Findings

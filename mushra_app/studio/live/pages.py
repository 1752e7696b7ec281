"""What the tab "Live" shows: all sessions of a study, and one listener."""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.studio.live.health import Health
from mushra_app.studio.live.pace import Bar, Pace
from mushra_app.studio.live.quality import Mark, Quality, Strip
from mushra_app.studio.live.squares import Marks
from mushra_app.studio.live.timeline import Timeline
from mushra_app.studio.live.widths import Widths
from mushra_app.studio.tabs import StudyHead
from mushra_app.study.work import Works


@dataclass(frozen=True)
class View:
    """What of all sessions is wanted: of whom, in which state (or ""), and every row however many there are."""

    who: str = "all"
    state: str = ""
    every: bool = False


@dataclass(frozen=True)
class SessionRow:
    """One listener's session; ``says`` is its state in words, ``strip`` its quality where the rules have looked.

    ``seen`` and ``seen_at`` are "" where it was never begun.
    """

    listener: str
    part: int
    state: str
    says: str
    simulated: bool
    pilot: bool
    seen: str
    seen_at: str
    saved: int
    trials: int
    marks: Marks
    strip: Strip | None


@dataclass(frozen=True)
class Count:
    """How many listeners are in one state; ``state`` is "" for all of them."""

    state: str
    words: str
    number: int


@dataclass(frozen=True)
class Kind:
    """How many listeners of one kind there are."""

    who: str
    words: str
    number: int


@dataclass(frozen=True)
class PageError:
    """One error that the script of a listener's page reported; ``browser`` is its user agent in a few words."""

    reported_at: str
    listener: str
    browser: str
    user_agent: str
    first_line: str
    text: str


@dataclass(frozen=True)
class LivePage:
    """How far every session is; of the pages' errors the newest, and how many in all.

    ``etag`` changes whenever the page would; ``ask`` is whether it is time to have the rules look again. ``view`` says
    what of the sessions is among the rows, ``in_view`` how many are. ``quiet_minutes`` without a sign of life count as
    stopped; ``given_free`` are the listeners whose places are free again after ``free_after_h`` hours (None: never).
    """

    head: StudyHead
    etag: str
    listener_url: str
    view: View
    kinds: tuple[Kind, ...]
    counts: tuple[Count, ...]
    sessions: tuple[SessionRow, ...]
    in_view: int
    quiet_minutes: int
    given_free: int
    free_after_h: int | None
    stops: tuple[Bar, ...]
    most_stops: int
    pace: Pace | None
    quality: Quality
    ask: bool
    finished: bool
    widths: Widths
    works: Works
    page_errors: tuple[PageError, ...]
    page_errors_in_all: int
    health: Health


@dataclass(frozen=True)
class StepRow:
    """One step of setting up, in words."""

    words: str
    outcome: str
    passed: bool | None
    done_at: str


@dataclass(frozen=True)
class TrialRow:
    """One trial of one listener: where, what, how long, and what was done on it; ``state`` is "saved" or "open"."""

    position: int
    block: str
    item: str
    state: str
    seconds: float | None
    revisions: int
    saved_at: str
    comment: str
    altered: int | None
    timeline: Timeline | None


@dataclass(frozen=True)
class Part:
    """One session of the listener, with ``facts`` as pairs of a word and what it is; ``seen`` as in ``SessionRow``."""

    part: int
    state: str
    says: str
    seen: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[StepRow, ...]
    marks: Marks
    trials: tuple[TrialRow, ...]
    longest_s: float


@dataclass(frozen=True)
class ListenerPage:
    """Everything of one listener but their ratings; ``judged`` is whether the rules have looked at them."""

    head: StudyHead
    listener: str
    group: str
    simulated: bool
    pilot: bool
    parts: tuple[Part, ...]
    judged: bool
    failed: tuple[Mark, ...]
    as_of: str
    page_errors: tuple[PageError, ...]

"""What the tab "Live" shows."""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.studio.tabs import StudyHead


@dataclass(frozen=True)
class SessionRow:
    """One listener's session: a mark per trial, 'saved' or 'open'."""

    listener: str
    part: int
    status: str
    simulated: bool
    pilot: bool
    started_at: str
    trials: tuple[str, ...]


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
    """How far every session is; of the pages' errors the newest, and how many in all."""

    head: StudyHead
    listener_url: str
    sessions: tuple[SessionRow, ...]
    page_errors: tuple[PageError, ...]
    page_errors_in_all: int

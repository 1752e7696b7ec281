"""What the tab "Results" shows."""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.studio.tabs import StudyHead


@dataclass(frozen=True)
class ResultsPage:
    """What can be downloaded, and the command that makes the report."""

    head: StudyHead
    report_command: str

"""When results may be looked at: not while the study runs, so that nobody stops it for what they have seen.

Defines: ``require_over``.
"""

from __future__ import annotations

from mushra_app.errors import ConflictError
from mushra_app.models import StudyVersion
from mushra_app.study import lifecycle
from mushra_app.words import say


def require_over(version: StudyVersion) -> None:
    """Refuse ratings while the current version of their study runs; ConflictError says what to do."""
    if version.status in lifecycle.RUNNING:
        raise ConflictError(
            say(
                "%(study)s is %(status)s: ratings and reports are given out once it is closed. Close it first.",
                study=version.study.name,
                status=version.status,
            )
        )

"""What can be computed is; where it can't, the reason joins the problems of the report.

Defines: ``Tried``, ``SEED``, ``DRAWS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from analysis.errors import AnalysisError

Found = TypeVar("Found")
SEED = 1534
"""Of everything in a report that is drawn: a report made twice is the same."""
DRAWS = 2000
"""Draws of the two-way cluster bootstrap."""


class Tried:
    """Runs one part of the analysis after the other, and keeps in ``problems`` why one could not be made."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def __call__(self, compute: Callable[[], Found]) -> Found | None:
        """What ``compute`` answers, or None where it raises an ``AnalysisError``."""
        try:
            return compute()
        except AnalysisError as error:
            self.say(f"{str(error).rstrip('.')}.")
            return None

    def say(self, *sentences: str) -> None:
        """Add what a reader must know, each once."""
        self.problems += [sentence for sentence in sentences if sentence and sentence not in self.problems]

"""The errors of this room. Messages say where, what was found, what was expected and how to mend it."""

from __future__ import annotations

from stimuli.errors import HiddenReferenceError


class AnalysisError(HiddenReferenceError):
    """Ratings or sounds that can't be analysed."""


class PassingError(AnalysisError):
    """A tool of others that failed on what it was given this time, and may not the next."""

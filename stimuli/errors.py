"""Errors that people can mend. Messages say where, what was found, what was expected and how to mend it.

``HiddenReferenceError`` is the one base that the command line knows; each room has one base of its own below it. What
somebody wrote is repeated as ``shown``.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_SHOWN = 200
"""Letters."""


def shown(found: object) -> str:
    """What was found, as a message repeats it: in quotes where it is text, and no more of it than is recognised."""
    text = repr(found)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


class HiddenReferenceError(Exception):
    """Something a person can mend; the command line prints the message without a traceback and exits with 2."""


class StimuliError(HiddenReferenceError):
    """What can go wrong while making sounds; the base of this room."""


class ExperimentError(StimuliError):
    """An experiment file with mistakes: all of them at once, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ManifestError(StimuliError):
    """A stimulus set that is missing, unreadable, or no longer what its manifest says."""


class SoundError(StimuliError):
    """A sound file or a system's output that can't be used."""


class ConditionError(SoundError):
    """One condition of an item that can't be used: ``condition`` is its name."""

    def __init__(self, condition: str, message: str) -> None:
        self.condition = condition
        super().__init__(message)

    def __reduce__(self) -> tuple[type[ConditionError], tuple[str, str]]:
        """It comes from workers, through pickle, which otherwise hands on the message alone."""
        return type(self), (self.condition, str(self))

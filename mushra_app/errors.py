"""The errors of this room. Messages say where, what was found, what was expected and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping

from stimuli.errors import HiddenReferenceError


class AppError(HiddenReferenceError):
    """Something the experimenter or the listener can mend; shown without a traceback."""


class FieldsError(AppError):
    """What was typed and won't do: ``wrong`` has a sentence for each field, by the field's name."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__("\n".join(dict.fromkeys(wrong.values())))
        self.wrong = dict(wrong)


class RatingsError(AppError):
    """A ratings file that can't be read, or that belongs to another study."""


class NotFoundError(AppError):
    """Nothing here under that name or token."""


class UnavailableError(AppError):
    """Something that can't be had now, and may be had when it is tried again."""


class ConflictError(AppError):
    """What was sent no longer fits what is stored: an older revision, a finished session."""


class TurnedAwayError(AppError):
    """A study that does not take whoever asks; ``reason`` is paused, full, ended, uninvited, revoked or unfilled.

    ``code`` and ``return_url`` are what somebody from a panel ends their work there with.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.code = self.return_url = ""

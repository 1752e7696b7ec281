"""CSV whose lines end as Unix has them, and which any reader takes for the same rows.

Python's writer puts quotes around a lone carriage return only where lines end with one; without, a text that a
listener's browser sent could end a row in the middle.

Defines: ``writer``.
"""

from __future__ import annotations

import csv
from typing import Any, Protocol

ENDS = "\r\n"


class Lines(Protocol):
    """What text can be written to."""

    def write(self, text: str, /) -> int: ...


class _Unix:
    """Takes whole rows, and ends each with a line feed."""

    def __init__(self, stream: Lines) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        return self._stream.write(f"{row.removesuffix(ENDS)}\n")


def writer(stream: Lines) -> Any:
    """A ``csv.writer``; the stream was opened with ``newline=""``."""
    return csv.writer(_Unix(stream), lineterminator=ENDS)

"""What scripts are answered: the JSON of a save, and of all that is refused. Browsers get pages and sounds otherwise.

Defines: ``Saved``, ``Problem``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Saved(BaseModel):
    """A trial is on the disk: which of its revisions counts, and where to go on."""

    saved: Literal[True] = True
    revision: int
    next: str


class Problem(BaseModel):
    """Why a request was refused, in a sentence for people."""

    error: str

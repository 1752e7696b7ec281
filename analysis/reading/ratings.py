"""Ratings that can be analysed, whatever they were read from.

Conventions: a frame with the columns of ``mushra_app.ratings``, one row per rating, ids as text, ratings 0 to 100.
A *page* is what one listener had before them at once: one item, asked for one attribute, one presentation of it; a
*cell* is one condition on one page. Defines: ``Ratings``, ``PAGE``, ``CELL``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.study import Study
from mushra_app.conduct import Run
from mushra_app.ratings import Peek

PAGE = ["listener", "attribute", "item", "replicate"]
CELL = [*PAGE, "condition"]


@dataclass(frozen=True)
class Ratings:
    """Ratings that can be analysed, and what was left out on the way.

    ``frame`` holds the rated rows of finished sessions without training and attention checks, and ``checks`` those of
    attention checks; ``run`` is what is on record of these sessions, None where nothing says how people listened;
    ``simulated`` is true where any row, used or not, was made by a program. ``notes`` say in sentences what was done
    to the numbers on the way. The counts are of rows, but two: ``missing`` counts cells of finished sessions' pages
    that hold no rating, whether the row is empty or not there; ``not_shown`` those of systems that a page left out by
    design. ``peeks`` are the looks at the conditions while the study ran, and ``running`` is whether it does still.
    ``sha256`` is that of the export which these rows are, where they came out of a database; of a file it is its own.
    """

    frame: pd.DataFrame
    checks: pd.DataFrame
    study: Study
    run: Run | None
    simulated: bool
    simulated_listeners: int
    rows: int
    training: int
    attention_checks: int
    unfinished: int
    missing: int
    not_shown: int
    notes: tuple[str, ...] = ()
    peeks: tuple[Peek, ...] = ()
    running: bool = False
    sha256: str = ""

    @property
    def listeners(self) -> int:
        """How many have ratings that are analysed: whoever has finished one session at least."""
        return int(self.frame["listener"].nunique())

    @property
    def finished(self) -> int:
        """How many have finished all their sessions, as the app counts them too."""
        if self.study.sessions == 1:
            return self.listeners
        return int((self.frame.groupby("listener")["session"].nunique() >= self.study.sessions).sum())

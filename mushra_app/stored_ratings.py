"""Ratings straight out of the app's database: the same rows that an export holds.  CONTRACT

It stands apart from ``mushra_app.ratings``, because a database needs much that a file does not: whoever reads files
alone loads none of it.

Conventions: rows as in ``mushra_app.ratings``. Defines: ``Stored``, ``read_database``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mushra_app.config import load_settings
from mushra_app.export import one_study, rows
from mushra_app.people import audit
from mushra_app.ratings import Peek, Row
from mushra_app.server_cli import opened, require_data
from mushra_app.study import peeking


class Stored(NamedTuple):
    """What a database holds of a study: its ratings, whether it runs still, and every look at them while it ran."""

    rows: list[Row]
    running: bool
    peeks: tuple[Peek, ...]


def read_database(
    data_dir: Path | None = None,
    study: str | None = None,
    *,
    version: int | None = None,
    peek: str = "",
    who: str = "the command line",
    blind: bool = False,
    look: str = "",
) -> Stored:
    """Rows with their types, straight out of the app's database: those that an export would hold, in the same order.

    Of a study that is still running nothing is read without a reason, which goes into the audit log
    (``mushra_app.study.peeking``).

    Parameters
    ----------
    data_dir : the app's data folder; None for that of the settings. Their ``database_url`` says where else to look.
    study : short name, where the database has several.
    version : number of the version whose ratings are read; None: of every one.
    peek, who : why somebody has to look while the study runs, and who it is.
    blind : for what names no condition and shows no mean: verdicts on listeners, widths of intervals. No reason is
        asked for then. ``look`` says what is looked at, where that is to be noted all the same.

    Raises
    ------
    AppError
        Where there is no such database or study, the database is of another release, or the study runs and no reason
        is given.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database:
        with database.reading() as db:
            name = one_study(db, study)
            mend = 'Or say why it has to be now: --peek "REASON"'
            reason = "" if blind else peeking.require(db, name, peek, mend=mend)
        if reason or look:
            with database.writing() as db:
                peeking.note(db, who, name, reason)
                if look:
                    audit.note(db, who, "look", f"{name}: {look}")
        with database.reading() as db:
            found = list(rows(db, name, version=version))
            return Stored(found, bool(reason), peeking.peeks(db, name))

"""What a database says of itself, in statements that hold for the tables of every release.

Defines: ``COUNTED``, ``row_counts``, ``named_clips``.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, table

from mushra_app.models import Clip, Condition, Item, Study, StudyVersion

COUNTED = ("study", "session", "save", "response")
"""Tables whose rows are counted in a backup, and again when it is restored."""


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows of each table of ``COUNTED``."""
    return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in COUNTED}


def named_clips(connection: Connection) -> dict[str, str]:
    """The hash of every sound that the database names, with the first clip that it belongs to, in words."""
    rows = connection.execute(
        select(Clip.media_sha256, Study.name, Item.name, Condition.name)
        .join(Item, Clip.item_id == Item.id)
        .join(Condition, Clip.condition_id == Condition.id)
        .join(StudyVersion, Item.study_version_id == StudyVersion.id)
        .join(Study, StudyVersion.study_id == Study.id)
        .order_by(Clip.id.desc())
    )
    return {sha256: f"study {study}, {item}, {condition}" for sha256, study, item, condition in rows}

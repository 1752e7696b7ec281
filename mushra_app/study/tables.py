"""The tables of what experimenters do for a study before it is listened to. Each class says what one row of it is.

Nothing of a rating is here, and no version changes by it. Whose names are personal is said at each column.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from mushra_app.table_base import Base, now


class Recruit(Base):
    """One listener's way to the study, where that is more than its open link; erased when the listener withdraws."""

    __tablename__ = "recruit"

    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), unique=True)
    channel: Mapped[str] = mapped_column(doc="invitation, lab, prolific or mturk")
    person: Mapped[str] = mapped_column(index=True, doc="who they are there, as the channel says it: personal")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict, doc="what else the link said")


class Invitation(Base):
    """One personal link: for one listener, once. Its address is signed with the data folder's key and stored nowhere.

    ``listener_id`` is whoever came by it; with it the link leads back into that listener's session.
    """

    __tablename__ = "invitation"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    label: Mapped[str] = mapped_column(doc="whom it is for, as the experimenter wrote it: personal")
    listener_group: Mapped[str] = mapped_column(default="")
    code: Mapped[str | None] = mapped_column(unique=True, doc="made at a listening place: the code its listener gets")
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
    listener_id: Mapped[int | None] = mapped_column(ForeignKey("listener.id"), unique=True)


class ExperimentDraft(Base):
    """One experiment file that somebody is writing in the studio; ``revision`` rises with every change."""

    __tablename__ = "experiment_draft"

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), unique=True)
    text: Mapped[str] = mapped_column(doc="as TOML, comments and all; may be wrong still")
    revision: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(default=now)

"""The tables. Each class says what one row of it is; the database itself refuses what must not be.

Many studies per database, several versions per study, any listening method without a new table: a trial has
slots (what can be heard) and scales (what is asked), and a response is a number, a text or a chosen slot.
Ratings are append-only: saving again adds rows with a higher revision, and no foreign key cascades into them.

Conventions: instants are UTC, times end in ``_s`` (seconds), loudness in LUFS, gain in dB. Hashes are SHA-256
in hex. Works on SQLite and PostgreSQL alike. The tables of those who run tests are in ``mushra_app.people.tables``,
those of how listeners are found and of what is being written in ``mushra_app.study.tables``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mushra_app.people import tables as tables_of_people  # noqa: F401  so that Base.metadata knows all tables
from mushra_app.study import tables as tables_of_studies  # noqa: F401
from mushra_app.table_base import Base, now


class Study(Base):
    """One study, known by its short name; what listeners hear is in its versions.

    ``recruiting`` is how listeners come to it (``mushra_app.study.recruiting``); it is no part of any version, because
    it changes nothing that a listener hears or is asked.
    """

    __tablename__ = "study"

    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    archived_at: Mapped[datetime | None]
    recruiting: Mapped[dict[str, Any]] = mapped_column(default=dict)
    versions: Mapped[list[StudyVersion]] = relationship(back_populates="study")


RUNNING = ("piloting", "open", "paused")
"""The states of a version that runs: it takes listeners, or will take some again."""


class StudyVersion(Base):
    """One published state of a study: text, design, plan and sounds, none of which changes any more.

    At most one per study is running (piloting, open or paused); ``mushra_app.study.lifecycle`` says what each status
    means and which may follow it.
    """

    __tablename__ = "study_version"
    __table_args__ = (
        UniqueConstraint("study_id", "identity"),
        UniqueConstraint("study_id", "number"),
        CheckConstraint("status IN ('draft', 'piloting', 'open', 'paused', 'closed', 'superseded')", "status"),
        Index(
            "uq_study_version_running",
            "study_id",
            unique=True,
            sqlite_where=text("status IN ('piloting', 'open', 'paused')"),
            postgresql_where=text("status IN ('piloting', 'open', 'paused')"),
        ),
    )

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    identity: Mapped[str] = mapped_column(doc="the study_id of the manifest: 64 hex digits")
    stimuli_id: Mapped[str]
    title: Mapped[str]
    experiment: Mapped[dict[str, Any]]
    # Large, and no page of a listener's needs it: read only where it is asked for.
    manifest: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    published_from: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[str] = mapped_column(default="draft")
    opened_at: Mapped[datetime | None] = mapped_column(doc="when it first took listeners whose ratings count")
    closed_at: Mapped[datetime | None] = mapped_column(doc="since when its ratings could be looked at")
    study: Mapped[Study] = relationship(back_populates="versions")
    scales: Mapped[list[Scale]] = relationship(order_by="Scale.position")
    items: Mapped[list[Item]] = relationship(order_by="Item.position")
    conditions: Mapped[list[Condition]] = relationship(order_by="Condition.position")


class Scale(Base):
    """One thing that is asked in a version (an attribute), with its range; text and choices have no range."""

    __tablename__ = "scale"
    __table_args__ = (
        UniqueConstraint("study_version_id", "name"),
        UniqueConstraint("id", "minimum", "maximum"),  # so that a response can refer to the range it was given in
        CheckConstraint("(minimum IS NULL) = (maximum IS NULL) AND minimum < maximum", "range"),
    )

    study_version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"))
    position: Mapped[int]
    name: Mapped[str]
    question: Mapped[str]
    labels: Mapped[list[str]]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]


class Item(Base):
    """One excerpt of one song in a version, with its factors."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("study_version_id", "name"),
        CheckConstraint("use IN ('test', 'training', 'both')", "use"),
    )

    study_version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"))
    position: Mapped[int]
    name: Mapped[str]
    song: Mapped[str]
    start_s: Mapped[float]
    length_s: Mapped[float]
    target: Mapped[str]
    dataset: Mapped[str]
    use: Mapped[str]
    clips: Mapped[list[Clip]] = relationship(back_populates="item")


class Condition(Base):
    """One thing that is compared in a version: the reference, an anchor, a system, or an open mixture."""

    __tablename__ = "condition"
    __table_args__ = (UniqueConstraint("study_version_id", "name"),)

    study_version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"))
    position: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(doc="family of the system or anchor")
    version: Mapped[str]


class Clip(Base):
    """One sound of a version: a condition of an item, in a role."""

    __tablename__ = "clip"
    __table_args__ = (
        UniqueConstraint("item_id", "condition_id", "role"),
        CheckConstraint("role IN ('reference', 'hidden_reference', 'anchor', 'system', 'mixture')", "role"),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    condition_id: Mapped[int] = mapped_column(ForeignKey("condition.id"), index=True)
    role: Mapped[str]
    sha256: Mapped[str] = mapped_column(doc="of the file in the stimulus set")
    media_sha256: Mapped[str] = mapped_column(doc="of the file that is served: padded to the item's largest")
    samples_sha256: Mapped[str]
    rate_hz: Mapped[int]
    frames: Mapped[int]
    channels: Mapped[int]
    lufs: Mapped[float]
    gain_db: Mapped[float]
    true_peak_dbtp: Mapped[float]
    provenance: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    item: Mapped[Item] = relationship(back_populates="clips")
    condition: Mapped[Condition] = relationship()


class Listener(Base):
    """One listener of one study, under a pseudonym; ``code`` is what they keep to withdraw later."""

    __tablename__ = "listener"
    __table_args__ = (UniqueConstraint("study_id", "pseudonym"),)

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    pseudonym: Mapped[str]
    listener_group: Mapped[str] = mapped_column(default="")
    simulated: Mapped[bool]
    pilot: Mapped[bool] = mapped_column(default=False, doc="came while the version was piloting: never in an export")
    code: Mapped[str] = mapped_column(unique=True)
    sessions: Mapped[list[ListeningSession]] = relationship(back_populates="listener", order_by="ListeningSession.part")


class Place(Base):
    """One calibration of one listening place, as it was written down; a place calibrated again gets another row."""

    __tablename__ = "place"

    name: Mapped[str] = mapped_column(index=True)
    level_db_a: Mapped[float] = mapped_column(doc="of one channel's alignment noise, at the listener's ear")
    transducer: Mapped[str]
    device: Mapped[str] = mapped_column(doc="interface, amplifier, headphones or loudspeakers, as written")
    calibrated_at: Mapped[datetime] = mapped_column(default=now)


class ListeningSession(Base):
    """One sitting of one listener; its plan follows from ``seed`` and was drawn when the listener enrolled.

    A listener of a test with several sessions has all of them from the first day on; those that have not begun are
    ``planned``. ``refused`` are those that a setup step or an answer ended.
    """

    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("status IN ('planned', 'started', 'finished', 'withdrawn', 'refused')", "status"),
        UniqueConstraint("listener_id", "part"),
    )

    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), index=True)
    part: Mapped[int] = mapped_column(default=1, doc="from 1: which of the listener's sessions")
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))
    language: Mapped[str] = mapped_column(default="", doc="of the pages; empty in sessions of older releases")
    gain_db: Mapped[float | None] = mapped_column(doc="of the page, as the listener set it; None: left as built")
    study_version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    transducer: Mapped[str]
    experience: Mapped[str] = mapped_column(doc="with listening tests, as stated; empty in sessions of older releases")
    level_db_a: Mapped[float | None] = mapped_column(doc="listening level that the place is calibrated to")
    user_agent: Mapped[str]
    consent_at: Mapped[datetime]
    consent_sha256: Mapped[str] = mapped_column(doc="of the text that was agreed to")
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(default="started")
    read_to: Mapped[int] = mapped_column(default=0, doc="instructions were read up to the trial at this position")
    listener: Mapped[Listener] = relationship(back_populates="sessions")
    version: Mapped[StudyVersion] = relationship()
    place: Mapped[Place | None] = relationship()
    setup_steps: Mapped[list[SetupStep]] = relationship(order_by="SetupStep.id")
    trials: Mapped[list[Trial]] = relationship(back_populates="session", order_by="Trial.position")


class SetupStep(Base):
    """One step of setting up that a listener went through, and whether it was passed (None: nothing to pass)."""

    __tablename__ = "setup_step"
    __table_args__ = (UniqueConstraint("session_id", "step", "attempt"),)

    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    step: Mapped[str] = mapped_column(doc="level, sides or headphones")
    attempt: Mapped[int] = mapped_column(doc="from 1")
    passed: Mapped[bool | None]
    detail: Mapped[dict[str, Any]] = mapped_column(doc="what was answered, and what the browser said of its output")
    done_at: Mapped[datetime] = mapped_column(default=now)


class Trial(Base):
    """One page of a session: an item, what can be heard (slots) and what is asked (scales)."""

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("session_id", "position"),
        CheckConstraint("block IN ('training', 'test', 'attention')", "block"),
    )

    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    position: Mapped[int] = mapped_column(doc="from 1")
    block: Mapped[str]
    method: Mapped[str]
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    replicate: Mapped[int] = mapped_column(doc="0 for the first presentation to this listener")
    token: Mapped[str] = mapped_column(unique=True)
    session: Mapped[ListeningSession] = relationship(back_populates="trials")
    item: Mapped[Item] = relationship()
    scales: Mapped[list[Scale]] = relationship(secondary="trial_scale")
    slots: Mapped[list[Slot]] = relationship(order_by="Slot.position")
    saves: Mapped[list[Save]] = relationship(order_by="Save.revision")


class TrialScale(Base):
    """One scale that is asked on one trial."""

    __tablename__ = "trial_scale"
    __table_args__ = (UniqueConstraint("trial_id", "scale_id"),)

    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    scale_id: Mapped[int] = mapped_column(ForeignKey("scale.id"), index=True)


class Slot(Base):
    """One sound that can be heard on one trial: an open reference, or a hidden sound at its place on the page."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("trial_id", "hidden", "position"),
        UniqueConstraint("id", "trial_id"),  # so that a response can't name a slot of another trial
    )

    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    position: Mapped[int] = mapped_column(doc="from 1, hidden and open ones counted apart")
    hidden: Mapped[bool]
    clip_id: Mapped[int] = mapped_column(ForeignKey("clip.id"), index=True)
    token: Mapped[str] = mapped_column(unique=True)
    clip: Mapped[Clip] = relationship()


class Save(Base):
    """One acknowledged save of one trial; ``key`` makes a repeated request the same save, not another."""

    __tablename__ = "save"
    __table_args__ = (UniqueConstraint("trial_id", "revision"), UniqueConstraint("id", "trial_id"))

    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    key: Mapped[str] = mapped_column(unique=True)
    revision: Mapped[int] = mapped_column(doc="from 1; the highest counts")
    comment: Mapped[str]
    trial_s: Mapped[float]
    gain_db: Mapped[float] = mapped_column(default=0.0, doc="of the page while this trial was rated")
    engine: Mapped[str]
    fade_mode: Mapped[str]
    rate_hz: Mapped[int]
    base_latency_s: Mapped[float | None]
    output_latency_s: Mapped[float | None]
    altered: Mapped[int | None] = mapped_column(doc="sounds that the browser decoded otherwise; empty: not checked")
    user_agent: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(default=now)


class Response(Base):
    """One answer to one scale, for one slot or for the whole trial: a number, a text or a chosen slot."""

    __tablename__ = "response"
    __table_args__ = (
        ForeignKeyConstraint(["save_id", "trial_id"], ["save.id", "save.trial_id"]),
        ForeignKeyConstraint(["slot_id", "trial_id"], ["slot.id", "slot.trial_id"]),
        ForeignKeyConstraint(["chosen_slot_id", "trial_id"], ["slot.id", "slot.trial_id"]),
        ForeignKeyConstraint(["trial_id", "scale_id"], ["trial_scale.trial_id", "trial_scale.scale_id"]),
        ForeignKeyConstraint(
            ["scale_id", "minimum", "maximum"],
            ["scale.id", "scale.minimum", "scale.maximum"],
            name="fk_response_scale_range",
        ),
        CheckConstraint(
            "(number IS NOT NULL AND text IS NULL AND chosen_slot_id IS NULL)"
            " OR (number IS NULL AND text IS NOT NULL AND chosen_slot_id IS NULL)"
            " OR (number IS NULL AND text IS NULL AND chosen_slot_id IS NOT NULL)",
            "one_value",
        ),
        CheckConstraint(
            "number IS NULL OR (minimum IS NOT NULL AND maximum IS NOT NULL AND number BETWEEN minimum AND maximum)",
            "range",
        ),
        UniqueConstraint("save_id", "slot_id", "scale_id"),
        Index(
            "uq_response_whole_trial",
            "save_id",
            "scale_id",
            unique=True,
            sqlite_where=text("slot_id IS NULL"),
            postgresql_where=text("slot_id IS NULL"),
        ),
    )

    save_id: Mapped[int]
    trial_id: Mapped[int] = mapped_column(index=True)
    slot_id: Mapped[int | None] = mapped_column(index=True)
    scale_id: Mapped[int]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    number: Mapped[float | None]
    text: Mapped[str | None]
    chosen_slot_id: Mapped[int | None]
    moved: Mapped[bool | None] = mapped_column(doc="the slider was moved")
    heard_s: Mapped[float | None]
    plays: Mapped[int | None]


class Event(Base):
    """One thing that a listener did on a trial, as the page reported it with a save."""

    __tablename__ = "event"

    save_id: Mapped[int] = mapped_column(ForeignKey("save.id"), index=True)
    at_s: Mapped[float] = mapped_column(doc="seconds since the trial was shown")
    kind: Mapped[str]
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("slot.id"))
    value: Mapped[float | None]


class Answer(Base):
    """One session's answer to one question of the questionnaire; of personal ones the text is in ``PersonalText``."""

    __tablename__ = "answer"
    __table_args__ = (
        UniqueConstraint("session_id", "question", "at_position"),
        CheckConstraint("NOT personal OR text = ''", "personal_apart"),
    )

    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    question: Mapped[str]
    at_position: Mapped[int] = mapped_column(default=0, doc="of the trial that followed; 0 before and after the test")
    text: Mapped[str]
    personal: Mapped[bool]
    answered_at: Mapped[datetime] = mapped_column(default=now)


class PersonalText(Base):
    """One personal answer's text; without it the answer is one that was put, and no more."""

    __tablename__ = "personal_text"

    answer_id: Mapped[int] = mapped_column(ForeignKey("answer.id"), unique=True)
    text: Mapped[str]


class ScriptError(Base):
    """One error that a page's script reported."""

    __tablename__ = "script_error"

    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"), index=True)
    reported_at: Mapped[datetime] = mapped_column(default=now)
    user_agent: Mapped[str]
    text: Mapped[str]


class Job(Base):
    """One piece of work for another room, run by a worker as a command; ``output`` is what it printed.

    ``progress`` is the last line of progress that it printed while it runs.
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", "status"),
        Index(
            "uq_job_under_way",
            "key",
            unique=True,
            sqlite_where=text("status IN ('waiting', 'running')"),
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
    )

    kind: Mapped[str]
    argv: Mapped[list[str]] = mapped_column(doc="what follows the kind's command; built by code")
    key: Mapped[str] = mapped_column(doc="hash of kind and argv: the same work is asked for once at a time")
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"), index=True)
    asked_by: Mapped[str] = mapped_column(default="")
    progress: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0, doc="how often a worker began it and was not asked to stop")
    worker: Mapped[str | None] = mapped_column(doc="who has it, or had it last")
    heartbeat_at: Mapped[datetime | None] = mapped_column(doc="when that worker last said that it is alive")
    output: Mapped[str] = mapped_column(default="", deferred=True)
    reason: Mapped[str] = mapped_column(default="", doc="why it failed, in a sentence")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

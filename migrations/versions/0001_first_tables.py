"""The first tables.

Revision 0001. Going down drops every table, which ``mushra_app.schema`` refuses once a listener gave anything.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "study",
    "study_version",
    "scale",
    "item",
    "condition",
    "clip",
    "listener",
    "session",
    "answer",
    "script_error",
    "trial",
    "trial_scale",
    "slot",
    "save",
    "response",
    "event",
    "job",
)
"""In an order in which every table refers only to those before it."""


def upgrade() -> None:
    """Make all tables."""
    _studies()
    _sessions()
    _trials()
    _ratings()
    _jobs()


def downgrade() -> None:
    """Drop all tables."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _studies() -> None:
    """Studies, their versions, and what can be heard in them."""
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("name", name="uq_study_name"),
    )
    op.create_table(
        "study_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("stimuli_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("experiment", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("published_from", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'superseded')", name="ck_study_version_status"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_study_version_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_study_version"),
        sa.UniqueConstraint("study_id", "identity", name="uq_study_version_study_id_identity"),
        sa.UniqueConstraint("study_id", "number", name="uq_study_version_study_id_number"),
    )
    op.create_index(
        "uq_study_version_open",
        "study_version",
        ["study_id"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "scale",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("minimum", sa.Float(precision=53), nullable=True),
        sa.Column("maximum", sa.Float(precision=53), nullable=True),
        sa.CheckConstraint("(minimum IS NULL) = (maximum IS NULL) AND minimum < maximum", name="ck_scale_range"),
        sa.ForeignKeyConstraint(["study_version_id"], ["study_version.id"], name="fk_scale_study_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_scale"),
        sa.UniqueConstraint("id", "minimum", "maximum", name="uq_scale_id_minimum_maximum"),
        sa.UniqueConstraint("study_version_id", "name", name="uq_scale_study_version_id_name"),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("song", sa.Text(), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("length_s", sa.Float(precision=53), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.CheckConstraint("use IN ('test', 'training', 'both')", name="ck_item_use"),
        sa.ForeignKeyConstraint(["study_version_id"], ["study_version.id"], name="fk_item_study_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("study_version_id", "name", name="uq_item_study_version_id_name"),
    )
    op.create_table(
        "condition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_version_id"], ["study_version.id"], name="fk_condition_study_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_condition"),
        sa.UniqueConstraint("study_version_id", "name", name="uq_condition_study_version_id_name"),
    )
    op.create_table(
        "clip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("condition_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_sha256", sa.Text(), nullable=False),
        sa.Column("samples_sha256", sa.Text(), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("lufs", sa.Float(precision=53), nullable=False),
        sa.Column("gain_db", sa.Float(precision=53), nullable=False),
        sa.Column("true_peak_dbtp", sa.Float(precision=53), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "role IN ('reference', 'hidden_reference', 'anchor', 'system', 'mixture')", name="ck_clip_role"
        ),
        sa.ForeignKeyConstraint(["condition_id"], ["condition.id"], name="fk_clip_condition_id"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_clip_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_clip"),
        sa.UniqueConstraint("item_id", "condition_id", "role", name="uq_clip_item_id_condition_id_role"),
    )
    op.create_index("ix_clip_condition_id", "clip", ["condition_id"], unique=False)


def _sessions() -> None:
    """Listeners, their sessions, what they answer and what goes wrong."""
    op.create_table(
        "listener",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("listener_group", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_listener_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_listener"),
        sa.UniqueConstraint("code", name="uq_listener_code"),
        sa.UniqueConstraint("study_id", "pseudonym", name="uq_listener_study_id_pseudonym"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listener_id", sa.Integer(), nullable=False),
        sa.Column("study_version_id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("transducer", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consent_sha256", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("read_to", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('started', 'finished', 'withdrawn')", name="ck_session_status"),
        sa.ForeignKeyConstraint(["listener_id"], ["listener.id"], name="fk_session_listener_id"),
        sa.ForeignKeyConstraint(["study_version_id"], ["study_version.id"], name="fk_session_study_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint("token_sha256", name="uq_session_token_sha256"),
    )
    op.create_index("ix_session_listener_id", "session", ["listener_id"], unique=False)
    op.create_index("ix_session_study_version_id", "session", ["study_version_id"], unique=False)
    op.create_table(
        "answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_answer_session_id"),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
        sa.UniqueConstraint("session_id", "question", name="uq_answer_session_id_question"),
    )
    op.create_table(
        "script_error",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_script_error_session_id"),
        sa.PrimaryKeyConstraint("id", name="pk_script_error"),
    )
    op.create_index("ix_script_error_session_id", "script_error", ["session_id"], unique=False)


def _trials() -> None:
    """The plan of a session."""
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.CheckConstraint("block IN ('training', 'test')", name="ck_trial_block"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_trial_item_id"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_trial_session_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trial"),
        sa.UniqueConstraint("session_id", "position", name="uq_trial_session_id_position"),
        sa.UniqueConstraint("token", name="uq_trial_token"),
    )
    op.create_index("ix_trial_item_id", "trial", ["item_id"], unique=False)
    op.create_table(
        "trial_scale",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("scale_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["scale_id"], ["scale.id"], name="fk_trial_scale_scale_id"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_trial_scale_trial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trial_scale"),
        sa.UniqueConstraint("trial_id", "scale_id", name="uq_trial_scale_trial_id_scale_id"),
    )
    op.create_index("ix_trial_scale_scale_id", "trial_scale", ["scale_id"], unique=False)
    op.create_table(
        "slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"], name="fk_slot_clip_id"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_slot_trial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_slot"),
        sa.UniqueConstraint("id", "trial_id", name="uq_slot_id_trial_id"),
        sa.UniqueConstraint("token", name="uq_slot_token"),
        sa.UniqueConstraint("trial_id", "hidden", "position", name="uq_slot_trial_id_hidden_position"),
    )
    op.create_index("ix_slot_clip_id", "slot", ["clip_id"], unique=False)


def _ratings() -> None:
    """What listeners gave; nothing cascades into these."""
    op.create_table(
        "save",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("trial_s", sa.Float(precision=53), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("fade_mode", sa.Text(), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("base_latency_s", sa.Float(precision=53), nullable=True),
        sa.Column("output_latency_s", sa.Float(precision=53), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_save_trial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_save"),
        sa.UniqueConstraint("id", "trial_id", name="uq_save_id_trial_id"),
        sa.UniqueConstraint("key", name="uq_save_key"),
        sa.UniqueConstraint("trial_id", "revision", name="uq_save_trial_id_revision"),
    )
    op.create_table(
        "response",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("save_id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=True),
        sa.Column("scale_id", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Float(precision=53), nullable=True),
        sa.Column("maximum", sa.Float(precision=53), nullable=True),
        sa.Column("number", sa.Float(precision=53), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("chosen_slot_id", sa.Integer(), nullable=True),
        sa.Column("moved", sa.Boolean(), nullable=True),
        sa.Column("heard_s", sa.Float(precision=53), nullable=True),
        sa.Column("plays", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(number IS NOT NULL AND text IS NULL AND chosen_slot_id IS NULL)"
            " OR (number IS NULL AND text IS NOT NULL AND chosen_slot_id IS NULL)"
            " OR (number IS NULL AND text IS NULL AND chosen_slot_id IS NOT NULL)",
            name="ck_response_one_value",
        ),
        sa.CheckConstraint(
            "number IS NULL OR (minimum IS NOT NULL AND maximum IS NOT NULL AND number BETWEEN minimum AND maximum)",
            name="ck_response_range",
        ),
        sa.ForeignKeyConstraint(
            ["chosen_slot_id", "trial_id"], ["slot.id", "slot.trial_id"], name="fk_response_chosen_slot_id_trial_id"
        ),
        sa.ForeignKeyConstraint(
            ["save_id", "trial_id"], ["save.id", "save.trial_id"], name="fk_response_save_id_trial_id"
        ),
        sa.ForeignKeyConstraint(
            ["scale_id", "minimum", "maximum"],
            ["scale.id", "scale.minimum", "scale.maximum"],
            name="fk_response_scale_range",
        ),
        sa.ForeignKeyConstraint(
            ["slot_id", "trial_id"], ["slot.id", "slot.trial_id"], name="fk_response_slot_id_trial_id"
        ),
        sa.ForeignKeyConstraint(
            ["trial_id", "scale_id"],
            ["trial_scale.trial_id", "trial_scale.scale_id"],
            name="fk_response_trial_id_scale_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_response"),
        sa.UniqueConstraint("save_id", "slot_id", "scale_id", name="uq_response_save_id_slot_id_scale_id"),
    )
    op.create_index("ix_response_slot_id", "response", ["slot_id"], unique=False)
    op.create_index("ix_response_trial_id", "response", ["trial_id"], unique=False)
    op.create_index(
        "uq_response_whole_trial",
        "response",
        ["save_id", "scale_id"],
        unique=True,
        sqlite_where=sa.text("slot_id IS NULL"),
        postgresql_where=sa.text("slot_id IS NULL"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("save_id", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.Float(precision=53), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=True),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["save_id"], ["save.id"], name="fk_event_save_id"),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name="fk_event_slot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_save_id", "event", ["save_id"], unique=False)


def _jobs() -> None:
    """Work for other rooms."""
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("argv", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('waiting', 'running', 'done', 'failed')", name="ck_job_status"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_status", "job", ["status"], unique=False)

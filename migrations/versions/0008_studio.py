"""Studies are run from the browser: what state each is in, how listeners come to it, who may reach it and by what.

The version that took listeners is an open one, opened when it was published. On the way down the older tables have one
word for running and one for all else: paused, piloting, closed and draft versions become superseded, and are made the
open one by publishing them again. Listeners of a pilot become simulated ones, who don't count either.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0008", "0007", None, None

INSTANT = sa.DateTime(timezone=True)
STATUS = "status IN ('draft', 'piloting', 'open', 'paused', 'closed', 'superseded')"
OLDER_STATUS = "status IN ('open', 'superseded')"
RUNNING = sa.text("status IN ('piloting', 'open', 'paused')")
OPEN = sa.text("status = 'open'")
MAY = "may IN ('view', 'change')"


def upgrade() -> None:
    """Five tables and eleven columns more."""
    with op.batch_alter_table("study") as table:
        table.add_column(sa.Column("archived_at", INSTANT, nullable=True))
        table.add_column(sa.Column("recruiting", sa.JSON(), nullable=False, server_default="{}"))
    op.drop_index("uq_study_version_open", "study_version")
    with op.batch_alter_table("study_version") as table:
        table.add_column(sa.Column("opened_at", INSTANT, nullable=True))
        table.add_column(sa.Column("closed_at", INSTANT, nullable=True))
        table.drop_constraint("ck_study_version_status", type_="check")
        table.create_check_constraint("ck_study_version_status", STATUS)
    op.execute("UPDATE study_version SET opened_at = published_at")
    op.create_index(
        "uq_study_version_running",
        "study_version",
        ["study_id"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    with op.batch_alter_table("listener") as table:
        table.add_column(sa.Column("pilot", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("account") as table:
        table.add_column(sa.Column("totp_secret", sa.Text(), nullable=True))
        table.add_column(sa.Column("totp_step", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("job") as table:
        table.add_column(sa.Column("study_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("asked_by", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("progress", sa.Text(), nullable=False, server_default=""))
        table.create_foreign_key("fk_job_study_id_study", "study", ["study_id"], ["id"])
        table.create_index("ix_job_study_id", ["study_id"])
    for table_name, column in (
        ("study", "recruiting"),
        ("listener", "pilot"),
        ("job", "asked_by"),
        ("job", "progress"),
    ):
        with op.batch_alter_table(table_name) as table:
            table.alter_column(column, server_default=None)
    _listeners_come()
    _people_come()


def _listeners_come() -> None:
    op.create_table(
        "recruit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listener_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["listener_id"], ["listener.id"], name="fk_recruit_listener_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recruit"),
        sa.UniqueConstraint("listener_id", name="uq_recruit_listener_id"),
    )
    op.create_index("ix_recruit_person", "recruit", ["person"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("listener_group", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("listener_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_invitation_study_id"),
        sa.ForeignKeyConstraint(["listener_id"], ["listener.id"], name="fk_invitation_listener_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("listener_id", name="uq_invitation_listener_id"),
        sa.UniqueConstraint("code", name="uq_invitation_code"),
    )
    op.create_index("ix_invitation_study_id", "invitation", ["study_id"])
    op.create_table(
        "experiment_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_experiment_draft_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_experiment_draft"),
        sa.UniqueConstraint("study_id", name="uq_experiment_draft_study_id"),
    )


def _people_come() -> None:
    op.create_table(
        "account_invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("may", sa.Text(), nullable=False),
        sa.Column("studies", sa.JSON(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("role IN ('owner', 'experimenter', 'viewer')", name="ck_account_invitation_role"),
        sa.CheckConstraint(MAY, name="ck_account_invitation_may"),
        sa.ForeignKeyConstraint(["used_by"], ["account.id"], name="fk_account_invitation_used_by"),
        sa.PrimaryKeyConstraint("id", name="pk_account_invitation"),
        sa.UniqueConstraint("token_sha256", name="uq_account_invitation_token_sha256"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("may", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.CheckConstraint(MAY, name="ck_api_token_may"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_api_token_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("token_sha256", name="uq_api_token_token_sha256"),
    )
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"])


def downgrade() -> None:
    """As it was; how listeners came, invitations, drafts and programs' tokens are lost."""
    for table in ("api_token", "account_invitation", "experiment_draft", "invitation", "recruit"):
        op.drop_table(table)
    with op.batch_alter_table("job") as table:
        table.drop_index("ix_job_study_id")
        table.drop_constraint("fk_job_study_id_study", type_="foreignkey")
        for column in ("study_id", "asked_by", "progress"):
            table.drop_column(column)
    with op.batch_alter_table("account") as table:
        table.drop_column("totp_secret")
        table.drop_column("totp_step")
    op.execute(sa.text("UPDATE listener SET simulated = :yes WHERE pilot").bindparams(yes=True))
    with op.batch_alter_table("listener") as table:
        table.drop_column("pilot")
    op.execute("UPDATE study_version SET status = 'superseded' WHERE status <> 'open'")
    op.drop_index("uq_study_version_running", "study_version")
    with op.batch_alter_table("study_version") as table:
        table.drop_constraint("ck_study_version_status", type_="check")
        table.create_check_constraint("ck_study_version_status", OLDER_STATUS)
        table.drop_column("opened_at")
        table.drop_column("closed_at")
    op.create_index(
        "uq_study_version_open", "study_version", ["study_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    with op.batch_alter_table("study") as table:
        table.drop_column("archived_at")
        table.drop_column("recruiting")

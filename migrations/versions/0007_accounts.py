"""Those who run tests: accounts, what each may do on which study, who is in, tries to get in, and what was done.

Nothing of a listener changes. On the way down accounts are lost, and the studio opens by its key again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0007", "0006", None, None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Five tables."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('owner', 'experimenter', 'viewer')", name="ck_account_role"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "study_permission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("may", sa.Text(), nullable=False),
        sa.CheckConstraint("may IN ('view', 'change')", name="ck_study_permission_may"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_study_permission_account_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_study_permission_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_study_permission"),
        sa.UniqueConstraint("account_id", "study_id", name="uq_study_permission_account_id_study_id"),
    )
    op.create_index("ix_study_permission_study_id", "study_permission", ["study_id"])
    op.create_table(
        "studio_login",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_studio_login_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_studio_login"),
        sa.UniqueConstraint("token_sha256", name="uq_studio_login_token_sha256"),
    )
    op.create_index("ix_studio_login_account_id", "studio_login", ["account_id"])
    op.create_table(
        "login_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name_sha256", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempt"),
    )
    for column in ("name_sha256", "network", "at"):
        op.create_index(f"ix_login_attempt_{column}", "login_attempt", [column])
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])


def downgrade() -> None:
    """As it was; the indexes go with their tables."""
    for table in ("audit_entry", "login_attempt", "studio_login", "study_permission", "account"):
        op.drop_table(table)

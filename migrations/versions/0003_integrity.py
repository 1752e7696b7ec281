"""Whether a listener's browser decoded the sounds as they were built; empty in saves of older releases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0003", "0002", None, None


def upgrade() -> None:
    """One column more."""
    with op.batch_alter_table("save") as table:
        table.add_column(sa.Column("altered", sa.Integer(), nullable=True))


def downgrade() -> None:
    """As it was."""
    with op.batch_alter_table("save") as table:
        table.drop_column("altered")

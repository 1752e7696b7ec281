"""What the name MUSHRA asks of a session: the listener's experience, and the listening level.

Sessions that began before it have no experience on record, which is what an empty text says.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade() -> None:
    """Two columns more."""
    with op.batch_alter_table("session") as table:
        table.add_column(sa.Column("experience", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("level_db_a", sa.Float(precision=53), nullable=True))
    with op.batch_alter_table("session") as table:
        table.alter_column("experience", existing_type=sa.Text(), existing_nullable=False, server_default=None)


def downgrade() -> None:
    """As it was."""
    with op.batch_alter_table("session") as table:
        table.drop_column("level_db_a")
        table.drop_column("experience")

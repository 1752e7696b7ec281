"""What a worker needs of a job: who has it, since when it was last heard of, how often it was begun, why it failed.

No release before wrote a job. A row that is there all the same gets a key that no other job has, and one that says it
is running has no heartbeat, so that a worker takes it up.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0005", "0004", None, None

UNDER_WAY = sa.text("status IN ('waiting', 'running')")
FILLED = (("key", sa.Text(), ""), ("reason", sa.Text(), ""), ("attempts", sa.Integer(), "0"))
"""Columns that older rows have a value in, and new ones have to be given one."""


def upgrade() -> None:
    """Five columns, and the same work at most once at a time."""
    with op.batch_alter_table("job") as table:
        for name, kind, value in FILLED:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=value))
        table.add_column(sa.Column("worker", sa.Text(), nullable=True))
        table.add_column(sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE job SET key = 'older-' || id")
    with op.batch_alter_table("job") as table:
        for name, kind, _ in FILLED:
            table.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
    op.create_index("uq_job_under_way", "job", ["key"], unique=True, sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY)


def downgrade() -> None:
    """As it was; what was running waits again."""
    op.execute("UPDATE job SET status = 'waiting' WHERE status = 'running'")
    op.drop_index("uq_job_under_way", table_name="job")
    with op.batch_alter_table("job") as table:
        for name in ("heartbeat_at", "worker", "attempts", "reason", "key"):
            table.drop_column(name)

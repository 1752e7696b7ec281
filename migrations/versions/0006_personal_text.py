"""What personal answers say moves into a table of its own, so that it can be erased and the answer stays as put."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0006", "0005", None, None


def upgrade() -> None:
    """Move the texts, and let the database refuse them where they were."""
    op.create_table(
        "personal_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name="fk_personal_text_answer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_personal_text"),
        sa.UniqueConstraint("answer_id", name="uq_personal_text_answer_id"),
    )
    op.execute("INSERT INTO personal_text (answer_id, text) SELECT id, text FROM answer WHERE personal AND text <> ''")
    op.execute("UPDATE answer SET text = '' WHERE personal")
    with op.batch_alter_table("answer") as table:
        table.create_check_constraint("ck_answer_personal_apart", "NOT personal OR text = ''")


def downgrade() -> None:
    """Back to where they were."""
    with op.batch_alter_table("answer") as table:
        table.drop_constraint("ck_answer_personal_apart", type_="check")
    op.execute(
        "UPDATE answer SET text = (SELECT text FROM personal_text WHERE answer_id = answer.id)"
        " WHERE id IN (SELECT answer_id FROM personal_text)"
    )
    op.drop_table("personal_text")

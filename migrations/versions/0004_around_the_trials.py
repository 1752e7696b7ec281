"""What stands around the trials: setting up, listening places, several sessions per listener, attention checks.

Older rows were made in the first session of their listener, at a place that nobody calibrated, with sounds played as
they were built. On the way down what the older tables have no word for gets the nearest one that counts no more than
it did: a planned session becomes a started one, a refused one a withdrawn one, an attention check a training trial.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0004", "0003", None, None

FLOAT = sa.Float(precision=53)
STATUS = "status IN ('planned', 'started', 'finished', 'withdrawn', 'refused')"
OLDER_STATUS = "status IN ('started', 'finished', 'withdrawn')"


def upgrade() -> None:
    """Two tables and seven columns more."""
    op.create_table(
        "place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level_db_a", FLOAT, nullable=False),
        sa.Column("transducer", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("calibrated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
    )
    op.create_index("ix_place_name", "place", ["name"])
    op.create_table(
        "setup_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_setup_step_session_id_session"),
        sa.PrimaryKeyConstraint("id", name="pk_setup_step"),
        sa.UniqueConstraint("session_id", "step", "attempt", name="uq_setup_step_session_id_step_attempt"),
    )
    with op.batch_alter_table("session") as table:
        table.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("place_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("language", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("gain_db", FLOAT, nullable=True))
        table.drop_constraint("ck_session_status", type_="check")
        table.create_check_constraint("ck_session_status", STATUS)
        table.create_foreign_key("fk_session_place_id_place", "place", ["place_id"], ["id"])
    # The release before made one session for each listener; a database that came down from this one may have more.
    op.execute(
        "UPDATE session SET part = (SELECT count(*) FROM session AS earlier"
        " WHERE earlier.listener_id = session.listener_id AND earlier.id <= session.id)"
    )
    with op.batch_alter_table("session") as table:
        table.alter_column("part", existing_type=sa.Integer(), existing_nullable=False, server_default=None)
        table.alter_column("language", existing_type=sa.Text(), existing_nullable=False, server_default=None)
        table.create_unique_constraint("uq_session_listener_id_part", ["listener_id", "part"])
    with op.batch_alter_table("trial") as table:
        table.drop_constraint("ck_trial_block", type_="check")
        table.create_check_constraint("ck_trial_block", "block IN ('training', 'test', 'attention')")
    _add_and_forget_default("save", sa.Column("gain_db", FLOAT, nullable=False, server_default="0"))
    _add_and_forget_default("answer", sa.Column("at_position", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("answer") as table:
        table.drop_constraint("uq_answer_session_id_question", type_="unique")
        table.create_unique_constraint(
            "uq_answer_session_id_question_at_position", ["session_id", "question", "at_position"]
        )


def downgrade() -> None:
    """As it was; answers that were given at a break keep the place of it in the question's name."""
    op.execute("UPDATE answer SET question = question || '@' || at_position WHERE at_position > 0")
    op.execute("UPDATE session SET status = 'started' WHERE status = 'planned'")
    op.execute("UPDATE session SET status = 'withdrawn' WHERE status = 'refused'")
    op.execute("UPDATE trial SET block = 'training' WHERE block = 'attention'")
    with op.batch_alter_table("answer") as table:
        table.drop_constraint("uq_answer_session_id_question_at_position", type_="unique")
        table.create_unique_constraint("uq_answer_session_id_question", ["session_id", "question"])
        table.drop_column("at_position")
    with op.batch_alter_table("save") as table:
        table.drop_column("gain_db")
    with op.batch_alter_table("trial") as table:
        table.drop_constraint("ck_trial_block", type_="check")
        table.create_check_constraint("ck_trial_block", "block IN ('training', 'test')")
    with op.batch_alter_table("session") as table:
        table.drop_constraint("uq_session_listener_id_part", type_="unique")
        table.drop_constraint("fk_session_place_id_place", type_="foreignkey")
        table.drop_constraint("ck_session_status", type_="check")
        table.create_check_constraint("ck_session_status", OLDER_STATUS)
        for name in ("gain_db", "language", "place_id", "part"):
            table.drop_column(name)
    op.drop_table("setup_step")
    op.drop_index("ix_place_name", table_name="place")
    op.drop_table("place")


def _add_and_forget_default(table_name: str, column: sa.Column) -> None:
    """A column that older rows have a value in, and new ones have to be given one."""
    with op.batch_alter_table(table_name) as table:
        table.add_column(column)
    with op.batch_alter_table(table_name) as table:
        table.alter_column(column.name, existing_type=column.type, existing_nullable=False, server_default=None)

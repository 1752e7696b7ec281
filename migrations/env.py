"""Alembic's environment: runs on the connection that ``mushra_app.schema`` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from mushra_app.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction holds the whole migration and its checks
)
context.run_migrations()

"""The application for a WSGI server's worker process; settings come from ``mushra.toml`` and the environment.

Every process opens a database of its own: connections must not be shared over a fork.
"""

from __future__ import annotations

from contextlib import ExitStack

from mushra_app import schema
from mushra_app.app import create_app
from mushra_app.config import load_settings
from mushra_app.db import Database
from mushra_app.operation import retention

_settings = load_settings()
_database = Database(_settings)
schema.require(_database, _settings)
_open = ExitStack()
_open.enter_context(retention.enforced(_database, _settings))  # on a daemon thread, which ends with the process
app = create_app(_settings, _database)

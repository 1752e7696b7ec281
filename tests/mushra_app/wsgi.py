"""The application for a WSGI server: ``MUSHRA_DATA_DIR=... gunicorn --chdir tests/mushra_app wsgi:app``."""

from __future__ import annotations

from mushra_app.app import create_app
from mushra_app.config import load_settings

app = create_app(load_settings())

"""The application of ``mushra_app.wsgi``, and one address more that says what it believes of a request."""

from __future__ import annotations

from flask import request

from mushra_app import wsgi

app = wsgi.app
app.add_url_rule(
    "/seen", "seen", lambda: {"address": request.remote_addr, "url": request.host_url, "code": wsgi.__file__}
)

"""Pages that are looked at again while something goes on: by their scripts, every few seconds (static/js/follow.js).

A page that is followed has ``works`` (``mushra_app.study.work``), and may have an ``etag`` of its own. What may change
lies in parts of its template, marked ``data-part``.

Defines: ``followed``, ``worker_command``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, make_response, request

from mushra_app.web import services


def followed(etag: str, make: Callable[[], Any]) -> Response:
    """A page, or 304 for whoever has it as it is; a browser that opens one has none, because none may be kept.

    Parameters
    ----------
    etag : as of before the page is made: what is stored meanwhile then costs another page, and is never missed.
    """
    answer = Response(status=304) if request.if_none_match.contains_weak(etag) else make_response(make())
    answer.set_etag(etag, weak=True)
    return answer


def worker_command() -> str:
    """What starts a worker on the server."""
    return f'mushra worker --data "{services().settings.data_dir.absolute()}"'

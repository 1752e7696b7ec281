"""Addresses of the tab "Live"."""

from __future__ import annotations

from flask import url_for

from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.live import progress
from mushra_app.web import external_address, services, show


@blueprint.get("/<study>/live")
@needs(Right.VIEW)
def live(study: str) -> str:
    """How far the listeners are."""
    link = external_address(url_for("listener.welcome", study=study))
    with services().database.reading() as db:
        return show(progress.live(db, study, visitor(), listener_url=link))

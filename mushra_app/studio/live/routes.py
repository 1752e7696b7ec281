"""Addresses of the tab "Live"."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, request, url_for

from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.following import followed
from mushra_app.studio.guard import needs
from mushra_app.studio.live import listener as one_listener
from mushra_app.studio.live import progress
from mushra_app.studio.live.pages import LivePage, View
from mushra_app.studio.results.overview import WIDTHS
from mushra_app.study import lifecycle, monitoring
from mushra_app.table_base import now
from mushra_app.web import external_address, services, show


@blueprint.get("/<study>/live")
@needs(Right.VIEW)
def live(study: str) -> Response:
    """How far the listeners are; that nothing has changed costs one query."""
    with services().database.reading() as db:
        known = progress.tag(db, study, now())
    return followed(known, lambda: show(_page(study)))


@blueprint.post("/<study>/live/screen")
@needs(Right.VIEW)
def look_again(study: str) -> Any:
    """Have the rules of screening look at the listeners so far."""
    _ask(study, "screen")
    return redirect(url_for("studio.live", study=study, _anchor="quality"), 303)


@blueprint.post("/<study>/live/precision")
@needs(Right.CHANGE)
def look_at_widths(study: str) -> Any:
    """Have the widths of the intervals worked out; that somebody looked is written down."""
    _ask(study, "precision")
    return redirect(url_for("studio.live", study=study, _anchor="widths"), 303)


@blueprint.get("/<study>/listeners/<pseudonym>")
@needs(Right.VIEW)
def listener(study: str, pseudonym: str) -> str:
    """One listener's way through the test."""
    with services().database.reading() as db:
        return show(one_listener.listener(db, study, pseudonym, visitor()))


def _page(study: str) -> LivePage:
    place = progress.Place(external_address(url_for("listener.welcome", study=study)), services().settings.data_dir)
    who, state = request.args.get("who", "all"), request.args.get("state", "")
    view = View(
        who if who in progress.WHO else "all", state if state in progress.STATES else "", "every" in request.args
    )
    with services().database.reading() as db:
        return progress.live(db, study, visitor(), place, view)


def _ask(study: str, kind: monitoring.Kind) -> None:
    with services().database.writing() as db:
        monitoring.ask(db, services().settings, lifecycle.current(db, study), kind, visitor().name)
        if kind == "precision":
            audit.note(db, visitor().name, "look", f"{study}: {WIDTHS}")

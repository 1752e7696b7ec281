"""Addresses of a lab: the next listener at a place, and those who come back."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from mushra_app.errors import AppError, NotFoundError
from mushra_app.people.permissions import Right
from mushra_app.security import secret_key
from mushra_app.studio import guard
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.listeners import overview
from mushra_app.studio.listeners.routes import addresses, links, note
from mushra_app.study import inviting, lifecycle
from mushra_app.web import services, show


@blueprint.get("/<study>/lab")
@needs(Right.CHANGE)
def lab_page(study: str) -> str:
    """The listening places of a study in use."""
    return _page(study)


@blueprint.post("/<study>/lab")
@needs(Right.CHANGE)
def next_listener(study: str) -> Any:
    """Make an invitation for whoever sits down now, and open it here."""
    try:
        with services().database.writing() as db:
            name, group = request.form.get("place", ""), request.form.get("group", "")
            place, made = inviting.call_next(db, study, name, group, note)
            here = links(study)._replace(base="")  # wherever the studio is open: a form leads to no other server
            address = here.at(place, made.id)
    except AppError as error:
        return _page(study, error=str(error)), _status(error)
    _leave_if_asked()
    return redirect(address, 303)


@blueprint.post("/<study>/lab/back")
@needs(Right.CHANGE)
def come_back(study: str) -> Any:
    """Open the next session of a listener who comes back: by the code that they have, or picked from the list."""
    key, code = secret_key(services().settings), request.form.get("picked") or request.form.get("code", "")
    try:
        with services().database.writing() as db:
            _, token = inviting.call_back(db, study, request.form.get("place", ""), note, code=code, key=key)
    except AppError as error:
        return _page(study, code=code, error=str(error)), _status(error)
    _leave_if_asked()
    return redirect(url_for("listener.session", token=token), 303)


def _leave_if_asked() -> None:
    """A listener who sits at this computer alone is not to sit in the studio."""
    if "leave" in request.form:
        guard.leave()


def _page(study: str, *, code: str = "", error: str = "") -> str:
    with services().database.reading() as db:
        version = lifecycle.current(db, study)
        return show(overview.in_the_lab(db, version, visitor(), addresses(study), code=code, error=error))


def _status(error: AppError) -> int:
    return 404 if isinstance(error, NotFoundError) else 409

"""Addresses of a lab: the next listener at a place, and those who come back."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from mushra_app import places
from mushra_app.errors import AppError, NotFoundError
from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.security import invitation_link_token, place_link_token, secret_key
from mushra_app.studio import guard
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.listeners import overview
from mushra_app.studio.listeners.routes import addresses
from mushra_app.study import lab, lifecycle
from mushra_app.table_base import now
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
    key, name = secret_key(services().settings), request.form.get("place", "")
    try:
        with services().database.writing() as db:
            place, version = places.current(db, name), lifecycle.taking(db, study)
            label = f"{place.name}, {now():%Y-%m-%d %H:%M}"
            made = lab.next_listener(db, version, place, request.form.get("group", ""), label)
            audit.note(db, visitor().name, "invitation", f"{study}: number {made.id} made at {place.name}")
            tokens: dict[str, Any] = {
                "invitation": invitation_link_token(key, made.id),
                "place": place_link_token(key, place.name),
            }
    except AppError as error:
        return _page(study, error=str(error)), _status(error)
    _leave_if_asked()
    return redirect(url_for("listener.welcome", study=study, **tokens), 303)


@blueprint.post("/<study>/lab/back")
@needs(Right.CHANGE)
def come_back(study: str) -> Any:
    """Open the next session of a listener who comes back: by the code that they have, or picked from the list."""
    key, code = secret_key(services().settings), request.form.get("picked") or request.form.get("code", "")
    try:
        with services().database.writing() as db:
            place, version = places.current(db, request.form.get("place", "")), lifecycle.current(db, study)
            token = lab.come_back(db, version.study_id, code, place, key)
            audit.note(db, visitor().name, "invitation", f"{study}: a listener came back, at {place.name}")
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

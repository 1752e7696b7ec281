"""Addresses of the tab "Test"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import flash, redirect, request, url_for

from mushra_app.errors import AppError, ConflictError, NotFoundError, UnavailableError
from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.design import editor
from mushra_app.studio.design.routes import drafts_folder
from mushra_app.studio.guard import needs
from mushra_app.studio.sounds import drawing
from mushra_app.studio.test import overview
from mushra_app.study import lifecycle, sittings
from mushra_app.study.duplicating import Wanted, duplicate
from mushra_app.study.peeking import PeekError
from mushra_app.web import external_address, services, show
from mushra_app.words import say, say_later, say_number

MOVED = {
    "draft": say_later("Version %(number)d is a draft again: nobody is shown it but in a preview."),
    "piloting": say_later("Version %(number)d is piloted now: listeners can come, and no export has their ratings."),
    "open": say_later("Version %(number)d is open now: listeners can come."),
    "paused": say_later("Version %(number)d is paused now: nobody new can come, and whoever has begun goes on."),
    "closed": say_later("Version %(number)d is closed now: nobody new can come, and results may be looked at."),
}
"""What is said when a version was brought into a state."""


def may_finish(under_way: int) -> str:
    """That nobody loses anything by a study that is closed."""
    return say_number(
        "%(num)s listener is under way now, and may finish.",
        "%(num)s listeners are under way now, and may finish.",
        under_way,
    )


@blueprint.get("/<study>/")
@needs(Right.VIEW)
def study(study: str) -> str:
    """One study."""
    return _page(study)


@blueprint.post("/<study>/versions/<int:number>/status")
@needs(Right.CHANGE)
def move(study: str, number: int) -> Any:
    """Bring one version into another state."""
    status = request.form.get("status", "")
    try:
        with services().database.writing() as db:
            version = lifecycle.version_of(db, study, number)
            before = version.status
            who = visitor().name
            lifecycle.move(db, version, status, reason=request.form.get("reason", ""), who=who)
            audit.note(db, who, "study", f"{study}: version {number} from {before} to {status}")
            under_way = sittings.under_way(db, version.study_id) if status == "closed" else 0
    except PeekError as error:
        return _page(study, error=str(error), wrong={f"reason-{number}": str(error)}), 409
    except AppError as error:
        return _page(study, error=str(error)), 409
    flash(" ".join([str(MOVED[status]) % {"number": number}, *([may_finish(under_way)] if under_way else [])]))
    return redirect(url_for("studio.study", study=study), 303)


@blueprint.post("/<study>/archive")
@needs(Right.CHANGE)
def archive(study: str) -> Any:
    """Take a study off the list, or with ``archived=no`` put it back."""
    archived = request.form.get("archived") != "no"
    try:
        with services().database.writing() as db:
            lifecycle.archive(db, study, archived)
            audit.note(db, visitor().name, "study", f"{study}: {'archived' if archived else 'back on the list'}")
    except AppError as error:
        return _page(study, error=str(error)), 409
    flash(
        say("%(study)s is archived: it is off the list, and nothing of it was deleted.", study=study)
        if archived
        else say("%(study)s is back on the list.", study=study)
    )
    return redirect(url_for("studio.study", study=study), 303)


@blueprint.post("/<study>/duplicate")
@needs(Right.VIEW, in_general=Right.CHANGE)
def duplicate_study(study: str) -> Any:
    """Begin a new study with the file and the sounds of this one."""
    name = request.form.get("name", "").strip()
    try:
        number = duplicate(services().database, services().settings, Wanted(study, name), visitor())
    except (NotFoundError, UnavailableError):
        raise
    except AppError as error:
        return _not_duplicated(study, name, str(error)), 409 if isinstance(error, ConflictError) else 400
    if number is None:
        flash(say("%(study)s is there, with a copy of the file of %(old)s.", study=name, old=study))
        return redirect(url_for("studio.design", study=name), 303)
    drawing.ask(services().database, services().settings, name, 1, visitor().name)
    flash(
        say(
            "%(study)s is there as a draft, with the sounds of version %(number)d of %(old)s: try it, then open it.",
            study=name,
            number=number,
            old=study,
        )
    )
    return redirect(url_for("studio.study", study=name), 303)


def _page(study: str, *, error: str = "", wrong: Mapping[str, str] = MappingProxyType({})) -> str:
    with services().database.reading() as db:
        page = overview.study(db, study, visitor(), listener_url=_listener_url(study))
        return show(replace(page, error=error, wrong=wrong))


def _not_duplicated(study: str, name: str, error: str) -> str:
    """The page that was asked on, with the name as it was typed."""
    with services().database.reading() as db:
        if lifecycle.study_of(db, study).versions:
            page = overview.study(db, study, visitor(), listener_url=_listener_url(study))
        else:
            page = editor.page(db, study, visitor(), drafts_folder())
        return show(replace(page, error=error, duplicate=name, wrong={"duplicate-name": error}))


def _listener_url(study: str) -> str:
    return external_address(url_for("listener.welcome", study=study))

"""Addresses of the tab "People": settings of the recruiting, and invitations."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError, FieldsError
from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.security import secret_key
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.listeners import overview
from mushra_app.studio.listeners.forms import as_recruiting, named, numbered, typed
from mushra_app.studio.listeners.overview import Addresses
from mushra_app.studio.listeners.pages import Asked
from mushra_app.study import invitation_list, invitations, inviting, lifecycle
from mushra_app.study.invitations import Wanted
from mushra_app.study.inviting import Links
from mushra_app.web import external_address, services, show
from mushra_app.words import say, say_number

MOST_TOLD, LONGEST_TOLD = 3, 40
"""Labels, and letters of each, in the sentence that says what was made: it waits in the browser's cookie."""


@blueprint.get("/<study>/listeners")
@needs(Right.VIEW)
def listeners(study: str) -> str:
    """How listeners come to a study, and how full it is."""
    return _page(study, before=request.args.get("before", type=_number))


@blueprint.post("/<study>/recruiting")
@needs(Right.CHANGE)
def recruit(study: str) -> Any:
    """Change how listeners come to a study."""
    fields = typed(request.form)
    try:
        with services().database.writing() as db:
            inviting.recruit(db, study, as_recruiting(fields), note, seen=fields.seen)
    except FieldsError as error:
        return _page(study, typed=fields, error=str(error), wrong=named(error.wrong)), 400
    except ConflictError as error:
        return _page(study, typed=fields, error=str(error)), 409
    flash(say("The settings are kept."))
    return redirect(url_for("studio.listeners", study=study), 303)


@blueprint.post("/<study>/invitations")
@needs(Right.CHANGE)
def invite(study: str) -> Any:
    """Make invitations, so many at once."""
    try:
        _make(study, numbered(request.form))
    except AppError as error:
        asked = Asked(*(request.form.get(name, "") for name in ("count", "label", "group")))
        wrong = error.wrong if isinstance(error, FieldsError) else {}
        return _page(study, asked=asked, error=str(error), wrong=wrong), _status(error)
    return redirect(url_for("studio.listeners", study=study), 303)


@blueprint.post("/<study>/invitations/list")
@needs(Right.CHANGE)
def invite_list(study: str) -> Any:
    """Make the invitations of a list: a CSV file, or the same as text."""
    sent = request.files.get("list")
    content, text = sent.read() if sent else b"", request.form.get("text", "")
    try:
        with services().database.reading() as db:
            wanted = inviting.wanted_of(db, study, content or text.encode())
        _make(study, wanted)
    except AppError as error:
        wrong = {"list" if content else "text": str(error)}
        return _page(study, asked=Asked(text=text), error=str(error), wrong=wrong), _status(error)
    return redirect(url_for("studio.listeners", study=study), 303)


@blueprint.post("/<study>/invitations/<int:number>/revoke")
@needs(Right.CHANGE)
def revoke_invitation(study: str, number: int) -> Any:
    """Take an invitation back that nobody has used."""
    try:
        with services().database.writing() as db:
            inviting.take_back(db, study, number, note)
        flash(say("Invitation %(number)d is taken back.", number=number))
    except ConflictError as error:
        return _page(study, error=str(error)), 409
    return redirect(url_for("studio.listeners", study=study, _anchor="invitations"), 303)


@blueprint.get("/<study>/invitations.csv")
@needs(Right.CHANGE)
def invitations_csv(study: str) -> Response:
    """All invitations with their links, as a table."""
    stream = io.StringIO()
    with services().database.reading() as db:
        found = invitations.listed(db, lifecycle.current(db, study).study_id)
    invitation_list.write(stream, links(study).of(found))
    with services().database.writing() as db:
        note(db, "export", f"{study}: invitations")
    named = {"Content-Disposition": f'attachment; filename="{study}-invitations.csv"'}
    return Response(stream.getvalue().encode("utf-8-sig"), mimetype="text/csv", headers=named)  # Excel wants the mark


@blueprint.get("/<study>/invitations/tickets")
@needs(Right.CHANGE)
def tickets(study: str) -> str:
    """Invitations that nobody has used, to print and cut."""
    after = request.args.get("after", type=_number)
    with services().database.reading() as db:
        version = lifecycle.current(db, study)
        return show(overview.tickets(db, version, visitor(), addresses(study), after=after))


def addresses(study: str) -> Addresses:
    """How addresses of a study's listeners are made."""

    def welcome(**more: Any) -> str:
        return external_address(url_for("listener.welcome", study=study, **more))

    return Addresses(
        welcome=welcome,
        invitation=links(study).to,
        older=lambda number: url_for("studio.listeners", study=study, before=number),
        further=lambda number: url_for("studio.tickets", study=study, after=number),
    )


def links(study: str) -> Links:
    """How links of a study's invitations are made."""
    return Links(external_address(""), secret_key(services().settings), study)


def note(db: Session, what: str, about: str) -> None:
    """Write into the audit log what was done by whoever is in."""
    audit.note(db, visitor().name, what, about)


def _make(study: str, wanted: list[Wanted]) -> None:
    with services().database.writing() as db:
        inviting.invite(db, study, wanted, note)
    flash(_made([one.label for one in wanted]))


def _made(labels: list[str]) -> str:
    """How many were made, and the first of them: that a list was read as it was written is seen there."""
    if not any(labels):
        return say_number("%(num)s invitation was made.", "%(num)s invitations were made.", len(labels))
    first = [label[:LONGEST_TOLD] for label in labels[:MOST_TOLD]]
    return say_number(
        "%(num)s invitation was made: %(labels)s",
        "%(num)s invitations were made: %(labels)s",
        len(labels),
        labels=", ".join(first) + (" …" if len(labels) > len(first) else ""),
    )


def _page(study: str, **more: Any) -> str:
    with services().database.reading() as db:
        return show(overview.listeners(db, lifecycle.current(db, study), visitor(), addresses(study), **more))


def _number(text: str) -> int:
    """A number that a database can compare with its own."""
    if len(text) > 9:
        raise ValueError(text)
    return int(text)


def _status(error: AppError) -> int:
    return 409 if isinstance(error, ConflictError) else 400

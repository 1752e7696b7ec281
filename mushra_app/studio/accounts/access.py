"""Addresses of one study's page "Who may see this".

Whoever may change a study may share it with an account that there is, by its name, and take it away again; owners have
every study. The names of all accounts are shown to owners alone.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for

from mushra_app.errors import AppError, NotFoundError
from mushra_app.people import accounts, audit, permissions
from mushra_app.people.permissions import Right
from mushra_app.studio.accounts import shown
from mushra_app.studio.accounts.words import shared
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.web import services, show
from mushra_app.words import say


@blueprint.get("/<study>/access")
@needs(Right.VIEW)
def access(study: str) -> str:
    """Who may see a study."""
    with services().database.reading() as db:
        return show(shown.access(db, study, visitor()))


@blueprint.post("/<study>/access")
@needs(Right.CHANGE)
def share(study: str) -> Any:
    """Give an account the study, to look at or to change; or with ``may=none`` take it away."""
    name, may = request.form.get("name", ""), request.form.get("may", "")
    try:
        with services().database.writing() as db:
            account = accounts.found(db, name)
            if account is None:
                raise NotFoundError(say("There is no account of this name. An owner can invite whoever has none."))
            if may == "none":
                permissions.revoke(db, account, study)
                done = audit.kept(f"no longer given {study}")
            elif may in ("view", "change"):
                permissions.grant(db, account, study, view_only=may == "view")
                to_look_at = may == "view" or account.role == "viewer"
                done = audit.kept(f"given {study}, to look at" if to_look_at else f"given {study}")
            else:
                raise AppError(say("What may they do? Choose from the list."))
            audit.note(db, visitor().name, "account", f"{account.name}: {done}")
            said = shared(account.name, study, may="view" if (may, account.role) == ("change", "viewer") else may)
    except AppError as error:
        with services().database.reading() as db:
            return show(shown.access(db, study, visitor(), name=name, error=str(error))), 400
    # Who has taken the study from themselves may not see this page any more.
    gone = may == "none" and accounts.login_name(name) == visitor().name and visitor().role != "owner"
    flash(said)
    return redirect(url_for("studio.studies") if gone else url_for("studio.access", study=study), 303)

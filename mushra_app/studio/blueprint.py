"""The studio's blueprint: what happens before and after each of its views, and who is in.

Every wing (``test``, ``live``, ``results`` …) has its own ``routes`` and puts them on this blueprint; ``studio.routes``
imports them all.

Defines: ``blueprint``, ``visitor``.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from mushra_app.people.logins import Visitor
from mushra_app.studio import door, guard
from mushra_app.study.lifecycle import NothingPublishedError
from mushra_app.web import LANGUAGES, remember_language

blueprint = Blueprint("studio", __name__, url_prefix="/studio")


@blueprint.before_request
def in_the_language_that_was_chosen() -> None:
    """The one that somebody chose on a page of the studio, from then on; before, their browser's."""
    if (chosen := request.args.get("lang")) in LANGUAGES:
        session["language"] = chosen
    remember_language(session.get("language", ""))


blueprint.before_request(door.by_link)
blueprint.before_request(guard.enforce)
blueprint.get("/login")(door.login_page)
blueprint.post("/login")(door.login)
blueprint.get("/login/code")(door.code_page)
blueprint.post("/login/code")(door.code)
blueprint.post("/logout")(door.logout)
blueprint.get("/account")(door.account_page)
blueprint.post("/account")(door.change_password)


@blueprint.after_request
def not_kept(response: Response) -> Response:
    """No page of the studio stays in a browser after its reader has left."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


@blueprint.errorhandler(NothingPublishedError)
def to_its_file(_: NothingPublishedError) -> AnyResponse:
    """A study that is only written so far has one tab that can be shown."""
    return redirect(url_for("studio.design", study=(request.view_args or {})["study"]), 303)


def visitor() -> Visitor:
    """Who is in; views that need a right are asked by nobody else."""
    found = guard.visitor()
    assert found is not None
    return found

"""Who asks, and whether they may: before each view of the API.

A program is known by its token alone (``Authorization: Bearer …``). Cookies open nothing here, so that no page of
another server can have a browser ask, and forms' tokens aren't needed. What a token may is what its account may, and at
most what the token lets; a study that the account may not see is answered as one that is not there.

The token has 256 random bits and is looked up by its hash: to guess one is not slowed down, because it is hopeless.

Defines: ``blueprint``, ``bearer``, ``may_of``, ``note``, ``limit``, ``after``, ``version``, ``sent``, ``said``.
"""

from __future__ import annotations

from typing import Any, TypeVar

from flask import Blueprint, Response, abort, current_app, g, jsonify, request
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.json_answers import Problem
from mushra_app.json_mistakes import told
from mushra_app.people import audit, permissions, tokens
from mushra_app.people.permissions import Right
from mushra_app.people.tokens import Bearer
from mushra_app.studio import guard
from mushra_app.study.lifecycle import no_such_study
from mushra_app.web import WRITTEN_IN, remember_language, services
from mushra_app.words import say, say_later

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
Model = TypeVar("Model", bound=BaseModel)
USUAL, MOST = 50, 200
"""Rows of a page, where nothing is said and at most."""
NO_TOKEN = say_later("A token is asked for: make one in the studio, and send it as Authorization: Bearer TOKEN.")
WRONG_TOKEN = say_later("This token opens nothing: it was revoked, has expired, or never was one.")
TOKEN_LOOKS = say_later("This token may look and change nothing; make one in the studio that may.")


@blueprint.before_request
def enforce() -> Any:
    """Let a request through to its view (None), or answer it."""
    remember_language(WRITTEN_IN)
    view = current_app.view_functions[str(request.endpoint)]
    needed, needed_in_general = getattr(view, guard.NEEDS), getattr(view, guard.IN_GENERAL)
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        return _unauthorised(str(NO_TOKEN))
    study = (request.view_args or {}).get("study")
    with services().database.reading() as db:
        found = tokens.bearer_of(db, token.strip())
        right = permissions.right_of(db, found.visitor, study) if found else Right.NONE
        in_general = permissions.right_of(db, found.visitor) if found else Right.NONE
    if found is None:
        return _unauthorised(str(WRONG_TOKEN))
    g.bearer = found
    if right == Right.NONE:
        raise no_such_study(str(study))
    if right < needed or in_general < needed_in_general:
        abort(403, str(guard.OWNERS_ONLY if needed == Right.OWN else guard.LOOK_ONLY))
    changes = Right.CHANGE in (needed, needed_in_general)  # what is for owners here is only looked at
    if changes and found.at_most < Right.CHANGE:
        abort(403, str(TOKEN_LOOKS))
    if found.stale:
        with services().database.writing() as db:
            tokens.used(db, found.token_id)
    return None


@blueprint.after_request
def not_kept(response: Response) -> Response:
    """No answer stays in a cache on its way."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def bearer() -> Bearer:
    """Who asks."""
    return g.bearer


def may_of(db: Session, study: str | None = None) -> str:
    """What the token may do: ``view`` or ``change``."""
    right = min(permissions.right_of(db, bearer().visitor, study), bearer().at_most)
    return right.name.lower()


def note(db: Session, what: str, about: str) -> None:
    """Write into the audit log what was done, and by which token."""
    audit.note(db, bearer().visitor.name, what, f"{about}, by the token {bearer().name!r}")


def limit() -> int:
    """How many rows are wanted."""
    asked = request.args.get("limit", str(USUAL))
    if not asked.isdecimal() or len(asked) > 9 or not 1 <= int(asked) <= MOST:
        raise AppError(say("limit: found %(found)s; expected a number from 1 to %(most)s", found=asked[:40], most=MOST))
    return int(asked)


def after() -> int | None:
    """The number that the page before ended with; None for the first page."""
    asked = request.args.get("after")
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 9:
        raise AppError(say("after: found %(found)s; expected what the page before has as next", found=asked[:40]))
    return int(asked)


def version() -> int | None:
    """The number of the version that is wanted; None where none is named, which is the current one."""
    asked = request.args.get("version")
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 9 or int(asked) < 1:
        raise AppError(say("version: found %(found)s; expected the number of a version, from 1", found=asked[:40]))
    return int(asked)


def sent(model: type[Model]) -> Model:
    """The body of the request; AppError, with the place and what was expected, where it is another one."""
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        mistakes = told(error, request.get_data(), whole=say("the body"), shown_by="openapi.json")
        raise AppError(say("%(mistakes)s; nothing was changed", mistakes=mistakes)) from None


def said(answer: BaseModel) -> Response:
    """An answer as JSON."""
    return jsonify(answer.model_dump(mode="json"))


def _unauthorised(sentence: str) -> tuple[Response, int, dict[str, str]]:
    return jsonify(Problem(error=sentence).model_dump()), 401, {"WWW-Authenticate": "Bearer"}

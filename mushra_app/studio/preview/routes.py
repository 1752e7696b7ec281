"""Addresses of a preview: the pages, sounds and saves of a listener's session, with nothing stored.

Their paths end as a session's do, because the pages' scripts find the session in the address.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from flask import Response, abort, jsonify, redirect, request, url_for

from mushra_app.errors import NotFoundError
from mushra_app.json_answers import Saved
from mushra_app.listener.forms import WelcomeForm
from mushra_app.listener.pages import QuestionsPage
from mushra_app.people.permissions import Right
from mushra_app.security import is_same_origin
from mushra_app.session import enrolment, saving
from mushra_app.session import preview as previews
from mushra_app.session.preview import Walk
from mushra_app.studio.blueprint import blueprint
from mushra_app.studio.guard import needs
from mushra_app.study import lifecycle
from mushra_app.web import LANGUAGES, WRITTEN_IN, own_origins, remember_language, services, show
from mushra_app.words import say

SEED_BITS = 29
IN_SESSION = "/<study>/preview/<int:version>/session/<token>"


@blueprint.get("/<study>/preview/<int:version>")
@needs(Right.VIEW)
def preview(study: str, version: int) -> str:
    """The first page of a study as listeners have it."""
    return _welcome(study, version)


@blueprint.post("/<study>/preview/<int:version>")
@needs(Right.VIEW)
def preview_begin(study: str, version: int) -> Any:
    """Go on from the first page, with a plan that is drawn anew."""
    form = WelcomeForm.at(None)
    _in_language(request.args.get("lang", ""))
    if not form.validate_on_submit():
        return _welcome(study, version, form.sentences()), 400
    transducer, experience = str(form.transducer.data), str(form.experience.data)
    with services().database.reading() as db:
        turned_away = previews.not_looked_for(lifecycle.version_of(db, study, version), transducer, experience)
    if turned_away:
        return show(turned_away), 403
    walk = Walk(_language(), transducer, secrets.randbits(SEED_BITS))
    return redirect(_base(study, version, walk) + "/", 303)


@blueprint.get(f"{IN_SESSION}/")
@needs(Right.VIEW)
def preview_page(study: str, version: int, token: str) -> str:
    """The page of a preview that its address says."""
    walk = _walk(token)
    bases = _base(study, version, walk), _base(study, version, walk.next)
    return show(previews.page(services().database, _id_of(study, version), walk, *bases))


@blueprint.post(f"{IN_SESSION}/")
@needs(Right.VIEW)
def preview_go_on(study: str, version: int, token: str) -> Any:
    """Go on to the page after it, or to the one of whoever is turned away; answers that won't do are said."""
    walk = _walk(token)
    given = {name: value for name, value in request.form.items() if name != "csrf_token"}
    found = previews.answer(services().database, _id_of(study, version), walk, given)
    if isinstance(found, QuestionsPage):
        return show(found), 400
    return redirect(_base(study, version, found) + "/", 303)


@blueprint.put(f"{IN_SESSION}/trials/<trial>")
@needs(Right.VIEW)
def preview_save(study: str, version: int, token: str, trial: str) -> Response:
    """Answer a save as a session does, and store nothing."""
    if not is_same_origin(request.headers, own_origins()):
        abort(403, say("This request did not come from a page of this server; nothing was saved."))
    walk, sent = _walk(token), saving.read_body(request.get_data())
    revision = previews.save(services().database, _id_of(study, version), walk, trial, sent)
    return jsonify(Saved(revision=revision, next=_base(study, version, walk.next) + "/").model_dump())


@blueprint.get(f"{IN_SESSION}/sound/<slot>")
@needs(Right.VIEW)
def preview_sound(study: str, version: int, token: str, slot: str) -> Response:
    """One sound of a preview."""
    of_trial = previews.sounds_of_trial(services().database, _id_of(study, version), _walk(token), slot)
    return services().delivery.answer(slot, of_trial)


@blueprint.get(f"{IN_SESSION}/setup/<step>/<int:attempt>/<int:number>")
@needs(Right.VIEW)
def preview_setup_sound(study: str, version: int, token: str, step: str, attempt: int, number: int) -> Response:
    """One sound of a setup step in a preview."""
    wav = previews.setup_sound(services().database, _id_of(study, version), _walk(token), step, attempt, number)
    return Response(wav, mimetype="audio/wav")


class Banner(NamedTuple):
    """Where a preview is left to, and from the page of whoever is turned away back to what was asked ("" elsewhere)."""

    left_to: str
    asked_at: str


def banner() -> Banner | None:
    """What stands on every page of a preview, and on no other."""
    if not (request.endpoint or "").startswith("studio.preview") or not request.view_args:
        return None
    study, version = request.view_args["study"], request.view_args["version"]
    token, asked_at = request.view_args.get("token", ""), ""
    if token.endswith("-away"):
        asked_at = url_for("studio.preview_page", study=study, version=version, token=token.removesuffix("-away"))
    return Banner(url_for("studio.sounds", study=study, version=version), asked_at)


def _welcome(study: str, number: int, errors: tuple[str, ...] = ()) -> str:
    _in_language(request.args.get("lang", ""))
    with services().database.reading() as db:
        return show(enrolment.welcome(lifecycle.version_of(db, study, number), errors=errors))


def _walk(token: str) -> Walk:
    """Where the preview is, and its language for the rest of the request."""
    walk = Walk.read(token)
    if walk.language not in LANGUAGES:
        raise NotFoundError(say("This preview has no such page. Please begin it again."))
    remember_language(walk.language)
    return walk


def _in_language(chosen: str) -> None:
    if chosen in LANGUAGES:
        remember_language(chosen)


def _language() -> str:
    chosen = request.args.get("lang", "")
    return chosen if chosen in LANGUAGES else WRITTEN_IN


def _id_of(study: str, number: int) -> int:
    """The version's key; NotFoundError where the study has none of that number."""
    with services().database.reading() as db:
        return lifecycle.version_of(db, study, number).id


def _base(study: str, number: int, walk: Walk) -> str:
    return url_for("studio.preview_page", study=study, version=number, token=walk.token).rstrip("/")

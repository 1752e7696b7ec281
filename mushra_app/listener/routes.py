"""The listener's addresses: a study's welcome page, and one session with its pages, sounds and saves.

A session is authorised by the token in its address. Saves are no forms: they carry no form token, which would
expire during a long test, but must come from one of our own pages (Origin, Sec-Fetch-Site).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from mushra_app.errors import NotFoundError
from mushra_app.json_answers import Saved
from mushra_app.listener.forms import WelcomeForm
from mushra_app.listener.links import is_preview, read_link
from mushra_app.listener.pages import (
    CheckPage,
    InstructionsPage,
    LevelPage,
    QuestionsPage,
    WithdrawPage,
)
from mushra_app.models import Listener, ListeningSession
from mushra_app.people import audit
from mushra_app.security import is_same_origin, secret_key, token_sha256
from mushra_app.session import announcements, enrolment, listening, privacy, saving, setting_up
from mushra_app.study import arriving, lifecycle
from mushra_app.study.arriving import Link
from mushra_app.study.recruiting import recruiting_of
from mushra_app.web import language, own_origins, remember_language, services, show
from mushra_app.words import say

blueprint = Blueprint("listener", __name__)
log = logging.getLogger(__name__)

LONGEST_USER_AGENT = 300
LONGEST_SCRIPT_ERROR = 4000


@blueprint.get("/listen/<study>")
def welcome(study: str) -> AnyResponse | str:
    """What the study is about, and consent."""
    key = secret_key(services().settings)
    with services().database.reading() as db:
        link = read_link(db, request.args, key)
        if not arriving.is_sent_again(db, study, link):
            return _welcomed(db, study, link, key)
    with services().database.writing() as db:
        token = arriving.come_again(db, study, link, key)
    return redirect(url_for("listener.session", token=token), 303)


def _welcomed(db: Session, study: str, link: Link, key: str) -> AnyResponse | str:
    if (token := arriving.way_back(db, study, link, key)) is not None:
        return redirect(url_for("listener.session", token=token), 303)
    with arriving.seen_out(db, study, link):
        version = lifecycle.taking(db, study)
        arriving.admit(db, version, link)
    return show(enrolment.welcome(version, link.place, preview=is_preview(request.args)))


@blueprint.post("/listen/<study>")
def enrol(study: str) -> AnyResponse | tuple[str, int]:
    """Begin a session."""
    if is_preview(request.args):
        abort(403, say("This is a preview. Accept the task first; then the test can begin here."))
    key = secret_key(services().settings)
    with services().database.writing() as db:
        link = read_link(db, request.args, key)
        if (token := arriving.way_back(db, study, link, key)) is not None:
            return redirect(url_for("listener.session", token=token), 303)
        with arriving.seen_out(db, study, link):
            version, form = lifecycle.taking(db, study), WelcomeForm.at(link.place)
            if not form.validate_on_submit():
                return show(enrolment.welcome(version, link.place, form.sentences())), 400
            arrival = _arrival(link, form.data, key)
            recruiting = recruiting_of(version.study)
            if not arriving.meets_criteria(recruiting, arrival):
                return show(announcements.not_looked_for(version, recruiting, link.channel)), 403
            token = arriving.arrive(db, version, link, arrival)
    return redirect(url_for("listener.session", token=token), 303)


@blueprint.get("/session/<token>/")
def session(token: str) -> Response:
    """The page that is next."""
    with services().database.reading() as db:
        page = listening.next_page(db, _sitting(db, token), _base(token))
    return _fresh(show(page))


@blueprint.post("/session/<token>/")
def go_on(token: str) -> AnyResponse | tuple[Response, int]:
    """Answer the questionnaire that is next, or go on from the instructions that are."""
    given = {name: value for name, value in request.form.items() if name != "csrf_token"}
    with services().database.writing() as db:
        sitting = _sitting(db, token, locked=True)
        page = listening.next_page(db, sitting, _base(token))
        if isinstance(page, QuestionsPage):
            if corrections := listening.answer(db, sitting, given):
                return _fresh(show(corrections)), 400
        elif isinstance(page, LevelPage | CheckPage):
            setting_up.answer(db, sitting, given)
        elif isinstance(page, InstructionsPage) and not given:
            listening.go_on(db, sitting, _user_agent())
    return redirect(url_for("listener.session", token=token), 303)


@blueprint.put("/session/<token>/trials/<trial>")
def save(token: str, trial: str) -> Response:
    """Save a trial; answered after it is on the disk."""
    _refuse_other_origins()
    sent = saving.read_body(request.get_data())
    with services().database.writing() as db:
        locked = saving.lock_trial(db, token_sha256(token), trial)
        remember_language(locked.language)
        revision = saving.save_trial(db, locked, sent, _user_agent())
    return jsonify(Saved(revision=revision, next=f"{_base(token)}/").model_dump())


@blueprint.get("/session/<token>/sound/<slot>")
def sound(token: str, slot: str) -> Response:
    """One sound of this session."""
    with services().database.reading() as db:
        of_trial = listening.sounds_of_trial(db, token, slot)
    return services().delivery.answer(slot, of_trial)


@blueprint.get("/session/<token>/setup/<step>/<int:attempt>/<int:number>")
def setup_sound(token: str, step: str, attempt: int, number: int) -> Response:
    """One sound of a setup step."""
    with services().database.reading() as db:
        wav = setting_up.sound(_sitting(db, token), step, attempt, number)
    return Response(wav, mimetype="audio/wav", headers={"Cache-Control": "private, no-store"})


@blueprint.post("/session/<token>/error")
def script_error(token: str) -> tuple[str, int]:
    """Keep what a page's script complained about."""
    _refuse_other_origins()
    text = request.get_data(as_text=True)[:LONGEST_SCRIPT_ERROR].replace("\0", "")
    with services().database.writing() as db:
        saving.store_script_error(db, _sitting(db, token, locked=True), text, _user_agent())
    log.warning("a listener's page reported: %r", text[:500])
    return "", 204


@blueprint.get("/session/<token>/withdraw")
def ask_before_withdrawing(token: str) -> Response:
    """Whether the listener means it."""
    with services().database.reading() as db:
        return _fresh(show(WithdrawPage(enrolment.title_of(_sitting(db, token).version), asks_code=False)))


@blueprint.post("/session/<token>/withdraw")
def withdraw(token: str) -> AnyResponse:
    """Take back consent."""
    with services().database.writing() as db:
        _withdraw(db, _sitting(db, token).listener)
    return redirect(url_for("listener.session", token=token), 303)


@blueprint.get("/withdraw")
def ask_for_code() -> Response:
    """For whoever has left the session's address behind and kept their code."""
    return _fresh(show(WithdrawPage(say("Listening test"), asks_code=True)))


@blueprint.post("/withdraw")
def withdraw_by_code() -> tuple[Response, int]:
    """Take back consent by the listener's code."""
    try:
        with services().database.writing() as db:
            listener = privacy.listener_of(db, request.form.get("code", ""))
            _withdraw(db, listener)
            said = announcements.withdrawn(listener.sessions[0], forgets=False)
    except NotFoundError as error:
        return _fresh(show(WithdrawPage(say("Listening test"), asks_code=True, error=str(error)))), 404
    return _fresh(show(said)), 200


def _withdraw(db: Session, listener: Listener) -> None:
    privacy.withdraw(db, listener)
    audit.note(db, audit.LISTENER, "withdrawal", privacy.about(listener))


def _sitting(db: Session, token: str, *, locked: bool = False) -> ListeningSession:
    """The session of this address, and its language for the rest of the request."""
    sitting = listening.sitting_of(db, token, locked=locked)
    remember_language(sitting.language)
    return sitting


def _base(token: str) -> str:
    return url_for("listener.session", token=token).rstrip("/")


def _fresh(html: str) -> Response:
    """Pages of a session are never shown out of a cache: going back must not bring an old trial."""
    return Response(html, headers={"Cache-Control": "private, no-store"})


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")[:LONGEST_USER_AGENT]


def _arrival(link: Link, given: Mapping[str, Any], key: str) -> enrolment.Arrival:
    return enrolment.Arrival(
        given.get("transducer") or "",
        given["experience"],
        _user_agent(),
        place=link.place,
        simulated=link.simulated,
        language=language(),
        key=key,
    )


def _refuse_other_origins() -> None:
    if not is_same_origin(request.headers, own_origins()):
        abort(403, say("This request did not come from a page of this server; nothing was saved."))

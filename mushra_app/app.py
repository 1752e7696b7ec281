"""The web application: one factory, no globals.

Every answer carries the security headers; errors are shown as a page (or as JSON where a script asked) that
says what to do, without a trace. Forms are protected by a token that does not expire while somebody listens.

Defines: ``create_app``.
"""

from __future__ import annotations

import logging

from flask import Flask, Response, abort, current_app, jsonify, request
from flask_babel import Babel, get_locale
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from mushra_app import openapi
from mushra_app.api import routes as api
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError, TurnedAwayError, UnavailableError
from mushra_app.json_answers import Problem
from mushra_app.listener import routes as listener
from mushra_app.listener.pages import MessagePage
from mushra_app.operation import health, metrics, request_log
from mushra_app.refusals import Refusal, refusal_of
from mushra_app.security import HEADERS, secret_key
from mushra_app.serving.answers import Delivery
from mushra_app.studio import guard, tabs
from mushra_app.studio import routes as studio
from mushra_app.studio.accounts import words as account_words
from mushra_app.studio.following import worker_command
from mushra_app.studio.live.quality import RULE_WORDS
from mushra_app.studio.pages import TroublePage
from mushra_app.studio.preview import routes as preview
from mushra_app.studio.retelling import SEVERITY_WORDS, retold
from mushra_app.studio.sounds import publishing
from mushra_app.study.endings import Ending
from mushra_app.study.lifecycle import NoSuchStudyError
from mushra_app.web import (
    LANGUAGES,
    WRITTEN_IN,
    Services,
    external_address,
    in_language,
    language,
    script_words,
    show,
)
from mushra_app.words import say, say_later

MOST_BODY_BYTES = 2**20  # a trial with all the events that are taken is half of it
MOST_FORM_BYTES = 2**17  # a form of so many empty fields is read in a tenth of a second
TITLE = say_later("Listening test")
SENTENCES = {
    400: (
        say_later("That did not work"),
        say_later("The server did not understand this request. Please go back and try again."),
    ),
    403: (
        say_later("Not allowed"),
        say_later("This page can't be opened this way. Please use the link that you were given."),
    ),
    404: (say_later("Nothing here"), say_later("There is no such page. Please use the link that you were given.")),
    413: (say_later("Too large"), say_later("What was sent is too large.")),
    500: (
        say_later("Something went wrong"),
        say_later("The server made a mistake. What you have saved is safe; please try again."),
    ),
    503: (
        say_later("Please wait a moment"),
        say_later("The server's database does not answer just now. What you have saved is safe; please try again."),
    ),
    507: (
        say_later("No room left"),
        say_later(
            "The server's disk is full, so this was not saved. What you have saved is safe; please tell the "
            "experimenter, and try again later."
        ),
    ),
}
NO_SUCH_PAGE = say_later("There is no such page in the studio.")
"""Whoever runs a test was given no link."""
NO_SUCH_CALL = say_later("There is nothing under this address; openapi.json says what there is.")
NO_SUCH_STUDY = say_later("There is no study of that name, or it is not yours to see.")
TURNED_AWAY = {
    "paused": (409, say_later("Not just now")),
    "full": (409, say_later("All places are taken")),
    "ended": (410, say_later("This study has ended")),
    "uninvited": (403, say_later("By invitation only")),
    "revoked": (410, say_later("This invitation holds no more")),
    "unfilled": (403, say_later("This link is not complete")),
}
"""By the reason. None of them is a fault of the server's, so that nobody is called for it as for a 503."""
CODES: dict[type[AppError], int] = {NotFoundError: 404, ConflictError: 409, UnavailableError: 503}
NO_ENDING = Ending()
RETRY_AFTER_S = {503: 5, 507: 60}
"""For programs; the trial page tries again by a schedule of its own, whatever answer above 499 it gets."""

KNOWN_TO_PAGES: dict[str, object] = {
    "locale": get_locale,
    "languages": LANGUAGES,
    "external_address": external_address,
    "in_language": in_language,
    "script_words": script_words,
    "study_tabs": tabs.TABS,
    "status_words": tabs.STATUS_WORDS,
    "role_words": account_words.ROLE_WORDS,
    "kind_words": account_words.KIND_WORDS,
    "severity_words": SEVERITY_WORDS,
    "preview": preview.banner,
    "invitation_words": tabs.INVITATION_WORDS,
    "rule_words": RULE_WORDS,
    "worker_command": worker_command,
}
"""What every template may ask for beside its page."""

log = logging.getLogger(__name__)


def create_app(settings: Settings, database: Database | None = None) -> Flask:
    """The application of one process.

    Parameters
    ----------
    settings : where the data lies and how listeners reach us.
    database : an open one; otherwise the settings' own is opened.
    """
    app = Flask("mushra_app")
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SESSION_COOKIE_NAME="mushra",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(settings.external_url or "").startswith("https:"),
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # a test lasts longer than any limit
        WTF_CSRF_SSL_STRICT=False,  # asks for a Referer, which our own policy forbids browsers to send
    )
    app.extensions["mushra"] = Services(settings, database or Database(settings), Delivery(settings))
    Babel(app, default_locale=WRITTEN_IN, locale_selector=language)
    app.jinja_env.globals |= KNOWN_TO_PAGES
    app.jinja_env.filters["retold"] = retold
    if settings.log_format == "json":
        request_log.attach(app)  # before all that may refuse a request
    app.before_request(_refuse_what_no_page_sends)
    if settings.metrics:
        metrics.attach(app, app.extensions["mushra"])
    csrf = CSRFProtect(app)
    # The first two are authorised by the session's token and the origin, the third stores nothing, and an upload looks
    # at the form's token itself, before it reads the form.
    for view in (listener.save, listener.script_error, preview.preview_save, publishing.upload):
        csrf.exempt(view)
    csrf.exempt(api.blueprint)  # by tokens, which no browser sends by itself
    guard.attach(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(listener.blueprint)
    app.register_blueprint(studio.blueprint)
    app.add_url_rule("/", "front", _front)
    app.register_blueprint(openapi.blueprint)
    health.attach(app, app.extensions["mushra"])
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(AppError, _on_app_error)
    app.register_error_handler(IntegrityError, _on_conflict)
    app.register_error_handler(DBAPIError, _on_refusal)
    app.register_error_handler(NoConnectionFree, _on_refusal)
    app.after_request(_with_headers)
    if hops := settings.trusted_proxies:
        # The only place that believes a proxy: both servers are told to leave it alone.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    return app


def _refuse_what_no_page_sends() -> None:
    """Forms that are too large, and texts with a NUL, which nobody types and PostgreSQL doesn't take."""
    given = [*(request.view_args or {}).values(), *request.args.values()]
    if (
        request.method == "POST" and request.endpoint != publishing.UPLOAD
    ):  # which reads nothing before it knows whose it is
        request.max_content_length = MOST_FORM_BYTES  # the limit of forms is one of each field, and of some forms only
        given += request.form.values()
    if any("\0" in text for text in given if isinstance(text, str)):
        abort(400)


def _front() -> str:
    return show(MessagePage(str(TITLE), say("Listening tests"), (say("Please use the link that you were given."),)))


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _on_http_error(error: HTTPException) -> tuple[Response | str, int]:
    if isinstance(error, BadHost):  # no address can be made then, and every page has some
        return Response("This is no name of a server.", mimetype="text/plain"), 400
    code = error.code or 500
    heading, sentence = SENTENCES.get(code, SENTENCES[400 if code < 500 else 500])
    # The descriptions of 403 are our own, and those of a refused form; all others are werkzeug's, for programmers.
    if code == 403 or isinstance(error, CSRFError):
        sentence = _CSRF if isinstance(error, CSRFError) else error.description
    elif code == 404 and _for_programs():
        sentence = NO_SUCH_CALL
    elif code == 404 and _in_studio():
        sentence = NO_SUCH_PAGE
    return _said(str(heading), str(sentence), code)


_CSRF = say_later("This form is out of date. Please go back, reload the page and try again; cookies must be allowed.")


def _on_app_error(error: AppError) -> tuple[Response | str, int, dict[str, str]]:
    if isinstance(error, TurnedAwayError):
        code, heading = TURNED_AWAY[error.reason]
        ending = Ending(error.code, error.return_url)
        return *_said(str(heading), str(error), code, ending), {}
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), 400)
    headers = {"Retry-After": str(RETRY_AFTER_S[code])} if code in RETRY_AFTER_S else {}
    sentence = str(
        NO_SUCH_STUDY if isinstance(error, NoSuchStudyError) and (_in_studio() or _for_programs()) else error
    )
    return *_said(str(SENTENCES.get(code, SENTENCES[400])[0]), sentence, code), headers


def _on_conflict(error: IntegrityError) -> tuple[Response | str, int]:
    """Two requests at once wanted the same row; the database let one of them have it."""
    log.warning("refused by the database: %s", error.orig)
    return _said(
        str(SENTENCES[400][0]), say("This was saved by another request meanwhile. Please reload the page."), 409
    )


def _on_refusal(error: DBAPIError | NoConnectionFree) -> tuple[Response | str, int, dict[str, str]]:
    """The database is full, busy or away: the same request may succeed later."""
    refusal = refusal_of(error)
    if refusal is None:
        raise error  # a mistake of ours, with its traceback in the log
    code = 507 if refusal is Refusal.FULL else 503
    name = current_app.extensions["mushra"].database.name
    log.error("%s: answered %d: %s", name, code, refusal.value, extra={"fields": _for_machines(name, code, refusal)})
    heading, sentence = SENTENCES[code]
    return *_said(str(heading), str(sentence), code), {"Retry-After": str(RETRY_AFTER_S[code])}


def _for_machines(name: str, code: int, refusal: Refusal) -> dict[str, object]:
    """The same for the JSON log, whose messages are templates; where a database lies says nothing about listeners."""
    return {"message": "the database refused", "database": name, "refusal": refusal.name.lower(), "status": code}


def _said(heading: str, sentence: str, code: int, ending: Ending = NO_ENDING) -> tuple[Response | str, int]:
    """An error as whoever asked can read it."""
    if request.method == "PUT" or request.is_json or _for_programs():
        return jsonify(Problem(error=sentence).model_dump()), code
    if _in_studio() and code < 500:  # above, a page that asks the database who is in could fail again
        return Response(show(TroublePage(heading, sentence)), headers={"Cache-Control": "private, no-store"}), code
    page = MessagePage(str(TITLE), heading, (sentence,), code=ending.code, return_url=ending.return_url)
    return show(page), code


def _for_programs() -> bool:
    return request.path.startswith("/api/")


def _in_studio() -> bool:
    return request.path.startswith("/studio/")

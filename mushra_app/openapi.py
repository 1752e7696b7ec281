"""All addresses of the server as an OpenAPI 3.1 document, at ``/openapi.json``.

It is made from what runs: the addresses from the app's own map, what each does from its view's docstring, bodies from
the pydantic models and the forms that check them. Only what an address answers with is written down here, and a test
refuses an address that is not.

Defines: ``ANSWERS``, ``document``, ``blueprint``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Flask, Response, current_app, jsonify
from pydantic import BaseModel
from werkzeug.routing import IntegerConverter, Rule
from wtforms import Form
from wtforms.fields.core import UnboundField
from wtforms.validators import AnyOf, InputRequired

from mushra_app.api import answers
from mushra_app.api.blueprint import MOST
from mushra_app.json_answers import Problem, Saved
from mushra_app.listener.forms import WelcomeForm
from mushra_app.sent_by_pages import (
    ARCHIVE,
    ARCHIVED,
    AT_A_PLACE,
    BACK,
    CODE,
    DESIGN_WORK,
    DISCARD,
    FILE,
    FOLDER,
    INVITED,
    JOB,
    JOINING,
    LAYOUT,
    LISTENER,
    LISTENERS_INVITED,
    NAMED,
    NOTHING,
    PERSON,
    QUESTIONS,
    READY,
    RECRUITING,
    REVISION,
    SECOND_FACTOR,
    SHARED,
    STATUS,
    TEXT,
    TOKEN,
    WHO,
    Schema,
)
from mushra_app.session.saving import TrialSave
from mushra_app.studio.forms import CalibrationForm, CodeForm, LoginForm, PasswordForm

blueprint = Blueprint("openapi", __name__)


@dataclass(frozen=True)
class Answer:
    """What an operation takes and answers where all is well; ``status`` is then the only one below 400.

    ``led_on`` is whether it may lead elsewhere (303) instead: whoever has begun to their session.
    ``takes`` is a pydantic model (JSON), a form or the schema of one, or ``text/plain``; ``not_now`` is what a 503
    carries where it is more than a sentence.
    """

    gives: str | type[BaseModel] | Schema | None = "text/html"
    status: int = 200
    takes: type[BaseModel] | type[Form] | Schema | str | None = None
    query: tuple[str, ...] = ()
    not_now: Schema | None = None
    led_on: bool = False


SEE_OTHER = partial(Answer, None, 303)
PAGE = Answer()
OF_QUERY: Mapping[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
    "version": {"type": "integer", "minimum": 1},
}
PAGED = ("after", "limit")
LINKED = ("lang", "as", "place", "invitation", "group", "PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
LINKED += ("workerId", "assignmentId", "hitId")
SHOWN = ("who", "state", "every")
OF_VERSION = ("version",)

ANSWERS: Mapping[tuple[str, str], Answer] = {
    ("GET", "front"): PAGE,
    ("GET", "listener.welcome"): Answer(query=LINKED, led_on=True),
    ("POST", "listener.enrol"): SEE_OTHER(takes=WelcomeForm, query=LINKED),
    ("GET", "listener.session"): Answer(query=("lang",)),
    ("POST", "listener.go_on"): SEE_OTHER(takes=QUESTIONS),
    ("PUT", "listener.save"): Answer(Saved, takes=TrialSave),
    ("GET", "listener.sound"): Answer("audio/flac"),
    ("GET", "listener.setup_sound"): Answer("audio/wav"),
    ("POST", "listener.script_error"): Answer(None, 204, takes="text/plain"),
    ("GET", "listener.ask_before_withdrawing"): PAGE,
    ("POST", "listener.withdraw"): SEE_OTHER(takes=NOTHING),
    ("GET", "listener.ask_for_code"): PAGE,
    ("POST", "listener.withdraw_by_code"): Answer(takes=CODE),
    ("GET", "studio.login_page"): Answer(query=("next",)),
    ("POST", "studio.login"): SEE_OTHER(takes=LoginForm),
    ("POST", "studio.logout"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.account_page"): PAGE,
    ("POST", "studio.change_password"): SEE_OTHER(takes=PasswordForm),
    ("GET", "studio.studies"): Answer(query=("key", "archived")),
    ("GET", "studio.study"): PAGE,
    ("POST", "studio.move"): SEE_OTHER(takes=STATUS),
    ("POST", "studio.archive"): SEE_OTHER(takes=ARCHIVED),
    ("POST", "studio.duplicate_study"): SEE_OTHER(takes=NAMED),
    ("GET", "studio.new_study"): PAGE,
    ("POST", "studio.begin_study"): SEE_OTHER(takes=NAMED),
    ("GET", "studio.design"): PAGE,
    ("POST", "studio.save_design"): SEE_OTHER(takes=QUESTIONS),
    ("POST", "studio.check_design"): Answer(takes=QUESTIONS),
    ("POST", "studio.begin_draft"): SEE_OTHER(takes=DISCARD),
    ("POST", "studio.publish_design"): SEE_OTHER(takes=REVISION),
    ("POST", "studio.work_on_design"): SEE_OTHER(takes=DESIGN_WORK),
    ("GET", "studio.experiment_file"): Answer("application/toml"),
    ("GET", "studio.live"): Answer(query=SHOWN),
    ("GET", "studio.results"): Answer(query=OF_VERSION),
    ("GET", "studio.ratings_csv"): Answer("text/csv", query=("layout", *OF_VERSION)),
    ("GET", "studio.answers_csv"): Answer("text/csv", query=OF_VERSION),
    ("GET", "studio.listeners"): Answer(query=("before",)),
    ("POST", "studio.recruit"): SEE_OTHER(takes=RECRUITING),
    ("POST", "studio.invite"): SEE_OTHER(takes=LISTENERS_INVITED),
    ("POST", "studio.invite_list"): SEE_OTHER(takes={"type": "object", "properties": {"text": TEXT}}),
    ("POST", "studio.revoke_invitation"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.invitations_csv"): Answer("text/csv"),
    ("GET", "studio.tickets"): Answer(query=("after",)),
    ("GET", "studio.lab_page"): PAGE,
    ("POST", "studio.next_listener"): SEE_OTHER(takes=AT_A_PLACE),
    ("POST", "studio.come_back"): SEE_OTHER(takes=BACK),
    ("POST", "studio.ratings_now"): Answer("text/csv", takes=LAYOUT, query=OF_VERSION),
    ("POST", "studio.ask_for_job"): SEE_OTHER(takes=JOB, query=OF_VERSION),
    ("GET", "studio.report"): Answer(query=("download", *OF_VERSION)),
    ("GET", "studio.made_file"): Answer("application/octet-stream", query=OF_VERSION),
    ("POST", "studio.find_listener"): Answer(takes=WHO),
    ("POST", "studio.withdraw_listener"): SEE_OTHER(takes=LISTENER),
    ("GET", "studio.ask_before_erasing"): PAGE,
    ("POST", "studio.erase_personal"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.listening_places"): PAGE,
    ("POST", "studio.calibrate"): SEE_OTHER(takes=CalibrationForm),
    ("GET", "studio.alignment_noise"): Answer("audio/wav"),
    ("GET", "studio.code_page"): PAGE,
    ("POST", "studio.code"): SEE_OTHER(takes=CodeForm),
    ("GET", "studio.second_factor_page"): PAGE,
    ("POST", "studio.change_second_factor"): SEE_OTHER(takes=SECOND_FACTOR),
    ("GET", "studio.tokens_page"): PAGE,
    ("POST", "studio.make_token"): SEE_OTHER(takes=TOKEN),
    ("POST", "studio.revoke_token"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.people"): PAGE,
    ("POST", "studio.invite_person"): SEE_OTHER(takes=INVITED),
    ("POST", "studio.revoke_person_invitation"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.person"): PAGE,
    ("POST", "studio.change_person"): SEE_OTHER(takes=PERSON),
    ("GET", "studio.join_page"): PAGE,
    ("POST", "studio.join"): SEE_OTHER(takes=JOINING),
    ("GET", "studio.access"): PAGE,
    ("POST", "studio.share"): SEE_OTHER(takes=SHARED),
    ("GET", "studio.audit_log"): Answer(query=("before", "who", "what")),
    ("GET", "api.me"): Answer(answers.Me),
    ("GET", "api.studies"): Answer(answers.Studies, query=("after", "limit", "archived")),
    ("GET", "api.study"): Answer(answers.Study),
    ("GET", "api.versions"): Answer(answers.Versions),
    ("POST", "api.move"): Answer(answers.Versions, takes=answers.Move),
    ("POST", "api.duplicate_study"): Answer(answers.Duplicated, 201, takes=answers.Duplicate),
    ("GET", "api.progress"): Answer(answers.Progress),
    ("GET", "api.sessions"): Answer(answers.Sittings, query=PAGED),
    ("GET", "api.recruiting"): Answer(answers.Recruiting),
    ("PUT", "api.recruit"): Answer(answers.Recruiting, takes=answers.Recruiting),
    ("GET", "api.invitations"): Answer(answers.Invitations, query=PAGED),
    ("POST", "api.invite"): Answer(answers.Invitations, 201, takes=answers.InvitationsWanted),
    ("DELETE", "api.revoke_invitation"): Answer(None, 204),
    ("POST", "api.next_listener"): Answer(answers.Called, 201, takes=answers.Seat),
    ("POST", "api.call_back"): Answer(answers.CalledBack, takes=answers.SeatAgain),
    ("GET", "api.ratings_csv"): Answer("text/csv", query=OF_VERSION),
    ("GET", "api.ratings_json"): Answer("application/jsonl", query=OF_VERSION),
    ("GET", "api.jobs"): Answer(answers.Jobs, query=PAGED),
    ("POST", "api.ask"): Answer(answers.Job, 202, takes=answers.JobWanted, query=OF_VERSION),
    ("GET", "api.job"): Answer(answers.Job),
    ("GET", "api.made_file"): Answer("application/octet-stream", query=OF_VERSION),
    ("GET", "api.job_output"): Answer("text/plain"),
    ("GET", "api.audit_log"): Answer(answers.Log, query=(*PAGED, "who", "what")),
    ("GET", "studio.publish_page"): PAGE,
    ("POST", "studio.upload"): SEE_OTHER(takes=ARCHIVE, query=("csrf_token",)),
    ("POST", "studio.publish_folder"): SEE_OTHER(takes=FOLDER),
    ("GET", "studio.sounds"): Answer(query=("version", "published")),
    ("GET", "studio.clip"): Answer("audio/flac"),
    ("GET", "studio.spectrogram"): Answer("image/png"),
    ("POST", "studio.draw"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.preview"): Answer(query=("lang",)),
    ("POST", "studio.preview_begin"): SEE_OTHER(takes=WelcomeForm, query=("lang",)),
    ("GET", "studio.preview_page"): PAGE,
    ("POST", "studio.preview_go_on"): SEE_OTHER(takes=QUESTIONS),
    ("PUT", "studio.preview_save"): Answer(Saved, takes=TrialSave),
    ("GET", "studio.preview_sound"): Answer("audio/flac"),
    ("GET", "studio.preview_setup_sound"): Answer("audio/wav"),
    ("POST", "studio.look_again"): SEE_OTHER(takes=NOTHING),
    ("POST", "studio.look_at_widths"): SEE_OTHER(takes=NOTHING),
    ("GET", "studio.listener"): PAGE,
    ("GET", "health.health"): Answer({"type": "object", "properties": {"ok": {"const": True}}, "required": ["ok"]}),
    ("GET", "health.ready"): Answer(READY, not_now=READY),
    ("GET", "metrics.metrics"): Answer("text/plain"),  # where the setting switches it on
    ("GET", "openapi.show"): Answer({"type": "object"}),
}
"""By method and endpoint; static files are no operation."""


@blueprint.get("/openapi.json")
def show() -> Response:
    """This document."""
    return jsonify(document(current_app))


def document(app: Flask) -> Schema:
    """The OpenAPI document of an app's addresses."""
    models: dict[str, Schema] = {}
    paths: dict[str, Schema] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if rule.endpoint != "static":
                operation = _operation(app, rule, ANSWERS[method, rule.endpoint], models)
                paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hidden Reference",
            "version": "1",
            "description": "Listening tests. Listeners are known by the token in their address, experimenters by their "
            "login's cookie, and their programs by a token. Forms need the csrf_token of a page; JSON of listeners' "
            "pages needs a header Origin that is the server's own.",
        },
        "paths": paths,
        "components": {
            "schemas": models,
            "securitySchemes": {
                "studio": {"type": "apiKey", "in": "cookie", "name": "mushra"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token, made on one's account page."},
            },
        },
    }


def _operation(app: Flask, rule: Rule, answer: Answer, models: dict[str, Schema]) -> Schema:
    view = app.view_functions[rule.endpoint]
    operation: Schema = {
        "operationId": rule.endpoint,
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": (view.__doc__ or "").strip().partition("\n")[0],
        "parameters": [_in_path(rule, name) for name in sorted(rule.arguments)]
        + [
            {"name": name, "in": "query", "required": False, "schema": OF_QUERY.get(name, TEXT)}
            for name in answer.query
        ],
        "responses": _responses(answer, models),
    }
    if answer.takes is not None:
        operation["requestBody"] = {"required": True, "content": _taken(answer.takes, models)}
    if rule.endpoint.startswith("studio."):
        operation["security"] = [{"studio": []}]
    if rule.endpoint.startswith("api."):
        operation["security"] = [{"bearer": []}]
    return operation


def _in_path(rule: Rule, name: str) -> Schema:
    number = isinstance(rule._converters[name], IntegerConverter)
    schema = {"type": "integer", "minimum": 0} if number else TEXT | {"minLength": 1, "pattern": "^[^/]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _responses(answer: Answer, models: dict[str, Schema]) -> Schema:
    """What comes back; pages carry their refusals in HTML, scripts get theirs in JSON."""
    given = {"application/json": {"schema": _of_model(Problem, models)}, "text/html": {"schema": TEXT}}
    refused = {"description": "Refused, with the reason in a sentence.", "content": given}
    good: Schema = {"description": "Done."}
    if isinstance(answer.gives, str):
        good["content"] = {answer.gives: {"schema": TEXT}}
    elif answer.gives is not None:
        schema = answer.gives if isinstance(answer.gives, dict) else _of_model(answer.gives, models)
        good["content"] = {"application/json": {"schema": schema}}
    busy = {"description": "The database or its disk is not available now; the same request may be sent again."}
    not_now = refused if answer.not_now is None else {"content": {"application/json": {"schema": answer.not_now}}}
    led_on: Schema = {"303": {"description": "Whoever has begun is led to their session."}} if answer.led_on else {}
    return led_on | {str(answer.status): good, "4XX": refused, "503": not_now | busy, "507": refused | busy}


def _taken(takes: type[BaseModel] | type[Form] | Schema | str, models: dict[str, Schema]) -> Schema:
    if isinstance(takes, str):
        return {takes: {"schema": FILE if takes == ARCHIVE else TEXT}}
    if isinstance(takes, dict):
        return {"application/x-www-form-urlencoded": {"schema": _with_token(takes)}}
    if issubclass(takes, BaseModel):
        return {"application/json": {"schema": _of_model(takes, models)}}
    return {"application/x-www-form-urlencoded": {"schema": _with_token(_of_form(takes))}}


def _of_model(model: type[BaseModel], models: dict[str, Schema]) -> Schema:
    """A reference to a pydantic model, which is put among the components with all that it is made of."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    models |= schema.pop("$defs", {})
    models[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _of_form(form: type[Form]) -> Schema:
    """The fields of a form, with what its validators ask of them."""
    properties, required = {}, []
    for name, field in vars(form).items():
        if isinstance(field, UnboundField):
            checks = field.kwargs.get("validators", ())
            choices = next((list(check.values) for check in checks if isinstance(check, AnyOf)), None)
            properties[name] = TEXT | ({"enum": choices} if choices else {})
            if choices or any(isinstance(check, InputRequired) for check in checks):
                required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _with_token(schema: Schema) -> Schema:
    """A form, with the token that comes with every one."""
    return schema | {
        "properties": schema.get("properties", {}) | {"csrf_token": TEXT},
        "required": [*schema.get("required", ()), "csrf_token"],
    }

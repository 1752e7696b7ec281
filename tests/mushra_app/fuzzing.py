"""Calls made up from the OpenAPI document, by people who are really in: what is asked, and what was answered.

Schemathesis makes up a call of every operation. A call is then given as much of what is valid as its *care* says:
``all`` of it (addresses, login, form, body), the ``door`` (addresses and login, around a made-up body), or nothing.
A call succeeds with the status that the document promises. What is answered is held against the document.

Defines: ``Fuzz``.
"""

from __future__ import annotations

import secrets
import warnings
from collections import Counter
from collections.abc import Callable

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_guests import Guest, body_of, calibrate
from studio_people import PASSWORD, csrf, database_of, log_in, person

from mushra_app import jobs
from mushra_app.models import now
from mushra_app.openapi import ANSWERS
from mushra_app.security import studio_key
from mushra_app.session import listening
from mushra_app.study import lifecycle, results

CARES = ("all", "door", "all", "none", "door")
"""Taken in turn, so that equally many calls of every operation may succeed."""
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
FORM = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
PLACE = {"name": "Booth", "level_db_a": "78", "transducer": "headphones", "device": "HD 650"}
FACTS = '{"counts": {"analysed": 1}, "listeners": 1, "deviations": []}'
"""As much of a report's JSON as the studio reads."""
FREE = ("comment", "trial_s", "gain_db", "engine", "base_latency_s", "output_latency_s")
"""What a save may hold beside the ratings of its own sounds; no ``rate_hz``: 44100.0 is whole to a schema only."""


class Fuzz:
    """Calls of one app with the studies ``tiny`` and ``checked`` (with a check of the sound).

    ``calls`` and ``successes`` count by operation; ``crashes`` are answers of 500 and above, ``lies`` are those that
    the document doesn't promise.
    """

    def __init__(self, app: Flask) -> None:
        self.app, self.database = app, database_of(app)
        self.calls: Counter[str] = Counter()
        self.successes: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.lies: list[str] = []
        self.owner, self.stranger, self.teller = (app.test_client() for _ in range(3))
        self.owner.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
        person(self.database, "teller", "experimenter", "tiny")
        log_in(self.teller, "teller")
        self.tokens = {
            client: csrf(client.get("/withdraw").text) for client in (self.owner, self.stranger, self.teller)
        }
        calibrate(self.database)
        with app.app_context():
            self.schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
        self.operations = {found.ok().label: found.ok() for found in self.schema.get_all_operations()}
        self.guest = Guest(self.database)
        self.checked = Guest(self.database, "checked")
        self.checked.pass_by(self.checked.page())

    def run(self, label: str, *, calls: int, seeded: int) -> None:
        """Make that many calls of one operation."""

        @seed(seeded)
        @settings(
            max_examples=calls,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=self.operations[label].as_strategy(), salt=st.integers(0, 2**63))
        def call(case: Case, salt: int) -> None:  # the salt: an operation without any parameter is called as often
            self._call(label, case, CARES[self.calls[label] % len(CARES)])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()

    def _call(self, label: str, case: Case, care: str) -> None:
        client = PREPARED.get(label, _as_is)(self, case, care) if care != "none" else self.stranger
        if care != "none" and case.media_type == "application/x-www-form-urlencoded":
            case.body = case.body | {"csrf_token": self.tokens[client]}
        kwargs = case.as_transport_kwargs()
        if care != "none":
            kwargs["headers"]["Origin"] = "http://localhost"
        answer = client.open(**kwargs)
        self.calls[label] += 1
        promised = ANSWERS[case.method, str(case.operation.definition.raw["operationId"])].status
        self.successes[label] += answer.status_code == promised
        said = f"{label}: {answer.status_code} to {kwargs}"[:2000]
        if answer.status_code >= 500 and not (label == "GET /readyz" and answer.status_code == 503):  # its answer
            self.crashes.append(said)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as error:
            self.lies.append(f"{said}: {error}")


Prepare = Callable[[Fuzz, Case, str], FlaskClient]


def _as_is(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    return fuzz.stranger


def _in_the_study(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """An address of the study's, for somebody who may see it; links are left as they come."""
    if "study" in case.path_parameters:
        case.path_parameters["study"] = "tiny"
    if "side" in case.path_parameters:
        case.path_parameters["side"] = "left"
    if care == "all":
        case.query = {name: value for name, value in case.query.items() if name in ("lang", "next")}
    return fuzz.owner


def _moving(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A study of its own, so that "tiny" stays open."""
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        with fuzz.database.writing() as db:
            version = lifecycle.current(db, "checked")
            version.status = "open"
        case.path_parameters |= {"study": "checked", "number": 1}
        case.body = {"status": "paused"}
    return client


def _archiving(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        case.body = {"archived": "no"}
    return client


def _of_the_closed(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A study that runs no more, with every file that a job makes."""
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        with fuzz.database.writing() as db:
            version = lifecycle.current(db, "checked")
            version.status = "closed"
            place = results.place_of(db, version, fuzz.app.extensions["mushra"].settings)
            for kind in results.KINDS:
                done = jobs.ask(db, kind, [str(place.folder / "file"), secrets.token_hex(8)], study_id=version.study_id)
                done.status, done.started_at, done.ended_at = "done", now(), now()
        results.prepare(place)
        for name in results.FILES:
            (place.folder / name).write_text(FACTS)
        case.path_parameters["study"] = "checked"
        if "name" in case.path_parameters:
            case.path_parameters["name"] = "bundle.zip"
        case.query = {name: value for name, value in case.query.items() if name == "download"}
    return client


def _peeking(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        case.body = {"layout": "long", "reason": "to see what comes"}
    return client


def _asking_for_a_job(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _of_the_closed(fuzz, case, care)
    if care == "all":
        case.body = {"kind": "report"}
    return client


def _taking_back(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        guest = Guest(fuzz.database)
        with fuzz.database.reading() as db:
            pseudonym = listening.sitting_of(db, guest.token).listener.pseudonym
        case.body = {"who": pseudonym, "listener": pseudonym}
    return client


def _enrolling(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    case.body = FORM if care == "all" else case.body
    return client


def _in_a_session(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """An address of a session that is under way."""
    case.path_parameters["token"] = fuzz.guest.token
    return fuzz.stranger


def _going_on(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    fuzz.guest = Guest(fuzz.database)
    case.body = {"ears": "yes"} if care == "all" else case.body
    return _in_a_session(fuzz, case, care)


def _saving(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The trial that is next; of the made-up body all that may be anything is kept."""
    fuzz.guest = Guest(fuzz.database)
    page = fuzz.guest.trial()
    case.path_parameters["trial"] = page.token
    if care == "all":
        kept = {name: case.body[name] for name in FREE if name in case.body}
        # The document has no word for it: PostgreSQL keeps no NUL, so that no text may hold one.
        case.body = body_of(page) | {k: v.replace("\0", "") if isinstance(v, str) else v for k, v in kept.items()}
    return _in_a_session(fuzz, case, care)


def _hearing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    page = fuzz.guest.trial()
    case.path_parameters["slot"] = page.sounds[0].token
    return _in_a_session(fuzz, case, care)


def _setting_up(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    if care == "all":
        case.path_parameters |= {"step": "sides", "attempt": 1, "number": 1}
    case.path_parameters["token"] = fuzz.checked.token
    return fuzz.stranger


def _withdrawing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    withdrawn = Guest(fuzz.database)
    case.path_parameters["token"] = withdrawn.token
    return fuzz.stranger


def _withdrawing_by_code(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    guest = Guest(fuzz.database)
    with fuzz.database.reading() as db:
        code = listening.sitting_of(db, guest.token).listener.code
    case.body = {"code": code} if care == "all" else case.body
    return fuzz.stranger


def _logging_in(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = case.body | {"key": "", "name": "teller", "password": PASSWORD} if care == "all" else case.body
    client = fuzz.app.test_client()
    fuzz.tokens[client] = csrf(client.get("/withdraw").text)
    return client


def _another_password(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    if care == "all":
        case.body = {"password": PASSWORD, "new_password": PASSWORD}
    fuzz.tokens[fuzz.teller] = csrf(fuzz.teller.get("/withdraw").text)
    return fuzz.teller


def _logging_out(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    return _logging_in(fuzz, case, "none")


def _calibrating(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = PLACE if care == "all" else case.body
    return fuzz.owner


PREPARED: dict[str, Prepare] = {
    "GET /listen/{study}": _in_the_study,
    "POST /listen/{study}": _enrolling,
    "GET /session/{token}/": _in_a_session,
    "POST /session/{token}/": _going_on,
    "PUT /session/{token}/trials/{trial}": _saving,
    "GET /session/{token}/sound/{slot}": _hearing,
    "GET /session/{token}/setup/{step}/{attempt}/{number}": _setting_up,
    "POST /session/{token}/error": _in_a_session,
    "GET /session/{token}/withdraw": _in_a_session,
    "POST /session/{token}/withdraw": _withdrawing,
    "POST /withdraw": _withdrawing_by_code,
    "POST /studio/login": _logging_in,
    "POST /studio/logout": _logging_out,
    "GET /studio/account": _in_the_study,
    "POST /studio/account": _another_password,
    "GET /studio/": _in_the_study,
    "GET /studio/{study}/": _in_the_study,
    "GET /studio/{study}/live": _in_the_study,
    "GET /studio/{study}/results": _in_the_study,
    "POST /studio/{study}/versions/{number}/status": _moving,
    "POST /studio/{study}/archive": _archiving,
    "GET /studio/{study}/ratings.csv": _of_the_closed,
    "GET /studio/{study}/answers.csv": _in_the_study,
    "POST /studio/{study}/ratings.csv": _peeking,
    "POST /studio/{study}/jobs": _asking_for_a_job,
    "GET /studio/{study}/jobs.json": _of_the_closed,
    "GET /studio/{study}/report.html": _of_the_closed,
    "GET /studio/{study}/files/{name}": _of_the_closed,
    "POST /studio/{study}/withdraw": _taking_back,
    "POST /studio/{study}/withdrawn": _taking_back,
    "GET /studio/{study}/erase": _in_the_study,
    "POST /studio/{study}/erase": _in_the_study,
    "GET /studio/places": _in_the_study,
    "POST /studio/places": _calibrating,
    "GET /studio/places/noise/{study}/{side}": _in_the_study,
}
"""How a call becomes one that may succeed; all other operations need nothing."""

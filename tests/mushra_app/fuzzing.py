"""Calls made up from the OpenAPI document, by people who are really in: what is asked, and what was answered.

Schemathesis makes up a call of every operation. A call is then given as much of what is valid as its *care* says:
``all`` of it (addresses, login, form, body), the ``door`` (addresses and login, around a made-up body), or nothing.
A call succeeds with the status that the document promises. What is answered is held against the document.

Defines: ``Fuzz``.
"""

from __future__ import annotations

import warnings
from collections import Counter

import schemathesis
from archives import zipped
from flask import Flask
from fuzzing_listeners import LISTENERS, as_is
from fuzzing_people import PEOPLE
from fuzzing_studies import STUDIES
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_guests import Guest, calibrate
from studio_people import csrf, database_of, log_in, person

from mushra_app import jobs
from mushra_app.db import Database
from mushra_app.openapi import ANSWERS
from mushra_app.people import accounts, tokens
from mushra_app.study import lifecycle, sets

CARES = ("all", "door", "all", "none", "door")
"""Taken in turn, so that equally many calls of every operation may succeed."""
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
PREPARED = LISTENERS | STUDIES | PEOPLE
"""How a call becomes one that may succeed, by its operation."""


def the_number(database: Database, name: str) -> int:
    """Of an account, in addresses."""
    with database.reading() as db:
        return accounts.named(db, name).id


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
        person(self.database, "programmer", "owner")
        log_in(self.owner, "programmer")
        person(self.database, "teller", "experimenter", "tiny")
        log_in(self.teller, "teller")
        self.victim = the_number(self.database, person(self.database, "victim", "viewer"))
        with self.database.writing() as db:
            self.token = tokens.make(db, accounts.named(db, "programmer"), "fuzz", may="change", days=0)
            job = jobs.ask(db, "check", ["nowhere"])
            job.study_id = lifecycle.current(db, "tiny").study_id
            db.flush()
            self.job = job.id
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
        with self.database.reading() as db:
            published_from = lifecycle.current(db, "tiny").published_from
        self.archive = zipped(sets.folder_of(published_from, app.extensions["mushra"].settings))

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
        client = PREPARED.get(label, as_is)(self, case, care) if care != "none" else self.stranger
        if care != "none" and case.media_type == "application/x-www-form-urlencoded":
            case.body = case.body | {"csrf_token": self.tokens[client]}
        kwargs = case.as_transport_kwargs()
        if care != "none" and "/api/" in label:
            kwargs["headers"]["Authorization"] = f"Bearer {self.token}"
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

"""Calls made up from the OpenAPI document, by people who are really in: what is asked, and what was answered.

Schemathesis makes up a call of every operation. A call is then given as much of what is valid as its *care* says:
``all`` of it (addresses, login, form, body), the ``door`` (addresses and login, around a made-up body), or nothing.
A call succeeds with the status that the document promises. What is answered is held against the document.

Defines: ``Fuzz``.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyotp
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
from studio_people import PASSWORD, csrf, database_of, log_in, password_hash, person

from mushra_app import jobs
from mushra_app.db import Database
from mushra_app.listener.pages import TrialPage
from mushra_app.models import Clip, Job, now
from mushra_app.openapi import ANSWERS
from mushra_app.people import accounts, invitations, second_factor, tokens
from mushra_app.security import secret_key
from mushra_app.session import listening, preview
from mushra_app.session.enrolment import Arrival, enrol
from mushra_app.session.listening import sitting_of
from mushra_app.study import invitations as personal
from mushra_app.study import lifecycle, results, sets
from mushra_app.study.drafts import keeping
from mushra_app.study.drafts.form import changed
from mushra_app.study.invitations import Wanted
from mushra_app.study.recruiting import fingerprint

CARES = ("all", "door", "all", "none", "door")
"""Taken in turn, so that equally many calls of every operation may succeed."""
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
FORM = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
PLACE = {"name": "Booth", "level_db_a": "78", "transducer": "headphones", "device": "HD 650"}
FACTS = '{"counts": {"analysed": 1}, "listeners": 1, "deviations": []}'
"""As much of a report's JSON as the studio reads."""
FREE = ("comment", "trial_s", "gain_db", "engine", "base_latency_s", "output_latency_s")
"""What a save may hold beside the ratings of its own sounds; no ``rate_hz``: 44100.0 is whole to a schema only."""


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
        client = PREPARED.get(label, _as_is)(self, case, care) if care != "none" else self.stranger
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


def zipped(folder: Path) -> bytes:
    """A folder as a zip."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return kept.getvalue()


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


def _beginning(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    if care == "all":
        case.body = {"name": f"study-{fuzz.calls['POST /studio/new']}"}
    return fuzz.owner


def _designing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A draft that is there, in the revision that it has."""
    client = _in_the_study(fuzz, case, care)
    with fuzz.database.writing() as db:
        version = lifecycle.current(db, "tiny")
        revision = keeping.begin(db, version, "fuzz").revision
    if care == "all":
        case.body = {**case.body, "revision": str(revision)}
        case.body.pop("text", None)
    return client


def _publishing_a_draft(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A draft with another title than before."""
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        title = f"Title {fuzz.calls['POST /studio/{study}/design/publish']}"
        with fuzz.database.writing() as db:
            version = lifecycle.current(db, "tiny")
            draft = keeping.begin(db, version, "fuzz")
            draft.text = changed(keeping.text_of(version), {"experiment.title": title})
            case.body = {"revision": str(draft.revision)}
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


def _of_a_listener(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    from mushra_app.session import listening

    with fuzz.database.reading() as db:
        case.path_parameters["pseudonym"] = listening.sitting_of(db, fuzz.guest.token).listener.pseudonym
    return _in_the_study(fuzz, case, care)


def _calibrating(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = PLACE if care == "all" else case.body
    return fuzz.owner


def _of_a_person(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """Whom nobody else here needs, because anything may be done to them."""
    case.path_parameters["number"] = fuzz.victim
    if care == "all" and case.method == "POST":
        case.body = {"change": "give", "study": "tiny", "may": "view"}
    return fuzz.owner


def _inviting(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    if care == "all":
        case.body = {"role": "viewer", "may": "view", "study": ["tiny"]}
    return fuzz.owner


def _invited(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.writing() as db:
        token = invitations.invite(db, "programmer", "viewer", ["tiny"])
        number = invitations.waiting(db)[0].id
    case.path_parameters = {name: {"token": token, "number": number}[name] for name in case.path_parameters}
    if "number" in case.path_parameters:
        return fuzz.owner
    if care == "all" and case.method == "POST":
        case.body = {"name": f"guest-{number}", "password": PASSWORD}
    client = fuzz.app.test_client()
    fuzz.tokens[client] = csrf(client.get("/withdraw").text)
    return client


def _sharing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    if care == "all":
        case.body = {"name": "victim", "may": "view"}
    return _in_the_study(fuzz, case, care)


def _with_tokens(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """Of the account whose tokens nobody needs."""
    with fuzz.database.writing() as db:
        teller = accounts.named(db, "teller")
        for kept in tokens.of_account(db, teller.id):
            tokens.revoke(db, teller.id, kept.id)
        tokens.make(db, teller, "to be revoked", may="view", days=0)
        if care == "all" and "number" in case.path_parameters:
            case.path_parameters["number"] = tokens.of_account(db, teller.id)[0].id
    if care == "all" and "number" not in case.path_parameters and case.method == "POST":
        case.body = {"name": "nightly", "may": "view", "days": "30"}
    fuzz.tokens[fuzz.teller] = csrf(fuzz.teller.get("/withdraw").text)
    return fuzz.teller


def _with_a_second_factor(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.writing() as db:
        second_factor.turn_off(db, accounts.named(db, "teller"))
    page = fuzz.teller.get("/studio/account/second-factor").text
    sealed, secret = re.findall(r'name="sealed" value="([^"]+)"', page)[0], re.findall(r'secret">([^<]+)', page)[0]
    if care == "all" and case.method == "POST":
        code = pyotp.TOTP(secret.replace(" ", "")).now()
        case.body = {"change": "on", "sealed": sealed, "code": code}
    fuzz.tokens[fuzz.teller] = csrf(page)
    return fuzz.teller


def _half_in(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    secret, client = second_factor.new_secret(), fuzz.app.test_client()
    with fuzz.database.writing() as db:
        coder = accounts.found(db, "coder") or accounts.add(db, "coder", password_hash(), role="viewer")
        coder.totp_secret, coder.totp_step = secret, None
    log_in(client, "coder")
    if care == "all" and case.method == "POST":
        case.body = {"code": pyotp.TOTP(secret).now()}
    fuzz.tokens[client] = csrf(client.get("/withdraw").text)
    return client


def _by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A study that is open, or for its ratings one that is over; the token comes with every call with care."""
    right = {"study": "tiny", "number": fuzz.job}
    if "ratings" in case.path or case.path.endswith("status"):
        with fuzz.database.writing() as db:
            lifecycle.current(db, "checked").status = "closed" if "ratings" in case.path else "open"
        right = {"study": "checked", "number": 1}
    case.path_parameters = {name: right[name] for name in case.path_parameters}
    if care == "all":
        case.query = {name: value for name, value in case.query.items() if name not in ("after", "before")}
        if case.method == "POST":
            case.body = {"status": "paused"} if case.path.endswith("status") else {"kind": "check"}
    return fuzz.stranger


def _a_file_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A report that a job has made of a study that is over."""
    _of_the_closed(fuzz, case, care)
    return fuzz.stranger


def _previewing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A page, a trial or a sound of a preview; any answer leads on."""
    client = _in_the_study(fuzz, case, care)
    if care != "all":
        return client
    with fuzz.database.reading() as db:
        version = lifecycle.current(db, "checked")
        case.path_parameters |= {"study": "checked", "version": version.number}
    walk = preview.Walk("en", "headphones", 7)
    if "trial" in case.path_parameters or "slot" in case.path_parameters:
        while not isinstance(page := preview.page(fuzz.database, version.id, walk, "", ""), TrialPage):
            walk = walk.next
        case.path_parameters |= {"trial": page.token} if "trial" in case.path_parameters else {}
        case.path_parameters |= {"slot": page.sounds[0].token} if "slot" in case.path_parameters else {}
        case.body = body_of(page) if "trial" in case.path_parameters else case.body
    elif "step" in case.path_parameters:
        walk = walk.next
        case.path_parameters |= {"step": "sides", "attempt": 1, "number": 1}
    elif case.method == "POST":
        case.body = {"ears": "yes"}
    case.path_parameters["token"] = walk.token
    return client


def _beginning_a_preview(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        case.path_parameters["version"] = 1
        case.body = FORM if case.method == "POST" else case.body
    return client


def _a_clip(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The first clip, which is of "tiny", with a picture that a job has drawn."""
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        case.path_parameters["clip"] = 1
        with fuzz.database.writing() as db:
            clip = db.get_one(Clip, 1)
            version = lifecycle.current(db, "tiny")
            drawn = {clip.media_sha256: {"wave": "M0 0Z", "spectrogram": "iVBORw0KGgo="}}
            kept = {"kind": "pictures", "argv": [], "key": "fuzz", "status": "done", "output": json.dumps(drawn)}
            db.add(Job(study_id=version.study_id, **kept))
    return client


def _drawing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        case.path_parameters["number"] = 1
    return client


def _uploading(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The study that is there already, as a zip."""
    if care == "all":
        case.query = {"csrf_token": fuzz.tokens[fuzz.owner]}
        case.body = {"archive": fuzz.archive}
        case.media_type = "multipart/form-data"
    return fuzz.owner


def _publishing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.reading() as db:
        folder = lifecycle.current(db, "tiny").published_from
    folder = str(sets.folder_of(folder, fuzz.app.extensions["mushra"].settings))
    case.body = {"folder": folder} if care == "all" else case.body
    return fuzz.owner


def _recruiting(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The settings as they are, so that "tiny" goes on taking listeners."""
    client = _in_the_study(fuzz, case, care)
    if care == "all":
        with fuzz.database.reading() as db:
            seen = fingerprint(lifecycle.current(db, "tiny").study)
        case.body = {"seen": seen, "open_link": "yes", "transducer": "any", "experience": "any", "attention": "none"}
    return client


def _inviting_listeners(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"count": "2", "label": "Ada"} if care == "all" else case.body
    return _in_the_study(fuzz, case, care)


def _inviting_a_list(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"text": "label;group\nAda Lovelace;"} if care == "all" else case.body
    return _in_the_study(fuzz, case, care)


def _taking_back_an_invitation(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.writing() as db:
        made = personal.create(db, lifecycle.current(db, "tiny").study, [Wanted("Ada")])
        case.path_parameters["number"] = made[0].id
    return _in_the_study(fuzz, case, care)


def _next_listener(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"place": "Booth 1"} if care == "all" else case.body
    return _in_the_study(fuzz, case, care)


def _coming_back(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _in_the_study(fuzz, case, care)
    with fuzz.database.writing() as db:
        key = secret_key(fuzz.app.extensions["mushra"].settings)
        arrival = Arrival("headphones", "experienced", "a test", key=key)
        token = enrol(db, lifecycle.taking(db, "tiny"), arrival)
        code = sitting_of(db, token).listener.code
    case.body = {"place": "Booth 1", "code": code} if care == "all" else case.body
    return client


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
    "GET /studio/new": _in_the_study,
    "POST /studio/new": _beginning,
    "GET /studio/{study}/design": _in_the_study,
    "POST /studio/{study}/design": _designing,
    "POST /studio/{study}/design/check": _in_the_study,
    "POST /studio/{study}/design/draft": _in_the_study,
    "POST /studio/{study}/design/publish": _publishing_a_draft,
    "POST /studio/{study}/design/work": _in_the_study,
    "GET /studio/{study}/experiment.toml": _in_the_study,
    "GET /studio/{study}/live": _in_the_study,
    "GET /studio/{study}/results": _in_the_study,
    "POST /studio/{study}/versions/{number}/status": _moving,
    "POST /studio/{study}/archive": _archiving,
    "GET /studio/{study}/ratings.csv": _of_the_closed,
    "GET /studio/{study}/answers.csv": _in_the_study,
    "GET /studio/{study}/listeners": _in_the_study,
    "POST /studio/{study}/recruiting": _recruiting,
    "POST /studio/{study}/invitations": _inviting_listeners,
    "POST /studio/{study}/invitations/list": _inviting_a_list,
    "POST /studio/{study}/invitations/{number}/revoke": _taking_back_an_invitation,
    "GET /studio/{study}/invitations.csv": _in_the_study,
    "GET /studio/{study}/invitations/tickets": _in_the_study,
    "GET /studio/{study}/lab": _in_the_study,
    "POST /studio/{study}/lab": _next_listener,
    "POST /studio/{study}/lab/back": _coming_back,
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
    "GET /studio/login/code": _half_in,
    "POST /studio/login/code": _half_in,
    "GET /studio/account/second-factor": _with_a_second_factor,
    "POST /studio/account/second-factor": _with_a_second_factor,
    "GET /studio/account/tokens": _with_tokens,
    "POST /studio/account/tokens": _with_tokens,
    "POST /studio/account/tokens/{number}/revoke": _with_tokens,
    "GET /studio/people": _in_the_study,
    "POST /studio/people": _inviting,
    "GET /studio/people/{number}": _of_a_person,
    "POST /studio/people/{number}": _of_a_person,
    "POST /studio/people/invitations/{number}/revoke": _invited,
    "GET /studio/people/join/{token}": _invited,
    "POST /studio/people/join/{token}": _invited,
    "GET /studio/audit": _in_the_study,
    "GET /studio/{study}/access": _in_the_study,
    "POST /studio/{study}/access": _sharing,
    "GET /api/v1/me": _by_token,
    "GET /api/v1/studies": _by_token,
    "GET /api/v1/studies/{study}": _by_token,
    "GET /api/v1/studies/{study}/versions": _by_token,
    "POST /api/v1/studies/{study}/versions/{number}/status": _by_token,
    "GET /api/v1/studies/{study}/progress": _by_token,
    "GET /api/v1/studies/{study}/sessions": _by_token,
    "GET /api/v1/studies/{study}/ratings.csv": _by_token,
    "GET /api/v1/studies/{study}/ratings.jsonl": _by_token,
    "GET /api/v1/studies/{study}/jobs": _by_token,
    "POST /api/v1/studies/{study}/jobs": _by_token,
    "GET /api/v1/studies/{study}/files/{name}": _a_file_by_token,
    "GET /api/v1/studies/{study}/jobs/{number}": _by_token,
    "GET /api/v1/studies/{study}/jobs/{number}/output": _by_token,
    "GET /api/v1/audit": _by_token,
    "GET /studio/publish": _in_the_study,
    "POST /studio/publish/upload": _uploading,
    "POST /studio/publish/folder": _publishing,
    "GET /studio/{study}/sounds": _in_the_study,
    "GET /studio/{study}/sounds/{clip}": _a_clip,
    "GET /studio/{study}/sounds/{clip}/spectrogram": _a_clip,
    "POST /studio/{study}/versions/{number}/pictures": _drawing,
    "GET /studio/{study}/preview/{version}": _beginning_a_preview,
    "POST /studio/{study}/preview/{version}": _beginning_a_preview,
    "GET /studio/{study}/preview/{version}/session/{token}/": _previewing,
    "POST /studio/{study}/preview/{version}/session/{token}/": _previewing,
    "PUT /studio/{study}/preview/{version}/session/{token}/trials/{trial}": _previewing,
    "GET /studio/{study}/preview/{version}/session/{token}/sound/{slot}": _previewing,
    "GET /studio/{study}/preview/{version}/session/{token}/setup/{step}/{attempt}/{number}": _previewing,
    "GET /studio/{study}/live/now": _in_the_study,
    "POST /studio/{study}/live/screen": _in_the_study,
    "POST /studio/{study}/live/precision": _in_the_study,
    "GET /studio/{study}/listeners/{pseudonym}": _of_a_listener,
}
"""How a call becomes one that may succeed; all other operations need nothing."""

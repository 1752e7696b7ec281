"""How a made-up call of those who run tests, or of their programs, becomes one that may succeed.

Defines: ``PEOPLE``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyotp
from flask.testing import FlaskClient
from fuzzing_listeners import Prepare, in_the_study
from fuzzing_studies import a_listeners_code, of_the_closed
from schemathesis import Case
from studio_people import PASSWORD, csrf, log_in, password_hash

from mushra_app.people import accounts, invitations, second_factor, tokens
from mushra_app.study import invitations as personal
from mushra_app.study import lifecycle, recruiting
from mushra_app.study.invitations import Wanted

if TYPE_CHECKING:
    from fuzzing import Fuzz


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
    return in_the_study(fuzz, case, care)


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
        case.body = {"name": "nightly", "may": "view", "days": "30", "password": PASSWORD}
    fuzz.tokens[fuzz.teller] = csrf(fuzz.teller.get("/withdraw").text)
    return fuzz.teller


def _with_a_second_factor(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.writing() as db:
        second_factor.turn_off(db, accounts.named(db, "teller"))
    page = fuzz.teller.get("/studio/account/second-factor").text
    sealed, secret = re.findall(r'name="sealed" value="([^"]+)"', page)[0], re.findall(r'secret">([^<]+)', page)[0]
    if care == "all" and case.method == "POST":
        code = pyotp.TOTP(secret.replace(" ", "")).now()
        case.body = {"change": "on", "sealed": sealed, "code": code, "password": PASSWORD}
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


def _duplicating_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _by_token(fuzz, case, care)
    if care == "all":
        case.body = {"name": f"clone-{fuzz.calls['POST /api/v1/studies/{study}/duplicate']}", "version": None}
    return client


def _recruiting_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The settings as every study begins with, so that "tiny" goes on taking listeners."""
    client = _by_token(fuzz, case, care)
    if care == "all" and case.method == "PUT":
        case.body = {"open_link": True, "seen": None}
    return client


def _inviting_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _by_token(fuzz, case, care)
    if care == "all" and case.method == "POST":
        case.body = {"invitations": [{"label": "Ada"}, {"label": "Grace", "group": ""}]}
    return client


def _taking_back_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.path_parameters["study"] = "tiny"
    with fuzz.database.writing() as db:
        made = personal.create(db, lifecycle.current(db, "tiny").study, [Wanted("Ada")])
        case.path_parameters["number"] = made[0].id
    return fuzz.stranger


def _calling_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _by_token(fuzz, case, care)
    if care == "all":
        with fuzz.database.writing() as db:  # another call may have closed it to all, or filled it
            recruiting.change(lifecycle.current(db, "tiny").study, {})
        case.body = {"place": "Booth 1"}
    return client


def _coming_back_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = _by_token(fuzz, case, care)
    code = a_listeners_code(fuzz)
    case.body = {"place": "Booth 1", "code": code} if care == "all" else case.body
    return client


def _a_file_by_token(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A report that a job has made of a study that is over."""
    of_the_closed(fuzz, case, care)
    return fuzz.stranger


PEOPLE: dict[str, Prepare] = {
    "POST /studio/login": _logging_in,
    "POST /studio/logout": _logging_out,
    "GET /studio/account": in_the_study,
    "POST /studio/account": _another_password,
    "GET /studio/login/code": _half_in,
    "POST /studio/login/code": _half_in,
    "GET /studio/account/second-factor": _with_a_second_factor,
    "POST /studio/account/second-factor": _with_a_second_factor,
    "GET /studio/account/tokens": _with_tokens,
    "POST /studio/account/tokens": _with_tokens,
    "POST /studio/account/tokens/{number}/revoke": _with_tokens,
    "GET /studio/people": in_the_study,
    "POST /studio/people": _inviting,
    "GET /studio/people/{number}": _of_a_person,
    "POST /studio/people/{number}": _of_a_person,
    "POST /studio/people/invitations/{number}/revoke": _invited,
    "GET /studio/people/join/{token}": _invited,
    "POST /studio/people/join/{token}": _invited,
    "GET /studio/audit": in_the_study,
    "GET /studio/{study}/access": in_the_study,
    "POST /studio/{study}/access": _sharing,
    "GET /api/v1/me": _by_token,
    "GET /api/v1/studies": _by_token,
    "GET /api/v1/studies/{study}": _by_token,
    "GET /api/v1/studies/{study}/versions": _by_token,
    "POST /api/v1/studies/{study}/versions/{number}/status": _by_token,
    "POST /api/v1/studies/{study}/duplicate": _duplicating_by_token,
    "GET /api/v1/studies/{study}/progress": _by_token,
    "GET /api/v1/studies/{study}/sessions": _by_token,
    "GET /api/v1/studies/{study}/recruiting": _recruiting_by_token,
    "PUT /api/v1/studies/{study}/recruiting": _recruiting_by_token,
    "GET /api/v1/studies/{study}/invitations": _by_token,
    "POST /api/v1/studies/{study}/invitations": _inviting_by_token,
    "DELETE /api/v1/studies/{study}/invitations/{number}": _taking_back_by_token,
    "POST /api/v1/studies/{study}/lab": _calling_by_token,
    "POST /api/v1/studies/{study}/lab/back": _coming_back_by_token,
    "GET /api/v1/studies/{study}/ratings.csv": _by_token,
    "GET /api/v1/studies/{study}/ratings.jsonl": _by_token,
    "GET /api/v1/studies/{study}/jobs": _by_token,
    "POST /api/v1/studies/{study}/jobs": _by_token,
    "GET /api/v1/studies/{study}/files/{name}": _a_file_by_token,
    "GET /api/v1/studies/{study}/jobs/{number}": _by_token,
    "GET /api/v1/studies/{study}/jobs/{number}/output": _by_token,
    "GET /api/v1/audit": _by_token,
}
"""By operation."""

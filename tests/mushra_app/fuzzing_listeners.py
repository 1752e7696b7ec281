"""How a made-up call of a listener's address becomes one that may succeed, and what all such preparations share.

Defines: ``Prepare``, ``as_is``, ``in_the_study``, ``FORM``, ``LISTENERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask.testing import FlaskClient
from schemathesis import Case
from server_guests import Guest, body_of

from mushra_app.session import listening

if TYPE_CHECKING:
    from fuzzing import Fuzz

FORM = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
FREE = ("comment", "trial_s", "gain_db", "engine", "base_latency_s", "output_latency_s")
"""What a save may hold beside the ratings of its own sounds; no ``rate_hz``: 44100.0 is whole to a schema only."""
Prepare = Callable[["Fuzz", Case, str], FlaskClient]


def as_is(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    return fuzz.stranger


def in_the_study(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """An address of the study's, for somebody who may see it; links are left as they come."""
    if "study" in case.path_parameters:
        case.path_parameters["study"] = "tiny"
    if "side" in case.path_parameters:
        case.path_parameters["side"] = "left"
    if care == "all":
        case.query = {name: value for name, value in case.query.items() if name in ("lang", "next")}
    return fuzz.owner


def _enrolling(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
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


LISTENERS: dict[str, Prepare] = {
    "GET /listen/{study}": in_the_study,
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
}
"""By operation; all others need nothing."""

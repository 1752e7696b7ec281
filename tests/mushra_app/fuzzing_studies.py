"""How a made-up call of a study's tabs, or of the listening places, becomes one that may succeed.

Defines: ``STUDIES``, ``of_the_closed``.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from flask.testing import FlaskClient
from fuzzing_listeners import FORM, Prepare, in_the_study
from schemathesis import Case
from server_guests import Guest, body_of

from mushra_app import jobs
from mushra_app.listener.pages import TrialPage
from mushra_app.models import Clip, Job, now
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

if TYPE_CHECKING:
    from fuzzing import Fuzz

PLACE = {"name": "Booth", "level_db_a": "78", "transducer": "headphones", "device": "HD 650"}
FACTS = '{"counts": {"analysed": 1}, "listeners": 1, "deviations": []}'
"""As much of a report's JSON as the studio reads."""


def _moving(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A study of its own, so that "tiny" stays open."""
    client = in_the_study(fuzz, case, care)
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
    client = in_the_study(fuzz, case, care)
    with fuzz.database.writing() as db:
        version = lifecycle.current(db, "tiny")
        revision = keeping.begin(db, version, "fuzz").revision
    if care == "all":
        case.body = {**case.body, "revision": str(revision)}
        case.body.pop("text", None)
    return client


def _beginning_a_draft(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """Of a study that was published, and so is never thrown away."""
    if care == "all" and case.body.get("discard") == "study":
        case.body = {name: value for name, value in case.body.items() if name != "discard"}
    return in_the_study(fuzz, case, care)


def _publishing_a_draft(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A draft with another title than before."""
    client = in_the_study(fuzz, case, care)
    if care == "all":
        title = f"Title {fuzz.calls['POST /studio/{study}/design/publish']}"
        with fuzz.database.writing() as db:
            version = lifecycle.current(db, "tiny")
            draft = keeping.begin(db, version, "fuzz")
            draft.text = changed(keeping.text_of(version), {"experiment.title": title})
            case.body = {"revision": str(draft.revision)}
    return client


def _archiving(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
    if care == "all":
        case.body = {"archived": "no"}
    return client


def of_the_closed(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A study that runs no more, with every file that a job makes."""
    client = in_the_study(fuzz, case, care)
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


def _duplicating(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
    if care == "all":
        case.body = {"name": f"copy-{fuzz.calls['POST /studio/{study}/duplicate']}"}
    return client


def _peeking(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
    if care == "all":
        case.body = {"layout": "long", "reason": "to see what comes"}
    return client


def _asking_for_a_job(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = of_the_closed(fuzz, case, care)
    if care == "all":
        case.body = {"kind": "report"}
    return client


def _taking_back(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
    if care == "all":
        guest = Guest(fuzz.database)
        with fuzz.database.reading() as db:
            pseudonym = listening.sitting_of(db, guest.token).listener.pseudonym
        case.body = {"who": pseudonym, "listener": pseudonym}
    return client


def _of_a_listener(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    from mushra_app.session import listening

    with fuzz.database.reading() as db:
        case.path_parameters["pseudonym"] = listening.sitting_of(db, fuzz.guest.token).listener.pseudonym
    return in_the_study(fuzz, case, care)


def _calibrating(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = PLACE if care == "all" else case.body
    return fuzz.owner


def _previewing(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """A page, a trial or a sound of a preview; any answer leads on."""
    client = in_the_study(fuzz, case, care)
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
    client = in_the_study(fuzz, case, care)
    if care == "all":
        case.path_parameters["version"] = 1
        case.body = FORM if case.method == "POST" else case.body
    return client


def _a_clip(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    """The first clip, which is of "tiny", with a picture that a job has drawn."""
    client = in_the_study(fuzz, case, care)
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
    client = in_the_study(fuzz, case, care)
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
    client = in_the_study(fuzz, case, care)
    if care == "all":
        with fuzz.database.reading() as db:
            seen = fingerprint(lifecycle.current(db, "tiny").study)
        case.body = {"seen": seen, "open_link": "yes", "transducer": "any", "experience": "any", "attention": "none"}
    return client


def _inviting_listeners(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"count": "2", "label": "Ada"} if care == "all" else case.body
    return in_the_study(fuzz, case, care)


def _inviting_a_list(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"text": "label;group\nAda Lovelace;"} if care == "all" else case.body
    return in_the_study(fuzz, case, care)


def _taking_back_an_invitation(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    with fuzz.database.writing() as db:
        made = personal.create(db, lifecycle.current(db, "tiny").study, [Wanted("Ada")])
        case.path_parameters["number"] = made[0].id
    return in_the_study(fuzz, case, care)


def _next_listener(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    case.body = {"place": "Booth 1"} if care == "all" else case.body
    return in_the_study(fuzz, case, care)


def _coming_back(fuzz: Fuzz, case: Case, care: str) -> FlaskClient:
    client = in_the_study(fuzz, case, care)
    code = a_listeners_code(fuzz)
    case.body = {"place": "Booth 1", "code": code} if care == "all" else case.body
    return client


def a_listeners_code(fuzz: Fuzz) -> str:
    """The code of a listener who has begun."""
    with fuzz.database.writing() as db:
        key = secret_key(fuzz.app.extensions["mushra"].settings)
        arrival = Arrival("headphones", "experienced", "a test", key=key)
        token = enrol(db, lifecycle.taking(db, "tiny"), arrival)
        return sitting_of(db, token).listener.code


STUDIES: dict[str, Prepare] = {
    "GET /studio/": in_the_study,
    "GET /studio/{study}/": in_the_study,
    "GET /studio/new": in_the_study,
    "POST /studio/new": _beginning,
    "GET /studio/{study}/design": in_the_study,
    "POST /studio/{study}/design": _designing,
    "POST /studio/{study}/design/check": in_the_study,
    "POST /studio/{study}/design/draft": _beginning_a_draft,
    "POST /studio/{study}/design/publish": _publishing_a_draft,
    "POST /studio/{study}/design/work": in_the_study,
    "GET /studio/{study}/experiment.toml": in_the_study,
    "GET /studio/{study}/live": in_the_study,
    "GET /studio/{study}/results": in_the_study,
    "POST /studio/{study}/versions/{number}/status": _moving,
    "POST /studio/{study}/archive": _archiving,
    "POST /studio/{study}/duplicate": _duplicating,
    "GET /studio/{study}/ratings.csv": of_the_closed,
    "GET /studio/{study}/answers.csv": in_the_study,
    "GET /studio/{study}/listeners": in_the_study,
    "POST /studio/{study}/recruiting": _recruiting,
    "POST /studio/{study}/invitations": _inviting_listeners,
    "POST /studio/{study}/invitations/list": _inviting_a_list,
    "POST /studio/{study}/invitations/{number}/revoke": _taking_back_an_invitation,
    "GET /studio/{study}/invitations.csv": in_the_study,
    "GET /studio/{study}/invitations/tickets": in_the_study,
    "GET /studio/{study}/lab": in_the_study,
    "POST /studio/{study}/lab": _next_listener,
    "POST /studio/{study}/lab/back": _coming_back,
    "POST /studio/{study}/ratings.csv": _peeking,
    "POST /studio/{study}/jobs": _asking_for_a_job,
    "GET /studio/{study}/report.html": of_the_closed,
    "GET /studio/{study}/files/{name}": of_the_closed,
    "POST /studio/{study}/withdraw": _taking_back,
    "POST /studio/{study}/withdrawn": _taking_back,
    "GET /studio/{study}/erase": in_the_study,
    "POST /studio/{study}/erase": in_the_study,
    "GET /studio/places": in_the_study,
    "POST /studio/places": _calibrating,
    "GET /studio/places/noise/{study}/{side}": in_the_study,
    "GET /studio/publish": in_the_study,
    "POST /studio/publish/upload": _uploading,
    "POST /studio/publish/folder": _publishing,
    "GET /studio/{study}/sounds": in_the_study,
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
    "POST /studio/{study}/live/screen": in_the_study,
    "POST /studio/{study}/live/precision": in_the_study,
    "GET /studio/{study}/listeners/{pseudonym}": _of_a_listener,
}
"""By operation."""

"""The experimenter's addresses, behind the studio's key: the studies, one study, its ratings, the listening places."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from mushra_app import places, ratings
from mushra_app.errors import AppError
from mushra_app.export import rows
from mushra_app.security import is_studio_key, place_link_token, secret_key
from mushra_app.session import setting_up
from mushra_app.session.enrolment import open_version
from mushra_app.studio import overview
from mushra_app.studio.forms import CalibrationForm, LoginForm
from mushra_app.studio.pages import LoginPage
from mushra_app.web import WRITTEN_IN, external_address, remember_language, services, show

blueprint = Blueprint("studio", __name__, url_prefix="/studio")

OPENED = "studio"
"""Key of the signed cookie that says that the studio's key was shown."""


@blueprint.before_request
def in_english() -> None:
    """The studio speaks the language that it is written in, whatever its browser would like."""
    remember_language(WRITTEN_IN)


def with_key(view: Callable[..., Any]) -> Callable[..., Any]:
    """Show the door to whoever has not shown the key."""

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        return view(**arguments) if session.get(OPENED) else (show(LoginPage()), 401)

    return guarded


@blueprint.get("/")
def studies() -> Any:
    """All studies; with ``?key=`` the door opens first, and the key leaves the address."""
    if (key := request.args.get("key")) is not None:
        return _enter(key)
    return _studies()


@blueprint.post("/")
def login() -> Any:
    """The key was typed."""
    form = LoginForm()
    form.validate_on_submit()
    return _enter(form.key.data or "")


@blueprint.get("/places/noise/<study>/<side>")
@with_key
def alignment_noise(study: str, side: str) -> Response:
    """What a place is calibrated with."""
    with services().database.reading() as db:
        return Response(setting_up.alignment_noise(open_version(db, study), side), mimetype="audio/wav")


@blueprint.get("/places")
@with_key
def listening_places() -> str:
    """All listening places, each with the links that are opened there."""
    with services().database.reading() as db:
        return show(overview.listening_places(db, _address_at_place))


@blueprint.post("/places")
@with_key
def calibrate() -> AnyResponse | str:
    """Write down a calibration."""
    form = CalibrationForm()
    typed = form.typed()
    try:
        with services().database.writing() as db:
            places.add(db, typed.name, level_db_a=form.level(), transducer=typed.transducer, device=typed.device)
    except AppError as error:
        with services().database.reading() as db:
            errors = tuple(str(error).splitlines())
            return show(overview.listening_places(db, _address_at_place, typed, errors))
    return redirect(url_for("studio.listening_places"), 303)


@blueprint.get("/<study>/")
@with_key
def study(study: str) -> str:
    """One study."""
    with services().database.reading() as db:
        return show(
            overview.study(
                db,
                study,
                listener_url=external_address(url_for("listener.welcome", study=study)),
                export_url=url_for("studio.ratings_csv", study=study),
                data_dir=str(services().settings.data_dir.absolute()),
            )
        )


@blueprint.get("/<study>/ratings.csv")
@with_key
def ratings_csv(study: str) -> Response:
    """Every rating of one study."""
    with services().database.reading() as db:
        open_version(db, study)
        stream = io.StringIO()
        ratings.write_stream(stream, rows(db, study))
    named = {"Content-Disposition": f'attachment; filename="{study}-ratings.csv"', "Cache-Control": "private, no-store"}
    return Response(stream.getvalue(), mimetype="text/csv", headers=named)


def _address_at_place(study: str, name: str) -> str:
    token = place_link_token(secret_key(services().settings), name)
    return external_address(url_for("listener.welcome", study=study, place=token))


@with_key
def _studies() -> str:
    with services().database.reading() as db:
        return show(overview.studies(db, lambda name: url_for("studio.study", study=name)))


def _enter(key: str) -> AnyResponse | tuple[str, int]:
    if not is_studio_key(services().settings, key):
        return show(LoginPage(error="This is not the key. mushra serve prints it when it starts.")), 403
    session[OPENED] = True
    return redirect(url_for("studio.studies"), 303)

"""The experimenter's addresses that belong to no single study: the list of studies, the listening places.

Those of a study lie with its tabs, each in the ``routes`` of a wing. What each needs stands before it;
``mushra_app.studio.guard`` sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from mushra_app import places
from mushra_app.errors import FieldsError
from mushra_app.people import audit, permissions
from mushra_app.people.permissions import Right
from mushra_app.security import place_link_token, secret_key
from mushra_app.session import setting_up
from mushra_app.studio import overview
from mushra_app.studio.accounts import access, people, private  # noqa: F401
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.design import routes as design  # noqa: F401
from mushra_app.studio.forms import CalibrationForm
from mushra_app.studio.guard import needs
from mushra_app.studio.listeners import lab_routes as lab  # noqa: F401
from mushra_app.studio.listeners import routes as listeners  # noqa: F401
from mushra_app.studio.live import routes as live  # noqa: F401
from mushra_app.studio.pages import Calibration, PlacesPage
from mushra_app.studio.preview import routes as preview  # noqa: F401
from mushra_app.studio.results import routes as results  # noqa: F401
from mushra_app.studio.sounds import publishing  # noqa: F401
from mushra_app.studio.sounds import routes as sounds  # noqa: F401
from mushra_app.studio.test import routes as test  # noqa: F401
from mushra_app.study import lifecycle
from mushra_app.web import external_address, services, show
from mushra_app.words import say

__all__ = ["blueprint"]


@blueprint.get("/")
@needs(Right.VIEW)
def studies() -> str:
    """The studies that whoever is in may look at."""
    archived = "archived" in request.args
    with services().database.reading() as db:
        person = visitor()
        visible = permissions.visible_studies(db, person)
        may_begin = permissions.right_of(db, person) >= Right.CHANGE
        return show(
            overview.studies(
                db, lambda name: url_for("studio.study", study=name), visible, archived=archived, may_begin=may_begin
            )
        )


@blueprint.get("/places/noise/<study>/<side>")
@needs(Right.VIEW)
def alignment_noise(study: str, side: str) -> Response:
    """What a place is calibrated with."""
    with services().database.reading() as db:
        return Response(setting_up.alignment_noise(lifecycle.current(db, study), side), mimetype="audio/wav")


@blueprint.get("/places")
@needs(Right.VIEW)
def listening_places() -> str:
    """All listening places, each with the links that are opened there."""
    return show(_places_page())


@blueprint.post("/places")
@needs(Right.CHANGE)
def calibrate() -> AnyResponse | tuple[str, int]:
    """Write down a calibration."""
    form = CalibrationForm()
    typed = form.typed()
    try:
        with services().database.writing() as db:
            kept = places.add(db, typed.name, level_db_a=form.level(), transducer=typed.transducer, device=typed.device)
            name = kept.name
            audit.note(db, visitor().name, "calibration", f"{name}: {kept.level_db_a:g} dB(A)")
    except FieldsError as error:
        return show(_places_page(typed, error.wrong)), 400
    flash(say("The calibration of %(place)s is kept.", place=name))
    return redirect(url_for("studio.listening_places"), 303)


def _places_page(typed: Calibration | None = None, wrong: Mapping[str, str] = MappingProxyType({})) -> PlacesPage:
    person = visitor()
    with services().database.reading() as db:
        return overview.listening_places(
            db,
            _address_at_place,
            permissions.visible_studies(db, person),
            may_calibrate=permissions.right_of(db, person) >= Right.CHANGE,
            refused=(typed or Calibration(), wrong),
        )


def _address_at_place(study: str, name: str) -> str:
    token = place_link_token(secret_key(services().settings), name)
    return external_address(url_for("listener.welcome", study=study, place=token))

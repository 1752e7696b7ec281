"""The experimenter's addresses: the door, the studies, one study and its exports, the listening places.

What each needs stands before it; ``mushra_app.studio.guard`` sees to it.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from flask import Blueprint, Response, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from mushra_app import places, ratings
from mushra_app.errors import AppError
from mushra_app.export import rows, write_answer_stream
from mushra_app.people import audit, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.security import place_link_token, secret_key
from mushra_app.session import setting_up
from mushra_app.session.enrolment import open_version
from mushra_app.studio import door, guard, overview
from mushra_app.studio.forms import CalibrationForm
from mushra_app.studio.guard import needs
from mushra_app.studio.pages import Calibration, PlacesPage
from mushra_app.web import WRITTEN_IN, external_address, remember_language, services, show

blueprint = Blueprint("studio", __name__, url_prefix="/studio")


@blueprint.before_request
def in_english() -> None:
    """The studio speaks the language that it is written in, whatever its browser would like."""
    remember_language(WRITTEN_IN)


blueprint.before_request(door.by_link)
blueprint.before_request(guard.enforce)
blueprint.get("/login")(door.login_page)
blueprint.post("/login")(door.login)
blueprint.post("/logout")(door.logout)
blueprint.get("/account")(door.account_page)
blueprint.post("/account")(door.change_password)


@blueprint.after_request
def not_kept(response: Response) -> Response:
    """No page of the studio stays in a browser after its reader has left."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


@blueprint.get("/")
@needs(Right.VIEW)
def studies() -> str:
    """The studies that whoever is in may look at."""
    with services().database.reading() as db:
        visible = permissions.visible_studies(db, _visitor())
        return show(overview.studies(db, lambda name: url_for("studio.study", study=name), visible))


@blueprint.get("/places/noise/<study>/<side>")
@needs(Right.VIEW)
def alignment_noise(study: str, side: str) -> Response:
    """What a place is calibrated with."""
    with services().database.reading() as db:
        return Response(setting_up.alignment_noise(open_version(db, study), side), mimetype="audio/wav")


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
            audit.note(db, _visitor().name, "calibration", f"{kept.name}: {kept.level_db_a:g} dB(A)")
    except AppError as error:
        return show(_places_page(typed, tuple(str(error).splitlines()))), 400
    return redirect(url_for("studio.listening_places"), 303)


@blueprint.get("/<study>/")
@needs(Right.VIEW)
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
@needs(Right.VIEW)
def ratings_csv(study: str) -> Response:
    """Every rating of one study."""
    return _export(study, "ratings", lambda stream, db: ratings.write_stream(stream, rows(db, study)))


@blueprint.get("/<study>/answers.csv")
@needs(Right.VIEW)
def answers_csv(study: str) -> Response:
    """Comments, and answers that are not personal, of one study."""
    return _export(study, "answers", lambda stream, db: write_answer_stream(stream, db, study))


def _export(study: str, what: str, write: Callable[[io.StringIO, Session], int]) -> Response:
    """A file to download, and that it was."""
    stream = io.StringIO()
    with services().database.reading() as db:
        open_version(db, study)
        write(stream, db)
    with services().database.writing() as db:
        audit.note(db, _visitor().name, "export", f"{study}: {what}")
    named = {"Content-Disposition": f'attachment; filename="{study}-{what}.csv"'}
    return Response(stream.getvalue(), mimetype="text/csv", headers=named)


def _places_page(typed: Calibration | None = None, errors: tuple[str, ...] = ()) -> PlacesPage:
    visitor = _visitor()
    with services().database.reading() as db:
        return overview.listening_places(
            db,
            _address_at_place,
            permissions.visible_studies(db, visitor),
            may_calibrate=permissions.right_of(db, visitor) >= Right.CHANGE,
            refused=(typed or Calibration(), errors),
        )


def _address_at_place(study: str, name: str) -> str:
    token = place_link_token(secret_key(services().settings), name)
    return external_address(url_for("listener.welcome", study=study, place=token))


def _visitor() -> Visitor:
    """Who is in; views that need a right are asked by nobody else."""
    found = guard.visitor()
    assert found is not None
    return found

"""Addresses of the tab "Results": the report and other jobs, exports, withdrawal and erasure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from flask import Response, flash, redirect, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from mushra_app.errors import AppError, NotFoundError
from mushra_app.export import write_answer_stream
from mushra_app.models import StudyVersion
from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.security import CONTENT_SECURITY_POLICY
from mushra_app.session import privacy
from mushra_app.spooled import sent, spooled
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.following import followed
from mushra_app.studio.guard import needs
from mushra_app.studio.results import overview
from mushra_app.study import layouts, lifecycle, peeking
from mushra_app.study import results as made
from mushra_app.web import services, show
from mushra_app.words import say

FRAMING = CONTENT_SECURITY_POLICY + "; frame-src 'self'"
"""Of the page that shows the report in its place."""
FRAMED = {
    # A report runs nothing and loads nothing; its style and its figures are inside it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox",
    "X-Frame-Options": "SAMEORIGIN",
}


@blueprint.get("/<study>/results")
@needs(Right.VIEW)
def results(study: str) -> Any:
    """What was made of the ratings, and what can be."""
    with services().database.reading() as db:
        place = made.place_of(db, _version(db, study), services().settings)
        works = made.works(db, place, visitor().name)
    return followed(works.etag, lambda: _page(study))


@blueprint.post("/<study>/jobs")
@needs(Right.CHANGE)
def ask_for_job(study: str) -> Any:
    """Ask for a report, a bundle, or the ratings as Parquet."""
    form = request.form
    try:
        with services().database.reading() as db:
            place = made.place_of(db, _version(db, study), services().settings)
        made.prepare(place)
        with services().database.writing() as db:
            kind, who = form.get("kind", ""), visitor().name
            made.ask(db, place, kind, who, reason=form.get("reason", ""), sounds=form.get("sounds") == "yes")
            audit.note(db, who, "export", f"{study}: asked for {kind}, version {place.number}")
    except NotFoundError:
        raise
    except peeking.PeekError as error:
        return _page(study, wrong={"reason": str(error)}), 409
    except AppError as error:
        return _page(study, error=str(error)), 409
    flash(say("It is asked for: a worker makes it, and this page shows how far it is."))
    return redirect(url_for("studio.results", study=study, version=place.number), 303)


@blueprint.get("/<study>/report.html")
@needs(Right.VIEW)
def report(study: str) -> Response:
    """The report, to be shown inside the studio; with ``download`` as a file."""
    answer = _file(study, "report.html", as_file="download" in request.args)
    answer.headers.update(FRAMED)
    return answer


@blueprint.get("/<study>/files/<name>")
@needs(Right.VIEW)
def made_file(study: str, name: str) -> Response:
    """A file that a job made: report.json, ratings.parquet or bundle.zip."""
    return _file(study, name, as_file=True)


@blueprint.get("/<study>/ratings.csv")
@needs(Right.VIEW)
def ratings_csv(study: str) -> Any:
    """Every rating of a version of a study that runs no more, in one of the layouts."""
    return _ratings(study, request.args.get("layout", "long"), "")


@blueprint.post("/<study>/ratings.csv")
@needs(Right.CHANGE)
def ratings_now(study: str) -> Any:
    """The same while it runs, for a reason that is noted."""
    return _ratings(study, request.form.get("layout", "long"), request.form.get("reason", ""))


@blueprint.get("/<study>/answers.csv")
@needs(Right.VIEW)
def answers_csv(study: str) -> Response:
    """Comments, and answers that are not personal; no condition is in them, so they may be had at any time."""
    return _csv(study, "answers", lambda stream, db, number: write_answer_stream(stream, db, study, number))


@blueprint.post("/<study>/withdraw")
@needs(Right.CHANGE)
def find_listener(study: str) -> Any:
    """The listener with a pseudonym or code, and what would be erased of them."""
    who = request.form.get("who", "")
    with services().database.reading() as db:
        lifecycle.current(db, study)
        try:
            return show(overview.withdrawal(db, study, who, visitor()))
        except NotFoundError as error:
            said = str(error)
    return _page(study, wrong={"who": said}, who=who), 404


@blueprint.post("/<study>/withdrawn")
@needs(Right.CHANGE)
def withdraw_listener(study: str) -> AnyResponse:
    """Withdraw a listener who wrote to the experimenter."""
    with services().database.writing() as db:
        version = lifecycle.current(db, study)
        listener = privacy.listener_in(db, study, request.form.get("listener", ""))
        privacy.withdraw(db, listener)
        pseudonym = listener.pseudonym
        audit.note(db, visitor().name, "withdrawal", f"{study}: {pseudonym}")
        place = made.place_of(db, version, services().settings)
    made.prepare(place)
    flash(say("%(listener)s is withdrawn; whatever they wrote is erased.", listener=pseudonym))
    return redirect(url_for("studio.results", study=study), 303)


@blueprint.get("/<study>/erase")
@needs(Right.CHANGE)
def ask_before_erasing(study: str) -> str:
    """What is personal and would be erased."""
    with services().database.reading() as db:
        return show(overview.erasure(db, study, visitor()))


@blueprint.post("/<study>/erase")
@needs(Right.CHANGE)
def erase_personal(study: str) -> AnyResponse:
    """Erase what is personal in all sessions of a study."""
    with services().database.writing() as db:
        version = lifecycle.current(db, study)
        privacy.erase_personal(db, version.study_id)
        what = audit.kept("personal answers, what browsers said of themselves, and whom invitations and panels name")
        audit.note(db, visitor().name, "erasure", f"{study}: {what}")
    flash(say("What was personal is erased."))
    return redirect(url_for("studio.results", study=study), 303)


def _version(db: Session, study: str) -> StudyVersion:
    """The version that a request is about: the one whose number is its ``version``, or the current one."""
    return lifecycle.chosen(db, study, request.args.get("version", type=int))


def _page(study: str, *, error: str = "", who: str = "", wrong: Mapping[str, str] = MappingProxyType({})) -> Response:
    said = error or "\n".join(wrong.values())
    with services().database.reading() as db:
        version = _version(db, study)
        page = replace(overview.results(db, version, visitor(), services().settings, error=said), who=who, wrong=wrong)
    return Response(show(page), headers={"Content-Security-Policy": FRAMING})


def _file(study: str, name: str, *, as_file: bool) -> Response:
    with services().database.reading() as db:
        place = made.place_of(db, _version(db, study), services().settings)
        path: Path = made.file_of(db, place, name, visitor().name)
    if as_file:
        with services().database.writing() as db:
            audit.note(db, visitor().name, "export", f"{study}: {name}, version {place.number}")
    kind = "text/html" if name.endswith(".html") else "application/octet-stream"
    answer = send_file(path, kind, as_attachment=as_file, download_name=f"{study}-v{place.number}-{name}")
    answer.headers["Cache-Control"] = "private, no-store"  # like every page of the studio
    return answer


def _ratings(study: str, layout: str, reason: str) -> Any:
    try:
        if layout not in layouts.LAYOUTS:
            told = say("No layout %(found)r; expected one of %(known)s", found=layout, known=", ".join(layouts.LAYOUTS))
            return _page(study, error=told), 400
        with services().database.reading() as db:
            _version(db, study)
            written = peeking.require(db, study, reason, mend=say("Or say below why it has to be now."))
        if written:
            with services().database.writing() as db:
                peeking.note(db, visitor().name, study, written)
    except peeking.PeekError as error:
        return _page(study, wrong={"reason": str(error)}), 409
    what = "ratings" if layout == "long" else f"ratings-{layout}"
    return _csv(study, what, lambda stream, db, number: layouts.write(stream, db, study, layout, number))


def _csv(study: str, what: str, write: Callable[[TextIO, Session, int], int]) -> Response:
    """A file to download, and that it was."""
    with services().database.reading() as db:
        number = _version(db, study).number
        file = spooled(services().settings, lambda stream: write(stream, db, number))
    with services().database.writing() as db:
        audit.note(db, visitor().name, "export", f"{study}: {what}, version {number}")
    named = {"Content-Disposition": f'attachment; filename="{study}-v{number}-{what}.csv"'}
    return sent(file, "text/csv", named)

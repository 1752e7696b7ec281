"""Addresses of the tab "Sounds"."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, redirect, request, url_for

from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.following import followed
from mushra_app.studio.guard import needs
from mushra_app.studio.sounds import drawing, sheet
from mushra_app.study import lifecycle
from mushra_app.study.work import Works, standing
from mushra_app.web import services, show

PUBLISHED = ("new", "next version", "nothing", "found again")


@blueprint.get("/<study>/sounds")
@needs(Right.VIEW)
def sounds(study: str) -> Response:
    """The contact sheet of a version: the current one, or the ``version`` of that number."""
    number, published = request.args.get("version", type=int), request.args.get("published", "")
    database, settings = services().database, services().settings
    with database.reading() as db:
        version = lifecycle.chosen(db, study, number)
        job = drawing.job_of(db, settings, version)
        works = Works(pictures=standing(db, job, study, visitor().name))
        done = published if published in PUBLISHED else ""

        def page() -> str:
            pictures = drawing.pictures(database, job.id) if job and job.status == "done" else {}
            return show(sheet.sounds(db, version, visitor(), works, pictures, published=done))

        return followed(works.etag, page)


@blueprint.get("/<study>/sounds/<int:clip>")
@needs(Right.VIEW)
def clip(study: str, clip: int) -> Response:
    """One clip as listeners hear it."""
    with services().database.reading() as db:
        found = sheet.clip_of(db, study, clip)
    name = f"clip {found.id} in the studio"
    return services().delivery.answer(name, {name: found.media_sha256})


@blueprint.get("/<study>/sounds/<int:clip>/spectrogram")
@needs(Right.VIEW)
def spectrogram(study: str, clip: int) -> Response:
    """The spectrogram of one clip, once it is drawn."""
    database = services().database
    with database.reading() as db:
        found = sheet.clip_of(db, study, clip)
        jobs = drawing.jobs_of(db, study)
    drawn = drawing.spectrogram(database, jobs, found.media_sha256)
    if drawn is None:
        abort(404)
    return Response(drawn, mimetype="image/png", headers={"Cache-Control": "private, max-age=3600"})


@blueprint.post("/<study>/versions/<int:number>/pictures")
@needs(Right.CHANGE)
def draw(study: str, number: int) -> Any:
    """Have the sounds of a version drawn."""
    drawing.ask(services().database, services().settings, study, number, visitor().name)
    return redirect(url_for("studio.sounds", study=study, version=number), 303)

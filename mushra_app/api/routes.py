"""Addresses of the API; those that call listeners are in ``mushra_app.api.listeners``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from flask import Response, request, send_file
from sqlalchemy.orm import Session

from mushra_app import jobs as queue
from mushra_app import ratings
from mushra_app.api import (
    answers,
    found,
    listeners,  # noqa: F401
)
from mushra_app.api.blueprint import after, bearer, blueprint, limit, may_of, note, said, sent, version
from mushra_app.export import rows
from mushra_app.people import permissions
from mushra_app.people.permissions import Right
from mushra_app.spooled import sent as sent_from
from mushra_app.spooled import spooled
from mushra_app.studio.guard import needs
from mushra_app.study import lifecycle, peeking, results
from mushra_app.study.duplicating import Wanted, duplicate
from mushra_app.web import services
from mushra_app.words import say

__all__ = ["blueprint"]


@blueprint.get("/me")
@needs(Right.VIEW)
def me() -> Response:
    """Whom the token acts for."""
    person = bearer().visitor
    with services().database.reading() as db:
        return said(answers.Me.model_validate({"name": person.name, "role": person.role, "may": may_of(db)}))


@blueprint.get("/studies")
@needs(Right.VIEW)
def studies() -> Response:
    """The studies that the token sees, by name; with ``archived=yes`` those that were taken off the list."""
    most, last = limit(), request.args.get("after", "")
    with services().database.reading() as db:
        visible = permissions.visible_studies(db, bearer().visitor)
        known = lifecycle.current_versions(db, visible, archived=request.args.get("archived") == "yes")
        following = [one for one in known if one.study.name > last]
        page = [found.study(one, may_of(db, one.study.name)) for one in following[:most]]
    return said(answers.Studies(studies=page, next=page[-1].name if len(following) > most else None))


@blueprint.get("/studies/<study>")
@needs(Right.VIEW)
def study(study: str) -> Response:
    """One study, in its current version."""
    with services().database.reading() as db:
        return said(found.study(lifecycle.current(db, study), may_of(db, study)))


@blueprint.get("/studies/<study>/versions")
@needs(Right.VIEW)
def versions(study: str) -> Response:
    """All versions of a study."""
    with services().database.reading() as db:
        return said(found.versions(db, study))


@blueprint.post("/studies/<study>/versions/<int:number>/status")
@needs(Right.CHANGE)
def move(study: str, number: int) -> Response:
    """Bring one version into another state."""
    wanted = sent(answers.Move)
    with services().database.writing() as db:
        moved = lifecycle.version_of(db, study, number)
        before = moved.status
        lifecycle.move(db, moved, wanted.status, reason=wanted.reason, who=bearer().visitor.name)
        note(db, "study", f"{study}: version {number} from {before} to {wanted.status}")
    with services().database.reading() as db:
        return said(found.versions(db, study))


@blueprint.post("/studies/<study>/duplicate")
@needs(Right.VIEW, in_general=Right.CHANGE)
def duplicate_study(study: str) -> tuple[Response, int]:
    """Begin a new study, the token's account's own, with the file and the sounds of this one, as a draft."""
    asked = sent(answers.Duplicate)
    wanted = Wanted(study, asked.name, asked.version, bearer().name)
    number = duplicate(services().database, services().settings, wanted, bearer().visitor)
    return said(answers.Duplicated(name=asked.name, of_study=study, of_version=number)), 201


@blueprint.get("/studies/<study>/progress")
@needs(Right.VIEW)
def progress(study: str) -> Response:
    """How many sessions of a study have begun, are finished, or were broken off."""
    with services().database.reading() as db:
        return said(found.progress(db, study))


@blueprint.get("/studies/<study>/sessions")
@needs(Right.VIEW)
def sessions(study: str) -> Response:
    """The sessions of a study, and how far each is."""
    with services().database.reading() as db:
        return said(found.sittings(db, study, after=after(), limit=limit()))


@blueprint.get("/studies/<study>/ratings.csv")
@needs(Right.VIEW)
def ratings_csv(study: str) -> Response:
    """Every rating of one version of a study that is over, as CSV."""
    return _ratings(study, ratings.write_stream, "text/csv")


@blueprint.get("/studies/<study>/ratings.jsonl")
@needs(Right.VIEW)
def ratings_json(study: str) -> Response:
    """Every rating of one version of a study that is over, as one JSON object a line."""
    return _ratings(study, found.write_json_lines, "application/jsonl")


@blueprint.get("/studies/<study>/jobs")
@needs(Right.VIEW)
def jobs(study: str) -> Response:
    """What workers were asked for, of a study."""
    with services().database.reading() as db:
        return said(found.jobs(db, study, bearer().visitor.name, after=after(), limit=limit()))


@blueprint.post("/studies/<study>/jobs")
@needs(Right.CHANGE)
def ask(study: str) -> tuple[Response, int]:
    """Ask for a check of the sounds of a version, for a report, a bundle or the ratings as Parquet.

    The same that waits or runs already is answered instead. All but a check are of a study that is over.
    """
    wanted, who, number = sent(answers.JobWanted), bearer().visitor.name, version()
    with services().database.reading() as db:
        place = results.place_of(db, lifecycle.chosen(db, study, number), services().settings)
    if wanted.kind != "check":
        results.prepare(place)
    with services().database.writing() as db:
        if wanted.kind == "check":
            argv = [str(place.set_folder), "--format", "json"]
            job = queue.ask(db, "check", argv, study_id=place.study_id, asked_by=who)
        else:
            job = results.ask(db, place, wanted.kind, who, sounds=wanted.sounds)
        note(db, "job", f"{study}: {wanted.kind}, version {place.number}")
        db.flush()
        answer = found.job(job, who, running=peeking.is_running(db, study))
    return said(answer), 202


@blueprint.get("/studies/<study>/files/<name>")
@needs(Right.VIEW)
def made_file(study: str, name: str) -> Response:
    """A file that a job made: report.html, report.json, ratings.parquet or bundle.zip."""
    number = version()
    with services().database.reading() as db:
        place = results.place_of(db, lifecycle.chosen(db, study, number), services().settings)
        path = results.file_of(db, place, name, bearer().visitor.name)
    kind = "application/octet-stream"  # whatever it is: nothing of it is to be shown in place
    return send_file(path, mimetype=kind, as_attachment=True, download_name=f"{study}-v{place.number}-{name}")


@blueprint.get("/studies/<study>/jobs/<int:number>")
@needs(Right.VIEW)
def job(study: str, number: int) -> Response:
    """How far one job is."""
    with services().database.reading() as db:
        one, running = found.job_of(db, study, number), peeking.is_running(db, study)
        return said(found.job(one, bearer().visitor.name, running=running))


@blueprint.get("/studies/<study>/jobs/<int:number>/output")
@needs(Right.VIEW)
def job_output(study: str, number: int) -> Response:
    """What one job printed; that of a report only once the study is over."""
    with services().database.reading() as db:
        done = found.job_of(db, study, number)
        if done.kind != "check":
            _require_over(db, study)
        return Response(done.output, mimetype="text/plain")


@blueprint.get("/audit")
@needs(Right.OWN)
def audit_log() -> Response:
    """What everybody did, the newest first; of one person (``who``) or kind (``what``) where that is said."""
    who, what = request.args.get("who", ""), request.args.get("what", "")
    with services().database.reading() as db:
        return said(found.log(db, after=after(), limit=limit(), who=who, what=what))


def _require_over(db: Session, study: str) -> None:
    """No ratings and no report of a study that runs: programs give no reasons."""
    peeking.require(db, study, "", mend=say("Or give the reason why it has to be now in the studio."))


def _ratings(study: str, write: Callable[[TextIO, Iterator[ratings.Row]], object], mimetype: str) -> Response:
    """The ratings, read at once and sent as slowly as they are taken."""
    app, asked = services(), version()
    with app.database.reading() as db:
        number = lifecycle.chosen(db, study, asked).number
        _require_over(db, study)
        file = spooled(app.settings, lambda stream: write(stream, rows(db, study, version=number)))
    with app.database.writing() as db:
        note(db, "export", f"{study}: ratings, version {number}")
    return sent_from(file, mimetype)

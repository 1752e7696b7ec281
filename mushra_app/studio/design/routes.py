"""Addresses of the tab "Design", and the beginning of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, abort, flash, redirect, request, url_for

from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.people import audit, permissions
from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.design import editor
from mushra_app.studio.design.pages import FindingsPage, NewStudyPage
from mushra_app.studio.following import followed
from mushra_app.studio.guard import needs
from mushra_app.study import lifecycle
from mushra_app.study.drafts import keeping
from mushra_app.study.drafts.checking import checked
from mushra_app.study.drafts.publishing import publish_draft
from mushra_app.web import services, show
from mushra_app.words import say
from stimuli.errors import StimuliError


@blueprint.get("/new")
@needs(Right.CHANGE)
def new_study() -> str:
    """What is the study called?"""
    return show(NewStudyPage())


@blueprint.post("/new")
@needs(Right.CHANGE)
def begin_study() -> Any:
    """Begin a study with a file to be filled in."""
    name, person = request.form.get("name", "").strip(), visitor()
    try:
        with services().database.writing() as db:
            keeping.begin_study(db, name, person.name)
            permissions.grant_own(db, person, name)
            audit.note(db, person.name, "study", f"{name}: begun")
    except AppError as error:
        return show(NewStudyPage(name, str(error))), 409 if isinstance(error, ConflictError) else 400
    return redirect(url_for("studio.design", study=name), 303)


@blueprint.get("/<study>/design")
@needs(Right.VIEW)
def design(study: str) -> Response:
    """The experiment file, as a form and as text."""
    with services().database.reading() as db:
        works = editor.works(db, lifecycle.study_of(db, study), visitor().name)
    return followed(works.etag, lambda: _page(study))


@blueprint.post("/<study>/design")
@needs(Right.CHANGE)
def save_design(study: str) -> Any:
    """Keep what was written; mistakes are no hindrance."""
    given = request.form.to_dict()
    anchor = given.get("add") or given.get("remove") or ""
    with services().database.reading() as db:
        found = lifecycle.study_of(db, study)
        before = editor.text_of(found, keeping.found(db, found.id))
    after = given.get("text", before)
    try:
        after = editor.text_after(before, given)
        with services().database.writing() as db:
            found = lifecycle.study_of(db, study)
            keeping.store(db, found.id, after, _revision(), visitor().name)
    except NotFoundError:
        raise
    except (AppError, StimuliError) as error:
        return _page(study, error=str(error), typed=after), 409 if isinstance(error, ConflictError) else 400
    flash(say("The draft is saved."))
    return redirect(url_for("studio.design", study=study, _anchor=anchor.partition(".")[0] or None), 303)


@blueprint.post("/<study>/design/check")
@needs(Right.CHANGE)
def check_design(study: str) -> str:
    """What can be said of what is being written; nothing is kept."""
    with services().database.reading() as db:
        found = lifecycle.study_of(db, study)
        text = editor.text_of(found, keeping.found(db, found.id))
    try:
        text = editor.text_after(text, request.form.to_dict())
    except StimuliError:
        text = ""
    return show(FindingsPage(editor.findings_of(checked(text))))


@blueprint.post("/<study>/design/draft")
@needs(Right.CHANGE)
def begin_draft(study: str) -> Any:
    """Write the next version, or with ``discard`` throw away what was written; with ``discard=study`` all of it."""
    if request.form.get("discard") == "study":
        return _throw_away(study)
    try:
        with services().database.writing() as db:
            found = lifecycle.study_of(db, study)
            if "discard" in request.form:
                if keeping.discard(db, found.id, _revision()):
                    audit.note(db, visitor().name, "study", f"{study}: the draft of its file thrown away")
                    flash(say("The draft was thrown away."))
            elif found.versions:
                keeping.begin(db, lifecycle.current_of(found), visitor().name)
    except ConflictError as error:
        return _page(study, error=str(error)), 409
    return redirect(url_for("studio.design", study=study), 303)


@blueprint.post("/<study>/design/publish")
@needs(Right.CHANGE)
def publish_design(study: str) -> Any:
    """Make a version of the draft out of the sounds that are there."""
    try:
        done = publish_draft(services().database, services().settings, study, _revision(), visitor())
    except NotFoundError:
        raise
    except (AppError, StimuliError) as error:
        return _page(study, error=str(error)), 409
    flash(say("Version %(number)d is there as a draft: try it, then open it.", number=done.number))
    return redirect(url_for("studio.study", study=study), 303)


@blueprint.post("/<study>/design/work")
@needs(Right.CHANGE)
def work_on_design(study: str) -> Any:
    """Ask for the planner's table (``plan``) or for the analysis plan in words (``preregister``)."""
    kind, preset = request.form.get("kind", ""), request.form.get("preset", editor.PRESETS[0])
    if kind not in editor.WORK or preset not in editor.PRESETS:
        abort(400)
    with services().database.reading() as db:
        found = lifecycle.study_of(db, study)
        text = editor.text_of(found, keeping.found(db, found.id))
    if not editor.is_whole(text):
        return _page(study, error=say("The file has mistakes still: they stand beside it.")), 409
    file = editor.lay_down(drafts_folder(), text)
    with services().database.writing() as db:
        editor.ask(db, lifecycle.study_of(db, study), kind, file, preset=preset, who=visitor().name)
    return redirect(url_for("studio.design", study=study, _anchor=kind), 303)


@blueprint.get("/<study>/experiment.toml")
@needs(Right.VIEW)
def experiment_file(study: str) -> Response:
    """The file, to be built from."""
    with services().database.reading() as db:
        found = lifecycle.study_of(db, study)
        text = editor.text_of(found, keeping.found(db, found.id))
    named = {"Content-Disposition": 'attachment; filename="experiment.toml"'}
    return Response(text, mimetype="application/toml", headers=named)


def _throw_away(study: str) -> Any:
    """End a study of which nothing was published."""
    try:
        with services().database.writing() as db:
            keeping.throw_away(db, study)
            audit.note(db, visitor().name, "study", f"{study}: thrown away, before anything of it was published")
    except ConflictError as error:
        return _page(study, error=str(error)), 409
    flash(say("%(study)s was thrown away.", study=study))
    return redirect(url_for("studio.studies"), 303)


def _page(study: str, *, error: str = "", typed: str = "") -> str:
    with services().database.reading() as db:
        return show(editor.page(db, study, visitor(), drafts_folder(), error=error, typed=typed))


def _revision() -> int:
    """Of the draft that somebody has before them; -1 where they don't say, which is none."""
    revision = request.form.get("revision", "")
    return int(revision) if revision.isdecimal() and len(revision) < 10 else -1


def drafts_folder() -> Path:
    """Where files for jobs are laid down."""
    return services().settings.drafts_dir.absolute()

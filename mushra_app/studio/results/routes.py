"""Addresses of the tab "Results"."""

from __future__ import annotations

import io
from collections.abc import Callable

from flask import Response
from sqlalchemy.orm import Session

from mushra_app import ratings
from mushra_app.export import rows, write_answer_stream
from mushra_app.people import audit
from mushra_app.people.permissions import Right
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.results.pages import ResultsPage
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle
from mushra_app.web import services, show


@blueprint.get("/<study>/results")
@needs(Right.VIEW)
def results(study: str) -> str:
    """What can be taken out."""
    with services().database.reading() as db:
        version = lifecycle.current(db, study)
        return show(ResultsPage(head_of(db, version, visitor()), _report_command(study, version.published_from)))


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


def _report_command(study: str, published_from: str) -> str:
    data_dir = services().settings.data_dir.absolute()
    return (
        f'mushra export --data "{data_dir}" --study {study} --out ratings.csv && '
        f'mushra report ratings.csv --stimuli "{published_from}" --out report.html'
    )


def _export(study: str, what: str, write: Callable[[io.StringIO, Session], int]) -> Response:
    """A file to download, and that it was."""
    stream = io.StringIO()
    with services().database.reading() as db:
        lifecycle.current(db, study)
        write(stream, db)
    with services().database.writing() as db:
        audit.note(db, visitor().name, "export", f"{study}: {what}")
    named = {"Content-Disposition": f'attachment; filename="{study}-{what}.csv"'}
    return Response(stream.getvalue(), mimetype="text/csv", headers=named)

"""Publishing a stimulus set from the browser: an archive that is sent, or a folder of the server.

The body of an upload may be far larger than any other, and nobody's is read before it is known whose it is: the form's
token stands in the address, so that login and token are looked at first. What then comes is written to disk as it
comes. What waits for it in front (waitress) is in ``mushra_app.operation.large_bodies``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from flask import redirect, request, url_for
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header
from wtforms import ValidationError

from mushra_app.errors import AppError, ConflictError, UnavailableError
from mushra_app.people.permissions import Right
from mushra_app.publish import Published
from mushra_app.studio.blueprint import blueprint, visitor
from mushra_app.studio.guard import needs
from mushra_app.studio.sounds import drawing
from mushra_app.studio.sounds.pages import PublishPage
from mushra_app.study import uploading
from mushra_app.web import services, show
from mushra_app.words import say

UPLOAD = "studio.upload"
IN_MEMORY_BYTES = 2**20
"""Of a form, beside the file in it; werkzeug reads 64 KiB at once."""
MOST_PARTS = 4


@blueprint.get("/publish")
@needs(Right.CHANGE)
def publish_page() -> str:
    """Where a stimulus set is published from the browser."""
    return show(_page())


@blueprint.post("/publish/upload")
@needs(Right.CHANGE)
def upload() -> Any:
    """Take the archive of a stimulus set and publish it as a draft; the form's token is in the address."""
    try:
        validate_csrf(request.args.get("csrf_token"))
    except ValidationError as error:
        raise CSRFError(str(error)) from None
    size = request.content_length
    try:
        if size is None:
            raise AppError(say("The browser did not say how large the archive is; please send it from this page."))
        with uploading.arriving(services().settings, size) as folder:
            archive = _received(folder, size)
            done = uploading.publish_archive(services().database, services().settings, archive, visitor())
    except AppError as error:
        return _refused(error)
    return _published(done)


@blueprint.post("/publish/folder")
@needs(Right.CHANGE)
def publish_folder() -> Any:
    """Publish the stimulus set in a folder of the server as a draft; for owners."""
    folder = request.form.get("folder", "")
    try:
        if visitor().role != "owner":
            raise AppError(say("Only an owner may publish from a folder of the server; please send an archive."))
        done = uploading.publish_folder(services().database, services().settings, folder, visitor())
    except AppError as error:
        return _refused(error, folder=folder)
    return _published(done)


def _received(folder: Path, size: int) -> Path:
    """The file of the form, on disk.

    Raises
    ------
    AppError
        Where the form ends too early, or has no file.
    """
    path = folder / "archive"
    with path.open("x+b") as stream, _cut_off_in_a_sentence():
        request.max_content_length = size + 1  # at its very end, too, werkzeug would say that it is too large
        file = cast(IO[bytes], stream)
        parser = FormDataParser(lambda *_, **__: file, IN_MEMORY_BYTES, max_form_parts=MOST_PARTS, silent=False)
        mimetype, options = parse_options_header(request.headers.get("Content-Type"))
        _, _, files = parser.parse(cast(IO[bytes], request.stream), mimetype, size, options)
        names = [file.filename for file in files.values()]
        if len(names) != 1 or not names[0]:
            raise AppError(say("No archive was chosen. Please choose a .zip or .tar.gz of the set's folder."))
    return path


@contextmanager
def _cut_off_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (HTTPException, ValueError) as error:  # werkzeug's words for a body that ended early, or is no form
        raise AppError(
            say("The archive did not arrive in whole, so nothing of it was kept. Please send it again.")
        ) from error
    except OSError as error:
        raise UnavailableError(
            say("The archive could not be written: %(reason)s; nothing was kept.", reason=error.strerror or str(error))
        ) from error


def _refused(error: AppError, folder: str = "") -> tuple[str, int]:
    code = 503 if isinstance(error, UnavailableError) else 409 if isinstance(error, ConflictError) else 400
    return show(_page(tuple(str(error).splitlines()[:20]), folder)), code


def _published(done: Published) -> Any:
    """On to the sounds, whose pictures are asked for meanwhile."""
    drawing.ask(services().database, services().settings, done.study, done.number, visitor().name)
    change = "found again" if done.change == "nothing" and done.taken else done.change
    return redirect(url_for("studio.sounds", study=done.study, version=done.number, published=change), 303)


def _page(errors: tuple[str, ...] = (), folder: str = "") -> PublishPage:
    return PublishPage(
        largest_mb=services().settings.largest_upload_mb,
        from_folder=visitor().role == "owner",
        folder=folder,
        errors=errors,
    )

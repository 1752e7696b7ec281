"""Answers that are written to a file first, and sent from it when whatever they were read from is let go.

Sent while it is read, a study's ratings hold a reading transaction for as long as whoever takes them likes: SQLite's
log can't be emptied meanwhile and grows, and PostgreSQL keeps what was changed since. From a file it is a few seconds
of reading, however slow the reader is, and the memory of a few rows, however large the study.

The file lies in ``tmp`` of the data folder, because /tmp is memory on many machines, and has no name there: it is gone
when nobody has it open any more, whether it was sent, the reader broke off, or this process was killed. Only where
another process sends the answer, which says so in the request's environment, it has the name that is given there.

Defines: ``spooled``, ``sent``, ``BY_NAME``.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TextIO, cast

from flask import Response, has_request_context, request
from werkzeug.wsgi import wrap_file

from mushra_app.config import Settings
from mushra_app.errors import UnavailableError
from mushra_app.words import say

BY_NAME = "mushra.answer_file"
"""Of a request's environment: the file that the answer is to be in, for a process that asked this one."""


def spooled(settings: Settings, write: Callable[[TextIO], object]) -> IO[bytes]:
    """What ``write`` writes, as UTF-8 in a file without a name, or the one that the request names, at its beginning.

    Raises
    ------
    UnavailableError
        Where the disk has no room for it.
    """
    try:
        settings.tmp_dir.mkdir(parents=True, exist_ok=True)
        file = _new(settings)
        try:
            text = io.TextIOWrapper(cast(Any, file), encoding="utf-8", newline="")
            write(text)
            text.detach()
        except BaseException:
            file.close()
            raise
    except OSError as error:
        reason = error.strerror or "?"
        raise UnavailableError(say("The file could not be written: %(reason)s.", reason=reason)) from error
    file.seek(0)
    return file


def sent(file: IO[bytes], mimetype: str, headers: dict[str, str] | None = None) -> Response:
    """The file as an answer, which closes it at its end."""
    length = os.fstat(file.fileno()).st_size  # before it is handed over, to whoever closes it
    answer = Response(wrap_file(request.environ, file), mimetype=mimetype, headers=headers, direct_passthrough=True)
    answer.content_length = length
    return answer


def _new(settings: Settings) -> IO[bytes]:
    name = request.environ.get(BY_NAME) if has_request_context() else None
    if name:
        return Path(name).open("x+b")
    return cast(IO[bytes], tempfile.TemporaryFile(dir=settings.tmp_dir))

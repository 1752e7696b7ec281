"""What a database refuses, told apart and put into sentences: a full disk, a lock, a server that is away.

SQLite's result codes and PostgreSQL's SQLSTATEs come down to five refusals, because five things can be done about
them. Everything else that a database says is a mistake of this program, and stays an error.

Conventions: sources are https://sqlite.org/rescode.html and PostgreSQL's appendix A.
Defines: ``Refusal``, ``refusal_of``, ``said_by_the_database``, ``refusals_in_sentences``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from mushra_app.errors import AppError


class Refusal(Enum):
    """Why a database would not; the value is what to do about it."""

    FULL = "make room on its disk, and try again"
    BUSY = "another process holds it locked for long; end that one (Linux names it with: fuser FILE), and try again"
    READ_ONLY = (
        "it can't be written; give file and folder to the user who runs this (chown, chmod u+w), "
        "or choose another folder with --data DIR"
    )
    NO_DATABASE = (
        "it is damaged, or the file is no database; move it away and restore a backup into a new place: "
        "mushra db restore FILE --data NEW"
    )
    AWAY = "start it or mend its address, which is shown by: mushra config"


SQLITE = {
    sqlite3.SQLITE_FULL: Refusal.FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: Refusal.FULL,  # no room for the index of the write-ahead log
    sqlite3.SQLITE_BUSY: Refusal.BUSY,
    sqlite3.SQLITE_LOCKED: Refusal.BUSY,
    sqlite3.SQLITE_READONLY: Refusal.READ_ONLY,
    sqlite3.SQLITE_PERM: Refusal.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Refusal.READ_ONLY,  # a missing folder is made before, so it is its rights
    sqlite3.SQLITE_NOTADB: Refusal.NO_DATABASE,
    sqlite3.SQLITE_CORRUPT: Refusal.NO_DATABASE,
    sqlite3.SQLITE_IOERR: Refusal.AWAY,
}
POSTGRESQL = {
    "53100": Refusal.FULL,
    "53": Refusal.AWAY,  # no memory, too many connections
    "08": Refusal.AWAY,
    "57P": Refusal.AWAY,  # it is shutting down, has crashed or is starting
    "40": Refusal.BUSY,  # serialization failure, deadlock: the same request may succeed
    "55P03": Refusal.BUSY,
    "25006": Refusal.READ_ONLY,
    "XX001": Refusal.NO_DATABASE,
    "XX002": Refusal.NO_DATABASE,
}


def refusal_of(error: BaseException) -> Refusal | None:
    """Which refusal an error is; None where it is none of them."""
    if isinstance(error, NoConnectionFree):
        return Refusal.BUSY
    orig = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(orig, sqlite3.Error):
        code = getattr(orig, "sqlite_errorcode", None)
        return None if code is None else SQLITE.get(code) or SQLITE.get(code & 0xFF)
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(orig, "sqlstate", None)
    if state is None:  # said by the client's library: there is no connection, or there is none any more
        is_lost = error.connection_invalidated or type(orig).__name__ == "OperationalError"
        return Refusal.AWAY if is_lost else None
    return next((found for length in (5, 3, 2) if (found := POSTGRESQL.get(state[:length]))), None)


@contextmanager
def said_by_the_database(name: str) -> Iterator[None]:
    """Errors of the database itself (damaged, away, without our tables) as one sentence."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise AppError(_sentence(name, error)) from None


@contextmanager
def refusals_in_sentences(name: str) -> Iterator[None]:
    """The five refusals as one sentence that says how to mend them; a mistake of this program stays an error."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        if refusal_of(error) is None:
            raise
        raise AppError(_sentence(name, error)) from None


def _sentence(name: str, error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    refusal = refusal_of(error)
    return f"{name}: the database can't be read or written: {said[0]}" + (f"; {refusal.value}" if refusal else "")

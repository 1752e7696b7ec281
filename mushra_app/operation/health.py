"""``/healthz`` and ``/readyz``: whether the process answers, and whether it can serve listeners.

Both are open to everybody who reaches the server, so they say which part is not ready and nothing else: no path,
no revision, no message of an error.

Defines: ``attach``, ``Ready``, ``readiness``, ``Probe``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import func, select

from mushra_app import media, schema
from mushra_app.db import Database
from mushra_app.models import Clip
from mushra_app.serving.object_store import ObjectStore, store_of
from mushra_app.web import Services

ANSWERS_WITHIN_S = 1.0
OK = "ok"
T = TypeVar("T")
blueprint = Blueprint("health", __name__)


@dataclass(frozen=True)
class Ready:
    """Each part: ``ok``, or in a few words what it is not."""

    database: str
    revision: str
    media: str

    @property
    def all_ok(self) -> bool:
        """Whether listeners can be served."""
        return (self.database, self.revision, self.media) == (OK, OK, OK)


class Probe(Generic[T]):
    """A question that may hang, asked on a thread of its own: at most one hangs, however often it is asked."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask, self._busy = ask, threading.Lock()

    def answer(self, within_s: float) -> T | None:
        """What was answered in time; None where nothing was, or an error."""
        deadline = time.monotonic() + within_s
        if not self._busy.acquire(timeout=within_s):
            return None
        found: list[T] = []

        def work() -> None:
            try:
                found.append(self._ask())
            except Exception:  # whatever it is, it is no answer; where it lies is for mushra db check to say
                pass
            finally:
                self._busy.release()

        thread = threading.Thread(target=work, name="readiness", daemon=True)
        thread.start()
        thread.join(max(0.0, deadline - time.monotonic()))
        return found[0] if found else None


def attach(app: Flask, services: Services) -> None:
    """Give the app both addresses."""
    media_dir, store = services.settings.media_dir, store_of(services.settings)
    in_store = None if store is None else Probe(lambda: _is_at_hand(services.database, media_dir, store))
    app.extensions["mushra-probe"] = Probe(lambda: _ask(services.database)), media_dir, in_store
    app.register_blueprint(blueprint)


def _ask(database: Database) -> tuple[str | None, bool]:
    """The tables' revision, and whether there are sounds to serve."""
    revision = schema.current(database)
    if revision != schema.head():
        return revision, False
    with database.reading() as db:
        return revision, bool(db.scalar(select(func.count()).select_from(select(Clip.id).limit(1).subquery())))


def _is_at_hand(database: Database, media_dir: Path, store: ObjectStore) -> bool:
    """Whether the folder has every sound, or the store has the first one that the folder lacks.

    So a store that is away takes no server out of service that has what it needs.
    """
    with database.reading() as db:
        named = set(db.scalars(select(Clip.media_sha256)))
    lacking = sorted(sha256 for sha256 in named if not media.path_of(media_dir, sha256).is_file())
    return not lacking or store.holds(lacking[0])


def readiness() -> Ready:
    """Look at every part."""
    probe, media_dir, in_store = current_app.extensions["mushra-probe"]
    answered = probe.answer(ANSWERS_WITHIN_S)
    if answered is None:
        return Ready("does not answer", "not known", _readable(media_dir, needed=in_store is None))
    revision, has_sounds = answered
    readable = _readable(media_dir, needed=has_sounds and in_store is None)
    if readable == OK and has_sounds and in_store is not None and not in_store.answer(ANSWERS_WITHIN_S):
        readable = "can't be fetched"
    return Ready(OK, OK if revision == schema.head() else "not this release's", readable)


def _readable(folder: os.PathLike[str], *, needed: bool) -> str:
    """Before anything is published there is no folder, and none is needed."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except FileNotFoundError:
        return "can't be read" if needed else OK
    except OSError:
        return "can't be read"
    return OK


@blueprint.get("/healthz")
def health() -> Response:
    """The process answers."""
    return _fresh({"ok": True})


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """200 where listeners can be served, else 503 with what is not ready."""
    found = readiness()
    return _fresh({"ready": found.all_ok} | asdict(found)), 200 if found.all_ok else 503


def _fresh(said: dict[str, Any]) -> Response:
    response = jsonify(said)
    response.headers["Cache-Control"] = "no-store"
    return response

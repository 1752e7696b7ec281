"""Where the sounds of a trial come from: the folder, and an object store behind it for which the folder is a cache.

All sounds of a trial are fetched before any of them is answered. The open reference and its hidden copy are one file:
fetched one by one, the second of them would come at once, or be missing where the first was, and so be told apart.

Conventions: a fetch runs on a thread of its own, once per sound however many ask; who asked waits for ``WAIT_S`` at
most. It goes on after that, so that trying again helps. Between processes a sound may be fetched twice, never half.
Defines: ``SoundSource``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from concurrent.futures import Future, wait
from pathlib import Path

from mushra_app import media
from mushra_app.config import Settings
from mushra_app.errors import AppError, UnavailableError
from mushra_app.serving.bounded import BoundedFolder
from mushra_app.serving.marked import MarkedSound, open_marked
from mushra_app.serving.object_store import store_of
from mushra_app.words import say

WAIT_S = 20.0
FETCHES_AT_ONCE = 8

log = logging.getLogger(__name__)


class SoundSource:
    """The published sounds, for one process."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.media_dir
        self._store = store_of(settings)
        self._cache = BoundedFolder(self._folder, settings.media_cache_mb, self._can_be_fetched_again)
        self._flights: dict[str, Future[None]] = {}
        self._flights_lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(FETCHES_AT_ONCE)

    def open(self, sha256: str, of_trial: Collection[str], mark: bytes) -> MarkedSound:
        """One sound of a trial, once all of them are here.

        Raises
        ------
        UnavailableError
            Where some sound of the trial can't be had now; the log says which and why.
        """
        try:
            self._bring(sorted({sha256, *of_trial}))
            return open_marked(media.path_of(self._folder, sha256), mark)
        except (AppError, OSError) as error:
            if not isinstance(error, _ToldError):
                _tell(sha256, error)
            raise UnavailableError(say("This sound can't be had at the moment. Please try again soon.")) from None

    def _bring(self, sounds: list[str]) -> None:
        """Fetch what is not here."""
        missing = [sha256 for sha256 in sounds if not self._is_here(sha256)]
        if missing and self._store is None:
            raise AppError(f"{media.path_of(self._folder, missing[0])}: missing; see: mushra db check")
        done, late = wait([self._flight(sha256) for sha256 in missing], timeout=WAIT_S)
        if late or any(flight.exception() for flight in done):
            raise _ToldError

    def _is_here(self, sha256: str) -> bool:
        """Whether the file is in the folder, where it then stays for a while."""
        if self._store is None:
            return media.path_of(self._folder, sha256).is_file()
        return self._cache.hand_out(media.name_of(sha256))

    def _flight(self, sha256: str) -> Future[None]:
        """The fetch of a sound that is under way, or a new one."""
        with self._flights_lock:
            if (flight := self._flights.get(sha256)) is None:
                flight = self._flights[sha256] = Future()
                threading.Thread(target=self._fetch, args=(sha256, flight), name="fetch", daemon=True).start()
            return flight

    def _fetch(self, sha256: str, flight: Future[None]) -> None:
        """Fetch a sound into the folder. Whatever goes wrong is logged once, and known to all who wait."""
        failed: Exception | None = None
        try:
            with self._at_once:
                store = self._store
                if store is not None and not self._is_here(sha256):  # fetched meanwhile by another process
                    self._cache.add(media.name_of(sha256), lambda stream: store.fetch(sha256, stream))
        except Exception as error:
            _tell(sha256, error)
            failed = error
        with self._flights_lock:
            del self._flights[sha256]
        if failed is None:
            flight.set_result(None)
            self._cache.shrink()  # now that nobody waits any more
        else:
            flight.set_exception(failed)

    def _can_be_fetched_again(self, path: Path) -> bool:
        """Whether the store has the sound whole: what may be its last copy is never deleted."""
        try:
            return self._store is not None and self._store.state(path.stem) == ""
        except AppError:
            return False


class _ToldError(AppError):
    """Something that the log knows already."""


def _tell(sha256: str, error: Exception) -> None:
    # The hash and the reason hold no word of a listener's, so they may stand in the log for machines, too.
    fields = {"logger": __name__, "message": "a sound can't be had", "sound": sha256, "reason": str(error)}
    log.error("a sound can't be had: %s: %s", sha256, error, extra={"fields": fields})

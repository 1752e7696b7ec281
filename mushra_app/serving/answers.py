"""A sound as an HTTP answer: its bytes, or the word to the reverse proxy to send them.

The headers of all sounds are alike, and name neither a file, a hash nor a date. For the proxy the marked copy of a
slot's sound is written into a folder of its own, under a name that can't be told from the slot without our key; every
copy has the same time of change, because proxies make headers of it. Where a copy can't be written (the disk is full),
the app sends the bytes itself.

Defines: ``Delivery``, ``INTERNAL_PATH``.
"""

from __future__ import annotations

import hmac
import logging
import shutil
from collections.abc import Mapping
from typing import IO, cast

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from mushra_app.config import Settings
from mushra_app.security import mark_of, secret_key
from mushra_app.serving.bounded import BoundedFolder
from mushra_app.serving.marked import MarkedSound
from mushra_app.serving.source import SoundSource

KEPT_S = 3600
"""How long a browser may keep a sound: all of them equally long."""
INTERNAL_PATH = "/marked-sounds/"
"""Where nginx has the marked copies, for ``X-Accel-Redirect`` only; deploy/nginx-sounds.conf says the same."""
CHANGED_AT_S = 946_684_800
"""When every marked copy was changed, so that no date tells one from another: 1 January 2000."""

log = logging.getLogger(__name__)


class Delivery:
    """Answers with sounds in the way that the settings say, for one process."""

    def __init__(self, settings: Settings) -> None:
        self._by, self._key = settings.sound_by, secret_key(settings)
        self._source = SoundSource(settings)
        self._marked = BoundedFolder(settings.marked_dir.absolute(), settings.marked_cache_mb)

    def answer(self, slot: str, of_trial: Mapping[str, str]) -> Response:
        """The sound of a slot.

        Parameters
        ----------
        of_trial : the hash of what each slot of the trial plays, by the slots' tokens.
        """
        response = self._by_app(slot, of_trial) if self._by == "app" else self._by_proxy(slot, of_trial)
        # The next trial's sounds are fetched while this one is rated; the address is this session's alone.
        response.headers["Cache-Control"] = f"private, max-age={KEPT_S}"
        return response

    def _by_app(self, slot: str, of_trial: Mapping[str, str]) -> Response:
        """Its bytes, or the range of them that was asked for."""
        sound = self._opened(slot, of_trial)
        response = Response(mimetype="audio/flac", direct_passthrough=True)
        response.content_length = sound.size
        try:
            response.make_conditional(request.environ, accept_ranges=True, complete_length=sound.size)
        except RequestedRangeNotSatisfiable:
            sound.close()
            return Response(status=416, mimetype="audio/flac", headers={"Content-Range": f"bytes */{sound.size}"})
        part = response.content_range
        if part.start is not None and part.stop is not None:  # sent as a file, too: no server buffers it then
            sound.narrow(part.start, part.stop)
        response.response = wrap_file(request.environ, cast(IO[bytes], sound))
        return response

    def _by_proxy(self, slot: str, of_trial: Mapping[str, str]) -> Response:
        """Where its marked copy lies, in a header that the proxy takes out; ranges are the proxy's."""
        name = f"{hmac.new(self._key.encode(), b'marked copy of ' + slot.encode(), 'sha256').hexdigest()}.flac"
        if not self._marked.hand_out(name):
            with self._opened(slot, of_trial) as sound:
                try:
                    self._marked.add(name, lambda copy: shutil.copyfileobj(sound, copy), CHANGED_AT_S)
                    self._marked.shrink()
                except OSError as error:
                    log.error("a marked copy can't be written, the app sends the sound itself: %s", error)
                    return self._by_app(slot, of_trial)
        response = Response(mimetype="audio/flac")
        if self._by == "x-accel-redirect":
            response.headers["X-Accel-Redirect"] = INTERNAL_PATH + name
        else:
            response.headers["X-Sendfile"] = str(self._marked.folder / name)
        return response

    def _opened(self, slot: str, of_trial: Mapping[str, str]) -> MarkedSound:
        return self._source.open(of_trial[slot], of_trial.values(), mark_of(self._key, slot))

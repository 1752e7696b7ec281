"""Published sounds in an object store, or wherever else fsspec reaches: one object per sound, named by its SHA-256.

What is put there is read back, what is fetched is held against its name. The store's package is loaded when a store is
named, its connections are made at the first use, so that a server may fork before.

Defines: ``ObjectStore``, ``DamagedError``, ``store_of``, ``masked``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from mushra_app import media
from mushra_app.config import Settings
from mushra_app.errors import AppError, NotFoundError

CHUNK_BYTES = 2**20
BLOCK_BYTES = 4 * 2**20
"""How much of an object is asked for at once; by itself s3fs takes 50 MB."""


def masked(url: str) -> str:
    """The address without a user and a password in it."""
    return re.sub(r"://[^/@]*@", "://***@", url)


class ObjectStore:
    """The sounds under ``url``, such as ``s3://bucket/prefix``.

    Raises
    ------
    AppError
        Where the package that this kind of address needs is not installed, or there is none.
    """

    def __init__(self, url: str) -> None:
        import fsspec.utils  # with the packages of the stores, only where there is one

        self._url, self.shown = url, masked(url)
        try:
            fsspec.get_filesystem_class(fsspec.utils.get_protocol(url))
        except ImportError as error:
            mend = 'for S3: pip install "hidden-reference[s3]"'
            raise AppError(
                f"media_url: {self.shown}: needs a package that is not installed ({error}); {mend}"
            ) from None
        except ValueError as error:
            raise AppError(f"media_url: {self.shown}: {error}; expected for example s3://bucket/prefix") from None

    def put(self, path: Path, sha256: str) -> None:
        """Upload a stored sound where it isn't there whole, and read it back.

        Raises
        ------
        AppError
            Where the store can't be reached, or gives back something else than was put.
        """
        if self.state(sha256) == "":
            return
        with self._said():
            self._files.put_file(str(path), self._at(sha256))
        if found := self.state(sha256):
            raise AppError(f"{self.shown}/{sha256}.flac: was uploaded and is now {found}; look at the store, try again")

    def state(self, sha256: str) -> str:
        """Empty where the object is whole; else ``missing`` or ``not what was published``."""
        try:
            self.fetch(sha256, None)
        except NotFoundError:
            return "missing"
        except DamagedError:
            return "not what was published"
        return ""

    def fetch(self, sha256: str, stream: IO[bytes] | None) -> None:
        """Copy an object into ``stream``; None only looks at it.

        Raises
        ------
        NotFoundError, DamagedError
            Where there is none of that name, or its bytes are others than its name says.
        AppError
            Where the store can't be reached.
        """
        found = hashlib.sha256()
        with self._said(), self._files.open(self._at(sha256), "rb", block_size=BLOCK_BYTES) as source:
            while chunk := source.read(CHUNK_BYTES):
                found.update(chunk)
                if stream is not None:
                    stream.write(chunk)
        if found.hexdigest() != sha256:
            raise DamagedError(f"{self.shown}/{sha256}.flac: has the hash {found.hexdigest()}, expected its name")

    def holds(self, sha256: str) -> bool:
        """Whether there is an object of that name, whatever is in it."""
        with self._said():
            return bool(self._files.exists(self._at(sha256)))

    def names(self) -> set[str]:
        """File names of all objects under the address."""
        try:
            with self._said():
                return {str(name).rpartition("/")[2] for name in self._files.find(self._root, maxdepth=1)}
        except NotFoundError:
            return set()

    def _at(self, sha256: str) -> str:
        return f"{self._root.rstrip('/')}/{media.name_of(sha256)}"

    @cached_property
    def _reached(self) -> tuple[Any, str]:
        import fsspec.core

        return fsspec.core.url_to_fs(self._url, use_listings_cache=False)  # other servers put and delete, too

    @property
    def _files(self) -> Any:
        return self._reached[0]

    @property
    def _root(self) -> str:
        return self._reached[1]

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Every kind of store has errors of its own; here they are one sentence."""
        try:
            yield
        except FileNotFoundError:
            raise NotFoundError(
                f"{self.shown}: no such object, or no such bucket or folder; see: mushra db check"
            ) from None
        except AppError:
            raise
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise AppError(
                f"{self.shown}: the object store can't be used ({type(error).__name__}: {masked(said)}); "
                "see that it answers and lets us in (its usual variables, such as AWS_ACCESS_KEY_ID)"
            ) from None


class DamagedError(AppError):
    """An object whose bytes are not those that its name says."""


def store_of(settings: Settings) -> ObjectStore | None:
    """The object store behind the sounds' folder, where there is one."""
    return ObjectStore(settings.media_url) if settings.media_url else None

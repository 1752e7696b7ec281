"""Files of weights: where they should lie, and that they are the ones that were meant, before anything reads them.

Nothing here ever asks a network: what is missing is said, with the place to put it.
A hash that is demanded may be shortened: the file's must begin with it.
Defines: ``absent``, ``named``, ``stored``, ``digest``, ``read``.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from stimuli.errors import StimuliError
from stimuli.manifest import file_sha256


def absent(path: Path, sha256: str = "") -> str | None:
    """What to do where the file is not there; None if it is."""
    if path.is_file():
        return None
    meant = f", the file with SHA-256 {sha256}" if sha256 else ""
    return f"its weights are missing: put them at {path}{meant}"


def named(path: Path) -> str:
    """How the file's hash begins according to its name (``vocals-b62c91ce.pth``), as torch's hub writes it."""
    found = re.search(r"-([0-9a-f]{8,64})$", path.stem)
    return found[1] if found else ""


def stored(folder: Path, name: str, suffixes: Collection[str]) -> list[Path]:
    """Files that may hold the weights of that name: ``<name>.pth`` or ``<name>-<checksum>.pth``, if this is a suffix.

    A checksum is as in ``named``, so that a file of another name that begins the same is none of them.
    """

    def is_it(path: Path) -> bool:
        return path.stem == name or (path.stem.rpartition("-")[0] == name and bool(named(path)))

    return sorted(path for path in folder.glob("*") if path.suffix in suffixes and is_it(path))


def digest(path: Path, sha256: str, who: str) -> str:
    """SHA-256 of the file.

    Raises
    ------
    StimuliError
        Where it is not there, or not the one that is pinned.
    """
    _there(path, sha256, who)
    state = path.stat()
    return _as_pinned(path, _digest(path, state.st_size, state.st_mtime_ns), sha256, who)


def read(path: Path, sha256: str, who: str) -> bytes:
    """The file's bytes, the very ones that were held against the hash.

    Raises
    ------
    StimuliError
        Where it is not there, or not the one that is pinned.
    """
    _there(path, sha256, who)
    content = path.read_bytes()
    _as_pinned(path, hashlib.sha256(content).hexdigest() if sha256 else "", sha256, who)
    return content


def _there(path: Path, sha256: str, who: str) -> None:
    if reason := absent(path, sha256):
        raise StimuliError(f"{who}: {reason}")


@functools.lru_cache(maxsize=64)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    """Each state of a file is hashed once, however many songs it is asked for."""
    return file_sha256(path)


def _as_pinned(path: Path, found: str, sha256: str, who: str) -> str:
    if not found.startswith(sha256):
        mend = "or correct its name" if sha256 == named(path) else "or correct sha256"
        raise StimuliError(
            f"{who}: {path} has SHA-256 {found}, expected {sha256}; it was not read: put the right file there, {mend}"
        )
    return found

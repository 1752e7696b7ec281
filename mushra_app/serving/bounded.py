"""Folders whose files can all be had again: bounded in size, what was used longest ago is the first to go.

When a file was last used is its time of access, which we set ourselves (file systems are often mounted without); its
time of change stays what it was. A file is handed out and a file is deleted under one lock, of this process and of
all others, so that nothing is deleted that was just handed out.

Defines: ``BoundedFolder``, ``IN_USE_S``.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock

IN_USE_S = 600
"""For so long after it was handed out a file is not deleted, even where the folder grows beyond its bound."""
POLL_S = 0.002
MB = 2**20


class BoundedFolder:
    """A folder of at most ``most_mb``; it may be deleted at any time, and so may each file in it.

    Parameters
    ----------
    can_go : asked before a file is deleted, outside of the lock, and may take long; whatever it refuses stays.
    """

    def __init__(self, folder: Path, most_mb: int, can_go: Callable[[Path], bool] = lambda path: True) -> None:
        self.folder, self._most_bytes, self._can_go = folder, most_mb * MB, can_go
        self._lock_file = folder.with_name(f".{folder.name}.lock")
        self._threads = threading.Lock()  # they would poll for the file's lock otherwise
        self._shrinking = threading.Lock()

    def hand_out(self, name: str, size: int | None = None) -> bool:
        """Whether the file is there (and has that size): then it stays for ``IN_USE_S``, counted from now."""
        path = self.folder / name
        with self._locked(), suppress(OSError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and size in (None, found.st_size):
                os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
                return True
        return False

    def add(self, name: str, write: Callable[[IO[bytes]], None], changed_at_s: float | None = None) -> None:
        """Write a file, whole or not at all, and count it as handed out. ``shrink`` afterwards.

        Parameters
        ----------
        write : gets the open file. What it raises leaves the folder as it was.
        changed_at_s : the file's time of change, where it must tell nothing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{secrets.token_hex(16)}.part"
        try:
            with part.open("xb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())  # or a power cut leaves an empty file under a name that is believed
            now = time.time()
            os.utime(part, (now, now if changed_at_s is None else changed_at_s))
            with self._locked():
                part.replace(self.folder / name)
        finally:
            part.unlink(missing_ok=True)

    def shrink(self) -> None:
        """Delete what was used longest ago until the folder fits its bound; one thread at a time does."""
        if self._shrinking.acquire(blocking=False):
            try:
                self._shrink()
            finally:
                self._shrinking.release()

    def _shrink(self) -> None:
        files = sorted(self._files(), key=lambda found: found[1].st_atime)
        beyond = sum(found.st_size for _, found in files) - self._most_bytes
        for path, found in files:
            if beyond <= 0 or found.st_atime > time.time() - IN_USE_S:
                return
            if self._can_go(path) and self._delete(path):
                beyond -= found.st_size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path), entry.stat(follow_symlinks=False)

    def _delete(self, path: Path) -> bool:
        """Whether it is gone; not where it was handed out meanwhile, or (Windows) is open."""
        with self._locked():
            try:
                if path.lstat().st_atime > time.time() - IN_USE_S:
                    return False
                path.unlink()
            except FileNotFoundError:
                pass  # another process was faster
            except OSError:
                return False
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        with self._threads, FileLock(self._lock_file, poll_interval=POLL_S):
            yield

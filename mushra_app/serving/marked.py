"""A stored sound with the mark of one slot laid over it, so that equal sounds are unequal files.

Nothing is read whole: the file is read as it is asked for, and the mark's bytes are put in on the way.

Defines: ``MarkedSound``, ``open_marked``.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

from mushra_app import media

MOST_AT_ONCE = 2**18
NOT_THROUGH_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class MarkedSound(io.RawIOBase):
    """A file open for reading, or a part of it, whose bytes from ``media.MARK_START`` on are those of ``mark``.

    It has no ``fileno``: servers that find one (gunicorn) send the file itself, past the mark.
    """

    def __init__(self, file: io.FileIO, mark: bytes) -> None:
        self._file, self._mark = file, mark
        self.size = os.fstat(file.fileno()).st_size
        self._start, self._stop = 0, self.size

    def narrow(self, start: int, stop: int) -> None:
        """From here on the file is what its bytes from ``start`` up to ``stop`` were."""
        self._start, self._stop = start, stop
        self.seek(0)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""
        origin = {os.SEEK_SET: self._start, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._stop}[whence]
        return self._file.seek(max(origin + offset, self._start)) - self._start

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell() - self._start

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``MOST_AT_ONCE``, as a raw file may: waitress asks for a socket's whole buffer."""
        if size is None or size < 0:
            return self.readall()
        return super().read(min(size, MOST_AT_ONCE)) or b""

    def readinto(self, buffer: Any, /) -> int:
        """Read what is next, and lay over it what of the mark lies there."""
        start = self._file.tell()
        view = memoryview(buffer).cast("B")[: max(0, self._stop - start)]
        read = self._file.readinto(view) or 0
        first = max(start, media.MARK_START)
        end = min(start + read, media.MARK_START + len(self._mark))
        if first < end:
            view[first - start : end - start] = self._mark[first - media.MARK_START : end - media.MARK_START]
        return read

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


def open_marked(path: Path, mark: bytes) -> MarkedSound:
    """A stored sound for one slot.

    Parameters
    ----------
    mark : ``media.MARK_LENGTH`` bytes that are this slot's own; sounds that an older release stored have no place for
        them, and stay as they are.

    Raises
    ------
    OSError
        Where the file can't be read, or is a symbolic link or no file.
    """
    file = io.FileIO(os.open(path, os.O_RDONLY | NOT_THROUGH_LINKS), "r")
    if path.is_symlink() or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # the first where links can't be refused
        file.close()
        raise OSError(f"{path}: not a file")
    begin = file.read(media.MARK_START) or b""
    file.seek(0)
    has_place = begin[media.STREAM_INFO_END + 1 :] == media.MARK_BLOCK[1:]
    return MarkedSound(file, mark if has_place else b"")

"""An archive of a stimulus set becomes a folder, whole or not at all.

Nothing in an archive is believed: names must stay inside, links and devices are refused, names that some file system
takes for the same are refused, and what is counted is what comes out, not what a header promises.

Conventions: sizes in bytes. Defines: ``unpack``, ``unpack_all``, ``ArchiveError``.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mushra_app.errors import AppError, UnavailableError
from mushra_app.publish import LARGEST_MANIFEST, manifest_too_large
from mushra_app.words import say
from stimuli.manifest import FILE_NAME as MANIFEST

MOST_FILES = 20_000
MOST_RATIO = 20
"""Sounds don't pack, and a manifest packs to a tenth."""
FREE_OF_RATIO = 64 * 2**20
"""An archive may unpack to so much whatever its ratio."""
MOST_AT_ONCE = 16 * 2**20
"""The longest header that a tar may make us read into memory."""
LONGEST_NAME, LONGEST_PART = 400, 200
LARGEST_FILE = 256 * 10**6
"""A clip is a few megabytes; what is read whole later has to fit into memory."""
BLOCK = 2**18
RESERVE = 500 * 10**6
"""Of the disk, which stays free whatever is sent: listeners' saves need it."""
UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, struct.error, EOFError, ValueError, KeyError,
)  # fmt: skip
"""What the readers say of damage, depending on which byte it hit."""
PASSED_BY = "__MACOSX"


class ArchiveError(AppError):
    """An archive that is not taken, and why."""


def unpack(archive: Path, into: Path, most_bytes: int) -> Path:
    """Unpack a zip or tar.gz into the new folder ``into``; the folder with the manifest, which is it or its only one.

    Raises
    ------
    ArchiveError
        Where the archive is cut off, holds what no set holds, or is larger than ``most_bytes`` when unpacked. What was
        unpacked until then is left for the caller to remove.
    UnavailableError
        Where the disk gets too full meanwhile.
    """
    unpack_all(archive, into, most_bytes)
    return _set_in(into)


def unpack_all(archive: Path, into: Path, most_bytes: int, *, largest_file: int = LARGEST_FILE) -> None:
    """The same whatever is in it; no file may be larger than ``largest_file``."""
    into.mkdir()
    most_bytes = min(most_bytes, MOST_RATIO * archive.stat().st_size + FREE_OF_RATIO)
    with archive.open("rb") as stream:
        begin = stream.read(4)
    with _in_sentences():
        if begin[:2] == b"\x1f\x8b":
            _write_all(_of_tar(archive, most_bytes), into, most_bytes, largest_file)
        elif begin[:2] == b"PK":
            _write_all(_of_zip(archive), into, most_bytes, largest_file)
        else:
            raise ArchiveError(
                say("This is no archive that can be read here; expected a .zip or a .tar.gz of the set's folder.")
            )


Member = tuple[str, IO[bytes]]


@contextmanager
def _in_sentences() -> Iterator[None]:
    cut_off = say(
        "The archive is cut off or damaged, so nothing of it was kept; please make it again and send it again."
    )
    try:
        yield
    except UNREADABLE as error:
        raise ArchiveError(cut_off) from error
    except (NotImplementedError, RuntimeError) as error:  # a way of packing that Python's zipfile does not know
        raise ArchiveError(
            say("The archive is packed in a way that can't be read here; expected an ordinary .zip or .tar.gz.")
        ) from error


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.flag_bits & 1:
                raise ArchiveError(say("The archive asks for a password; expected one without."))
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _no_file(info.filename)
            # As it is written there: zipfile cuts names at a NUL and turns some separators.
            name = info.orig_filename
            if name.endswith("/"):
                _checked(name)
                continue
            with opened.open(info) as content:
                yield name, content


def _of_tar(archive: Path, most_bytes: int) -> Iterator[Member]:
    with gzip.open(archive) as plain, tarfile.TarFile(fileobj=_Bounded(plain, 2 * most_bytes)) as opened:  # pyright: ignore[reportArgumentType]
        while (member := opened.next()) is not None:
            opened.members = []  # pyright: ignore[reportAttributeAccessIssue]  it would keep them all
            if member.isdir():
                _checked(member.name)
                continue
            if not member.isreg() or member.issparse():
                raise _no_file(member.name)
            content = opened.extractfile(member)
            assert content is not None
            yield member.name, content
        while plain.read(BLOCK):  # its end says whether all of it came
            pass


class _Bounded(io.RawIOBase):
    """What comes out of a gzip, as far as it is wanted: tarfile reads a header of any length into memory."""

    def __init__(self, plain: gzip.GzipFile, most_bytes: int) -> None:
        self._plain, self._most = plain, most_bytes

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise _too_large()
        if self._plain.tell() + size > self._most:
            raise _too_large()
        return self._plain.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence != os.SEEK_SET or offset > self._most:
            raise _too_large()
        return self._plain.seek(offset)

    def tell(self) -> int:
        return self._plain.tell()


def _write_all(members: Iterator[Member], into: Path, most_bytes: int, largest_file: int) -> None:
    seen: set[str] = set()
    left = most_bytes
    for name, content in members:
        path = _checked(name)
        if not path.parts or path.parts[0] == PASSED_BY:
            continue
        same = unicodedata.normalize("NFC", str(path)).casefold()
        if same in seen:
            raise ArchiveError(
                say("The archive holds %(name)s twice, or names that differ in capitals only.", name=name)
            )
        seen.add(same)
        if len(seen) > MOST_FILES:
            raise ArchiveError(say("The archive holds more than %(most)d files; a set has fewer.", most=MOST_FILES))
        most = LARGEST_MANIFEST if path.name == MANIFEST else largest_file
        left -= _write(into / path, content, min(left, most))


def _write(path: Path, content: IO[bytes], most_bytes: int) -> int:
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            while block := content.read(BLOCK):
                written += len(block)
                if written > most_bytes:
                    raise _too_large() if path.name != MANIFEST else ArchiveError(manifest_too_large(MANIFEST))
                if shutil.disk_usage(path.parent).free < RESERVE:
                    raise UnavailableError(say("The server's disk has no room for this set; nothing was kept."))
                stream.write(block)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ArchiveError(say("The archive holds %(name)s as a file and as a folder.", name=path.name)) from None
    return written


def _checked(name: str) -> PurePosixPath:
    """A name that stays inside and that every file system takes."""
    path = PurePosixPath(name)
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or name[1:2] == ":":
        raise ArchiveError(
            say("The archive holds %(name)r, which leads out of its folder; nothing was kept.", name=name)
        )
    if len(name) > LONGEST_NAME or any(len(part.encode("utf-8", "replace")) > LONGEST_PART for part in parts):
        raise ArchiveError(say("The archive holds a name that is too long: %(name)s …", name=_shown(name)))
    if not name.isprintable():
        raise ArchiveError(say("The archive holds a name with unreadable characters: %(name)s", name=_shown(name)))
    return path


def _shown(name: str) -> str:
    return ascii(name[:60])


def _no_file(name: str) -> ArchiveError:
    return ArchiveError(
        say(
            "The archive holds %(name)s, which is a link or a device; a set has files and folders only.",
            name=_shown(name),
        )
    )


def _too_large() -> ArchiveError:
    return ArchiveError(
        say("The archive unpacks to more than is taken here, so nothing was kept. Is it a stimulus set?")
    )


def _set_in(folder: Path) -> Path:
    """Where the manifest lies: at the top, or in the one folder there."""
    found: list[Any] = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    with_manifest = [path for path in found if (path / MANIFEST).is_file()]
    if len(with_manifest) == 1 or folder in with_manifest:
        return with_manifest[0]
    if not with_manifest:
        raise ArchiveError(
            say("The archive holds no manifest.json at its top; expected the folder that mushra stimuli build wrote.")
        )
    raise ArchiveError(say("The archive holds several stimulus sets; expected one."))

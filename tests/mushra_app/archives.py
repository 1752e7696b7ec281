"""Archives for the tests of this room: sets as they are sent, and what nobody should send.

Defines: ``zipped``, ``tarred``, ``BAD_ZIPS``, ``BAD_TARS``.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

OUT = "leads out of its folder"
LINK = "a link or a device"
LARGE = "unpacks to more"


def zipped(folder: Path) -> bytes:
    """A folder as a zip."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return kept.getvalue()


def tarred(folder: Path, top: str = "set") -> bytes:
    """A folder as tar.gz, in one folder as people pack them."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        archive.add(folder, top)
    return kept.getvalue()


def _zip(*members: tuple[str, bytes], mode: int = 0, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", packed) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = packed, mode << 16
            archive.writestr(info, content)
    return kept.getvalue()


def _tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return kept.getvalue()


def _long_header() -> bytes:
    """A tar whose first header says that the next name is 3 GB long."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3 * 10**9
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**20))


def _with_header_changed(archive: bytes, old: bytes, new: bytes) -> bytes:
    return archive.replace(old, new)


NULLS = bytes(90 * 2**20)
"""Packs to a thousandth."""
BAD_ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "above": (lambda: _zip(("../manifest.json", b"{}")), OUT),
    "far above": (lambda: _zip(("a/../../../etc/passwd", b"x")), OUT),
    "absolute": (lambda: _zip(("/etc/passwd", b"x")), OUT),
    "backslash": (lambda: _zip(("..\\manifest.json", b"x")), OUT),
    "drive": (lambda: _zip(("C:manifest.json", b"x")), OUT),
    "link": (lambda: _zip(("clips", b"/etc"), mode=stat.S_IFLNK | 0o777), LINK),
    "device": (lambda: _zip(("clips", b""), mode=stat.S_IFCHR | 0o666), LINK),
    "capitals": (lambda: _zip(("a.flac", b"1"), ("A.flac", b"2")), "differ in capitals"),
    "twice": (lambda: _zip(("a.flac", b"1"), ("./a.flac", b"2")), "differ in capitals"),
    "composed": (lambda: _zip(("\u00e9.flac", b"1"), ("e\u0301.flac", b"2")), "differ in capitals"),
    "file and folder": (lambda: _zip(("a", b"1"), ("a/b", b"2")), "as a file and as a folder"),
    "bomb": (lambda: _zip(("clips/a.flac", NULLS)), LARGE),
    "many": (lambda: _zip(*((f"{n}", b"") for n in range(20_001)), packed=zipfile.ZIP_STORED), "more than 20000 files"),
    "long name": (lambda: _zip(("x" * 300, b"1")), "too long"),
    "control": (lambda: _zip(("a\x1b[31m", b"1")), "unreadable characters"),
    "cut off": (lambda: _zip(("manifest.json", b"{}" * 1000))[:-30], "cut off or damaged"),
    "damaged": (
        lambda: _with_header_changed(
            _zip(("manifest.json", b"abcdef"), packed=zipfile.ZIP_STORED), b"abcdef", b"abcdeF"
        ),
        "cut off or damaged",
    ),
    "large manifest": (
        lambda: _zip(("set/manifest.json", bytes(17 * 10**6)), packed=zipfile.ZIP_DEFLATED),
        "manifest.json: larger than 16 MB",
    ),
    "no set": (lambda: _zip(("readme.txt", b"hello")), "no manifest.json"),
    "two sets": (lambda: _zip(("a/manifest.json", b"{}"), ("b/manifest.json", b"{}")), "several stimulus sets"),
    "no archive": (lambda: b"RIFF....WAVE", "no archive that can be read"),
    "empty": (lambda: b"", "no archive that can be read"),
    "no manifest": (lambda: _zip(("manifest.json", b"[1, 2]")), "manifest.json: "),
}
"""What each is, and a part of what is said of it."""
BAD_TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "above": (lambda: _tar(("../manifest.json", b"{}")), OUT),
    "absolute": (lambda: _tar(("/etc/cron.d/x", b"x")), OUT),
    "symbolic link": (lambda: _tar(("clips", b""), kind=tarfile.SYMTYPE, link="/etc"), LINK),
    "hard link": (lambda: _tar(("clips", b""), kind=tarfile.LNKTYPE, link="/etc/passwd"), LINK),
    "device": (lambda: _tar(("clips", b""), kind=tarfile.CHRTYPE), LINK),
    "pipe": (lambda: _tar(("clips", b""), kind=tarfile.FIFOTYPE), LINK),
    "capitals": (lambda: _tar(("a/b.flac", b"1"), ("A/B.flac", b"2")), "differ in capitals"),
    "bomb": (lambda: _tar(("clips/a.flac", NULLS)), LARGE),
    "long header": (_long_header, LARGE),
    "cut off": (lambda: _tar(("manifest.json", bytes(range(256)) * 1000))[:-200], "cut off or damaged"),
    "without its end": (lambda: _tar(("manifest.json", b"{}"))[:-4], "cut off or damaged"),
    "damaged": (lambda: _tar(("manifest.json", b"{}"))[:40] + b"\0" * 60, "cut off or damaged"),
}

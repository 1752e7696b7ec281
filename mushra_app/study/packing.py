"""An archive whose bytes follow from the files in it, and their hashes.

Conventions: names in order, every file of the same time and rights, nothing compressed; ``SHA256SUMS`` as ``sha256sum
-c`` reads it. Defines: ``SUMS``, ``write_sums``, ``check_sums``, ``pack``.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

from mushra_app.errors import AppError
from stimuli.whole_files import whole_file

SUMS = "SHA256SUMS"
OLDEST = (1980, 1, 1, 0, 0, 0)
"""The time that every file of an archive has: the first that a zip can hold."""


def write_sums(root: Path) -> None:
    """Write the hashes of all files below a folder into it."""
    text = "".join(f"{_sha256(path)}  {path.relative_to(root).as_posix()}\n" for path in _files(root))
    (root / SUMS).write_text(text, encoding="utf-8")


def check_sums(root: Path) -> None:
    """Hold the files of a folder against its hashes; AppError with every one that is missing or another one."""
    try:
        lines = (root / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(f"{root / SUMS}: can't be read: {error}; give the unpacked folder of a bundle") from None
    pairs = [line.split("  ", 1) for line in lines if "  " in line]
    wrong = [name for sha256, name in pairs if not (root / name).is_file() or _sha256(root / name) != sha256]
    if wrong or not pairs:
        told = ", ".join(wrong[:5]) or "it lists nothing"
        raise AppError(f"{root}: not what was packed: {told}; unpack the bundle again")


def pack(root: Path, out: Path) -> None:
    """Put a folder into a zip, atomically."""
    with whole_file(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for path in _files(root):
            entry = zipfile.ZipInfo(f"{root.name}/{path.relative_to(root).as_posix()}", OLDEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Writing files whole or not at all.

Defines: ``write_text``, ``write_bytes``.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from analysis.errors import AnalysisError


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text beside its place, then move it there; returns the path.

    Raises
    ------
    AnalysisError
        Where it can't be written.
    """
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """The same for bytes."""
    # A name of its own, so that two that write the same file at once don't write into each other's.
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise AnalysisError(f"{path}: can't be written: {error.strerror}; choose another place") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return path

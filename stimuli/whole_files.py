"""Files that are there whole or not at all.

Defines: ``whole_file``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A neighbour of ``path`` to write to, which takes its place when the block ends well and vanishes otherwise.

    It has a name of its own, so that two who write the same file at once don't write into each other's.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

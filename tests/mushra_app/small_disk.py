"""Disks of the tests' own: one of a few megabytes, and places that can't be written; only root can make them.

Defines: ``IS_ROOT``, ``small_disk``, ``read_only``, ``fill``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

IS_ROOT = os.name == "posix" and os.geteuid() == 0


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes, in an empty folder."""
    at.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", at)
    try:
        yield at
    finally:
        _run("umount", "-l", at)


@contextmanager
def read_only(at: Path) -> Iterator[None]:
    """A file or folder that nobody can write, as for a user without the right to; root needs a mount for that."""
    if not IS_ROOT:
        before = at.stat().st_mode
        at.chmod(before & ~0o222)
        try:
            yield
        finally:
            at.chmod(before)
        return
    _run("mount", "--bind", at, at)
    try:
        _run("mount", "-o", "remount,bind,ro", at)
        yield
    finally:
        _run("umount", "-l", at)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    path = folder / "filled"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    for size in (1 << 20, 1 << 12, 1):
        with suppress(OSError):
            while os.write(descriptor, bytes(size)):
                pass
    os.close(descriptor)
    return path


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)

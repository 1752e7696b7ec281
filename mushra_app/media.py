"""Sounds: stored by the hash of what is served, in a form that holds no hint of what they are.

A low-passed anchor packs into a smaller FLAC file than the others, so the number of bytes alone would name
it. Every sound of an item is therefore padded to one size with a FLAC PADDING block, which players skip.
The open and the hidden reference don't share their bytes either: the header's hash of the samples is taken out, and a
block that players skip too is filled anew for every slot of every session (``mushra_app.serving``). What is left to
compare is the decoded sound itself.

Defines: ``common_size``, ``padded``, ``store``, ``path_of``, ``name_of``.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from mushra_app.errors import AppError

BLOCK_HEADER = 4
LARGEST_BLOCK = 2**24 - 1
PADDING, APPLICATION = 1, 2
LAST = 0x80
STREAM_INFO_END = 4 + BLOCK_HEADER + 34
MD5_LENGTH = 16
MARK_LENGTH = 32
"""Bytes of a sound that are another slot's others."""
MARK_BLOCK = bytes([APPLICATION]) + (4 + MARK_LENGTH).to_bytes(3, "big") + b"HRef"
MARK_START = STREAM_INFO_END + len(MARK_BLOCK)


def common_size(sizes: Iterable[int]) -> int:
    """The size in bytes to which files of these sizes can all be padded."""
    return max(sizes) + len(MARK_BLOCK) + MARK_LENGTH + BLOCK_HEADER


def padded(flac: bytes, size: int) -> bytes:
    """The FLAC file made exactly ``size`` bytes long, ready to be marked; decodes to the same samples.

    Parameters
    ----------
    flac : a whole FLAC file (RFC 9639).
    size : at least what ``common_size`` says of it.

    Raises
    ------
    AppError
        Where it is no FLAC file or leaves no room.
    """
    flac = _markable(flac)
    end, last = _end_of_blocks(flac)
    missing = size - len(flac)
    if missing < BLOCK_HEADER:
        raise AppError(f"a sound of {len(flac)} bytes with its mark can't be padded to {size}")
    blocks = []
    while missing:
        take = min(missing, LARGEST_BLOCK)
        take -= BLOCK_HEADER if 0 < missing - take < BLOCK_HEADER else 0  # leave room for the next block's header
        missing -= take
        length = take - BLOCK_HEADER
        blocks.append(bytes([PADDING | (0 if missing else LAST)]) + length.to_bytes(3, "big") + bytes(length))
    opened = flac[:last] + bytes([flac[last] & ~LAST]) + flac[last + 1 : end]
    return opened + b"".join(blocks) + flac[end:]


def _markable(flac: bytes) -> bytes:
    """Without the hash of its samples (zeros: not known), and with an empty mark after its first block."""
    _end_of_blocks(flac)  # refuses what is no FLAC file
    first = flac[: STREAM_INFO_END - MD5_LENGTH] + bytes(MD5_LENGTH)
    was_last = flac[4] & LAST
    mark = bytes([MARK_BLOCK[0] | was_last]) + MARK_BLOCK[1:] + bytes(MARK_LENGTH)
    return first[:4] + bytes([flac[4] & ~LAST]) + first[5:] + mark + flac[STREAM_INFO_END:]


def _end_of_blocks(flac: bytes) -> tuple[int, int]:
    """Where the metadata ends, and where its last block begins."""
    if flac[:4] != b"fLaC":
        raise AppError("a sound of the set is no FLAC file; build the set again")
    start = 4
    while start + BLOCK_HEADER <= len(flac):
        end = start + BLOCK_HEADER + int.from_bytes(flac[start + 1 : start + 4], "big")
        if flac[start] & LAST:
            return end, start
        start = end
    raise AppError("a sound of the set ends inside its header; build the set again")


def store(folder: Path, flac: bytes) -> str:
    """Keep a sound under the SHA-256 of its bytes, and return that; nothing is written twice."""
    name = hashlib.sha256(flac).hexdigest()
    path = path_of(folder, name)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{name}.{secrets.token_hex(8)}.part"
        with part.open("wb") as stream:
            stream.write(flac)
            stream.flush()
            os.fsync(stream.fileno())  # the database must never name a sound that a power cut takes back
        part.replace(path)
    return name


def path_of(folder: Path, sha256: str) -> Path:
    """Where the sound of that hash lies."""
    return folder / name_of(sha256)


def name_of(sha256: str) -> str:
    """The file name of the sound of that hash; AppError for what is none, so that no name leads out of a folder."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise AppError(f"{sha256!r}: no SHA-256 of a sound, expected 64 hexadecimal digits; see: mushra db check")
    return f"{sha256}.flac"

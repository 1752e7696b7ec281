"""Containers and codecs that libsndfile does not read: STEMS files (``.stem.mp4``), AAC. Decoded with PyAV.

MUSDB18 comes as STEMS: one file with the mixture and its stems as audio streams. PyAV is an optional extra.
Conventions: sound float32 (frames, channels), full scale 1.0. Defines: ``STREAMS``, ``missing``, ``holds``, ``read``.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from upath import UPath

from stimuli.errors import SoundError, StimuliError

STREAMS = ("mixture", "drums", "bass", "other", "vocals")
STEMS = ".stem.mp4"
SUFFIXES = (".mp4", ".m4a", ".aac", ".mov")


def missing() -> str | None:
    """Why such files can't be read here; None if they can."""
    if importlib.util.find_spec("av") is None:
        return 'the package av is not installed; pip install "hidden-reference[demo]"'
    return None


def holds(path: Path | UPath) -> bool:
    """Whether the file is read here and not by libsndfile."""
    return path.suffix.lower() in SUFFIXES


def read(path: Path | UPath, stream: int = 0) -> tuple[np.ndarray, int]:
    """One audio stream, whole, and its sample rate in Hz.

    Raises
    ------
    StimuliError
        Where PyAV is missing.
    SoundError
        Where the file is missing, can't be decoded, or has no such stream (a STEMS file: other streams than MUSDB18).
    """
    if reason := missing():
        raise StimuliError(f"{path}: {reason}")
    if not path.is_file():
        raise SoundError(f"{path}: no such file")
    import av  # an optional extra
    from av.error import FFmpegError

    try:
        with path.open("rb") as source, av.open(source) as opened:
            container: Any = opened
            count = len(container.streams.audio)
            if path.name.endswith(STEMS) and count != len(STREAMS):
                raise SoundError(f"{path}: {count} audio streams, expected {len(STREAMS)}: {', '.join(STREAMS)}")
            if stream >= count:
                raise SoundError(f"{path}: {count} audio streams, expected one with the number {stream}")
            codec = container.streams.audio[stream].codec_context
            planar = av.AudioResampler(format="fltp", layout=codec.layout.name)
            frames: Any = container.decode(audio=stream)
            pieces = [piece.to_ndarray() for frame in frames for piece in planar.resample(frame)]
            rate_hz = codec.sample_rate
    except (FFmpegError, ValueError, OSError) as error:
        raise SoundError(f"{path}: can't be read as sound: {error}") from None
    if not pieces:
        raise SoundError(f"{path}: holds no samples; render it again")
    return np.ascontiguousarray(np.concatenate(pieces, axis=1).T), rate_hz

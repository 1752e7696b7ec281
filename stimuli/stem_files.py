"""STEMS files: one container with the mixture and its stems as audio streams, decoded with PyAV.

MUSDB18 comes so (``<song>.stem.mp4``: mixture, drums, bass, other, vocals). PyAV is an optional extra.
Conventions: sound float32 (frames, channels), full scale 1.0. Defines: ``STREAMS``, ``missing``, ``read``.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from stimuli.errors import SoundError, StimuliError
from stimuli.separators import Sound

STREAMS = ("mixture", "drums", "bass", "other", "vocals")
SUFFIX = ".stem.mp4"


def missing() -> str | None:
    """Why STEMS files can't be read here; None if they can."""
    if importlib.util.find_spec("av") is None:
        return 'the package av is not installed; pip install "hidden-reference[demo]"'
    return None


def read(path: Path) -> tuple[dict[str, Sound], int]:
    """All streams of a STEMS file by name, and their sample rate in Hz.

    Raises
    ------
    StimuliError
        Where PyAV is missing.
    SoundError
        Where the file can't be decoded or has other streams than a MUSDB18 song.
    """
    if reason := missing():
        raise StimuliError(f"{path}: {reason}")
    import av  # an optional extra
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            count = len(container.streams.audio)
            if count != len(STREAMS):
                raise SoundError(f"{path}: {count} audio streams, expected {len(STREAMS)}: {', '.join(STREAMS)}")
            rate_hz = container.streams.audio[0].rate
        return {name: _stream(path, number) for number, name in enumerate(STREAMS)}, rate_hz
    except FFmpegError as error:
        raise SoundError(f"{path}: can't be read as a STEMS file: {error}") from None


def _stream(path: Path, number: int) -> Sound:
    import av

    with av.open(str(path)) as container:
        planar = av.AudioResampler(format="fltp", layout="stereo")
        pieces = [piece.to_ndarray() for frame in container.decode(audio=number) for piece in planar.resample(frame)]
    return np.ascontiguousarray(np.concatenate(pieces, axis=1).T)

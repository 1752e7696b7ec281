"""Sound files in and out, and the cuts and fades of the build. The only importer of soundfile and soxr.

Conventions: sound is an array of shape (frames, channels), full scale 1.0; times in seconds. Renders are
float32 WAV, so that nothing is lost before the gain; clips are 24-bit FLAC, which decodes to the same samples
in every browser. Files are written under a temporary name and renamed.

Defines: ``read``, ``info``, ``write_render``, ``write_clip``, ``samples_sha256``, ``quantise24``, ``cut``,
``fade_ends``, ``resample_4x``.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
import soundfile
import soxr

from stimuli.errors import SoundError

FULL_SCALE_24 = 2**23
FADE_S = 0.005
"""BS.1534-3, clause 5.3: 5 ms raised-cosine fades."""


def read(path: Path) -> tuple[np.ndarray, int]:
    """Read a whole sound file.

    Returns
    -------
    samples : float32, shape (frames, channels), full scale 1.0
    rate_hz : sample rate

    Raises
    ------
    SoundError
        Where the file is missing, unreadable, empty, or holds NaN or infinity.
    """
    if not path.is_file():
        raise SoundError(f"{path}: no such file")
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(f"{path}: can't be read as sound: {error}; expected WAV, FLAC, AIFF, Ogg or MP3") from None
    if not len(samples):
        raise SoundError(f"{path}: holds no samples; render it again")
    if not np.isfinite(samples).all():
        frame = int(np.argmax(~np.isfinite(samples).all(axis=1)))
        raise SoundError(f"{path}: holds NaN or infinity (first at {frame / rate_hz:.3f} s); render it again")
    return samples, rate_hz


def info(path: Path) -> tuple[int, int, int]:
    """Frames, sample rate in Hz, and channels of a sound file, without decoding it."""
    if not path.is_file():
        raise SoundError(f"{path}: no such file")
    try:
        header = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(f"{path}: can't be read as sound: {error}") from None
    return header.frames, header.samplerate, header.channels


def write_render(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """Write float32 WAV, atomically. Values beyond full scale are kept.

    Raises
    ------
    SoundError
        Where the samples hold NaN or infinity.
    """
    _refuse_non_finite(path, samples)
    with _Part(path) as part:
        soundfile.write(part, np.asarray(samples, np.float32), rate_hz, subtype="FLOAT", format="WAV")


def write_clip(path: Path, samples: np.ndarray, rate_hz: int) -> str:
    """Write 24-bit FLAC, atomically, and hold what a decoder makes of it against what was meant.

    Returns
    -------
    str
        ``samples_sha256`` of the decoded clip.

    Raises
    ------
    SoundError
        Where the samples hold NaN or infinity, pass full scale, or come back different.
    """
    _refuse_non_finite(path, samples)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1.0:
        raise SoundError(f"{path}: peaks at {peak:.3f} of full scale, FLAC would clip it; lower loudness.target_lufs")
    meant = quantise24(samples)
    with _Part(path) as part:
        # Integers, because libsndfile rounds floats differently from format to format.
        integers = (meant.astype(np.float64) * 2**31).astype(np.int32)
        soundfile.write(part, integers, rate_hz, subtype="PCM_24", format="FLAC")
        decoded, _ = soundfile.read(part, dtype="float32", always_2d=True)
        if not np.array_equal(decoded, meant):
            raise SoundError(f"{path}: decodes to other samples than were written; is the disk full?")
    return samples_sha256(meant)


def quantise24(samples: np.ndarray) -> np.ndarray:
    """Round to 24 bits: float32 values that are whole multiples of 2**-23, full scale clipped to 1 - 2**-23."""
    integers = np.clip(np.rint(np.asarray(samples, np.float64) * FULL_SCALE_24), -FULL_SCALE_24, FULL_SCALE_24 - 1)
    # Adding 0.0 turns -0.0 into 0.0: equal as numbers, but not as the bytes that are hashed.
    return (integers / FULL_SCALE_24 + 0.0).astype(np.float32)


def samples_sha256(samples: np.ndarray) -> str:
    """SHA-256 (hex) of the samples as little-endian float32, channel after channel: what a browser can compute."""
    return hashlib.sha256(np.ascontiguousarray(np.asarray(samples, "<f4").T).tobytes()).hexdigest()


def cut(samples: np.ndarray, rate_hz: int, *, start_s: float, length_s: float) -> np.ndarray:
    """The excerpt from ``start_s``, ``length_s`` long, rounded to whole samples.

    Raises
    ------
    SoundError
        Where the excerpt reaches beyond the end.
    """
    start, frames = round(start_s * rate_hz), round(length_s * rate_hz)
    if start + frames > len(samples):
        end_s = len(samples) / rate_hz
        raise SoundError(f"the excerpt {start_s:g} to {start_s + length_s:g} s reaches beyond the end ({end_s:.2f} s)")
    return samples[start : start + frames]


def fade_ends(samples: np.ndarray, rate_hz: int, fade_s: float = FADE_S) -> np.ndarray:
    """A copy with raised-cosine fades at both ends (BS.1534-3, clause 5.3); the first and last sample are 0."""
    frames = min(round(fade_s * rate_hz), len(samples) // 2)
    ramp = (0.5 * (1 - np.cos(np.pi * np.arange(frames) / max(frames, 1))))[:, None]
    faded = np.array(samples)
    faded[:frames] *= ramp
    faded[len(faded) - frames :] *= ramp[::-1]
    return faded


def resample_4x(samples: np.ndarray) -> np.ndarray:
    """Four times over-sampled, for true peak (BS.1770-5, Annex 2); soxr HQ."""
    return soxr.resample(samples, 1, 4, quality="HQ")


def _refuse_non_finite(path: Path, samples: np.ndarray) -> None:
    if not np.isfinite(samples).all():
        raise SoundError(f"{path}: the samples hold NaN or infinity; nothing was written")


class _Part:
    """A temporary neighbour of ``path`` that takes its place when the block ends well, and vanishes otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")

    def __enter__(self) -> Path:
        return self.part

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)

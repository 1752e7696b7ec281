"""Sound files in and out, and the cuts and fades of the build. The only importer of soundfile and soxr.  CONTRACT

In: whatever libsndfile reads (WAV, FLAC, AIFF, Ogg, MP3), and AAC and STEMS containers through PyAV, from local
files or any fsspec URL. Out: renders are float32 WAV, so that nothing is lost before the gain; clips are 24-bit
FLAC, which decodes to the same samples in every browser. Files are written under a temporary name and renamed.

Conventions: sound is a float32 array of shape (frames, channels), full scale 1.0; times in seconds.
Defines: ``Place``, ``Format``, ``form``, ``read``, ``blocks``, ``resampled``, ``write_render``, ``rendering``,
``write_clip``, ``Written``, ``samples_sha256``, ``frame_at``, ``fade_ends``, ``in_planes``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from upath import UPath

from stimuli import containers
from stimuli.errors import SoundError
from stimuli.whole_files import whole_file

Place = Path | UPath
"""Where a file lies: here, or wherever fsspec reaches."""
FULL_SCALE_24 = 2**23
FADE_S = 0.005
"""BS.1534-3, clause 5.3: 5 ms raised-cosine fades."""
CHUNK = 1 << 16
"""Frames that are worked on at a time where a whole copy would cost memory and cache."""
DITHER_SEED, DITHER_FRAMES = 1534, 1 << 20
EXPECTED = "expected WAV, FLAC, AIFF, Ogg, MP3, or AAC (with PyAV)"
EXACT = ("PCM_16", "PCM_24", "PCM_32", "PCM_S8", "PCM_U8")
"""Integer formats: they can't hold NaN or infinity, so that nobody needs to look for it."""


@dataclass(frozen=True)
class Format:
    """What a file says of itself: sample rate in Hz, length in frames, channels."""

    rate_hz: int
    frames: int
    channels: int


def form(path: Place, stream: int = 0) -> Format:
    """Rate, length and channels of a file, without decoding it where its format allows.

    Raises
    ------
    SoundError
        Where the file is missing or no sound file.
    """
    if containers.holds(path):
        samples, rate_hz = containers.read(path, stream)
        return Format(rate_hz, *samples.shape)
    with _opened(path) as sound:
        return Format(sound.samplerate, sound.frames, sound.channels)


def read(path: Place, start: int = 0, frames: int | None = None, *, stream: int = 0) -> tuple[np.ndarray, int]:
    """Read a sound file or a stretch of it.

    Parameters
    ----------
    start, frames : the stretch in frames; to the end where ``frames`` is None.
    stream : which audio stream of a container.

    Returns
    -------
    samples : float32, shape (frames, channels), full scale 1.0
    rate_hz : sample rate

    Raises
    ------
    SoundError
        Where the file is missing, unreadable, empty, shorter than it says, or holds NaN or infinity.
    """
    if containers.holds(path):
        whole, rate_hz = containers.read(path, stream)
        samples = whole[start : None if frames is None else start + frames]
        exact = False
    else:
        samples, rate_hz, exact = _read(path, start, frames)
    if not len(samples):
        raise SoundError(f"{path}: holds no samples; render it again")
    if not exact and not np.isfinite(samples).all():
        frame = start + int(np.argmax(~np.isfinite(samples).all(axis=1)))
        raise SoundError(f"{path}: holds NaN or infinity (first at {frame / rate_hz:.3f} s); render it again")
    return samples, rate_hz


def _read(path: Place, start: int, frames: int | None) -> tuple[np.ndarray, int, bool]:
    """Samples, rate, and whether the format is one that holds integers only."""
    with _opened(path) as sound:
        wanted = sound.frames - start if frames is None else frames
        if start + wanted > sound.frames:
            raise SoundError(f"{path}: {sound.frames} frames, expected at least {start + wanted}; render it again")
        if start:
            sound.seek(start)
        samples = sound.read(wanted, dtype="float32", always_2d=True)
        if len(samples) < wanted:
            raise SoundError(
                f"{path}: cut short: it says {sound.frames} frames and ends at {start + len(samples)}; copy it again"
            )
        return samples, sound.samplerate, sound.subtype in EXACT


def blocks(path: Place, frames: int) -> Iterator[np.ndarray]:
    """A sound file, ``frames`` at a time, the last block shorter; see ``read``. Containers are decoded whole first.

    Raises
    ------
    SoundError
        As ``read`` does, at the block where something is wrong.
    """
    if containers.holds(path):
        whole, _ = read(path)
        yield from (whole[first : first + frames] for first in range(0, len(whole), frames))
        return
    with _opened(path) as sound:
        if not sound.frames:
            raise SoundError(f"{path}: holds no samples; render it again")
        for first in range(0, sound.frames, frames):
            block = sound.read(frames, dtype="float32", always_2d=True)
            if len(block) < min(frames, sound.frames - first):
                raise SoundError(f"{path}: cut short: it ends before the {sound.frames} frames it says; copy it again")
            if not np.isfinite(block).all():
                place = (first + int(np.argmax(~np.isfinite(block).all(axis=1)))) / sound.samplerate
                raise SoundError(f"{path}: holds NaN or infinity (first at {place:.3f} s); render it again")
            yield block


@contextmanager
def _opened(path: Place) -> Iterator[soundfile.SoundFile]:
    """A sound file ready to be read; whatever goes wrong inside is said with the file's name."""
    try:
        if isinstance(path, Path):
            # By its name where it is local: libsndfile then reads it itself.
            source: Any = str(path)
            with soundfile.SoundFile(source) as sound:
                yield sound
        else:
            with path.open("rb") as stream, soundfile.SoundFile(stream) as sound:
                yield sound
    except (soundfile.SoundFileError, OSError, MemoryError, RuntimeError, ValueError) as error:
        if not path.is_file():
            raise SoundError(f"{path}: no such file") from None
        reason = "it says that it is longer than memory can hold" if isinstance(error, MemoryError) else error
        raise SoundError(f"{path}: can't be read as sound: {reason}; {EXPECTED}") from None


def resampled(samples: np.ndarray, rate_hz: int, wanted_hz: int) -> np.ndarray:
    """At another sample rate (soxr HQ: linear phase, aliases below -130 dB); round(frames * wanted / rate) frames."""
    if rate_hz == wanted_hz:
        return samples
    frames = resampled_frames(len(samples), rate_hz, wanted_hz)
    found = soxr.resample(samples, rate_hz, wanted_hz, quality="HQ")[:frames]
    return np.pad(found, ((0, frames - len(found)), (0, 0)))


def resampled_frames(frames: int, rate_hz: int, wanted_hz: int) -> int:
    """How long a sound is after resampling."""
    return round(frames * wanted_hz / rate_hz)


def write_render(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """Write float32 WAV, atomically. Values beyond full scale are kept.

    Raises
    ------
    SoundError
        Where the samples hold NaN or infinity, or can't be written.
    """
    with rendering(path, rate_hz, samples.shape[1]) as write:
        for first in range(0, len(samples), CHUNK):
            write(np.asarray(samples[first : first + CHUNK], np.float32))


@contextmanager
def rendering(path: Path, rate_hz: int, channels: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Float32 WAV written as it comes, by the function that is yielded (frames, channels); whole, or not there.

    Raises
    ------
    SoundError
        Where the samples hold NaN or infinity, or can't be written.
    """

    def write(samples: np.ndarray) -> None:
        if not np.isfinite(samples).all():
            raise SoundError(f"{path}: the samples hold NaN or infinity; nothing was written")
        with _writing(path):
            sound.write(samples)

    with whole_file(path) as part:
        with _writing(path):
            sound = soundfile.SoundFile(part, "w", rate_hz, channels, "FLOAT", format="WAV")
        try:
            yield write
        finally:
            with _writing(path):  # what is left is written now
                sound.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Whatever keeps a sound from being written is said with its file; libsndfile knows little more than that."""
    try:
        yield
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(
            f"{path}: can't be written: {str(error).rstrip('.')}; is the disk full, or the folder closed?"
        ) from None


@dataclass(frozen=True)
class Written:
    """A clip on disk: the hash of its decoded samples, and those of a stretch of it."""

    samples_sha256: str
    part: np.ndarray


def write_clip(
    path: Path, samples: np.ndarray, rate_hz: int, *, gain_db: float = 0.0, part: slice = slice(0)
) -> Written:
    """Write 24-bit FLAC, atomically, and hold what a decoder makes of it against what was meant.

    Where bits are lost, triangular dither of two steps (TPDF) is added before rounding; a sound that 24 bits hold
    as it is comes through to the bit. The dither's seed is fixed: equal sounds make equal files. A file that is there
    and decodes to what is meant stays as it is.

    Parameters
    ----------
    part : the stretch whose decoded samples are wanted (float32, full scale 1.0).

    Raises
    ------
    SoundError
        Where the samples hold NaN or infinity, pass full scale, or come back different.
    """
    meant, digest = _quantised(path, samples, np.float32(10 ** (gain_db / 20)))
    if not _decodes_to(path, meant):
        with whole_file(path) as unfinished:
            _encode(unfinished, meant, rate_hz)
            if not _decodes_to(unfinished, meant):
                raise SoundError(f"{path}: decodes to other samples than were written; is the disk full?")
    return Written(digest, meant[part] * np.float32(2**-31))


def encode(path: Path, samples: np.ndarray, rate_hz: int, *, gain_db: float = 0.0) -> None:
    """Write 24-bit FLAC as ``write_clip`` does, without holding it against what was meant: for benches."""
    _encode(path, _quantised(path, samples, np.float32(10 ** (gain_db / 20)))[0], rate_hz)


def _encode(path: Path, integers: np.ndarray, rate_hz: int) -> None:
    # Integers, because libsndfile rounds floats differently from format to format.
    soundfile.write(path, integers, rate_hz, subtype="PCM_24", format="FLAC")


def _decodes_to(path: Path, meant: np.ndarray) -> bool:
    """Whether a FLAC file is there and holds exactly these integers; read chunk by chunk."""
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.frames != len(meant) or sound.channels != meant.shape[1] or sound.subtype != "PCM_24":
                return False
            places = range(0, len(meant), CHUNK)
            return all(np.array_equal(sound.read(CHUNK, "int32", always_2d=True), meant[i : i + CHUNK]) for i in places)
    except (soundfile.SoundFileError, OSError):
        return False


def _quantised(path: Path, samples: np.ndarray, gain: np.float32) -> tuple[np.ndarray, str]:
    """The clip's 24-bit integers in the upper bits of int32, and their ``samples_sha256``; chunk after chunk."""
    meant = np.empty(samples.shape, np.int32)
    digest, later = hashlib.sha256(), np.empty((samples.shape[1] - 1, len(samples)), "<f4")
    lossless = gain == 1 and np.array_equal(samples, np.rint(samples * FULL_SCALE_24) / FULL_SCALE_24)
    for first in range(0, len(samples), CHUNK):
        steps = np.multiply(samples[first : first + CHUNK], gain * np.float32(FULL_SCALE_24), order="C")
        if not lossless:
            steps += _dither(samples.shape[1])[first % DITHER_FRAMES :][: len(steps)]
        np.rint(steps, out=steps)
        peak = max(float(steps.max()), -float(steps.min()))
        if not np.isfinite(peak):
            raise SoundError(f"{path}: the samples hold NaN or infinity; nothing was written")
        if peak > FULL_SCALE_24 + 1:  # dither may reach one step beyond full scale
            raise SoundError(
                f"{path}: peaks at {peak / FULL_SCALE_24:.3f} of full scale, FLAC would clip it; "
                "lower loudness.target_lufs; nothing was written"
            )
        np.clip(steps, -FULL_SCALE_24, FULL_SCALE_24 - 1, out=steps)
        np.multiply(steps, 256, out=meant[first : first + CHUNK], casting="unsafe")
        # Adding 0.0 turns -0.0 into 0.0: equal as numbers, but not as the bytes that are hashed.
        steps = steps * np.float32(1 / FULL_SCALE_24) + np.float32(0)
        digest.update(np.ascontiguousarray(steps[:, 0], "<f4").data)
        later[:, first : first + CHUNK] = steps[:, 1:].T
    digest.update(later.data)
    return meant, digest.hexdigest()


@functools.cache
def _dither(channels: int) -> np.ndarray:
    """24 s of triangular dither (of a 24-bit step: -1 to 1), the same for every clip; longer ones hear it again.

    The difference of neighbouring uniform values is triangular too, and shapes the noise upwards.
    """
    uniform = np.random.Generator(np.random.SFC64(DITHER_SEED)).random((DITHER_FRAMES, channels), np.float32)
    return uniform - np.roll(uniform, 1, axis=0)


def samples_sha256(samples: np.ndarray) -> str:
    """SHA-256 (hex) of the samples as little-endian float32, channel after channel: what a browser can compute."""
    digest = hashlib.sha256()
    for channel in samples.T:
        digest.update(np.ascontiguousarray(channel, "<f4").data)
    return digest.hexdigest()


def frame_at(seconds: float, rate_hz: int) -> int:
    """The frame nearest to a time."""
    return round(seconds * rate_hz)


def fade_ends(samples: np.ndarray, rate_hz: int, fade_s: float = FADE_S) -> np.ndarray:
    """A copy with raised-cosine fades at both ends (BS.1534-3, clause 5.3); the first and last sample are 0.

    Each channel of the copy lies in one piece (Fortran order): all that is measured afterwards goes channel by channel.
    """
    frames = min(round(fade_s * rate_hz), len(samples) // 2)
    ramp = (0.5 * (1 - np.cos(np.pi * np.arange(frames) / max(frames, 1))))[:, None].astype(samples.dtype)
    faded = in_planes(samples)
    faded[:frames] *= ramp
    faded[len(faded) - frames :] *= ramp[::-1]
    return faded


def in_planes(samples: np.ndarray) -> np.ndarray:
    """A copy in which each channel lies in one piece."""
    planes = np.empty(samples.shape[::-1], samples.dtype)
    for first in range(0, len(samples), CHUNK):
        planes[:, first : first + CHUNK] = samples[first : first + CHUNK].T
    return planes.T

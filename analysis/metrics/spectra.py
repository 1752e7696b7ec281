"""Short-time power spectra of a whole sound, a block of frames at a time.

Conventions: sound (frames, channels); single precision, for speed (scipy's transforms take
several frames at once): errors are 130 dB below a frame's own level.
Frames are centred (the signal is mirrored at both ends by half a transform), the window is periodic Hann.
Defines: ``Resolution``, ``powers``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from analysis.errors import AnalysisError

BLOCK_SAMPLES = 1 << 17


@dataclass(frozen=True)
class Resolution:
    """Frames of a transform: its length, the hop and the window, in samples."""

    fft: int
    hop: int
    window: int

    @property
    def taper(self) -> np.ndarray:
        """Periodic Hann window."""
        return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)).astype(np.float32)


def powers(sounds: tuple[np.ndarray, ...], at: Resolution) -> Iterator[list[np.ndarray]]:
    """|STFT|^2 of sounds of one shape, block by block, channel by channel.

    Returns
    -------
    iterator of one float32 (frames of the block, fft // 2 + 1) per sound; the channels follow each other.

    Raises
    ------
    AnalysisError
        Where the sounds are not longer than half a transform, which has nothing to mirror.
    """
    if len(sounds[0]) <= at.fft // 2:
        raise AnalysisError(f"{len(sounds[0])} frames are too few for a spectrum of {at.fft}")
    for channel in range(sounds[0].shape[1]):
        yield from _of_channel([sound[:, channel] for sound in sounds], at)


def _of_channel(columns: list[np.ndarray], at: Resolution) -> Iterator[list[np.ndarray]]:
    framed, taper, count = [_framed(column, at) for column in columns], at.taper, max(BLOCK_SAMPLES // at.fft, 1)
    for first in range(0, len(framed[0]), count):
        yield [_power(frames[first : first + count] * taper, at.fft) for frames in framed]


def _framed(column: np.ndarray, at: Resolution) -> np.ndarray:
    """A view (frames, window) on the mirrored signal."""
    mirrored = np.pad(column.astype(np.float32), at.fft // 2, mode="reflect")
    inside = mirrored[(at.fft - at.window) // 2 :]  # a shorter window is in the middle of its transform
    return np.lib.stride_tricks.sliding_window_view(inside, at.window)[:: at.hop][: 1 + len(column) // at.hop]


def _power(frames: np.ndarray, size: int) -> np.ndarray:
    spectrum = np.asarray(rfft(frames, size), np.complex64)
    return spectrum.real**2 + spectrum.imag**2

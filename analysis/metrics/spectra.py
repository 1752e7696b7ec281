"""Short-time power spectra of a whole sound, a block of frames at a time.

Conventions: sound (frames, channels); single precision, for speed (scipy's transforms take
several frames at once): errors are 130 dB below a frame's own level.
The window is periodic Hann.
Defines: ``Resolution``, ``powers``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from analysis.errors import AnalysisError

BLOCK_SAMPLES = 1 << 16


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


def powers(sounds: tuple[np.ndarray, ...], at: Resolution, *, mirrored: bool = True) -> Iterator[list[np.ndarray]]:
    """|STFT|^2 of sounds of one shape, block by block, channel by channel.

    Parameters
    ----------
    mirrored : frames are centred on 0, ``hop``, 2 ``hop`` .., the signal mirrored at its ends; else only whole ones.

    Returns
    -------
    iterator of one float32 (frames of the block, fft // 2 + 1) per sound; the channels follow each other.

    Raises
    ------
    AnalysisError
        Where the sounds are not longer than half a transform, of which there is nothing to mirror, or shorter than a
        whole frame.
    """
    if len(sounds[0]) < (at.fft // 2 + 1 if mirrored else at.window):
        raise AnalysisError(f"{len(sounds[0])} frames are too few for a spectrum of {at.fft}")
    for channel in range(sounds[0].shape[1]):
        yield from _of_channel([sound[:, channel] for sound in sounds], at, mirrored)


def _of_channel(columns: list[np.ndarray], at: Resolution, mirrored: bool) -> Iterator[list[np.ndarray]]:
    cut = _mirrored if mirrored else _framed
    framed = [cut(column.astype(np.float32), at) for column in columns]
    taper, count = at.taper, max(BLOCK_SAMPLES // at.fft, 1)
    for first in range(0, len(framed[0]), count):
        yield [_power(frames[first : first + count] * taper, at.fft) for frames in framed]


def _mirrored(column: np.ndarray, at: Resolution) -> np.ndarray:
    """Frames (frames, window) of the signal mirrored at its ends."""
    longer = np.pad(column, at.fft // 2, mode="reflect")
    # A shorter window is in the middle of its transform.
    return _framed(longer[(at.fft - at.window) // 2 :], at)[: 1 + len(column) // at.hop]


def _framed(column: np.ndarray, at: Resolution) -> np.ndarray:
    """A view (frames, window) of all whole frames."""
    return np.lib.stride_tricks.sliding_window_view(column, at.window)[:: at.hop]


def _power(frames: np.ndarray, size: int) -> np.ndarray:
    spectrum = np.asarray(rfft(frames, size), np.complex64)
    return spectrum.real**2 + spectrum.imag**2

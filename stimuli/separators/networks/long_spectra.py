"""Spectra of long sounds, some frames at a time: those of ``Transform`` with ``beyond = "mirror"``, never all at once.

``LongSound`` gives the spectra of any stretch of frames; ``LongSum`` takes such stretches, one after the other, and
gives the sound that they make together.

Conventions: sound (channels, frames) float32; spectra (..., bins, times) complex; windows are periodic Hann, frames are
centred. Defines: ``LongSound``, ``LongSum``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

LEAST_WEIGHT = 1e-8


class LongSound:
    """A sound whose spectra are made when they are asked for."""

    def __init__(self, sound: np.ndarray, window: int, hop: int) -> None:
        self.window, self.hop, self.frames = window, hop, sound.shape[1]
        half = window // 2
        # A sound that is too short to be mirrored is followed by silence first.
        long = np.pad(sound, ((0, 0), (0, max(0, half + 1 - self.frames))))
        self.times = 1 + long.shape[1] // hop
        self._padded = np.pad(long, ((0, 0), (half, half)), mode="reflect")
        self._hann = _hann(window)

    def spectra(self, start: int, stop: int) -> np.ndarray:
        """Complex64 (channels, bins, times) of the frames from ``start`` up to ``stop``."""
        part = self._padded[:, start * self.hop : (stop - 1) * self.hop + self.window]
        frames = np.lib.stride_tricks.sliding_window_view(part, self.window, axis=1)[:, :: self.hop]
        return np.fft.rfft(frames * self._hann, axis=2).astype(np.complex64).transpose(0, 2, 1)

    def blocks(self, length: int) -> Iterator[tuple[int, np.ndarray]]:
        """The spectra of ``length`` frames after the other, each time with the number of the first."""
        for start in range(0, self.times, length):
            yield start, self.spectra(start, min(start + length, self.times))


class LongSum:
    """Sounds (..., frames) whose spectra lie nearest to those that are added (Griffin and Lim 1984)."""

    def __init__(self, like: LongSound, shape: tuple[int, ...]) -> None:
        self._like, self._hann = like, _hann(like.window)
        total = (like.times - 1) * like.hop + like.window
        self._whole, self._weight = np.zeros((*shape, total), np.float32), np.zeros(total, np.float32)

    def add(self, start: int, spectra: np.ndarray) -> None:
        """Frames from ``start`` on, (..., bins, times)."""
        window, hop = self._like.window, self._like.hop
        pieces = np.fft.irfft(spectra.swapaxes(-1, -2), window).astype(np.float32) * self._hann
        for time in range(pieces.shape[-2]):
            place = slice((start + time) * hop, (start + time) * hop + window)
            self._whole[..., place] += pieces[..., time, :]
            self._weight[place] += self._hann**2

    def sound(self) -> np.ndarray:
        """What was added, as sound; it is used up."""
        self._whole /= np.maximum(self._weight, LEAST_WEIGHT)
        half = self._like.window // 2
        return self._whole[..., half : half + self._like.frames]


def _hann(window: int) -> np.ndarray:
    return np.hanning(window + 1)[:-1].astype(np.float32)

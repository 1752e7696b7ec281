"""Short-time Fourier transform for separators: centred frames, periodic Hann, exact inverse of a given length.

Conventions: sound (frames, channels) at full scale 1.0; spectra complex64, shape (channels, bins, times).
The hop divides the window at least by two, so that the squared windows add up to more than zero everywhere.

Defines: ``Stft``, ``Joined``, ``BLOCK``, ``slices``, ``bins_below``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

BLOCK = 300
"""Spectra that are worked on at a time where a sound's whole spectra, or copies of them, need not be there."""


@dataclass(frozen=True)
class Stft:
    """A transform of one window length and hop, both in samples."""

    window: int
    hop: int

    @property
    def _hann(self) -> np.ndarray:
        return np.hanning(self.window + 1)[:-1].astype(np.float32)

    def forward(self, sound: np.ndarray) -> np.ndarray:
        """Spectra of ``sound``; beyond its ends there is silence."""
        times, bins = self.times(len(sound)), self.window // 2 + 1
        whole = np.empty((sound.shape[1], times, bins), np.complex64).transpose(0, 2, 1)
        for part, block in zip(slices(times), self.blocks(sound), strict=True):
            whole[..., part] = block
        return whole

    def times(self, length: int) -> int:
        """How many spectra a sound of ``length`` frames has."""
        # One hop more than needed at the end, so that the inverse covers the last sample too.
        return 1 + (length + self.hop) // self.hop

    def blocks(self, sound: np.ndarray, most: int = BLOCK) -> Iterator[np.ndarray]:
        """The spectra of ``sound`` in their order, ``most`` at a time: an hour's need not be there all at once."""
        half, count = self.window // 2, self.times(len(sound))
        for first in range(0, count, most):
            start, stop = first * self.hop - half, (min(first + most, count) - 1) * self.hop + self.window - half
            there = np.asarray(sound[max(start, 0) : stop], np.float32).T
            padded = np.pad(there, ((0, 0), (max(-start, 0), stop - max(start, 0) - there.shape[1])))
            frames = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=1)[:, :: self.hop]
            yield np.fft.rfft(frames * self._hann, axis=2).astype(np.complex64).transpose(0, 2, 1)

    def inverse(self, spectra: np.ndarray, length: int) -> np.ndarray:
        """Sound of ``length`` frames (float32) whose frames lie nearest to ``spectra`` (Griffin and Lim 1984)."""
        return self.joined((spectra[..., part] for part in slices(spectra.shape[2])), len(spectra), length)

    def joined(self, blocks: Iterable[np.ndarray], channels: int, length: int) -> np.ndarray:
        """The same of spectra that come block by block."""
        joined = Joined(self, channels, length)
        for spectra in blocks:
            joined.add(spectra)
        return joined.sound


class Joined:
    """The inverse of spectra that come block by block, the same to the bit as of all at once."""

    def __init__(self, stft: Stft, channels: int, length: int) -> None:
        self._stft, self._whole = stft, np.zeros((channels, length), np.float32)
        self._sum = np.zeros((channels + 1, stft.window - stft.hop), np.float32)
        """What frames so far have in common with the next one; the last row is the sum of their squared windows."""
        self._start = -(stft.window // 2)

    @property
    def sound(self) -> np.ndarray:
        """The sound (frames, channels), as far as there were spectra."""
        return self._whole.T

    def add(self, spectra: np.ndarray) -> None:
        """The next spectra (channels, bins, times)."""
        (channels, _, times), hop, window = spectra.shape, self._stft.hop, self._stft.window
        pieces = np.fft.irfft(spectra.transpose(0, 2, 1), window, axis=2).astype(np.float32) * self._stft._hann
        rows = np.zeros((channels + 1, window + hop * (times - 1)), np.float32)
        rows[:, : window - hop] = self._sum
        for time in range(times):
            place = slice(time * hop, time * hop + window)
            rows[:-1, place] += pieces[:, time]
            rows[-1, place] += self._stft._hann**2
        # The end is not whole yet: the next block writes over it.
        there = self._whole[:, max(self._start, 0) : max(self._start + rows.shape[1], 0)]
        skipped = max(-self._start, 0)
        ended = rows[:, skipped : skipped + there.shape[1]]
        np.divide(ended[:-1], np.maximum(ended[-1], 1e-8), out=there)
        self._sum = rows[:, hop * times :].copy()
        self._start += hop * times


def slices(times: int, most: int = BLOCK) -> Iterator[slice]:
    """So many spectra, ``most`` at a time."""
    return (slice(start, min(start + most, times)) for start in range(0, times, most))


def bins_below(frequency_hz: float, window: int, rate_hz: int) -> int:
    """How many bins, counted from 0 Hz, lie at or below a frequency."""
    return int(frequency_hz * window / rate_hz) + 1

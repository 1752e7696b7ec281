"""Short-time Fourier transform for separators: centred frames, periodic Hann, exact inverse of a given length.

Conventions: sound (frames, channels) at full scale 1.0; spectra complex64, shape (channels, bins, times).
The hop divides the window at least by two, so that the squared windows add up to more than zero everywhere.

Defines: ``Stft``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
        half = self.window // 2
        # One hop more than needed at the end, so that the inverse covers the last sample too.
        padded = np.pad(np.asarray(sound, np.float32).T, ((0, 0), (half, half + self.hop)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=1)[:, :: self.hop]
        return np.fft.rfft(frames * self._hann, axis=2).astype(np.complex64).transpose(0, 2, 1)

    def inverse(self, spectra: np.ndarray, length: int) -> np.ndarray:
        """Sound of ``length`` frames (float32) whose frames lie nearest to ``spectra`` (Griffin and Lim 1984)."""
        channels, _, times = spectra.shape
        pieces = np.fft.irfft(spectra.transpose(0, 2, 1), self.window, axis=2).astype(np.float32) * self._hann
        total = self.window + self.hop * (times - 1)
        sound, weight = np.zeros((channels, total), np.float32), np.zeros(total, np.float32)
        for time in range(times):
            place = slice(time * self.hop, time * self.hop + self.window)
            sound[:, place] += pieces[:, time]
            weight[place] += self._hann**2
        half = self.window // 2
        whole = slice(half, half + length)
        return (sound[:, whole] / np.maximum(weight[whole], 1e-8)).T


def bins_below(frequency_hz: float, window: int, rate_hz: int) -> int:
    """How many bins, counted from 0 Hz, lie at or below a frequency."""
    return int(frequency_hz * window / rate_hz) + 1

"""What is periodic in the spectrogram is the background: peaks of its two-dimensional Fourier transform.

Seetharaman, Pishdadian and Pardo 2017, "Music/voice separation using the 2D Fourier transform" (WASPAA): a repeating
pattern is a row of peaks along the rate axis. Peaks make the background's magnitudes, all else those of the voice, and
each cell of the mixture goes to the greater of the two.

Conventions: magnitudes are the mean over channels, shape (bins, times). Below 100 Hz all is background.
Defines: ``Fourier2d``, ``peaks``.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from stimuli.separators.classical.masking import VoiceMask
from stimuli.separators.classical.repet import LOWEST_VOICE_HZ
from stimuli.separators.spectral import Stft, bins_below

NEIGHBOURHOOD = 15
"""Cells of the transform along the rate axis among which a peak is the greatest; the paper has 15 to 100.

The least of these lost least of real accompaniments."""


class Fourier2d(VoiceMask):
    """Keeps what repeats, at whatever period, as long as it repeats through the whole song."""

    stft = Stft(window=2048, hop=512)

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """1 where what is not periodic is greater than what is; its share, for a filter."""
        magnitude = np.abs(spectra).mean(axis=0)
        # Real input: half of the scales are enough. The rates, along which neighbours are compared, are all there.
        transform = np.asarray(fft.rfft2(magnitude, axes=(1, 0)))
        transform[~peaks(np.abs(transform))] = 0
        background = np.asarray(fft.irfft2(transform, magnitude.shape[::-1], axes=(1, 0)))
        mask = self.greater(np.abs(magnitude - background), np.abs(background)).astype(np.float32)
        mask[: bins_below(LOWEST_VOICE_HZ, self.stft.window, rate_hz)] = 0
        return mask[None]


def peaks(size: np.ndarray) -> np.ndarray:
    """Where a transform's magnitudes (scales, rates) are peaks.

    A peak is the greatest among its neighbours along the rates, which go round, and stands out: greatest and least of
    them are further apart than the standard deviation of all.
    """
    greatest = maximum_filter1d(size, NEIGHBOURHOOD, axis=1, mode="wrap")
    least = minimum_filter1d(size, NEIGHBOURHOOD, axis=1, mode="wrap")
    return (size == greatest) & (greatest - least > size.std())

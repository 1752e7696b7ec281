"""What a sound looks like: the outline of its waveform and its spectrogram. Pure functions: array in, array out.

The outline is that of all channels together, from the lowest to the highest sample of any; the spectrogram is the
mean power of the channels. Samples are never averaged over channels: what is out of phase would vanish.

Conventions: sound (frames, channels), full scale 1.0; power in dB (FLOOR_DB where there is none); pictures have their
highest frequency in row 0; frequencies are spaced by mel (O'Shaughnessy 1987), as ears and separation papers have it.
Defines: ``Outline``, ``outline``, ``spectrogram``, ``height_of``, ``highest_hz``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

COLUMNS, ROWS = 320, 112
"""The size of a picture: about the pixels that a clip gets when five stand side by side."""
WINDOW_S = 0.046
HIGHEST_HZ = 16_000
FLOOR_DB = -200.0
COLUMNS_AT_ONCE = 16
"""Keeps the working memory of long clips small."""


@dataclass(frozen=True)
class Outline:
    """Lowest and highest sample of each column of the picture: two arrays of shape (columns,)."""

    low: np.ndarray
    high: np.ndarray

    @property
    def peak(self) -> float:
        """The largest magnitude, full scale 1."""
        return float(max(self.high.max(), -self.low.min()))


def outline(sound: np.ndarray, columns: int = COLUMNS) -> Outline:
    """The extremes of a waveform, column by column: no sample is left out, however short the peak."""
    starts = np.arange(columns) * len(sound) // columns
    low, high = np.minimum.reduceat(sound, starts), np.maximum.reduceat(sound, starts)
    return Outline(low.min(axis=1), high.max(axis=1))


def spectrogram(
    sound: np.ndarray, rate_hz: int, top_hz: float, *, columns: int = COLUMNS, rows: int = ROWS
) -> np.ndarray:
    """Power in dB, shape (rows, columns), from ``top_hz`` in the first row down to 0 Hz in the last.

    Columns are means of Hann windows of 46 ms that leave nothing out; a sine of full scale is about 0 dB where its
    row is no wider than the window's resolution.
    """
    size = 1 << round(np.log2(WINDOW_S * rate_hz))
    each = max(1, -(-2 * len(sound) // (size * columns)))  # windows in a column: neighbours overlap by half or more
    starts = ((np.arange(columns * each) + 0.5) * len(sound) / (columns * each)).astype(int)
    window = np.hanning(size + 1)[:size].astype(np.float32)
    # Hann's equivalent noise bandwidth is 1.5 bins: a sine's power, spread over them, adds up to its own again.
    scale = 4 / (1.5 * float(window.sum()) ** 2 * sound.shape[1])
    bands, power = _bands(size, rate_hz, top_hz, rows), np.empty((rows, columns), np.float32)
    padded = [np.pad(channel, size // 2) for channel in np.asarray(sound, np.float32).T]
    for first in range(0, columns, COLUMNS_AT_ONCE):
        part = slice(first, min(first + COLUMNS_AT_ONCE, columns))
        here = starts[part.start * each : part.stop * each]
        power[:, part] = bands @ sum(_power(channel, here, window, each) for channel in padded) * scale
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def height_of(frequency_hz: float, top_hz: float) -> float:
    """Where a frequency lies in the picture: 0 at its foot, 1 at its top."""
    return float(_mel(frequency_hz) / _mel(top_hz))


def highest_hz(rate_hz: int) -> float:
    """The top of the picture of a clip of this rate."""
    return min(HIGHEST_HZ, rate_hz / 2)


def _power(channel: np.ndarray, starts: np.ndarray, window: np.ndarray, each: int) -> np.ndarray:
    """Power of each bin, shape (bins, columns), as the mean of ``each`` windows."""
    windows = np.lib.stride_tricks.sliding_window_view(channel, len(window))[starts] * window
    spectra = np.abs(np.asarray(rfft(windows, axis=1))) ** 2
    return spectra.reshape(-1, each, spectra.shape[1]).mean(axis=1).T


def _bands(size: int, rate_hz: int, top_hz: float, rows: int) -> np.ndarray:
    """Shape (rows, bins): each row takes the mean of the bins, or of the parts of bins, that lie in it."""
    edges = _hz(np.linspace(_mel(top_hz), 0, rows + 1)) * size / rate_hz + 0.5
    high, low = edges[:-1, None], edges[1:, None]
    bins = np.arange(size // 2 + 1)
    shared = np.minimum(high, bins + 1) - np.maximum(low, bins)
    return (np.maximum(shared, 0) / (high - low)).astype(np.float32)


def _mel(hz: float | np.ndarray) -> np.ndarray:
    return np.log1p(np.asarray(hz) / 700)


def _hz(mel: np.ndarray) -> np.ndarray:
    return 700 * np.expm1(mel)

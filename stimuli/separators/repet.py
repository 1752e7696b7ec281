"""REPET: what repeats is the background, what does not is the voice.

``Repet`` (Rafii and Pardo 2013, doi:10.1109/TASL.2012.2213249) finds one period and takes the median over
its repetitions. ``RepetSim`` (Rafii and Pardo 2012, ISMIR) takes, for each frame, the median over the frames
most like it, wherever they are. Both give the background b of the magnitudes m, and 1 - min(m, b)/m is voice.

Conventions: magnitudes are the mean over channels, shape (bins, times). Below 100 Hz all is background.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

from stimuli.separators.masking import VoiceMask
from stimuli.separators.spectral import Stft, bins_below

LOWEST_VOICE_HZ = 100.0
EPSILON = 1e-9


class Repet(VoiceMask):
    """REPET with one period for the whole song."""

    stft = Stft(window=2048, hop=512)
    shortest_s, longest_s = 0.8, 8.0

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """What sticks out of the background."""
        magnitude = np.abs(spectra).mean(axis=0)
        background = np.minimum(magnitude, self.background(magnitude, rate_hz / self.stft.hop))
        mask = 1 - (background + EPSILON) / (magnitude + EPSILON)
        mask[: bins_below(LOWEST_VOICE_HZ, self.stft.window, rate_hz)] = 0
        return mask[None]

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Median over the repetitions of one period."""
        times, period = magnitude.shape[1], self.period(magnitude, frames_per_s)
        rows = -(-times // period)
        padded = np.full((len(magnitude), rows * period), np.nan, np.float32)
        padded[:, :times] = magnitude
        segment = np.nanmedian(padded.reshape(-1, rows, period), axis=1)
        return np.tile(segment, rows)[:, :times]

    def period(self, magnitude: np.ndarray, frames_per_s: float) -> int:
        """The period in frames: the smallest lag within 1 % of the best one of the beat spectrum.

        The best lag itself may be a multiple of the period; the smallest good one is the period.
        """
        times = magnitude.shape[1]
        spectrum = np.fft.rfft(magnitude**2, 2 * times, axis=1)
        beat = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :times].mean(axis=0) / np.arange(times, 0, -1)
        low = round(self.shortest_s * frames_per_s)
        high = min(round(self.longest_s * frames_per_s), times // 3)
        if high <= low:
            return times  # too short to repeat: all of it is background
        return low + int(np.argmax(beat[low:high] >= 0.99 * beat[low:high].max()))


class RepetSim(Repet):
    """REPET-SIM: the background is the median over similar frames."""

    apart_s = 1.0
    most_alike = 100
    block = 256
    """Frames compared at a time, so that memory grows with the song's length and not with its square."""

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Median over the frames that are most alike (cosine), each the best within ``apart_s`` around it."""
        unit = magnitude / np.maximum(np.linalg.norm(magnitude, axis=0), EPSILON)
        found = np.empty_like(magnitude)
        around = 2 * round(self.apart_s * frames_per_s) + 1
        for start in range(0, magnitude.shape[1], self.block):
            likeness = unit[:, start : start + self.block].T @ unit
            best = (likeness == maximum_filter1d(likeness, around, axis=1, mode="constant")) & (likeness > 0)
            for row, (values, good) in enumerate(zip(likeness, best, strict=True)):
                alike = np.flatnonzero(good)
                alike = alike[np.argsort(values[alike], kind="stable")[-self.most_alike :]]
                # A silent frame is like none; it is its own background.
                alike = alike if len(alike) else np.array([start + row])
                found[:, start + row] = np.median(magnitude[:, alike], axis=1)
        return found

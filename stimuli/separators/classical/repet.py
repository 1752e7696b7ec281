"""REPET: what repeats is the background, what does not is the voice.

``Repet`` (Rafii and Pardo 2013, doi:10.1109/TASL.2012.2213249) finds one period and takes the median over
its repetitions. ``RepetSim`` (Rafii and Pardo 2012, ISMIR) takes, for each frame, the median over the frames
most like it, wherever they are. Both give the background b of the magnitudes m, and 1 - min(m, b)/m is voice.
``RepetSimLibrosa`` is REPET-SIM as most people run it, with more frames and a softer mask.

Conventions: magnitudes are the mean over channels, shape (bins, times). Below 100 Hz all is background.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import maximum_filter1d

from stimuli.experiment import RepetSimLibrosaSystem
from stimuli.separators.classical.masking import VoiceMask
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
                # A silent frame is like none; it is its own background.
                alike = self.most_similar(values, good) if good.any() else np.array([start + row])
                found[:, start + row] = median_over(magnitude, alike)
        return found

    def most_similar(self, likeness: np.ndarray, good: np.ndarray) -> np.ndarray:
        """The ``most_alike`` of the ``good`` frames, as places in the row."""
        alike = np.flatnonzero(good)
        return alike[np.argsort(likeness[alike], kind="stable")[-self.most_alike :]]


class RepetSimLibrosa(RepetSim):
    """REPET-SIM by the recipe of librosa's gallery: so many frames, however close to each other, and a soft mask.

    Of its k + 2w nearest frames, a frame's background has k that are w = 2 s away or more: by librosa's own call those
    that come first in the song, or the nearest. librosa sorts neighbours that all count 1, so which ones it keeps is up
    to the processor's way of sorting; on processors with AVX2 or later it is the first ones.
    """

    system: RepetSimLibrosaSystem
    apart_s = 2.0
    margin = 10.0
    """How far the voice has to stand above the background to be half of the mask."""

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """Soft mask between what sticks out and ``margin`` times the background, in the bass too."""
        magnitude = np.abs(spectra).mean(axis=0)
        background = np.minimum(magnitude, self.background(magnitude, rate_hz / self.stft.hop))
        voice, rest = (magnitude - background) ** 2, (self.margin * background) ** 2
        return (voice / np.maximum(voice + rest, np.finfo(np.float32).tiny))[None]

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Median over the frames that are kept."""
        times, width = magnitude.shape[1], int(self.apart_s * frames_per_s)
        unit = magnitude / np.maximum(np.linalg.norm(magnitude, axis=0), EPSILON)
        most = 2 * math.ceil(math.sqrt(times - 2 * width + 1)) if times > 2 * width + 1 else 2
        among = min(most + 2 * width + 1, times)  # with the frame itself, which is always the nearest
        found = np.empty_like(magnitude)
        for start in range(0, times, self.block):
            likeness = unit[:, start : start + self.block].T @ unit
            nearest = np.argpartition(likeness, times - among, axis=1)[:, -among:]
            for row, (values, near) in enumerate(zip(likeness, nearest, strict=True)):
                time = start + row
                near = np.sort(near[np.abs(near - time) >= width])
                if self.system.kept == "nearest":
                    near = near[np.argsort(-values[near], kind="stable")]
                # In a song that is too short for others, a frame is its own background.
                found[:, time] = median_over(magnitude, near[:most] if len(near) else np.array([time]))
        return found


def median_over(magnitude: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Median of each bin over some frames: ``np.median`` to the bit.

    Sorting rows that lie together in memory is vectorised, and for a hundred values eight times as fast as selection.
    """
    rows = np.sort(np.ascontiguousarray(magnitude[:, times]), axis=1)
    half = len(times) // 2
    return rows[:, half] if len(times) % 2 else (rows[:, half - 1] + rows[:, half]) / 2

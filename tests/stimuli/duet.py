"""What the tests of systems for singers share: voices that can be told apart, and networks that lose them."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfilt

RATE_HZ = 24_000


def voices(count: int = 2, seconds: float = 12.0, seed: int = 1) -> np.ndarray:
    """Noise in bands of their own, one per singer, who all sing for 1.4 s and then rest for 0.6 s: (count, frames)."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    edges = np.geomspace(200, 9000, count + 1)
    bands = [butter(3, pair, "bandpass", fs=RATE_HZ, output="sos") for pair in itertools.pairwise(edges)]
    sound = np.stack([sosfilt(band, rng.standard_normal(frames)) for band in bands])
    sung = (np.arange(frames) / RATE_HZ) % 2.0 < 1.4
    return (0.1 * sound / sound.std(axis=1, keepdims=True) * sung).astype(np.float32)


class Swapping:
    """A perfect network without memory: the true stems of what it hears, in an order that it draws anew each time.

    It knows a stretch by where it lies in the mixture, whatever its level.
    """

    def __init__(self, stems: np.ndarray) -> None:
        self.around = 3 * RATE_HZ
        self.stems = np.pad(stems, ((0, 0), (self.around, self.around)))
        self.mixture = self.stems.sum(axis=0)
        # A stretch lies inside: nothing of it comes round from the end to the beginning.
        self.size = next_fast_len(len(self.mixture), real=True)
        self.spectrum = rfft(self.mixture, self.size)
        self.energy = np.concatenate([[0], np.cumsum(self.mixture.astype(np.float64) ** 2)])
        self.rng = np.random.default_rng(7)
        self.orders: list[tuple[int, ...]] = []

    def __call__(self, heard: np.ndarray) -> np.ndarray:
        alike = irfft(self.spectrum * np.conj(rfft(heard, self.size)), self.size)
        there = np.sqrt((self.energy[len(heard) :] - self.energy[: -len(heard)]).clip(1e-6))
        place = int(np.argmax(alike[: len(there)] / there))
        there = self.mixture[place : place + len(heard)]
        gain = np.vdot(heard, there) / np.vdot(there, there)
        assert np.allclose(heard, gain * there, atol=1e-5), "a stretch of the mixture"
        order = self.rng.permutation(len(self.stems))
        self.orders.append(tuple(order))
        return gain * self.stems[order, place : place + len(heard)]


def restored(found: np.ndarray, stems: np.ndarray, where: np.ndarray) -> float:
    """Share of the frames that hold each singer in the same output throughout, whichever that is."""
    orders = [list(order) for order in itertools.permutations(range(len(stems)))]
    return max(float((np.abs(found - stems[order])[:, where].max(axis=0) < 1e-5).mean()) for order in orders)


def sung(segments: list[slice], frames: int) -> np.ndarray:
    """Whether each frame lies in a segment."""
    inside = np.zeros(frames, bool)
    for segment in segments:
        inside[segment] = True
    return inside

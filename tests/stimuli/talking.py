"""Something that sounds like talking: a moving pitch through changing vowels, and a burst at each syllable."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
WIDTHS_HZ = (80, 90, 120)
SYLLABLE_S = 0.25


def talking(seconds: float, rate_hz: int, seed: int = 0) -> np.ndarray:
    """float32 (frames,), peaks about 0.6."""
    drawn = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time) + 10 * np.sin(2 * np.pi * 2.3 * time)
    pulses = np.diff(np.floor(np.cumsum(pitch) / rate_hz), prepend=0)
    voice = lfilter([1], [1, -0.97], pulses)
    said, frames = np.zeros(len(time)), round(SYLLABLE_S * rate_hz)
    for first in range(0, len(time) - frames + 1, frames):
        burst = 0.1 * drawn.standard_normal(frames) * np.exp(-np.arange(frames) / (0.02 * rate_hz))
        vowel = _vowel(voice[first : first + frames], VOWELS_HZ[drawn.integers(len(VOWELS_HZ))], rate_hz)
        said[first : first + frames] = 0.5 * vowel / np.abs(vowel).max() + burst
    return said.astype(np.float32)


def _vowel(voice: np.ndarray, formants_hz: tuple[int, ...], rate_hz: int) -> np.ndarray:
    for place, width in zip(formants_hz, WIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width / rate_hz)
        voice = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * place / rate_hz), radius**2], voice)
    return (voice - voice.mean()) * np.hanning(len(voice))

"""Stems and estimates of them by a recipe, so that numbers that museval and mir_eval gave for them can be held to.

The recipe is part of the numbers: a seed, shaped noise with a tone for each source, and estimates that are a short
filter of the source, a leak of the others and noise. Only Generator(PCG64), butter and sosfilt are asked of libraries.

Conventions: float64 (sources, frames, 2).
Defines: ``RATE_HZ``, ``stems``, ``hashed``, ``lowpassed``.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import signal

RATE_HZ = 44_100
BANDS_HZ = ((60, 400), (200, 3000), (1000, 8000), (40, 12000))
BLUR = (0.9, 0.08, -0.03)


def stems(sources: int, seconds: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """True sources and an estimate of each."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    true = np.stack([_source(k, time_s, _drawn(100 * seed + k)) for k in range(sources)])
    mixture, noise = true.sum(axis=0), _drawn(100 * seed + 77)
    estimates = np.empty_like(true)
    for k, source in enumerate(true):
        blurred = signal.lfilter(BLUR, [1.0], source, axis=0)
        artefacts = 0.004 * (1 + k) * noise.standard_normal(source.shape)
        estimates[k] = blurred + (0.05 + 0.05 * k) * (mixture - source) + artefacts
    return true, estimates


def _source(k: int, time_s: np.ndarray, drawn: np.random.Generator) -> np.ndarray:
    wide, middle = drawn.standard_normal((len(time_s), 2)), drawn.standard_normal(len(time_s))
    band = signal.butter(2, BANDS_HZ[k % 4], "bandpass", fs=RATE_HZ, output="sos")
    shaped = signal.sosfilt(band, 0.7 * middle[:, None] + 0.3 * wide, axis=0)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * (0.31 + 0.17 * k) * time_s + k)
    on_and_off = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 0.5 * time_s + k))
    tone = 0.05 * np.sin(2 * np.pi * 110 * (k + 1) * time_s) * on_and_off
    angle = np.pi / 4 * (1 + 0.5 * (-1) ** k)
    pan = np.array([np.cos(angle), np.sin(angle)])
    sound = shaped * swell[:, None] * pan + tone[:, None] * pan
    return 0.1 * sound / np.sqrt(np.mean(sound**2)) + 1e-4 * wide


def _drawn(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def hashed(sound: np.ndarray) -> str:
    """What the recipe's makers took of their arrays: equal but for rounding is another hash."""
    return hashlib.sha256(np.ascontiguousarray(sound).astype("<f4").tobytes()).hexdigest()[:16]


def lowpassed(sound: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """Without anything above a frequency, as what went through MP3 or AAC: 100 dB down, zero phase."""
    band = signal.cheby2(16, 100, cutoff_hz, fs=RATE_HZ, output="sos")
    return signal.sosfiltfilt(band, sound, axis=-2)

"""Sample peak and true peak.

BS.1770-5, Annex 2: four times over-sampled (twice from 96 kHz, not at all from 192 kHz) by a 48th-order
interpolator, here the Hann-windowed sinc that libebur128 uses too. Its first phase passes the samples through, so
that a true peak is never below the sample peak.

Between two samples the interpolator can't give more than the largest sample around it times the sum of its
coefficients' magnitudes. So only stretches whose samples could still reach above the peak found so far are
interpolated: the answer is the same as that of the whole sound, not nearly the same.

Conventions: sound (frames, channels), full scale 1.0; peaks in dBTP or dBFS, -inf for silence.
Defines: ``true_peak_dbtp``, ``sample_peak_dbfs``.
"""

from __future__ import annotations

import functools

import numpy as np

ORDER = 48
STRETCH = 32
"""Samples that are judged together."""


def sample_peak_dbfs(samples: np.ndarray) -> float:
    """Largest sample, in dB of full scale; -inf for silence."""
    return _db(_largest(samples))


def true_peak_dbtp(samples: np.ndarray, rate_hz: int) -> float:
    """True peak (BS.1770-5, Annex 2) over all channels."""
    peak = _largest(samples)
    phases = interpolator(4 if rate_hz < 96_000 else 2 if rate_hz < 192_000 else 1)
    if len(phases) and peak:
        for channel in samples.reshape(len(samples), -1).T:
            peak = max(peak, _peak_between(np.ascontiguousarray(channel, np.float32), phases, peak))
    return _db(peak)


@functools.cache
def interpolator(factor: int) -> np.ndarray:
    """Coefficients of the phases between the samples, shape (factor - 1, taps); Hann-windowed sinc."""
    at = np.arange(-ORDER // 2, ORDER // 2 + 1)
    taps = np.sinc(at / factor) * (0.5 + 0.5 * np.cos(2 * np.pi * at / ORDER))
    # Phase p of the output lies p/factor after a sample; the taps are reversed, as a convolution has them.
    return np.array([taps[phase::factor][: ORDER // factor][::-1] for phase in range(1, factor)], np.float32)


def _peak_between(channel: np.ndarray, phases: np.ndarray, peak: float) -> float:
    """Largest interpolated value, if it is above ``peak``."""
    taps = phases.shape[1]
    reach = float(np.abs(phases).sum(axis=1).max())
    count = -(-(len(channel) + taps) // STRETCH) + 2
    padded = np.zeros(count * STRETCH, np.float32)
    padded[STRETCH : STRETCH + len(channel)] = channel
    largest = np.abs(padded.reshape(count, STRETCH)).max(axis=1)
    # What a value of a stretch is made of lies in it and in the one before.
    bound = reach * np.maximum(largest[1:], largest[:-1])
    candidates = np.flatnonzero(bound > peak)
    candidates = candidates[np.argsort(-bound[candidates])]
    for first in range(0, len(candidates), 512):
        some = candidates[first : first + 512]
        if bound[some[0]] <= peak:
            break
        start = (some + 1) * STRETCH - taps + 1
        pieces = padded[start[:, None] + np.arange(STRETCH + taps - 1)]
        windows = np.lib.stride_tricks.sliding_window_view(pieces, taps, axis=1)
        peak = max(peak, float(np.abs(windows.reshape(-1, taps) @ phases.T).max()))
    return peak


def _largest(samples: np.ndarray) -> float:
    """Largest magnitude, without a copy of the sound."""
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def _db(peak: float) -> float:
    return 20 * np.log10(peak) if peak else -np.inf

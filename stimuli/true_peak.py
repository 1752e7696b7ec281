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
COARSE, FINE = 256, 16
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
    """Largest interpolated value, if it is above ``peak``: first coarse stretches are judged, then fine ones."""
    taps = phases.shape[1]
    reach = float(np.abs(phases).sum(axis=1).max())
    count = -(-(len(channel) + taps) // COARSE) + 2
    padded = np.zeros(count * COARSE, np.float32)
    padded[COARSE : COARSE + len(channel)] = channel
    coarse = np.flatnonzero(_bounds(padded.reshape(count, COARSE), reach)[1:] > peak) + 1
    # The last fine stretch of the block before belongs to a block, because a value reaches back into it.
    fine = padded.reshape(count, COARSE // FINE, FINE)
    with_before = np.concatenate([fine[coarse - 1, -1:], fine[coarse]], axis=1)
    bounds = _bounds(with_before, reach)[:, 1:]
    block, place = np.nonzero(bounds > peak)
    bounds, starts = bounds[block, place], coarse[block] * COARSE + place * FINE - taps + 1
    order = np.argsort(-bounds)
    for first in range(0, len(order), 2048):
        some = order[first : first + 2048]
        if bounds[some[0]] <= peak:
            break
        pieces = padded[starts[some][:, None] + np.arange(FINE + taps - 1)]
        windows = np.lib.stride_tricks.sliding_window_view(pieces, taps, axis=1)
        peak = max(peak, float(np.abs(windows.reshape(-1, taps) @ phases.T).max()))
    return peak


def _bounds(stretches: np.ndarray, reach: float) -> np.ndarray:
    """What the interpolation can't pass in each stretch: its values come from it and the stretch before."""
    largest = np.maximum(stretches.max(axis=-1), -stretches.min(axis=-1))
    bounds = reach * largest
    bounds[..., 1:] = np.maximum(bounds[..., 1:], bounds[..., :-1])
    return bounds


def _largest(samples: np.ndarray) -> float:
    """Largest magnitude, without a copy of the sound."""
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def _db(peak: float) -> float:
    return 20 * np.log10(peak) if peak else -np.inf

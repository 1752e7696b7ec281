"""The response of a low-pass anchor, measured from the finished clips: does the sound hold the mask?

The transfer function from the reference's clip to the anchor's is the averaged cross-spectrum over the reference's
power spectrum (Bendat and Piersol), with a Blackman-Harris window, whose leakage lies below what the mask asks for.
Bins where the reference is too weak to tell are left out: 24 bits and their dither have a floor of their own.

Conventions: sound (frames, channels) of one shape; frequencies in Hz, levels in dB. Defines: ``response``.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal.windows import blackmanharris

from stimuli.manifest import Response

AT_ONCE = 32
"""Windows that are transformed together."""
RESOLUTION_HZ = 12.0
FLOOR_DB = -90.0
"""Bins of the reference this far below its strongest one say nothing: leakage of the window."""
NOISE_POWER = 3 * 2.0**-46 / 12
"""Variance of a 24-bit clip's rounding and triangular dither, per channel."""
ABOVE_NOISE_DB = 12.0


def response(reference: np.ndarray, anchor: np.ndarray, rate_hz: int, cutoff_hz: int) -> Response:
    """Measure ripple and attenuation of a low-pass anchor.

    Parameters
    ----------
    reference, anchor : the two clips after one gain, decoded.
    """
    size = min(1 << int(np.ceil(np.log2(rate_hz / RESOLUTION_HZ))), len(reference))
    frequency = np.fft.rfftfreq(size, 1 / rate_hz)
    power, cross, through = _spectra(reference, anchor, size)
    noise = NOISE_POWER * reference.shape[1] * size * float(np.mean(_window(size) ** 2))
    strong = power > power.max() * 10 ** (FLOOR_DB / 10)
    with np.errstate(divide="ignore", invalid="ignore"):
        passed = 20 * np.log10(np.abs(cross) / power)
        stopped = 10 * np.log10(through / power)
    resolution = 4 * rate_hz / size
    heard = strong & (power > noise * 10 ** (ABOVE_NOISE_DB / 10))

    def worst(values: np.ndarray, low_hz: float, high_hz: float, depth_db: float) -> float | None:
        """Largest value in a band, where the reference is loud enough for ``depth_db`` to be seen."""
        band = heard & (frequency >= low_hz) & (frequency <= high_hz)
        band &= power * 10 ** (depth_db / 10) > noise * 10 ** (ABOVE_NOISE_DB / 10)
        return round(float(values[band].max()), 3) if band.any() else None

    edge = cutoff_hz * 8 / 7
    return Response(
        cutoff_hz=cutoff_hz,
        ripple_db=worst(np.abs(passed), resolution, cutoff_hz - resolution, 0.0),
        at_8_7_db=worst(stopped, edge, edge + 2 * resolution, -25.0),
        from_9_7_db=worst(stopped, cutoff_hz * 9 / 7, rate_hz / 2, -50.0),
    )


def _spectra(reference: np.ndarray, anchor: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power of the reference, cross-spectrum, and power of the anchor: means over half-overlapping windows."""
    power, cross, through = (np.zeros(size // 2 + 1, kind) for kind in (np.float64, np.complex128, np.float64))
    starts = range(0, len(reference) - size + 1, size // 2)
    for ours, theirs in zip(reference.T, anchor.T, strict=True):
        for first in range(0, len(starts), AT_ONCE):
            some = np.array(starts[first : first + AT_ONCE])
            one, other = (np.fft.rfft(sliding_window_view(s, size)[some] * _window(size)) for s in (ours, theirs))
            power += _energies(one)
            cross += np.einsum("wf,wf->f", np.conj(one), other)
            through += _energies(other)
    return power / len(starts), cross / len(starts), through / len(starts)


def _energies(spectra: np.ndarray) -> np.ndarray:
    """Sum of squared magnitudes over the windows."""
    return np.square(np.abs(spectra)).sum(axis=0)


@functools.cache
def _window(size: int) -> np.ndarray:
    return blackmanharris(size, sym=False)

"""Is an estimate late, early or upside down? Normalised cross-correlation against the true target.

Conventions: lag in seconds, positive = the estimate is late; polarity +1 or -1; correlation 0 to 1, the height
of the peak. Where it is low the two hardly resemble each other, and the lag says nothing.

Defines: ``Alignment``, ``align``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len

WEAK = 0.1
"""Below this correlation no lag is claimed."""


@dataclass(frozen=True)
class Alignment:
    """How an estimate lies against its reference; ``lag_s`` is None where the resemblance is too weak to tell."""

    lag_s: float | None
    polarity: int
    correlation: float


def align(reference: np.ndarray, estimate: np.ndarray, rate_hz: int, max_lag_s: float = 0.5) -> Alignment:
    """Find the lag within ``max_lag_s`` where the two correlate most, channels taken together.

    Parameters
    ----------
    reference, estimate : shape (frames, channels), same shape.
    """
    reach = min(round(max_lag_s * rate_hz), len(reference) - 1)
    size = next_fast_len(len(reference) + reach + 1, real=True)
    spectra = np.fft.rfft(estimate, size, axis=0) * np.conj(np.fft.rfft(reference, size, axis=0))
    correlation = np.fft.irfft(spectra.sum(axis=1), size)
    around = np.concatenate([correlation[len(correlation) - reach :], correlation[: reach + 1]])
    energy = float(
        np.sqrt(np.sum(np.square(reference, dtype=np.float64)) * np.sum(np.square(estimate, dtype=np.float64)))
    )
    if not energy:
        return Alignment(None, 1, 0.0)
    best = int(np.argmax(np.abs(around)))
    height = float(around[best] / energy)
    if abs(height) < WEAK:
        return Alignment(None, 1, abs(height))
    lag = best - reach + _vertex(np.abs(around), best)
    return Alignment(lag / rate_hz, 1 if height > 0 else -1, abs(height))


def _vertex(curve: np.ndarray, best: int) -> float:
    """Where between the samples the parabola through the peak and its neighbours has its top, -0.5 to 0.5."""
    if not 0 < best < len(curve) - 1:
        return 0.0
    left, top, right = curve[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend else 0.0

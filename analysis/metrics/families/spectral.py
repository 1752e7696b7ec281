"""Distances between short-time spectra, which no shift of phase and no delay of a few samples moves much.

* ``mr_stft_distance``: multi-resolution STFT distance (Yamamoto et al. 2020), with the resolutions and constants that
  the library auraloss has by default (Steinmetz & Reiss 2020): transforms of 1024, 2048 and 512 samples, hops 120, 240
  and 50, Hann windows of 600, 1200 and 240, whatever the sample rate. For each: spectral convergence
  ||Y| - |X|| / ||Y|| (Frobenius norms, channels together; Y reference, X estimate) and the mean of |ln|Y| - ln|X||,
  powers below 1e-8 counted as 1e-8; their sum, and of these the mean. The constant makes it depend on level.
* ``lsd_db``: log-spectral distance (Gray & Markel 1976): the root mean square over bins of the difference of levels in
  dB, meaned over frames and channels. Transforms of 2048, hop 512, Hann. Powers below -80 dB of the reference's mean
  power per bin count as that, so that a gain of both changes nothing.

0 is a copy; lower is better. Conventions: sound (frames, channels).
Defines: ``mr_stft_distance``, ``lsd_db``, ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import inner
from analysis.metrics.spectra import Resolution, powers
from analysis.metrics.truth import Measured, Truth

RESOLUTIONS = (Resolution(1024, 120, 600), Resolution(2048, 240, 1200), Resolution(512, 50, 240))
LEAST_POWER = 1e-8
FINE = Resolution(2048, 512, 2048)
FLOOR_DB = -80.0


def mr_stft_distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Mean over resolutions of spectral convergence plus log-magnitude distance; no unit.

    Raises
    ------
    AnalysisError
        For 1024 frames or less.
    """
    return float(np.mean([_stft_distance(reference, estimate, at) for at in RESOLUTIONS]))


def _stft_distance(reference: np.ndarray, estimate: np.ndarray, at: Resolution) -> float:
    wrong, whole, logs, count = 0.0, 0.0, 0.0, 0
    for wanted, found in powers((reference, estimate), at):
        for power in (wanted, found):
            np.maximum(power, LEAST_POWER, out=power)
        whole += float(wanted.sum(dtype=float))
        logs += 0.5 * float(np.abs(np.log(wanted / found)).sum(dtype=float))
        difference = np.sqrt(wanted) - np.sqrt(found)
        wrong += float(np.vdot(difference, difference))
        count += wanted.size
    return float(np.sqrt(wrong / whole)) + logs / count


def lsd_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Root mean square over bins of the difference of levels, mean over frames and channels, in dB.

    Raises
    ------
    AnalysisError
        For 1024 frames or less.
    """
    per_bin = inner(reference, reference) / reference.size * float(np.sum(FINE.taper**2))
    least, total, count = np.float32(per_bin * 10 ** (FLOOR_DB / 10)), 0.0, 0
    for wanted, found in powers((reference, estimate), FINE):
        levels = 10 * np.log10(np.maximum(wanted, least) / np.maximum(found, least))
        total += float(np.sqrt(np.mean(levels**2, axis=1)).sum())
        count += len(levels)
    return total / count


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    return {
        "mr_stft_distance": mr_stft_distance(truth.reference, estimate),
        "lsd_db": lsd_db(truth.reference, estimate),
    }


FAMILY = Family(
    "spectral",
    1,
    (
        Metric(
            "mr_stft_distance",
            "Multi-resolution STFT distance",
            "",
            "lower",
            "Yamamoto et al. 2020, doi:10.1109/ICASSP40776.2020.9053795",
        ),
        Metric("lsd_db", "Log-spectral distance", "dB", "lower", "Gray & Markel 1976, doi:10.1109/TASSP.1976.1162849"),
    ),
    _measure,
)

"""What a listener hears of an estimate as a whole: how loud, how wide its spectrum, how it sits between the sides.

All are differences, estimate less reference; zero is best, and the sign says which way.

* loudness: BS.1770 (pyloudnorm with its ``DeMan`` filters; the default ones read 0.04 LU low), on whole 100 ms, in LU.
  One channel counts once: a difference of two mono sounds is the same either way.
* bandwidth: the highest frequency at which the mean power spectrum (whole frames of 4096, Hann) is above -70 dB of the
  sound's own strongest bin, so that a gain alone moves nothing; in Hz: -4000 says that the top 4 kHz are missing. Bins
  below 20 Hz, and never less than two, are left out: a constant offset, spread by the window, may be stronger than all
  sound. What has nothing else has no bandwidth.
* channel balance: 10 log10(|L|^2 / |R|^2), in dB: positive says that the estimate leans to the left.
* correlation between channels: <L, R> / (|L| |R|): positive says that the estimate is narrower.

Swapping the sides turns the sign of the balance and nothing else. Conventions: sound (frames, channels).
Defines: ``loudness_lufs``, ``bandwidth_hz``, ``FAMILY``.
"""

from __future__ import annotations

import numpy as np
import pyloudnorm

from analysis.errors import AnalysisError
from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import COPY_DB, decibel, inner, need_stereo
from analysis.metrics.spectra import Resolution, powers
from analysis.metrics.truth import Measured, NoNumber, Truth

GATE_S, STEP_S = 0.4, 0.1
SPECTRUM = Resolution(4096, 2048, 4096)
EDGE_DB = -70.0
LOWEST_HZ = 20.0
OFFSET_BINS = 2
"""As far as the window spreads a constant offset."""


def loudness_lufs(sound: np.ndarray, rate_hz: int) -> float:
    """Integrated loudness (BS.1770-5).

    Raises
    ------
    AnalysisError
        For less than 0.4 s, more than five channels, and where nothing is above the gate of -70 LUFS.
    """
    steps = int(len(sound) / rate_hz / STEP_S + 1e-9)
    if steps * STEP_S < GATE_S - 1e-9:
        raise AnalysisError(f"loudness needs {GATE_S} s of sound")
    if sound.shape[1] > 5:
        raise AnalysisError(f"loudness is defined for up to five channels, found {sound.shape[1]}")
    # A part of a step would count as a whole one.
    whole = sound[: int(np.ceil(steps * STEP_S * rate_hz - 1e-6))]
    found = float(pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(whole))
    if not np.isfinite(found):
        raise AnalysisError("nothing is above the gate of -70 LUFS")
    return found


def mean_spectrum(sound: np.ndarray) -> np.ndarray:
    """Mean power in each bin, channels added: shape (2049,).

    Raises
    ------
    AnalysisError
        For fewer than 4096 frames.
    """
    return np.sum([power.sum(axis=0, dtype=float) for (power,) in powers((sound,), SPECTRUM, mirrored=False)], axis=0)


def bandwidth_hz(spectrum: np.ndarray, rate_hz: int, which: str) -> float:
    """The highest frequency at which a spectrum is above -70 dB of its strongest bin from 20 Hz on.

    Parameters
    ----------
    which : sound this is, for the message.

    Raises
    ------
    AnalysisError
        Where there is nothing from 20 Hz on.
    """
    strongest = spectrum[max(int(np.ceil(LOWEST_HZ * SPECTRUM.fft / rate_hz)), OFFSET_BINS) :].max()
    # Single precision (``spectra``) leaves rounding 130 dB below an offset.
    if strongest <= spectrum.max() * 10 ** (-COPY_DB / 10):
        raise AnalysisError(f"the {which} has nothing above 20 Hz but rounding")
    return float(np.flatnonzero(spectrum > strongest * 10 ** (EDGE_DB / 10))[-1] * rate_hz / SPECTRUM.fft)


def _loudness_of_reference(truth: Truth) -> float:
    return loudness_lufs(truth.reference, truth.rate_hz)


def _spectrum_of_reference(truth: Truth) -> np.ndarray:
    return mean_spectrum(truth.reference)


def _loudness(truth: Truth, estimate: np.ndarray) -> float:
    return loudness_lufs(estimate, truth.rate_hz) - truth.once(_loudness_of_reference)


def _bandwidth(truth: Truth, estimate: np.ndarray) -> float:
    wanted = bandwidth_hz(truth.once(_spectrum_of_reference), truth.rate_hz, "reference")
    return bandwidth_hz(mean_spectrum(estimate), truth.rate_hz, "estimate") - wanted


def _sides(sound: np.ndarray, which: str) -> tuple[float, float, float]:
    """Energies of left and right, and their inner product."""
    left, right = sound[:, :1], sound[:, 1:]
    found = inner(left, left), inner(right, right), inner(left, right)
    if not (found[0] and found[1]):
        raise AnalysisError(f"a channel of the {which} is silent")
    return found


def _balance(truth: Truth, estimate: np.ndarray) -> float:
    need_stereo(estimate)
    (left, right, _), (l_wanted, r_wanted, _) = _sides(estimate, "estimate"), _sides(truth.reference, "reference")
    return decibel(left, right) - decibel(l_wanted, r_wanted)


def _correlation(truth: Truth, estimate: np.ndarray) -> float:
    need_stereo(estimate)
    found, wanted = _sides(estimate, "estimate"), _sides(truth.reference, "reference")
    return found[2] / np.sqrt(found[0] * found[1]) - wanted[2] / np.sqrt(wanted[0] * wanted[1])


PARTS = {
    "loudness_difference_lu": _loudness,
    "bandwidth_difference_hz": _bandwidth,
    "balance_difference_db": _balance,
    "correlation_difference": _correlation,
}


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    found: dict[str, float | NoNumber] = {}
    for name, part in PARTS.items():
        try:
            found[name] = part(truth, estimate)
        except AnalysisError as error:
            found[name] = NoNumber(str(error))
    return found


OURS = "this project's definition, stated in the module"

FAMILY = Family(
    "image",
    3,
    (
        Metric("loudness_difference_lu", "Loudness difference", "LU", "zero", "ITU-R BS.1770-5"),
        Metric("bandwidth_difference_hz", "Bandwidth difference", "Hz", "zero", OURS),
        Metric("balance_difference_db", "Channel balance difference", "dB", "zero", OURS),
        Metric("correlation_difference", "Channel correlation difference", "", "zero", OURS),
    ),
    _measure,
)

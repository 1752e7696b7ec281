"""SDR in bands of frequency: where in the spectrum an estimate is wrong.

10 log10(S_b / E_b): energy of the reference and of the error e - s in band b, all channels together, not
scale-invariant. The signal is split by one Fourier transform of the whole of it, so that the bands share nothing and
energies over bands add up to those of the signal (Parseval). Reference and error are faded before, over 10 ms at both
ends: where a sound begins or ends with a jump, as a cut one or an offset does, the jump is in all bands, and an offset
of 0.01 would be an SDR of some 30 dB above 8 kHz.

Edges: below 100 Hz are kick drum and bass, and the lowest note that is sung lies about there, so that separators leave
this band to the accompaniment; to 250 Hz fundamentals of bass and voice; to 2 kHz the body of most sources; to 8 kHz
presence and sibilants, where hearing is most acute; above it what codecs and models of a low sample rate leave out.

Conventions: sound (frames, channels). A band that holds less than -60 dB of the reference's energy has no number.
Defines: ``band_energies``, ``FAMILY``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
from numpy.fft import rfft
from scipy.fft import next_fast_len

from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import COPY_DB, decibel
from analysis.metrics.truth import Measured, NoNumber, Truth, need_length

EDGES_HZ = (100, 250, 2000, 8000)
EMPTY_DB = -60.0
FADE_S = 0.01
SHORTEST_S = 0.1
"""Ten periods of the lowest edge: below, bins are wider than the lowest band."""
NAMES = (
    "sdr_below_100_hz_db",
    "sdr_100_to_250_hz_db",
    "sdr_250_to_2k_hz_db",
    "sdr_2k_to_8k_hz_db",
    "sdr_above_8k_hz_db",
)
LABELS = ("below 100 Hz", "100-250 Hz", "250 Hz-2 kHz", "2-8 kHz", "above 8 kHz")


def band_energies(
    sound: np.ndarray, rate_hz: int, *, less: np.ndarray | None = None, fade_s: float = 0.0
) -> np.ndarray:
    """Energy in each band, summing to the signal's: shape (5,).

    Parameters
    ----------
    less : what is taken from the sound before. fade_s : then both ends are faded over this time, by half a cosine.
    """
    ramp = np.sin(np.pi / 2 * (np.arange(round(fade_s * rate_hz)) + 0.5) / max(round(fade_s * rate_hz), 1)) ** 2
    size = cast("int", next_fast_len(len(sound), real=True))
    bins = [0, *(min(int(np.ceil(edge * size / rate_hz)), size // 2 + 1) for edge in EDGES_HZ), size // 2 + 1]
    total = np.zeros(len(bins) - 1)
    for channel in range(sound.shape[1]):
        padded = np.zeros(size)
        padded[: len(sound)] = sound[:, channel]
        if less is not None:
            padded[: len(sound)] -= less[:, channel]
        padded[: len(ramp)] *= ramp
        padded[len(sound) - len(ramp) : len(sound)] *= ramp[::-1]
        total += _between(padded, bins)
    return total


def _between(column: np.ndarray, bins: list[int]) -> list[float]:
    """Energy between bins of the spectrum of one channel."""
    spectrum = rfft(column)
    # Every bin stands for two, but the first, and the last of an even length, for themselves.
    spectrum[0] *= np.sqrt(0.5)
    if len(column) % 2 == 0:
        spectrum[-1] *= np.sqrt(0.5)
    parts = (spectrum[low:high] for low, high in pairwise(bins))
    return [2 / len(column) * float(np.vdot(part, part).real) for part in parts]


def _of_reference(truth: Truth) -> np.ndarray:
    return band_energies(truth.reference, truth.rate_hz, fade_s=FADE_S)


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    need_length(truth, SHORTEST_S, "the lowest band")
    wanted = truth.once(_of_reference)
    wrong = band_energies(estimate, truth.rate_hz, less=truth.reference, fade_s=FADE_S)
    empty = wanted < wanted.sum() * 10 ** (EMPTY_DB / 10)
    return {
        name: NoNumber("the reference has nothing in this band (below -60 dB of its energy)")
        if nothing
        else _ratio(*of)
        for name, nothing, of in zip(NAMES, empty, zip(wanted, wrong, strict=True), strict=True)
    }


def _ratio(wanted: float, wrong: float) -> float | NoNumber:
    found = decibel(wanted, wrong)
    return found if found < COPY_DB else NoNumber("a copy of the reference in this band: no distortion to measure")


FAMILY = Family(
    "bands",
    2,
    tuple(
        Metric(name, f"SDR {label}", "dB", "higher", "this project's definition, stated in the module")
        for name, label in zip(NAMES, LABELS, strict=True)
    ),
    _measure,
)

"""BSS Eval of mono sources on the mean of all channels: SDR, SIR, SAR and NSDR of the older papers, whole signal.

Defines: ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.sources import sources
from analysis.metrics.families.bss import NOTHING_LEFT, ROUNDING_DB, UNKNOWN_SOURCES
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, NoNumber, Truth

PAPER = "Vincent et al. 2006, doi:10.1109/TSA.2005.858005"


def _mono(truth: Truth) -> np.ndarray:
    found = np.stack([sound.mean(axis=1) for sound in (truth.reference, *truth.others.values())])
    if not found[0].any():
        raise AnalysisError("the mean of the reference's channels is silent: left and right are each other's negative")
    return found


def _sdr_of_mixture(truth: Truth) -> float:
    assert truth.mixture is not None
    return _sdr(truth, truth.mixture)[0]


def _sdr(truth: Truth, sound: np.ndarray) -> tuple[float, float, float]:
    """SDR, SIR, SAR of one sound as an estimate of the target."""
    references = truth.once(_mono)
    estimates = np.zeros_like(references)
    estimates[0] = sound.mean(axis=1)
    if not estimates[0].any():
        raise AnalysisError("the mean of the channels is silent: left and right are each other's negative")
    found = sources(references, estimates)
    return float(found.sdr[0]), float(found.sir[0]), float(found.sar[0])


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    sdr, sir, sar = _sdr(truth, estimate)
    known = bool(truth.others)
    improvement: float | NoNumber = NoNumber("needs the mixture")
    if truth.mixture is not None:
        before = truth.once(_sdr_of_mixture)
        improvement = NOTHING_LEFT if max(sdr, before) > ROUNDING_DB else sdr - before
    return {
        "sources_sdr_db": NOTHING_LEFT if sdr > ROUNDING_DB else sdr,
        "sources_sir_db": UNKNOWN_SOURCES if not known else NOTHING_LEFT if sir > ROUNDING_DB else sir,
        "sources_sar_db": UNKNOWN_SOURCES if not known else NOTHING_LEFT if sar > ROUNDING_DB else sar,
        "nsdr_db": improvement,
    }


FAMILY = Family(
    "sources",
    1,
    (
        Metric("sources_sdr_db", "SDR of mono sources", "dB", "higher", PAPER),
        Metric("sources_sir_db", "SIR of mono sources", "dB", "higher", PAPER),
        Metric("sources_sar_db", "SAR of mono sources", "dB", "higher", PAPER),
        Metric("nsdr_db", "NSDR", "dB", "higher", "Ozerov et al. 2007, doi:10.1109/TASL.2007.899291"),
    ),
    _measure,
    valid="Mono; any filter of 512 taps of the reference counts as the target.",
)

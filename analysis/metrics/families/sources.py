"""BSS Eval of mono sources on the mean of all channels: SDR, SIR, SAR and NSDR of the older papers, whole signal.

Defines: ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import AnalysisError, PassingError
from analysis.metrics.bss.sources import References
from analysis.metrics.families.bss import NOTHING_LEFT, RIDGED, ROUNDING_DB, UNKNOWN_SOURCES
from analysis.metrics.families.ratios import SILENT_OTHERS
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, NoNumber, Truth

PAPER = "Vincent et al. 2006, doi:10.1109/TSA.2005.858005"


SILENT_MEAN = "the mean of the {} channels is silent: left and right are each other's negative"


def _references(truth: Truth) -> References:
    """The target first, then the other sources in their order."""
    found = np.stack([sound.mean(axis=1) for sound in (truth.reference, *truth.others.values())])
    if not found[0].any():
        raise AnalysisError(SILENT_MEAN.format("reference's"))
    return References(found, arithmetic=truth.arithmetic)


def _sdr_of_mixture(truth: Truth) -> float:
    assert truth.mixture is not None
    return _ratios(truth, truth.mixture, "mixture's")[0]


def _ratios(truth: Truth, sound: np.ndarray, whose: str) -> tuple[float, float, float]:
    """SDR, SIR, SAR of one sound as an estimate of the target."""
    mono = sound.mean(axis=1)
    if not mono.any():
        raise AnalysisError(SILENT_MEAN.format(whose))
    found = truth.once(_references).scores(mono[None], [0])
    return float(found.sdr[0]), float(found.sir[0]), float(found.sar[0])


def _improvement(truth: Truth, sdr: float) -> float | NoNumber:
    if truth.mixture is None:
        return NoNumber("needs the mixture")
    try:
        before = truth.once(_sdr_of_mixture)
    except PassingError:
        raise
    except AnalysisError as error:
        return NoNumber(str(error))
    if before > ROUNDING_DB:
        silent = truth.others and len(truth.once(_references).sounding) == 1
        return SILENT_OTHERS if silent else NoNumber("the mixture is the target alone, but for a filter")
    return NOTHING_LEFT if sdr > ROUNDING_DB else sdr - before


def _caution(truth: Truth) -> str:
    return RIDGED if truth.once(_references).ridge else ""


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    sdr, sir, sar = _ratios(truth, estimate, "estimate's")
    found: dict[str, float | NoNumber] = {
        "sources_sdr_db": NOTHING_LEFT if sdr > ROUNDING_DB else sdr,
        "sources_sir_db": NOTHING_LEFT if sir > ROUNDING_DB else sir,
        "sources_sar_db": NOTHING_LEFT if sar > ROUNDING_DB else sar,
        "nsdr_db": _improvement(truth, sdr),
    }
    if len(truth.once(_references).sounding) == 1:
        found |= dict.fromkeys(("sources_sir_db", "sources_sar_db"), SILENT_OTHERS if truth.others else UNKNOWN_SOURCES)
    return found


FAMILY = Family(
    "sources",
    3,
    (
        Metric("sources_sdr_db", "SDR of mono sources", "dB", "higher", PAPER),
        Metric("sources_sir_db", "SIR of mono sources", "dB", "higher", PAPER),
        Metric("sources_sar_db", "SAR of mono sources", "dB", "higher", PAPER),
        Metric("nsdr_db", "NSDR", "dB", "higher", "Ozerov et al. 2007, doi:10.1109/TASL.2007.899291"),
    ),
    _measure,
    caution=_caution,
    valid="Mono; any filter of 512 taps of the reference counts as the target.",
)

"""BSS Eval v4 of the target among all true sources: medians over frames of one second, as museval and SiSEC have them.

Where the other sources are not known, what is interference can't be told from artefacts: then SDR and ISR only.

Defines: ``FAMILY``, ``references_of``, ``number_of``.
"""

from __future__ import annotations

import numpy as np

from analysis.metrics.bss.images import References
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, NoNumber, Truth

ROUNDING_DB = 100
"""Above it stands the rounding of the arithmetic, and no property of the sound."""
PAPER = "Stöter, Liutkus and Ito 2018, doi:10.1007/978-3-319-93764-9_28"
NO_FRAMES = NoNumber("no frame in which target, other sources and estimate all sound")
NOTHING_LEFT = NoNumber("nothing left to measure: more than 100 dB, which is the rounding of the arithmetic")
UNKNOWN_SOURCES = NoNumber("needs the other true sources of the mixture")
RIDGED = (
    "the sources hold next to nothing in a band (MP3 and AAC do, above 16 kHz), so that BSS Eval's ISR, SIR and SAR "
    "depend on the rounding of the files there, by up to some dB; equations had a ridge. SDR is not touched by it"
)


def references_of(truth: Truth) -> References:
    """The target first, then the other sources in their order."""
    sounds = np.stack([truth.reference, *truth.others.values()])
    return References(sounds, truth.rate_hz, arithmetic=truth.arithmetic)


def _caution(truth: Truth) -> str:
    return RIDGED if truth.once(references_of).ridge else ""


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    medians = truth.once(references_of).scores(estimate[None], [0]).medians()
    found = {f"bss_{name}_db": number_of(float(values[0])) for name, values in medians.items()}
    if not truth.others:
        found |= {"bss_sir_db": UNKNOWN_SOURCES, "bss_sar_db": UNKNOWN_SOURCES}
    return found


def number_of(median_db: float) -> float | NoNumber:
    """A median over frames as a number, or why it is none."""
    if np.isnan(median_db):
        return NO_FRAMES
    if np.isneginf(median_db):
        return NoNumber("nothing in common with the reference")
    return NOTHING_LEFT if median_db > ROUNDING_DB else median_db


FAMILY = Family(
    "bss",
    2,
    tuple(
        Metric(f"bss_{name}_db", f"BSS Eval {name.upper()}", "dB", "higher", PAPER)
        for name in ("sdr", "isr", "sir", "sar")
    ),
    _measure,
    caution=_caution,
    valid="Stereo or mono images; 512-tap filters, estimated on the whole stretch; sources that sound in most seconds.",
)

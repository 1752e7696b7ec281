"""Signal-to-distortion ratios by sums alone: no filters, one gain for all channels at most.

Task: how far is an estimate from its reference, in dB; higher is better. Conventions: arrays (frames, channels)
of one shape; all channels together are one vector; no mean is removed; s is the reference, e the estimate.

* ``si_sdr``: scale-invariant SDR (Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855)
* ``interference_and_artefacts``: SI-SIR and SI-SAR of the same paper. With s, a s and P e the orthogonal projections
  of e on the reference and on all true sources (one gain each), SI-SIR = |a s|^2 / |P e - a s|^2 and
  SI-SAR = |a s|^2 / |e - P e|^2, so that the two distortions add up to that of SI-SDR. BSS Eval's SIR and SAR allow
  filters and are other numbers.
* ``mdx_sdr``: SDR of the Music Demixing Challenge (Mitsufuji et al. 2022), whole signal, not scale-invariant
* ``chunk_sdr``: |s|^2 / |e - s|^2 of each whole second, their median: the SDR of BSS Eval v4, which needs no filters,
  but that v4 leaves out seconds in which another source is silent as well

Improvements are over the mixture as an estimate; there are none over one that has nothing of the reference (SI-SDR
below -40 dB), which is the mixture of something else. Where the other sources are given too, and the mixture is not
their sum, a note says so: it may hold more than they. A copy of the reference, whatever its level, has no
scale-invariant ratio, for what is left is rounding; at another level it has the others (half of it: 6.02 dB). Sounds of
less than 10 ms have none at all: a few samples agree with anything.

Defines: ``si_sdr``, ``mdx_sdr``, ``chunk_sdr``, ``interference_and_artefacts``, ``FAMILY``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics import signals
from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import COPY_DB, decibel, error_energy, inner, pieces
from analysis.metrics.truth import Measured, NoNumber, Truth, need_length

MDX_EPSILON = 1e-7
CHUNK_S = 1.0
SHORTEST_S = 0.01
FOREIGN_DB = -40.0
"""SI-SDR of a mixture below which it has nothing of the reference; level, relative to a mixture, that the sources' sum
may differ by: above what lossy coding does to it."""

COPY = NoNumber("a copy of the reference but for its level or sign: no distortion to measure")
SAME = NoNumber("a copy of the reference: no distortion to measure")
UNRELATED = NoNumber("nothing in common with the reference")
NO_OTHERS = NoNumber("the other sources of the mixture are not known")
SILENT_OTHERS = NoNumber("the other sources are silent here")
SAME_MIXTURE = NoNumber("the mixture is the reference alone")
FOREIGN_MIXTURE = NoNumber(f"the mixture has nothing of the reference (SI-SDR below {FOREIGN_DB:g} dB)")
NO_MIXTURE = NoNumber("the mixture is not known")


def validate(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Refuse what no ratio is defined for.

    Raises
    ------
    AnalysisError
        Where the shapes differ, a value is not finite, or either signal is silent.
    """
    if reference.shape != estimate.shape:
        raise AnalysisError(f"shapes differ: reference {reference.shape}, estimate {estimate.shape}")
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not np.isfinite(signal).all():
            raise AnalysisError(f"the {name} holds NaN or infinity")
        if not np.any(signal):
            raise AnalysisError(f"the {name} is silent")


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10(|a s|^2 / |e - a s|^2) with a = <e, s>/<s, s>; infinite for a scaled copy.

    Examples
    --------
    >>> s = np.array([[1.0], [0.0]]); round(si_sdr(s, np.array([[2.0], [0.2]])), 6)
    20.0
    """
    validate(reference, estimate)
    return signals.si_sdr(reference, estimate)


def mdx_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10((sum s^2 + 1e-7) / (sum (s - e)^2 + 1e-7)).

    Examples
    --------
    >>> s = np.ones((4, 2)); round(mdx_sdr(s, 0.5 * s), 3)
    6.021
    """
    validate(reference, estimate)
    return _sdrs(reference, estimate)[0]


def chunk_sdr(reference: np.ndarray, estimate: np.ndarray, rate_hz: int) -> float:
    """Median over whole seconds of 10 log10(|s|^2 / |e - s|^2), in dB.

    A part of a second at the end is left out, as museval does, but a shorter signal is one chunk. Chunks in which the
    reference or the estimate is silent have no number;
    BSS Eval v4 leaves out those in which another source is silent, too.

    Raises
    ------
    AnalysisError
        Where no chunk has one.
    """
    size = round(CHUNK_S * rate_hz)
    whole = len(reference) // size * size or len(reference)
    parts = [(reference[part], estimate[part]) for part in pieces(whole, size)]
    found = [signals.sdr(s, e) for s, e in parts if np.any(s) and np.any(e)]
    if not found:
        raise AnalysisError("no whole second in which both the reference and the estimate sound")
    return float(np.median(found))


def interference_and_artefacts(sources: Sequence[np.ndarray], estimate: np.ndarray) -> tuple[float, float]:
    """SI-SIR and SI-SAR in dB of an estimate of the first source; infinite where there is no such distortion.

    Sources that depend on each other are no trouble: the projection on all of them is one, whatever its gains.
    """
    return _from_gram(_gram(sources), sources, estimate)


def _sdrs(reference: np.ndarray, estimate: np.ndarray) -> tuple[float, float]:
    """MDX SDR, and the same without its constants, which a copy of a short or quiet sound does not get past."""
    energy, error = inner(reference, reference), error_energy(estimate, [reference], [1.0])
    return decibel(energy + MDX_EPSILON, error + MDX_EPSILON), decibel(energy, error)


def _gram(sources: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([[inner(one, other) for one in sources] for other in sources])


def _from_gram(gram: np.ndarray, sources: Sequence[np.ndarray], estimate: np.ndarray) -> tuple[float, float]:
    shared = np.array([inner(source, estimate) for source in sources])
    scale = np.sqrt(np.diag(gram))  # of each source, so that a quiet one counts in the rank as a loud one does
    gains = np.linalg.lstsq(gram / np.outer(scale, scale), shared / scale, rcond=1e-12)[0] / scale
    target = shared[0] / gram[0, 0]
    interference = gains - target * (np.arange(len(gains)) == 0)
    energy = target**2 * gram[0, 0]
    return (
        decibel(energy, float(interference @ gram @ interference)),
        decibel(energy, error_energy(estimate, sources, list(gains))),
    )


def _sounding(truth: Truth) -> list[np.ndarray]:
    """The reference, and the other sources that are heard."""
    return [truth.reference, *(sound for sound in truth.others.values() if np.any(sound))]


def _gram_of_truth(truth: Truth) -> np.ndarray:
    return _gram(_sounding(truth))


def _of_mixture(truth: Truth) -> tuple[float, float, float]:
    """SI-SDR, MDX SDR and plain SDR of the mixture as an estimate."""
    assert truth.mixture is not None
    return signals.si_sdr(truth.reference, truth.mixture), *_sdrs(truth.reference, truth.mixture)


def _rest_of_mixture(truth: Truth) -> float:
    """Level of the mixture less all sources, relative to the mixture, in dB."""
    assert truth.mixture is not None
    sources = _sounding(truth)
    rest = error_energy(truth.mixture, sources, [1.0] * len(sources))
    return decibel(rest, inner(truth.mixture, truth.mixture))


def _caution(truth: Truth) -> str:
    """Of a mixture that is not the sum of the sources that are known."""
    if truth.mixture is None or not truth.others or not np.any(truth.mixture):
        return ""
    rest = truth.once(_rest_of_mixture)
    if rest <= FOREIGN_DB:
        return ""
    return (
        "the mixture is not the sum of the reference and the other sources, so that improvements are over something "
        f"else than these: the difference is at {rest:.1f} dB of the mixture, expected below {FOREIGN_DB:g} dB; give "
        "all sources as they are in it"
    )


def _interference(truth: Truth, estimate: np.ndarray) -> Measured:
    sources = _sounding(truth)
    if len(sources) == 1:
        return dict.fromkeys(("si_sir_db", "si_sar_db"), SILENT_OTHERS if truth.others else NO_OTHERS)
    sir, sar = _from_gram(truth.once(_gram_of_truth), sources, estimate)
    return {
        "si_sir_db": sir if sir < COPY_DB else NoNumber("no interference to measure (100 dB or more below the target)"),
        "si_sar_db": sar if sar < COPY_DB else NoNumber("no artefacts to measure (100 dB or more below the target)"),
    }


def _improvements(truth: Truth, si: float, mdx: float) -> Measured:
    if truth.mixture is None:
        return dict.fromkeys(("si_sdr_improvement_db", "mdx_sdr_improvement_db"), NO_MIXTURE)
    si_before, mdx_before, plain = truth.once(_of_mixture)
    if si_before < FOREIGN_DB:
        return dict.fromkeys(("si_sdr_improvement_db", "mdx_sdr_improvement_db"), FOREIGN_MIXTURE)
    return {
        "si_sdr_improvement_db": SAME_MIXTURE if si_before > COPY_DB else si - si_before,
        "mdx_sdr_improvement_db": SAME_MIXTURE if plain > COPY_DB else mdx - mdx_before,
    }


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    reference = truth.reference
    need_length(truth, SHORTEST_S, "a ratio")
    si, (mdx, plain) = signals.si_sdr(reference, estimate), _sdrs(reference, estimate)
    measured = {"si_sdr_db": si, **_interference(truth, estimate), **_improvements(truth, si, mdx)}
    if abs(si) > COPY_DB:
        measured |= dict.fromkeys(SCALE_INVARIANT, COPY if si > 0 else UNRELATED)
    measured["mdx_sdr_db"] = mdx
    if plain > COPY_DB:
        measured |= dict.fromkeys(("mdx_sdr_db", "mdx_sdr_improvement_db"), SAME)
    return measured | {"csdr_db": _chunk_sdr(truth, estimate)}


def _chunk_sdr(truth: Truth, estimate: np.ndarray) -> float | NoNumber:
    try:
        found = chunk_sdr(truth.reference, estimate, truth.rate_hz)
    except AnalysisError as error:
        return NoNumber(str(error))
    return found if found <= COPY_DB else SAME


SCALE_INVARIANT = ("si_sdr_db", "si_sir_db", "si_sar_db", "si_sdr_improvement_db")
LE_ROUX = "Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855"
MDX = "Mitsufuji et al. 2022, doi:10.3389/frsip.2021.808395"

FAMILY = Family(
    "ratios",
    4,
    (
        Metric("si_sdr_db", "SI-SDR", "dB", "higher", LE_ROUX),
        Metric("mdx_sdr_db", "MDX SDR", "dB", "higher", MDX),
        Metric("csdr_db", "Chunk SDR", "dB", "higher", "SDR of BSS Eval v4: Stöter et al. 2018, arXiv:1804.06267"),
        Metric("si_sir_db", "SI-SIR", "dB", "higher", LE_ROUX),
        Metric("si_sar_db", "SI-SAR", "dB", "higher", LE_ROUX),
        Metric("si_sdr_improvement_db", "SI-SDR improvement", "dB", "higher", LE_ROUX),
        Metric("mdx_sdr_improvement_db", "MDX SDR improvement", "dB", "higher", MDX),
    ),
    _measure,
    caution=_caution,
)

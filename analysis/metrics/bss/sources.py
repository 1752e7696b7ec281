"""BSS Eval of mono sources over the whole signal: SDR, SIR, SNR, SAR, NSDR, GNSDR of the older papers.

Any filter of 512 taps of the reference counts as the target (Vincent, Gribonval and Févotte 2006,
doi:10.1109/TSA.2005.858005), so that SDR here is not the SDR of images: it forgives what an equaliser could mend. With
S the estimate's projection on its own reference, P that on all references, N that on all references and the noise, Y
the estimate:

    SDR = |S|²/|Y - S|²   SIR = |S|²/|P - S|²   SNR = |P|²/|N - P|²   SAR = |N|²/|Y - N|²

Without noise that is known by itself, N is P and there is no SNR. BSS Eval version 2 and Huang's code allow a gain
only: their NSDR is another number.

* NSDR = SDR of the estimate less SDR of the mixture (Ozerov et al. 2007, doi:10.1109/TASL.2007.899291)
* GNSDR = mean of NSDR over songs, weighted by their lengths (the same; Hsu and Jang 2010)

Conventions: signals float64 (sources, frames), results in dB; NaN where an estimate or its reference is silent.
Estimates are not permuted. Defines: ``SourceScores``, ``sources``, ``nsdr``, ``gnsdr``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.correlations import correlate, stacked
from analysis.metrics.bss.energies import energy, product, ratio_db, weights
from analysis.metrics.bss.filters import Equations

TAPS = 512


@dataclass(frozen=True)
class SourceScores:
    """Arrays (sources,) in dB; ``snr`` is NaN where no noise was given. ``ridge`` as for images."""

    sdr: np.ndarray
    sir: np.ndarray
    snr: np.ndarray
    sar: np.ndarray
    ridge: bool


def sources(
    references: np.ndarray, estimates: np.ndarray, *, noise: np.ndarray | None = None, taps: int = TAPS
) -> SourceScores:
    """Scores of mono estimates, the first of the first reference and so on.

    Parameters
    ----------
    references, estimates : (K, frames) float64.
    noise : (M, frames) sensor noises, where they are known.
    taps : length of the filters that count as the same source.

    Raises
    ------
    AnalysisError
        Where shapes differ, a value is not finite, all is silent, or the sound is shorter than the filters.
    """
    x, y = _checked("references", references), _checked("estimates", estimates)
    noises = np.empty((0, x.shape[1])) if noise is None else _checked("noises", noise)
    if x.shape != y.shape or noises.shape[1] != x.shape[1]:
        raise AnalysisError(f"references {x.shape}, estimates {y.shape} and noises {noises.shape} do not fit")
    if x.shape[1] < taps:
        raise AnalysisError(f"{x.shape[1]} samples are too short for filters of {taps}; take longer sounds")
    heard = np.flatnonzero(x.any(axis=1))
    if not len(heard):
        raise AnalysisError("all references are silent")
    count = len(heard)
    known = np.concatenate([x[heard], noises[noises.any(axis=1)]])
    together = stacked([sound[:, None] for sound in (*known, *y)], taps)
    found = correlate(together[: len(known)], together, taps)
    own, cross = found[:, : len(known)], found[:, len(known) :]
    on_sources = Equations.of(own[:count, :count])
    on_all = on_sources if len(known) == count else Equations.of(own)
    rows, ridge = np.full((4, len(x)), np.nan), on_sources.ridge or on_all.ridge
    for place, k in enumerate(heard):
        if not y[k].any():
            continue
        mine, power = cross[:, k : k + 1], float(y[k] @ y[k])
        on_own = Equations.of(own[place : place + 1, place : place + 1], ridge=on_sources.ridge)
        ridge |= on_own.ridge
        s, p, n = np.zeros((3, len(known), taps, 1))
        s[place] = on_own.solve(mine[place : place + 1])[0]
        p[:count] = on_sources.solve(mine[:count])
        n[:] = on_all.solve(mine)
        rows[:, k] = _ratios(own, mine, power, (s, p, n))
    if len(known) == count:
        rows[2] = np.nan
    sdr, sir, snr, sar = rows
    return SourceScores(sdr, sir, snr, sar, ridge)


def nsdr(references: np.ndarray, estimates: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """SDR of mono estimates less that of the mixture (K,), in dB.

    Parameters
    ----------
    references, estimates : (K, frames) float64.
    mixture : (frames,) float64.

    Raises
    ------
    AnalysisError
        As ``sources``, and where the mixture is not as long as the references.
    """
    if np.shape(mixture) != np.shape(references)[1:]:
        raise AnalysisError(f"references {np.shape(references)} and mixture {np.shape(mixture)} do not fit")
    unprocessed = np.broadcast_to(mixture, np.shape(references))
    return sources(references, estimates).sdr - sources(references, unprocessed).sdr


def gnsdr(nsdr_db: Sequence[float], lengths: Sequence[float]) -> float:
    """Mean of NSDR over songs, weighted by their lengths; songs without a number are left out with their length.

    Raises
    ------
    AnalysisError
        Where there is not one positive length for each song.
    """
    values, weighted = np.asarray(nsdr_db, float), np.asarray(lengths, float)
    if values.shape != weighted.shape or not (weighted > 0).all():
        raise AnalysisError(f"{values.size} songs and the lengths {list(lengths)}; expected a positive length for each")
    there = np.isfinite(values)
    if not there.any():
        return float("nan")
    return float(np.average(values[there], weights=weighted[there]))


def _ratios(
    own: np.ndarray, cross: np.ndarray, power: float, filters: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """SDR, SIR, SNR, SAR of one estimate of this power with filters towards its source, all sources, and all."""
    s, p, n = filters

    def filtered(one: np.ndarray) -> np.ndarray:
        return energy(own, weights(one))

    def left(one: np.ndarray) -> np.ndarray:
        return power - 2 * product(cross, one) + filtered(one)

    return np.array(
        [
            ratio_db(filtered(s), left(s)),
            ratio_db(filtered(s), filtered(p - s)),
            ratio_db(filtered(p), filtered(n - p)),
            ratio_db(filtered(n), left(n)),
        ]
    )


def _checked(what: str, sounds: np.ndarray) -> np.ndarray:
    found = np.asarray(sounds, np.float64)
    if found.ndim != 2:
        raise AnalysisError(f"{what} of shape {found.shape}; expected mono, (sources, frames)")
    if not np.isfinite(found).all():
        raise AnalysisError(f"the {what} hold NaN or infinity")
    return found

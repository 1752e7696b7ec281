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
Estimates are not permuted. Defines: ``References``, ``SourceScores``, ``sources``, ``nsdr``, ``gnsdr``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic
from analysis.metrics.bss.correlations import correlate, stacked
from analysis.metrics.bss.energies import energy, product, ratio_db, weights
from analysis.metrics.bss.filters import Equations

TAPS = 512


@dataclass(frozen=True)
class SourceScores:
    """Arrays (estimates,) in dB; ``snr`` is NaN where no noise was given. ``ridge`` as for images."""

    sdr: np.ndarray
    sir: np.ndarray
    snr: np.ndarray
    sar: np.ndarray
    ridge: bool


class References:
    """The true mono sources of one mixture; what follows from them alone is computed once, for however many estimates.

    Parameters
    ----------
    references : (K, frames) float64.
    noise : (M, frames) sensor noises, where they are known.
    taps : length of the filters that count as the same source.
    arithmetic : what computes correlations and equations.

    Raises
    ------
    AnalysisError
        Where shapes differ, a value is not finite, all is silent, or the sound is shorter than the filters.
    """

    def __init__(
        self,
        references: np.ndarray,
        *,
        noise: np.ndarray | None = None,
        taps: int = TAPS,
        arithmetic: Arithmetic = NUMPY,
    ) -> None:
        x = _checked("references", references)
        noises = np.empty((0, x.shape[1])) if noise is None else _checked("noises", noise)
        if noises.shape[1] != x.shape[1]:
            raise AnalysisError(f"references {x.shape} and noises {noises.shape} do not fit")
        if x.shape[1] < taps:
            raise AnalysisError(f"{x.shape[1]} samples are too short for filters of {taps}; take longer sounds")
        self.shape, self.taps, self.arithmetic = x.shape, taps, arithmetic
        self.sounding = [k for k in range(len(x)) if x[k].any()]
        if not self.sounding:
            raise AnalysisError("all references are silent")
        filters = len(self.sounding) + sum(bool(one.any()) for one in noises)
        if filters * taps >= x.shape[1] + taps - 1:
            raise AnalysisError(
                f"{x.shape[1]} samples are too short for {filters} sources: filters of {taps} taps would fit anything; "
                "take longer sounds"
            )
        heard = [*(x[k, :, None] for k in self.sounding), *(one[:, None] for one in noises if one.any())]
        self._known = stacked(heard, taps)
        self._own = correlate(self._known, self._known, taps, arithmetic)
        count = len(self.sounding)
        self._on_sources = Equations.of(self._own[:count, :count], arithmetic=arithmetic)
        self._on_all = self._on_sources if len(heard) == count else Equations.of(self._own, arithmetic=arithmetic)
        self._on_one: dict[int, Equations] = {}

    @property
    def ridge(self) -> bool:
        """Whether some equations that were solved so far had a ridge."""
        return any(one.ridge for one in (self._on_sources, self._on_all, *self._on_one.values()))

    def scores(self, estimates: np.ndarray, of: Sequence[int] | None = None) -> SourceScores:
        """Scores of mono estimates, one after the other.

        Parameters
        ----------
        estimates : (E, frames) float64, of the references' length.
        of : which reference each belongs to; by default the first to the first, and so on.

        Raises
        ------
        AnalysisError
            Where shapes do not fit, or a value is not finite.
        """
        y = _checked("estimates", estimates)
        of = range(len(y)) if of is None else of
        if len(of) != len(y) or y.shape[1] != self.shape[1] or not set(of) <= set(range(self.shape[0])):
            raise AnalysisError(f"references {self.shape} and estimates {y.shape} of {list(of)} do not fit")
        rows, ridge = np.full((4, len(y)), np.nan), self._on_sources.ridge or self._on_all.ridge
        for e, k in enumerate(of):
            if k in self.sounding and y[e].any():
                rows[:, e], bent = self._scored(y[e], self.sounding.index(k))
                ridge |= bent
        if self._on_all is self._on_sources:
            rows[2] = np.nan
        sdr, sir, snr, sar = rows
        return SourceScores(sdr, sir, snr, sar, ridge)

    def _scored(self, estimate: np.ndarray, place: int) -> tuple[np.ndarray, bool]:
        """SDR, SIR, SNR, SAR of one estimate of the sounding source at this place; and was there a ridge."""
        cross = correlate(self._known, stacked([estimate[:, None]], self.taps), self.taps, self.arithmetic)
        count, on_own = len(self.sounding), self._factored(place)
        s, p, n = np.zeros((3, len(self._own), self.taps, 1))
        s[place] = on_own.solve(cross[place : place + 1])[0]
        p[:count] = self._on_sources.solve(cross[:count])
        n[:] = p if self._on_all is self._on_sources else self._on_all.solve(cross)
        return _ratios(self._own, cross, float(estimate @ estimate), (s, p, n)), on_own.ridge

    def _factored(self, place: int) -> Equations:
        """The equations of one reference alone, factored when they are asked for first."""
        if place not in self._on_one:
            own = self._own[place : place + 1, place : place + 1]
            self._on_one[place] = Equations.of(own, ridge=self._on_sources.ridge, arithmetic=self.arithmetic)
        return self._on_one[place]


def sources(
    references: np.ndarray, estimates: np.ndarray, *, noise: np.ndarray | None = None, taps: int = TAPS
) -> SourceScores:
    """Scores of as many mono estimates as references, the first of the first and so on.

    Parameters
    ----------
    references, estimates : (K, frames) float64.
    noise, taps : as for ``References``.

    Raises
    ------
    AnalysisError
        Where shapes differ, a value is not finite, all is silent, or the sound is shorter than the filters.
    """
    if np.shape(references) != np.shape(estimates):
        raise AnalysisError(f"references {np.shape(references)} and estimates {np.shape(estimates)} do not fit")
    return References(references, noise=noise, taps=taps).scores(estimates)


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
    if np.shape(references) != np.shape(estimates):
        raise AnalysisError(f"references {np.shape(references)} and estimates {np.shape(estimates)} do not fit")
    prepared = References(references)
    return prepared.scores(estimates).sdr - prepared.scores(np.broadcast_to(mixture, np.shape(references))).sdr


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

"""BSS Eval of multichannel images: SDR, ISR, SIR, SAR per frame, as museval 0.4.1 defines them.

An estimate is taken apart by filters of 512 taps, estimated by least squares: what its own reference explains (spatial
distortion), what all references explain (interference), and the rest (artefacts). With X the reference in a frame, Y
the estimate, S the projection on the own reference's channels, P the one on all references:

    SDR = |X|²/|X - Y|²   ISR = |X|²/|S - X|²   SIR = |S|²/|P - S|²   SAR = |P|²/|Y - P|²

* v4 (Stöter, Liutkus and Ito 2018, doi:10.1007/978-3-319-93764-9_28): filters once, of the whole signal.
* v3 (Vincent et al. 2012, doi:10.1016/j.sigpro.2011.10.007): filters anew in every frame.

Each frame is cut out and filtered by itself, the filters' tail included; a part of a frame at the end is dropped.
Numbers are museval's but where museval's are wrong:

* References that hold nothing in a band, or are filters of each other, get a ridge (``filters``); museval's plain
  solver gives SIR and SAR that are noise there.
* A frame is silent when every sample of every channel is zero; museval adds up the channels first, and takes
  L = -R for silence.
* Where a reference or one of the estimates is silent in a frame, the frame has no numbers, for all sources: as in
  museval. But what is silent throughout is left out, with no numbers of its own, where museval refuses everything.

Conventions: signals float64 (sources, frames, channels); results in dB, NaN where a frame has no number, infinite where
nothing is left of the denominator. Estimates are not permuted.
Defines: ``References``, ``Scores``, ``bss_eval``, ``TAPS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic
from analysis.metrics.bss.correlations import across, correlate, stacked
from analysis.metrics.bss.energies import energy, product, ratio_db, weights
from analysis.metrics.bss.filters import Equations

TAPS = 512
NAMES = ("sdr", "isr", "sir", "sar")


@dataclass(frozen=True)
class Scores:
    """What was found: arrays (estimates, frames) in dB; where each frame begins and how long it is, in seconds.

    ``ridge``: whether some equations were so badly conditioned that they got a ridge.
    """

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    times_s: np.ndarray
    duration_s: float
    ridge: bool

    def medians(self) -> dict[str, np.ndarray]:
        """Median over the frames that have a number, by measure; NaN for an estimate without any."""
        return {name: np.array([_median(row) for row in getattr(self, name)]) for name in NAMES}


class References:
    """The true sources of one mixture; what follows from them alone is computed once, for however many estimates.

    Parameters
    ----------
    references : (K, frames, channels), float64.
    rate_hz : sample rate.
    window_s, hop_s : length of a frame, and from the start of one to that of the next; one frame over everything
        where ``window_s`` is None or longer than the signal.
    taps : length of the filters.
    arithmetic : what computes correlations and equations.

    Raises
    ------
    AnalysisError
        Where there is no such array, it is not finite, all of it is silent, or a frame is shorter than the filters.
    """

    def __init__(
        self,
        references: np.ndarray,
        rate_hz: int,
        *,
        window_s: float | None = 1.0,
        hop_s: float = 1.0,
        taps: int = TAPS,
        arithmetic: Arithmetic = NUMPY,
    ) -> None:
        self.references, self.rate_hz, self.taps = _checked("references", references), rate_hz, taps
        self.arithmetic = arithmetic
        _, self.length, self.channels = self.references.shape
        self.window, self.starts = _frames(self.length, rate_hz, window_s, hop_s)
        if self.window < taps:
            raise AnalysisError(
                f"{self.window} samples are too short for filters of {taps}; take longer sounds or frames"
            )
        self.sounding = np.flatnonzero(self.references.any(axis=(1, 2)))
        if not len(self.sounding):
            raise AnalysisError("all references are silent")
        if len(self.sounding) * self.channels * taps >= self.length + taps - 1:
            raise AnalysisError(
                f"{self.length} samples are too short for {len(self.sounding)} sources of {self.channels} channel(s): "
                f"filters of {taps} taps would fit anything; take longer sounds"
            )
        self._silent = self._silent_frames(self.references[k] for k in self.sounding)
        self._tiled = len(self.starts) == 1 or self.starts[1] == self.window
        self._own: tuple[np.ndarray, np.ndarray] | None = None
        self._equations: dict[int | None, Equations] = {}

    @property
    def ridge(self) -> bool:
        """Whether some equations that were solved so far had a ridge."""
        return any(one.ridge for one in self._equations.values())

    def scores(self, estimates: np.ndarray, of: Sequence[int] | None = None) -> Scores:
        """Scores of estimates.

        Parameters
        ----------
        estimates : (E, frames, channels), float64; of the references' length and channels.
        of : which reference each belongs to; by default the first to the first, and so on.

        Raises
        ------
        AnalysisError
            Where shapes do not fit, or a value is not finite.
        """
        found, of = self.fitting(estimates, of)
        values = np.full((len(NAMES), len(found), len(self.starts)), np.nan)
        sounding = [e for e, k in enumerate(of) if k in self.sounding and found[e].any()]
        ridge = False
        if sounding:
            values[:, sounding], ridge = self._scored([found[e] for e in sounding], [of[e] for e in sounding])
        return _scores(values, self.starts / self.rate_hz, self.window / self.rate_hz, ridge)

    def scores_anew(self, estimates: np.ndarray, of: Sequence[int] | None = None) -> Scores:
        """The same as ``scores``, with filters anew in every frame (v3); raises as that."""
        found, of = self.fitting(estimates, of)
        values, ridge = np.full((len(NAMES), len(found), len(self.starts)), np.nan), False
        heard = [e for e, k in enumerate(of) if k in self.sounding and found[e].any()]
        places = [int(np.searchsorted(self.sounding, of[e])) for e in heard]
        for number, start in enumerate(self.starts):
            part = slice(start, start + self.window)
            inside, theirs = self.references[self.sounding, part], found[heard, part]
            if heard and inside.any(axis=(1, 2)).all() and theirs.any(axis=(1, 2)).all():
                here = self._of_a_frame(inside).scores(theirs, places)
                values[:, heard, number] = [getattr(here, name)[:, 0] for name in NAMES]
                ridge |= here.ridge
        return _scores(values, self.starts / self.rate_hz, self.window / self.rate_hz, ridge)

    def _of_a_frame(self, inside: np.ndarray) -> References:
        return References(inside, self.rate_hz, window_s=None, taps=self.taps, arithmetic=self.arithmetic)

    def fitting(self, estimates: np.ndarray, of: Sequence[int] | None) -> tuple[np.ndarray, list[int]]:
        """Estimates that can be held against these references, and which each belongs to; raises as ``scores``."""
        found = _checked("estimates", estimates)
        of = list(range(len(found))) if of is None else list(of)
        if found.shape[1:] != self.references.shape[1:] or len(of) != len(found):
            raise AnalysisError(
                f"estimates of shape {found.shape} for {len(of)} of the references {self.references.shape}; render all "
                "with one length and number of channels"
            )
        if strangers := [k for k in of if not 0 <= k < len(self.references)]:
            raise AnalysisError(f"no reference has the number {strangers[0]}; there are {len(self.references)}")
        return found, of

    def _scored(self, estimates: list[np.ndarray], of: list[int]) -> tuple[np.ndarray, bool]:
        """Scores (measures, estimates, frames) of sounding estimates of sounding references; and was there a ridge."""
        frames_own, whole_own, frames_cross, whole_cross = self._correlations(estimates)
        found = np.empty((len(NAMES), len(estimates), len(self.starts)))
        on_all = self._factored(None, whole_own)
        ridge, c = on_all.ridge, self.channels
        for e, k in enumerate(of):
            place = int(np.searchsorted(self.sounding, k))
            mine, theirs = slice(place * c, (place + 1) * c), slice(e * c, (e + 1) * c)
            on_own = self._factored(place, whole_own[mine, mine], ridge=on_all.ridge)
            ridge |= on_own.ridge
            everything, own = on_all.solve(whole_cross[:, theirs]), on_own.solve(whole_cross[mine, theirs])
            interference, spatial = everything.copy(), own.copy()
            interference[mine] -= own
            spatial[:, 0] -= np.eye(c)
            inside = frames_own[:, mine, mine]
            x, x_y, y = self._direct(self.references[k], estimates[e])
            p = energy(frames_own, weights(everything))
            artefacts = y - 2 * product(frames_cross[:, :, theirs], everything) + p
            found[:, e] = (
                ratio_db(x, x_y),
                ratio_db(x, energy(inside, weights(spatial))),
                ratio_db(energy(inside, weights(own)), energy(frames_own, weights(interference))),
                ratio_db(p, artefacts),
            )
        found[:, :, self._silent | self._silent_frames(estimates)] = np.nan
        return found, ridge

    def _factored(self, place: int | None, own: np.ndarray, *, ridge: bool = False) -> Equations:
        """The equations of one reference, or of all (None), factored when they are asked for first."""
        if place not in self._equations:
            self._equations[place] = Equations.of(own, ridge=ridge, arithmetic=self.arithmetic)
        return self._equations[place]

    def _correlations(self, estimates: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of the references with each other, and with the estimates: in every frame (frames, C, …, taps), in all."""
        sounds = [self.references[k] for k in self.sounding]
        own = len(sounds) * self.channels
        first = 0 if self._own is None else own  # the references' with each other are kept
        tiles = np.arange(0, self.length, self.window)
        tails = np.zeros((own + len(estimates) * self.channels, len(tiles), self.taps - 1))
        heads = np.zeros_like(tails)
        whole = np.zeros((own, len(tails) - first, self.taps))
        frames = np.empty((len(self.starts), *whole.shape))
        for number, start in enumerate(tiles):
            stop = min(start + self.window, self.length)
            part = stacked([*sounds, *estimates], self.taps, start, stop)
            found = correlate(part[:own], part[first:], self.taps, self.arithmetic)
            whole += found
            heads[:, number] = part[:, : self.taps - 1]
            if stop - start == self.window:  # nothing comes after a shorter one
                tails[:, number] = part[:, self.window - self.taps + 1 : self.window]
            if self._tiled and number < len(frames):
                frames[number] = found
        if len(tiles) > 1:
            whole += across(tails[:own, :-1], heads[first:, 1:], self.taps, self.arithmetic)
        if not self._tiled:
            for number, start in enumerate(self.starts):
                part = stacked([*sounds, *estimates], self.taps, start, start + self.window)
                frames[number] = correlate(part[:own], part[first:], self.taps, self.arithmetic)
        if self._own is None:
            self._own = np.ascontiguousarray(frames[:, :, :own]), np.ascontiguousarray(whole[:, :own])
        return *self._own, frames[:, :, own - first :], whole[:, own - first :]

    def _direct(self, reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
        """Energies of each frame of the reference, of its difference to the estimate, and of the estimate."""
        found = np.empty((3, len(self.starts)))
        for number, start in enumerate(self.starts):
            x, y = reference[start : start + self.window], estimate[start : start + self.window]
            found[:, number] = [np.einsum("nc,nc->", one, one) for one in (x, x - y, y)]
        return found

    def _silent_frames(self, sounds: Iterable[np.ndarray]) -> np.ndarray:
        """Frames in which one of the sounds is silent."""
        found = np.zeros(len(self.starts), bool)
        for sound in sounds:
            found |= [not sound[start : start + self.window].any() for start in self.starts]
        return found


def bss_eval(
    references: np.ndarray,
    estimates: np.ndarray,
    rate_hz: int,
    *,
    mode: Literal["v4", "v3"] = "v4",
    window_s: float | None = 1.0,
    hop_s: float = 1.0,
    arithmetic: Arithmetic = NUMPY,
) -> Scores:
    """Scores of as many estimates as references, the first of the first and so on.

    Parameters
    ----------
    references, estimates : (K, frames, channels), float64.
    mode : ``v4``, filters of the whole signal; ``v3``, filters anew in every frame (there usually of 30 s, hop 15 s).
    window_s, hop_s, arithmetic : as for ``References``.

    Raises
    ------
    AnalysisError
        Where shapes do not fit, a value is not finite, everything is silent, or a frame is shorter than the filters.
    """
    whole = References(references, rate_hz, window_s=window_s, hop_s=hop_s, arithmetic=arithmetic)
    everyone = range(len(whole.references))
    return whole.scores(estimates, everyone) if mode == "v4" else whole.scores_anew(estimates, everyone)


def _frames(length: int, rate_hz: int, window_s: float | None, hop_s: float) -> tuple[int, np.ndarray]:
    """Samples in a frame, and where each begins."""
    window = length if window_s is None else round(window_s * rate_hz)
    if window >= length:
        return length, np.zeros(1, int)
    hop = round(hop_s * rate_hz)
    if hop < 1:
        raise AnalysisError(f"a hop of {hop_s} s is less than a sample at {rate_hz} Hz; take a longer one")
    return window, np.arange((length - window) // hop + 1) * hop


def _scores(values: np.ndarray, times_s: np.ndarray, duration_s: float, ridge: bool) -> Scores:
    sdr, isr, sir, sar = values
    return Scores(sdr, isr, sir, sar, times_s, duration_s, ridge)


def _median(row: np.ndarray) -> float:
    there = row[~np.isnan(row)]
    return float(np.median(there)) if len(there) else float("nan")


def _checked(what: str, sounds: np.ndarray) -> np.ndarray:
    found = np.asarray(sounds, np.float64)
    if found.ndim != 3 or not all(found.shape):
        raise AnalysisError(f"{what} of shape {found.shape}; expected (sources, frames, channels)")
    if not np.isfinite(found).all():
        raise AnalysisError(f"the {what} hold NaN or infinity")
    return found

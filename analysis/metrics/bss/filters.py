"""The filters that project an estimate on delayed references, by least squares.

The normal equations are block-Toeplitz and positive definite, so one Cholesky factor serves all right-hand sides.
Channels are brought to one level first, so that how loud a source is changes nothing.

A channel that is another one, but for a gain (dual mono, a source given twice), says nothing new and is left out: what
the references explain is the same without it. Where they hold nothing in a band (songs that were MP3 or AAC once), or
one is a filter of another, the equations have no single solution either: a plain solver then answers with noise. Such
equations get a ridge, as if the references held noise so far down, and one step of refinement, which takes the ridge's
effect out again wherever the references say anything. Songs without anything above 16 kHz then have the ISR of their
16-bit files; their SIR and SAR come near those as far as such files have any: what is left in the empty band is the
rounding of the files, and other rounding gives other numbers. A hundredth of the ridge without the step is worse: it
leaves filters in the empty band, which make interference and artefacts of the ends of a frame, for those sound there.

Conventions: correlations (A, B, taps) as ``correlations`` gives them; filters (channels, taps, right-hand sides).
Defines: ``Equations``, ``RIDGE``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import get_lapack_funcs

from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic

RIDGE = 1e-8
"""Relative to the power of each channel: the noise of a 16-bit file whose RMS is at -20 dB."""
WELL_CONDITIONED = 1e-12
"""Reciprocal condition number from which no ridge is needed."""
SAME = 1e-12
"""What two channels have not in common, relative to their power, up to which they are one: -120 dB."""
potrs, pocon = get_lapack_funcs(("potrs", "pocon"), dtype=np.float64)


@dataclass(frozen=True)
class Equations:
    """Normal equations, ready to be solved, of the channels ``kept`` times ``scale``; ``ridge``: whether they have one.

    All other channels are silent, or one of these but for a gain.
    """

    factor: np.ndarray
    scale: np.ndarray
    kept: np.ndarray
    ridge: bool

    @classmethod
    def of(cls, own: np.ndarray, *, ridge: bool = False, arithmetic: Arithmetic = NUMPY) -> Equations:
        """Factor the equations of references with these correlations.

        Parameters
        ----------
        own : (C, C, taps): of all channels of the references with each other; not all of them silent.
        ridge : with a ridge in any case, as where larger equations that hold these had to have one.
        arithmetic : what factors them.
        """
        power = np.diagonal(own[..., 0])
        scale = 1 / np.sqrt(np.where(power > 0, power, 1))
        level = own * (scale[:, None] * scale)[..., None]
        kept = _apart(level[..., 0])
        scale, level = scale[kept], level[np.ix_(kept, kept)]
        if not ridge:
            largest = float(np.abs(level).sum(axis=(0, 2)).max() + np.abs(level[..., 1:]).sum(axis=(1, 2)).max())
            factor = arithmetic.cholesky(_normal(level))
            if factor is not None and pocon(factor, largest)[0] >= WELL_CONDITIONED:
                return cls(factor, scale, kept, False)
            del factor
        matrix = _normal(level)
        matrix[np.diag_indices(len(matrix))] += RIDGE
        factor = arithmetic.cholesky(matrix)
        assert factor is not None, "a ridge makes every matrix of correlations positive definite"
        return cls(factor, scale, kept, True)

    def solve(self, cross: np.ndarray) -> np.ndarray:
        """Filters (C, taps, q) whose outputs lie nearest to q signals; ``cross`` (C, q, taps): of the references with
        them."""
        channels, wanted, taps = cross.shape
        level = (cross[self.kept] * self.scale[:, None, None]).transpose(0, 2, 1)
        right = np.asfortranarray(level.reshape(-1, wanted))
        solved, _ = potrs(self.factor, right)
        if self.ridge:  # what this lacks, right - G solved, is RIDGE solved: solve for that as well
            solved, _ = potrs(self.factor, right + RIDGE * solved)
        found = np.zeros((channels, taps, wanted))
        found[self.kept] = solved.reshape(-1, taps, wanted) * self.scale[:, None, None]
        return found


def _apart(level: np.ndarray) -> np.ndarray:
    """Numbers of the channels that sound and are no other one, by what they have in common (C, C)."""
    kept: list[int] = []
    for channel in range(len(level)):
        is_another = any(1 - level[channel, other] ** 2 <= SAME for other in kept)
        if level[channel, channel] > 0 and not is_another:
            kept.append(channel)
    return np.array(kept)


def _normal(own: np.ndarray) -> np.ndarray:
    """The lower half of the normal matrix, (C taps, C taps) in rows; what is above is zero.

    Its block (a, b) is r_ab[i - j] where i >= j, and r_ba[j - i] elsewhere.
    """
    channels, _, taps = own.shape
    matrix = np.zeros((channels * taps, channels * taps))
    for a in range(channels):
        for b in range(a + 1):
            both_ways = np.concatenate([own[a, b, :0:-1], own[b, a]])  # lags taps - 1 … 1 of ab, then 0 … of ba
            block = sliding_window_view(both_ways, taps)[::-1]
            matrix[a * taps : (a + 1) * taps, b * taps : (b + 1) * taps] = block
    return matrix

"""The filters that project an estimate on delayed references, by least squares.

The normal equations are block-Toeplitz and positive definite, so one Cholesky factor serves all right-hand sides.
Channels are brought to one level first, so that how loud a source is changes nothing.

Where references hold nothing in a band (songs that were MP3 or AAC once), or one is the filter of another (dual
mono), they have no single solution: a plain solver then answers with noise. Such equations get a ridge, as if the
references held noise so far down, and one step of refinement, which takes the ridge's effect out again wherever the
references say anything. Dual mono keeps its results to 1e-5 dB; songs without anything above 16 kHz have those of
their 16-bit files to 0.01 dB. A hundredth of the ridge without the step is worse at both: it leaves filters in the
empty band, which make interference and artefacts of the ends of a frame, for those sound there.

Conventions: correlations (A, B, taps) as ``correlations`` gives them; filters (channels, taps, right-hand sides).
Defines: ``Equations``, ``RIDGE``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import get_lapack_funcs

RIDGE = 1e-8
"""Relative to the power of each channel: the noise of a 16-bit file whose RMS is at -20 dB."""
WELL_CONDITIONED = 1e-12
"""Reciprocal condition number from which no ridge is needed."""
potrf, potrs, pocon = get_lapack_funcs(("potrf", "potrs", "pocon"), dtype=np.float64)


@dataclass(frozen=True)
class Equations:
    """Normal equations, ready to be solved, of channels times ``scale``; ``ridge``: whether they have one."""

    factor: np.ndarray
    scale: np.ndarray
    ridge: bool

    @classmethod
    def of(cls, own: np.ndarray, *, ridge: bool = False) -> Equations:
        """Factor the equations of references with these correlations.

        Parameters
        ----------
        own : (C, C, taps): of all channels of the references with each other; not all of them silent.
        ridge : with a ridge in any case, as where larger equations that hold these had to have one.
        """
        power = np.diagonal(own[..., 0])
        scale = 1 / np.sqrt(np.where(power > 0, power, 1))
        level = own * (scale[:, None] * scale)[..., None]
        if not ridge:
            largest = float(np.abs(level).sum(axis=(0, 2)).max() + np.abs(level[..., 1:]).sum(axis=(1, 2)).max())
            factor, failed = potrf(_normal(level).T, overwrite_a=True, clean=False)
            if not failed and pocon(factor, largest)[0] >= WELL_CONDITIONED:
                return cls(factor, scale, False)
            del factor
        matrix = _normal(level)
        matrix[np.diag_indices(len(matrix))] += RIDGE
        factor, failed = potrf(matrix.T, overwrite_a=True, clean=False)
        assert not failed, "a ridge makes every matrix of correlations positive definite"
        return cls(factor, scale, True)

    def solve(self, cross: np.ndarray) -> np.ndarray:
        """Filters (C, taps, q) whose outputs lie nearest to q signals; ``cross`` (C, q, taps): of the references with
        them."""
        channels, wanted, taps = cross.shape
        level = (cross * self.scale[:, None, None]).transpose(0, 2, 1)
        right = np.asfortranarray(level.reshape(channels * taps, wanted))
        solved, _ = potrs(self.factor, right)
        if self.ridge:  # what this lacks, right - G solved, is RIDGE solved: solve for that as well
            solved, _ = potrs(self.factor, right + RIDGE * solved)
        return np.ascontiguousarray(solved).reshape(channels, taps, wanted) * self.scale[:, None, None]


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

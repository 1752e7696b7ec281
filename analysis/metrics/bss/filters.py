"""The filters that project an estimate on delayed references, by least squares.

The normal equations are block-Toeplitz and positive definite, so one Cholesky factor serves all right-hand sides.
Where references hold nothing in a band (songs that were MP3 or AAC once), or one is the filter of another (dual
mono), they have no single solution: a plain solver then answers with noise. Such equations get a ridge, ``RIDGE`` of
their mean diagonal, which moves results by less than 1e-4 dB where both are defined.

Conventions: correlations (A, B, taps) as ``correlations`` gives them; filters (channels, taps, right-hand sides).
Defines: ``Equations``, ``RIDGE``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import get_lapack_funcs

RIDGE = 1e-10
"""Relative to the mean of the diagonal. 1e-8 moves well-conditioned results by 1e-3 dB, 1e-12 is too little."""
WELL_CONDITIONED = 1e-12
"""Reciprocal condition number from which no ridge is needed."""
potrf, potrs, pocon = get_lapack_funcs(("potrf", "potrs", "pocon"), dtype=np.float64)


@dataclass(frozen=True)
class Equations:
    """Normal equations, ready to be solved. ``ridge``: whether their conditioning asked for one."""

    factor: np.ndarray
    ridge: bool

    @classmethod
    def of(cls, own: np.ndarray) -> Equations:
        """Factor the equations of references with these correlations.

        Parameters
        ----------
        own : (C, C, taps): of all channels of the references with each other; none of them silent.
        """
        largest = float(np.abs(own).sum(axis=(0, 2)).max() + np.abs(own[..., 1:]).sum(axis=(1, 2)).max())
        factor, failed = potrf(_normal(own).T, overwrite_a=True, clean=False)
        if not failed and pocon(factor, largest)[0] >= WELL_CONDITIONED:
            return cls(factor, False)
        del factor
        matrix = _normal(own)
        matrix[np.diag_indices(len(matrix))] += RIDGE * np.trace(own[..., 0]) / len(own)
        factor, failed = potrf(matrix.T, overwrite_a=True, clean=False)
        assert not failed, "a ridge makes every matrix of correlations positive definite"
        return cls(factor, True)

    def solve(self, cross: np.ndarray) -> np.ndarray:
        """Filters (C, taps, q) whose outputs lie nearest to q signals; ``cross`` (C, q, taps): of the references with
        them."""
        channels, wanted, taps = cross.shape
        right = cross.transpose(0, 2, 1).reshape(channels * taps, wanted)
        solved, _ = potrs(self.factor, np.asfortranarray(right))
        return np.ascontiguousarray(solved).reshape(channels, taps, wanted)


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

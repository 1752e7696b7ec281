"""The dear steps of BSS Eval, and what computes them: numpy and scipy, or torch on a device that is asked for.

Three steps take two thirds of the time: the spectra of blocks of sound and the sums of their products, the way back to
correlations, and the Cholesky factor of the normal equations. All else is done by numpy in any case, from arrays to
arrays. Either way it is double precision: the order of sums differs, and with it the rounding. That is less than 1e-9
dB, but for equations near the limit from which they get a ridge, which enlarge any rounding to some 1e-6 dB.

Conventions: sound float64 (channels, blocks, samples); spectra (bins, A, B), of whatever kind an arithmetic works with.
Defines: ``Arithmetic``, ``NUMPY``, ``arithmetic_on``, ``unusable``.
"""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

import numpy as np
from scipy.linalg import get_lapack_funcs

from analysis.errors import AnalysisError

(potrf,) = get_lapack_funcs(("potrf",), dtype=np.float64)


class Arithmetic(Protocol):
    """What computes the dear steps.

    Raises
    ------
    PassingError
        In any of them, where the device fails: a GPU whose memory is full.
    """

    def products(self, x: np.ndarray, z: np.ndarray, size: int) -> Any:
        """Sum over blocks of the products of spectra of ``size`` samples, (bins, A, B); those of x are conjugated.

        Parameters
        ----------
        x, z : (A, blocks, samples) and (B, blocks, samples); zeros are put behind them, up to ``size``.
        """
        ...

    def lags(self, spectrum: Any, size: int, taps: int) -> np.ndarray:
        """The first lags (A, B, taps) of the correlations whose spectrum it is: a sum of ``products``."""
        ...

    def cholesky(self, matrix: np.ndarray) -> np.ndarray | None:
        """The factor U of a matrix U' U, in columns; None where it is not positive definite.

        Parameters
        ----------
        matrix : its lower half in rows, zero above; it may be overwritten.
        """
        ...


class Numpy:
    """On the processor, by numpy and scipy."""

    def products(self, x: np.ndarray, z: np.ndarray, size: int) -> np.ndarray:
        """As of any arithmetic."""
        mine = np.fft.rfft(x, size).transpose(2, 0, 1)
        theirs = np.fft.rfft(z, size).transpose(2, 1, 0)
        return np.matmul(mine.conj(), np.ascontiguousarray(theirs))

    def lags(self, spectrum: np.ndarray, size: int, taps: int) -> np.ndarray:
        """As of any arithmetic."""
        # A copy: the short part alone is kept, not all that it was cut from.
        return np.fft.irfft(np.ascontiguousarray(spectrum.transpose(1, 2, 0)), size)[..., :taps].copy()

    def cholesky(self, matrix: np.ndarray) -> np.ndarray | None:
        """As of any arithmetic."""
        factor, failed = potrf(matrix.T, overwrite_a=True, clean=False)
        return None if failed else factor


NUMPY = Numpy()


def arithmetic_on(device: str | None) -> Arithmetic:
    """What computes on a device as torch calls it (``cuda``, ``cuda:1``, ``cpu``); None for numpy, without torch.

    Raises
    ------
    AnalysisError
        Where torch is not installed, or can't use the device here.
    """
    if device is None:
        return NUMPY
    if reason := unusable(device):
        raise AnalysisError(reason)
    from analysis.metrics.bss.torch_arithmetic import Torch

    return Torch(device)


def unusable(device: str) -> str | None:
    """Why BSS Eval can't be computed by torch on a device where this runs; None if it can."""
    if importlib.util.find_spec("torch") is None:
        return 'torch is not installed; pip install "hidden-reference[torch]", or leave --device out'
    from analysis.metrics.bss.torch_arithmetic import refused

    return refused(device)

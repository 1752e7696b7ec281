"""Multichannel Wiener filter with the true powers and spatial covariances of the target and the rest.

A source j has one covariance R_j per frequency and one power P_j per cell; its estimate is P_j R_j (sum P_k R_k)^-1 x,
so that the estimates add up to the mixture (Duong, Vincent and Gribonval 2010, doi:10.1109/TASL.2010.2050716).

Conventions: spectra (channels, bins, times). Defines: ``OracleWiener``.
"""

from __future__ import annotations

import numpy as np

from stimuli.separators import Sound
from stimuli.separators.oracles.masks import EPSILON, Oracle

FLOOR = 1e-6
"""Share of every direction in a covariance, whose trace is the number of channels: it can always be inverted."""
BLOCK = 64
"""Bins at a time: working memory is a small part of the spectra."""


class OracleWiener(Oracle):
    """Filters each frequency with two true sources in mind: the target and the rest."""

    def sound(self, target: Sound, rest: Sound, mixture: Sound) -> Sound:
        """The estimate from all of the spectra: a covariance is that of the whole song."""
        spectra = self.estimate(*map(self.stft.forward, (target, rest, mixture)))
        return self.stft.inverse(spectra, len(mixture))

    def estimate(self, target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """The filtered mixture, block by block of bins."""
        found = np.empty_like(mixture)
        for first in range(0, mixture.shape[1], BLOCK):
            own, other, both = (part[:, first : first + BLOCK].transpose(1, 0, 2) for part in (target, rest, mixture))
            found[:, first : first + BLOCK] = _filtered(own, other, both).transpose(1, 0, 2)
        return found


def _filtered(target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """The target's estimate; all shapes (bins, channels, times).

    Both covariances are diagonal in one basis, rest = B B^H and target = B D B^H, and there the filter is a mask in
    every direction: nothing has to be inverted cell by cell.
    """
    own, other = _covariance(target), _covariance(rest)
    powers = [_power(part, covariance) for part, covariance in ((target, own), (rest, other))]
    root = np.linalg.cholesky(other)
    inverse = np.linalg.inv(root)
    weights, turn = np.linalg.eigh(inverse @ own @ _adjoint(inverse))
    basis, back = root @ turn, _adjoint(turn) @ inverse
    share = powers[0][:, None] * np.maximum(weights, 0)[:, :, None]
    return basis @ (share / (share + powers[1][:, None] + EPSILON) * (back @ mixture))


def _covariance(source: np.ndarray) -> np.ndarray:
    """Mean over time of each cell's outer product by its power, with the number of channels for its trace."""
    channels = source.shape[1]
    level = np.sqrt(np.mean(np.abs(source) ** 2, axis=1, keepdims=True) + EPSILON)
    unit = (source / level).astype(np.complex128)
    found = unit @ _adjoint(unit) / source.shape[2]
    trace = np.trace(found, axis1=1, axis2=2).real[:, None, None]
    return found * (channels / np.maximum(trace, EPSILON)) + FLOOR * np.eye(channels)


def _power(source: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The power of each cell that fits the covariance best, (bins, times)."""
    fitted = np.linalg.inv(covariance) @ source
    return np.maximum(np.einsum("bct,bct->bt", np.conj(source), fitted).real / source.shape[1], 0)


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    return np.conj(matrices.swapaxes(1, 2))

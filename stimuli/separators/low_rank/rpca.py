"""Robust PCA: what repeats is of low rank, what does not is sparse.

min ||L||_* + weight / sqrt(max(m, n)) ||S||_1 with M = L + S, by the inexact augmented Lagrangian method (Lin, Chen and
Ma 2010, arXiv:1009.5055), on magnitudes; S is the voice (Huang, Chen, Smaragdis and Hasegawa-Johnson 2012,
doi:10.1109/ICASSP.2012.6287816).

Conventions: magnitudes (bins, times), the mean over channels. Below 100 Hz all is music. A song is cut into segments of
equal length, as the method knows no song's length; neighbours share a second, over which one fades into the other.
Defines: ``Split``, ``rpca``, ``shrink``, ``Rpca``.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from stimuli.experiment import RpcaF0System, RpcaSystem
from stimuli.separators.classical.masking import VoiceMask
from stimuli.separators.spectral import Stft, bins_below

LOWEST_VOICE_HZ = 100.0
OVERLAP_S = 1.0
GROWTH = 1.5
"""By how much the penalty grows from one iteration to the next."""


class Split(NamedTuple):
    """A matrix as the sum of one of low rank and a sparse one, and how many iterations that took."""

    low_rank: np.ndarray
    sparse: np.ndarray
    iterations: int


def rpca(matrix: np.ndarray, weight: float = 1.0, *, tolerance: float = 1e-7, most: int = 1000) -> Split:
    """Split a matrix.

    Parameters
    ----------
    matrix : real, any shape (m, n); float32 is computed in float32, which ends at a tolerance of about 1e-6.
    weight : factor of the usual weight of the sparse part, 1/sqrt(max(m, n)).
    tolerance : it ends where ||M - L - S|| / ||M|| (Frobenius) is below.
    most : it ends after so many iterations in any case.
    """
    matrix = np.asarray(matrix)
    matrix = matrix if matrix.dtype == np.float32 else matrix.astype(float)
    norm, largest = float(np.linalg.norm(matrix)), _largest(matrix)
    if norm == 0:
        return Split(matrix, matrix.copy(), 0)
    lightest = weight / math.sqrt(max(matrix.shape))
    penalty = 1.25 / largest
    steepest = 1e7 * penalty
    # With the multiplier Y kept as Y / penalty, an iteration is S = soft(M - L + Y), L = thresholded(M - S + Y) and
    # Y <- (M - S + Y) - L. What soft() takes away is all that M - S + Y holds beyond the old L.
    multiplier = matrix / max(largest, float(np.abs(matrix).max()) / lightest) / penalty
    low, sparse, work = np.zeros_like(matrix), np.empty_like(matrix), np.empty_like(matrix)
    iteration = 0
    for iteration in range(1, most + 1):  # noqa: B007 (how many there were is told)
        np.subtract(matrix, low, out=sparse)
        sparse += multiplier
        np.clip(sparse, -lightest / penalty, lightest / penalty, out=work)
        sparse -= work
        work += low
        shrink(work, 1 / penalty, out=low)
        work -= low
        multiplier -= work
        missing = np.linalg.norm(multiplier) / norm
        grown = min(GROWTH * penalty, steepest)
        np.multiply(work, penalty / grown, out=multiplier)
        penalty = grown
        if missing < tolerance:
            break
    return Split(low, sparse, iteration)


def shrink(matrix: np.ndarray, threshold: float, out: np.ndarray) -> None:
    """Write a matrix with its singular values smaller by ``threshold``, those below it 0, into ``out``.

    They are the roots of the eigenvalues of the smaller of its two Gram matrices, in double precision: of a song's
    spectra that takes a fifth of the time of the singular values. Values below 1e-8 of the largest are lost, which no
    threshold of ``rpca`` asks for. ``out`` saves more time than it seems: fresh memory costs as much as the product.
    """
    if matrix.shape[0] > matrix.shape[1]:
        shrink(matrix.T, threshold, out.T)
        return
    values, vectors = np.linalg.eigh(_gram(matrix))
    stay = values > threshold**2
    left = (vectors[:, stay] * (1 - threshold / np.sqrt(values[stay]))).astype(matrix.dtype)
    right = vectors[:, stay].T.astype(matrix.dtype)
    if 2 * stay.sum() > len(matrix):
        np.matmul(left @ right, matrix, out=out)
    else:
        np.matmul(left, right @ matrix, out=out)


def _gram(matrix: np.ndarray) -> np.ndarray:
    """A matrix times its transpose in double precision, some columns at a time."""
    block = max(len(matrix), 1)
    parts = (matrix[:, start : start + block].astype(float) for start in range(0, matrix.shape[1], block))
    return functools.reduce(np.add, (part @ part.T for part in parts))


def _largest(matrix: np.ndarray) -> float:
    """The largest singular value."""
    return float(np.sqrt(np.linalg.eigvalsh(_gram(matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T))[-1]))


class Rpca(VoiceMask):
    """RPCA on segments of a song; the mask is binary unless a filter follows."""

    stft = Stft(window=2048, hop=512)
    tolerance, most = 1e-4, 40

    def __init__(self, system: RpcaSystem | RpcaF0System) -> None:
        super().__init__(system)
        self.entry = system

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """1 where the sparse part is larger than ``gain`` times the part of low rank; its share, for a filter."""
        magnitude = np.abs(spectra).mean(axis=0)
        mask = by_segments(magnitude, self.voice, self.entry.segment_s, rate_hz / self.stft.hop)
        mask[: bins_below(LOWEST_VOICE_HZ, self.stft.window, rate_hz)] = 0
        return mask[None]

    def voice(self, magnitude: np.ndarray) -> np.ndarray:
        """The mask of a segment."""
        low, sparse, _ = rpca(magnitude, self.entry.lambda_factor, tolerance=self.tolerance, most=self.most)
        return self.greater(np.abs(sparse), self.entry.gain * np.abs(low))


def by_segments(
    magnitude: np.ndarray, voice: Callable[[np.ndarray], np.ndarray], segment_s: float, frames_per_s: float
) -> np.ndarray:
    """A mask, made segment by segment and faded from each to the next; float32, the shape of ``magnitude``."""
    times, shared = magnitude.shape[1], max(round(OVERLAP_S * frames_per_s), 1)
    count = max(-(-(times - shared) // max(round(segment_s * frames_per_s) - shared, 1)), 1)
    edges = np.linspace(0, max(times - shared, 0), count + 1).round().astype(int)
    ramp = (np.arange(shared, dtype=np.float32) + 1) / (shared + 1)
    mask = np.zeros(magnitude.shape, np.float32)
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        part = voice(magnitude[:, start : end + shared]).astype(np.float32)
        if number:
            part[:, :shared] *= ramp
        if number < count - 1:
            part[:, -shared:] *= 1 - ramp
        mask[:, start : end + shared] += part
    return mask

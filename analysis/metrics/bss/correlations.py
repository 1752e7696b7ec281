"""Correlations of signals at short lags, as BSS Eval needs them: of every frame by itself, and of the whole.

Everything that BSS Eval says of a frame is a sum of products of filters and of the frame's correlations at lags below
the filters' length (``energies``). So the signals are gone through once; what is kept of a frame does not depend on
its length, and no frame is ever filtered.

r_ab[l] = sum over n of x_a[n] z_b[n + l], l = 0 … taps - 1, with x and z zero outside their stretch. A stretch is cut
into blocks; a block of x, padded with zeros, against as many samples of z and ``taps - 1`` more wraps nothing at these
lags. The products are summed as spectra, and one inverse transform ends it.

Conventions: signals are float64 (frames, channels).
Defines: ``correlate``, ``across``, ``stacked``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

OVERLAP = 8
"""A transform is so many times as long as the filters: one eighth of it is overlap, and it stays in the cache."""
BLOCKS = 16
"""Blocks that are transformed together."""


def stacked(sounds: Sequence[np.ndarray], start: int, stop: int) -> np.ndarray:
    """A stretch of some sounds (frames, channels) beside each other: (frames, channels of all)."""
    return np.concatenate([sound[start:stop] for sound in sounds], axis=1)


def correlate(x: np.ndarray, z: np.ndarray, taps: int) -> np.ndarray:
    """Correlations of all channels of x with all of z, both zero beyond their ends.

    Parameters
    ----------
    x, z : (frames, A) and (frames, B).

    Returns
    -------
    array (A, B, taps)
    """
    size = fft.next_fast_len(OVERLAP * taps, real=True)
    block = size - (taps - 1)
    spectrum = np.zeros((size // 2 + 1, x.shape[1], z.shape[1]), complex)
    for start in range(0, len(x), BLOCKS * block):
        mine = x[start : start + BLOCKS * block]
        count = -(-len(mine) // block)
        padded = np.zeros((count * block, x.shape[1]))
        padded[: len(mine)] = mine
        # As many samples of z as the blocks reach, and the taps - 1 after them.
        reach = np.zeros((count * block + taps - 1, z.shape[1]))
        there = z[start : start + len(reach)]
        reach[: len(there)] = there
        spectrum += _products(
            padded.reshape(count, block, -1).transpose(1, 0, 2),
            sliding_window_view(reach, size, axis=0)[::block].transpose(2, 0, 1),
            size,
        )
    return _lags(spectrum, size, taps)


def across(before: np.ndarray, after: np.ndarray, taps: int) -> np.ndarray:
    """The products that reach over cuts: x before a cut, z after it, summed over cuts.

    Parameters
    ----------
    before, after : (cuts, taps - 1, A) and (cuts, taps - 1, B): the samples next to each cut, zero where a stretch
        has fewer.

    Returns
    -------
    array (A, B, taps)
    """
    size = 2 * taps
    later = np.zeros((size, len(after), after.shape[2]))
    later[taps - 1 : 2 * (taps - 1)] = after.transpose(1, 0, 2)
    return _lags(_products(before.transpose(1, 0, 2), later, size), size, taps)


def _products(x: np.ndarray, z: np.ndarray, size: int) -> np.ndarray:
    """Sum over blocks of the spectra's products, (bins, A, B), of x (frames, blocks, A) and z (frames, blocks, B)."""
    mine, theirs = fft.rfft(x, size, axis=0), fft.rfft(z, size, axis=0)
    return np.matmul(mine.conj().transpose(0, 2, 1), theirs)


def _lags(spectrum: np.ndarray, size: int, taps: int) -> np.ndarray:
    return np.ascontiguousarray(fft.irfft(spectrum, size, axis=0)[:taps].transpose(1, 2, 0))

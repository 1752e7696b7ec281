"""Correlations of signals at short lags, as BSS Eval needs them: of every frame by itself, and of the whole.

Everything that BSS Eval says of a frame is a sum of products of filters and of the frame's correlations at lags below
the filters' length (``energies``). So the signals are gone through once; what is kept of a frame does not depend on
its length, and no frame is ever filtered.

r_ab[l] = sum over n of x_a[n] z_b[n + l], l = 0 … taps - 1, with x and z zero outside their stretch. A stretch is cut
into blocks; a block of x, padded with zeros, against as many samples of z and ``taps - 1`` more wraps nothing at these
lags. The products are summed as spectra, and one inverse transform ends it.

Conventions: signals are float64 (channels, frames): transforms are fastest along what lies in one piece.
Defines: ``correlate``, ``across``, ``stacked``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic

OVERLAP = 8
"""A transform is so many times as long as the filters: one eighth of it is overlap, and it stays in the cache."""
BLOCKS = 16
"""Blocks that are transformed together."""


def stacked(sounds: Sequence[np.ndarray], taps: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """A stretch of some sounds (frames, channels), all channels below each other, with zeros behind as ``correlate``
    needs them."""
    parts = [sound[start:stop].T for sound in sounds]
    length = parts[0].shape[1]
    count, block = _blocks(length, taps)
    found = np.empty((sum(map(len, parts)), count * block + taps - 1))
    np.concatenate(parts, axis=0, out=found[:, :length])
    found[:, length:] = 0
    return found


def correlate(x: np.ndarray, z: np.ndarray, taps: int, arithmetic: Arithmetic = NUMPY) -> np.ndarray:
    """Correlations of all channels of x with all of z.

    Parameters
    ----------
    x, z : rows of what ``stacked`` made of one stretch: (A, …) and (B, …).
    arithmetic : what computes them.

    Returns
    -------
    array (A, B, taps)
    """
    size = _size(taps)
    count, block = _blocks(x.shape[1] - taps + 1, taps)
    mine = x[:, : count * block].reshape(len(x), count, block)
    # Each block of x against as many samples of z and the taps - 1 after them; nobody writes, but torch asks for it.
    reach = sliding_window_view(z, block + taps - 1, axis=1, writeable=True)[:, ::block]
    spectrum: Any = 0
    for first in range(0, count, BLOCKS):
        together = slice(first, first + BLOCKS)
        spectrum += arithmetic.products(mine[:, together], reach[:, together], size)
    return arithmetic.lags(spectrum, size, taps)


def across(before: np.ndarray, after: np.ndarray, taps: int, arithmetic: Arithmetic = NUMPY) -> np.ndarray:
    """The products that reach over cuts: x before a cut, z after it, summed over cuts.

    Parameters
    ----------
    before, after : (A, cuts, taps - 1) and (B, cuts, taps - 1): the samples next to each cut, zero where a stretch
        has fewer.
    arithmetic : what computes them.

    Returns
    -------
    array (A, B, taps)
    """
    later = np.pad(after, ((0, 0), (0, 0), (taps - 1, 0)))  # where it lies after the samples before the cut
    return arithmetic.lags(arithmetic.products(before, later, 2 * taps), 2 * taps, taps)


def _size(taps: int) -> int:
    """Length of the transforms: a power of two."""
    return 1 << (OVERLAP * taps - 1).bit_length()


def _blocks(length: int, taps: int) -> tuple[int, int]:
    """Into how many blocks a stretch is cut, and how long they are: as few as the transforms allow, all alike."""
    count = -(-length // (_size(taps) - taps + 1))
    return count, -(-length // count)

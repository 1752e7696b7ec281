"""Energies of filtered signals, out of the signals' correlations: nothing is filtered.

A signal that is the sum of filtered channels, p = sum over a of h_a * x_a, has the energy
sum over a, b, l of r_ab[l] c_ab[l], where c_ab is the correlation of the filters h_a and h_b. The filters' tail after
the end of a frame counts, as in the reference implementation. The difference of two filtered signals is filtered by
the difference of the filters, so that no small energy is the difference of large ones.

Conventions: correlations (…, A, B, taps), filters (channels, taps, outputs).
Defines: ``weights``, ``energy``, ``product``, ``ratio_db``.
"""

from __future__ import annotations

import numpy as np


def weights(filters: np.ndarray) -> np.ndarray:
    """What each correlation of the channels counts in the energy of all outputs together: (C, C, taps)."""
    channels, taps, _ = filters.shape
    spectra = np.fft.rfft(filters, 2 * taps, axis=1).transpose(1, 0, 2)
    found = np.fft.irfft(np.matmul(spectra, spectra.conj().transpose(0, 2, 1)), 2 * taps, axis=0)[:taps]
    found[1:] *= 2  # a lag and its negative, which belongs to the channels the other way round
    return np.ascontiguousarray(found.transpose(1, 2, 0)).reshape(channels, channels, taps)


def energy(own: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """Energy (…) of filtered signals with correlations ``own`` (…, C, C, taps) and ``weights`` of their filters."""
    return own.reshape(*own.shape[:-3], -1) @ weighted.ravel()


def product(cross: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Sum of products (…) of filtered channels with the q signals they were filtered for.

    Parameters
    ----------
    cross : (…, C, q, taps): correlations of the channels with the signals.
    filters : (C, taps, q).
    """
    return cross.reshape(*cross.shape[:-3], -1) @ np.ascontiguousarray(filters.transpose(0, 2, 1)).ravel()


def ratio_db(signal: np.ndarray, error: np.ndarray) -> np.ndarray:
    """10 log10 of two energies (…); infinite where nothing but rounding is left of the error.

    An error energy can't be known better than to rounding: what is not above zero is none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, 10 * np.log10(np.maximum(signal, 0) / np.where(error > 0, error, 1)), np.inf)

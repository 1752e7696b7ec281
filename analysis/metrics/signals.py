"""Sums over long signals, a piece at a time: what several families of metrics are made of.

A song of four minutes is 170 MB; one difference of two such arrays costs more than all the arithmetic on it.

Conventions: sound is float64 (frames, channels); energies are sums of squares over frames and channels.
Defines: ``COPY_DB``, ``decibel``, ``pieces``, ``inner``, ``error_energy``, ``sdr``, ``si_sdr``, ``step_energy``,
``need_stereo``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.errors import AnalysisError

PIECE_FRAMES = 1 << 15
"""A piece of stereo float64 is 0.5 MB and stays in a core's cache."""
COPY_DB = 100.0
"""Level from which on a ratio is about rounding: below one part in 10^5 there is nothing that a file could hold."""


def decibel(signal: float, error: float) -> float:
    """10 log10(signal / error); -inf where there is no signal, inf where there is only signal."""
    if signal <= 0:
        return float("-inf")
    return float(10 * np.log10(signal / error)) if error > 0 else float("inf")


def pieces(frames: int, size: int = PIECE_FRAMES) -> Iterator[slice]:
    """Slices of ``size`` frames, the last one shorter, that make up a signal."""
    return (slice(first, min(first + size, frames)) for first in range(0, frames, size))


def inner(first: np.ndarray, second: np.ndarray) -> float:
    """The inner product of two sounds, all channels together as one vector."""
    return float(sum(np.vdot(first[part], second[part]) for part in pieces(len(first))))


def error_energy(estimate: np.ndarray, sources: Sequence[np.ndarray], gains: Sequence[float]) -> float:
    """Energy of an estimate after each source, times its gain, is taken from it."""
    total = 0.0
    for part in pieces(len(estimate)):
        error = estimate[part] - gains[0] * sources[0][part]
        for source, gain in zip(sources[1:], gains[1:], strict=True):
            error -= gain * source[part]
        total += float(np.vdot(error, error))
    return total


def sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10(|s|^2 / |e - s|^2), all channels together."""
    return decibel(inner(reference, reference), error_energy(estimate, [reference], [1.0]))


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10 log10(|a s|^2 / |e - a s|^2) with a = <e, s>/<s, s>, all channels together; -inf for silence."""
    energy = inner(reference, reference)
    if not energy:
        return float("-inf")
    gain = inner(reference, estimate) / energy
    return decibel(gain**2 * energy, error_energy(estimate, [reference], [gain]))


def step_energy(sound: np.ndarray, step: int) -> np.ndarray:
    """Energy of each whole step of ``step`` frames in each channel: shape (steps, channels)."""
    whole = len(sound) // step
    stepped = sound[: whole * step].reshape(whole, step, sound.shape[1])
    return np.einsum("snc,snc->sc", stepped, stepped)


def need_stereo(reference: np.ndarray) -> None:
    """Refuse a sound that has not two channels.

    Raises
    ------
    AnalysisError
        For any other number of channels.
    """
    if reference.shape[1] != 2:
        raise AnalysisError(f"defined for two channels, the reference has {reference.shape[1]}")

"""Low-rank representation: spectra are of low rank in the atoms of a dictionary (Yang 2013, ISMIR).

LRR: min ||Z||_* + weight ||S||_1 + noise ||M - DZ - S||_F^2: music DZ, voice S. MLRR: min ||Z_1||_* +
balance ||Z_2||_* + weight ||M - D_1 Z_1 - D_2 Z_2||_1: music and voice have a dictionary each. Both by the alternating
direction method of multipliers; weights are factors of 1/sqrt(max(m, n)).

Conventions: M (bins, times), dictionaries (bins, atoms), atoms of norm 1. Long songs go in segments, as in ``rpca``.
The voice's mask is Wiener-like, v^2 / (v^2 + a^2), of both parts without what is negative in them; below 100 Hz all is
music. Defines: ``lrr``, ``mlrr``, ``Lrr``, ``Mlrr``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stimuli.experiment import LrrSystem, MlrrSystem
from stimuli.separators.low_rank import online
from stimuli.separators.low_rank.dictionaries import Trained
from stimuli.separators.low_rank.rpca import LOWEST_VOICE_HZ, by_segments, shrink
from stimuli.separators.spectral import bins_below

FIRST_PENALTY, LAST_PENALTY = 1e-2, 1e6
GROWTH = 1.1
"""By how much the penalty grows in an iteration: slower than in ``rpca``; MLRR may end too early."""
EPSILON = 1e-12


def lrr(
    matrix: np.ndarray,
    dictionary: np.ndarray,
    weight: float = 1.0,
    noise: float = math.inf,
    *,
    tolerance: float = 1e-6,
    most: int = 500,
) -> tuple[np.ndarray, np.ndarray]:
    """The part in the dictionary's atoms and the sparse part; with a finite ``noise`` weight, they leave a rest."""
    scale, light = _scale(matrix), weight / math.sqrt(max(matrix.shape))
    whole, inverse = matrix / scale, np.linalg.inv(dictionary.T @ dictionary + np.eye(dictionary.shape[1]))
    codes = np.zeros((dictionary.shape[1], matrix.shape[1]), whole.dtype)
    low, second = np.zeros_like(codes), np.zeros_like(codes)
    sparse, rest, first = (np.zeros_like(whole) for _ in range(3))
    penalty, norm = FIRST_PENALTY, max(float(np.linalg.norm(whole)), EPSILON)
    for _ in range(most):
        shrink(codes + second / penalty, 1 / penalty, low)
        codes = inverse @ (dictionary.T @ (whole - sparse - rest + first / penalty) + low - second / penalty)
        gap = whole - dictionary @ codes + first / penalty
        sparse = _soft(gap - rest, light / penalty)
        if math.isfinite(noise):
            rest = (gap - sparse) * (penalty / (2 * noise * scale + penalty))
        gap = whole - dictionary @ codes - sparse - rest
        first += penalty * gap
        second += penalty * (codes - low)
        penalty = min(GROWTH * penalty, LAST_PENALTY)
        if max(np.linalg.norm(gap), np.linalg.norm(codes - low)) < tolerance * norm:
            break
    return dictionary @ codes * scale, sparse * scale


def mlrr(
    matrix: np.ndarray,
    dictionaries: Sequence[np.ndarray],
    weight: float = 1.0,
    balance: float = 1.0,
    *,
    tolerance: float = 1e-6,
    most: int = 500,
) -> tuple[np.ndarray, np.ndarray]:
    """The parts in the atoms of the first and of the second dictionary; what is sparse belongs to neither."""
    scale, light = _scale(matrix), weight / math.sqrt(max(matrix.shape))
    whole = matrix / scale
    inverses = [np.linalg.inv(each.T @ each + np.eye(each.shape[1])) for each in dictionaries]
    codes = [np.zeros((each.shape[1], matrix.shape[1]), whole.dtype) for each in dictionaries]
    lows, multipliers = ([np.zeros_like(each) for each in codes] for _ in range(2))
    parts = [np.zeros_like(whole) for _ in dictionaries]
    sparse, first = np.zeros_like(whole), np.zeros_like(whole)
    penalty, norm = FIRST_PENALTY, max(float(np.linalg.norm(whole)), EPSILON)
    for _ in range(most):
        for k, (atoms, share) in enumerate(zip(dictionaries, (1.0, balance), strict=True)):
            shrink(codes[k] + multipliers[k] / penalty, share / penalty, lows[k])
            wanted = atoms.T @ (whole - parts[1 - k] - sparse + first / penalty)
            codes[k] = inverses[k] @ (wanted + lows[k] - multipliers[k] / penalty)
            parts[k] = atoms @ codes[k]
        gap = whole - parts[0] - parts[1]
        sparse = _soft(gap + first / penalty, light / penalty)
        gap -= sparse
        first += penalty * gap
        for multiplier, code, low in zip(multipliers, codes, lows, strict=True):
            multiplier += penalty * (code - low)
        penalty = min(GROWTH * penalty, LAST_PENALTY)
        apart = max(float(np.linalg.norm(code - low)) for code, low in zip(codes, lows, strict=True))
        if max(float(np.linalg.norm(gap)), apart) < tolerance * norm:
            break
    return parts[0] * scale, parts[1] * scale


def _scale(matrix: np.ndarray) -> float:
    """What the matrix is divided by, so that the first penalty suits music of any level."""
    return max(float(np.sqrt(np.mean(matrix**2))), EPSILON)


def _soft(matrix: np.ndarray, threshold: float) -> np.ndarray:
    return matrix - np.clip(matrix, -threshold, threshold)


class Lrr(Trained):
    """LRR with a dictionary of the accompaniment."""

    learner = staticmethod(online.learnt)
    tolerance, most = 1e-3, 100

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """The voice's share of the power, segment by segment."""
        magnitude, entry = np.abs(spectra).mean(axis=0), self.entry
        assert isinstance(entry, LrrSystem | MlrrSystem)
        atoms = {source: self.dictionary(source, rate_hz) for source in self.places}
        atoms = {source: found / np.linalg.norm(found, axis=0) for source, found in atoms.items()}

        def voice(segment: np.ndarray) -> np.ndarray:
            music, sung = (np.maximum(part, 0) ** 2 for part in self.parts(segment, atoms))
            return sung / (sung + music + EPSILON)

        mask = by_segments(magnitude, voice, entry.segment_s, rate_hz / self.stft.hop)
        mask[: bins_below(LOWEST_VOICE_HZ, self.stft.window, rate_hz)] = 0
        return mask[None]

    def parts(self, segment: np.ndarray, atoms: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Music and voice of a segment."""
        entry = self.entry
        assert isinstance(entry, LrrSystem)
        return lrr(segment, atoms["accompaniment"], entry.lambda_factor, tolerance=self.tolerance, most=self.most)


class Mlrr(Lrr):
    """MLRR with a dictionary of each."""

    def parts(self, segment: np.ndarray, atoms: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Music and voice of a segment."""
        entry, both = self.entry, (atoms["accompaniment"], atoms["voice"])
        assert isinstance(entry, MlrrSystem)
        return mlrr(segment, both, entry.lambda_factor, entry.balance, tolerance=self.tolerance, most=self.most)

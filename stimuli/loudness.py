"""How loud sounds are, and the gains that an item's clips get.

BS.1770-5 (Annex 1) on 100 ms steps: the K-weighting of pyloudnorm (its ``DeMan`` filters; its default ones read
0.04 LU low), gates, momentary and short-term loudness, and the loudness range of EBU Tech 3342. Everything follows
from the energy of each step, so that a sound is filtered once, and a gain changes no measurement but by itself.

Conventions: sound (frames, channels); loudness in LUFS (-inf for silence), loudness range in LU, gains in dB.
One channel counts as two, because a mono clip is heard from both sides; 5 and 6 channels are L R C (LFE) Ls Rs.

Defines: ``Energy``, ``energy``, ``energy_of``, ``integrated_lufs``, ``to_level``, ``gain_of``, ``gain_to_level``,
``gain_db``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from scipy.signal import sosfilt

from stimuli.errors import SoundError

STEP_S = 0.1
SHORTEST_S = 0.4
CHUNK_STEPS = 100
"""Ten seconds are filtered at a time: the working memory stays flat however long the sound."""
OFFSET = -0.691
ABSOLUTE_GATE = -70.0
WEIGHTS = {1: (2.0,), 2: (1.0, 1.0), 5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}
"""Channel weights by the number of channels (BS.1770-5, table 3)."""


@dataclass(frozen=True)
class Energy:
    """K-weighted energy of each whole 100 ms step, summed over channels by their weights: shape (steps,)."""

    steps: np.ndarray

    @property
    def momentary_lufs(self) -> np.ndarray:
        """Loudness of each 400 ms window, one every 100 ms."""
        return _lufs(self._windows(4))

    @property
    def short_term_lufs(self) -> np.ndarray:
        """Loudness of each 3 s window, one every 100 ms; empty for a shorter sound."""
        return _lufs(self._windows(30))

    @property
    def range_lu(self) -> float | None:
        """Loudness range (EBU Tech 3342): 3 s windows every second, gated; None where there is none above the gate."""
        blocks = self._windows(30)[::10]
        blocks = blocks[_lufs(blocks) > ABSOLUTE_GATE]
        blocks = blocks[blocks > 0.01 * blocks.mean()] if len(blocks) else blocks
        if not len(blocks):
            return None
        # The nearest of the sorted values, as libebur128 takes it.
        low, high = (np.sort(blocks)[int((len(blocks) - 1) * share + 0.5)] for share in (0.1, 0.95))
        return float(10 * np.log10(high / low))

    def integrated_lufs(self, gain_db: float = 0.0) -> float:
        """Gated loudness of the sound after a gain; -inf where nothing passes the gate."""
        blocks = self._windows(4) * 10 ** (gain_db / 10)
        blocks = blocks[_lufs(blocks) > ABSOLUTE_GATE]
        blocks = blocks[blocks > 0.1 * blocks.mean()] if len(blocks) else blocks
        return float(_lufs(blocks.mean())) if len(blocks) else -np.inf

    def _windows(self, count: int) -> np.ndarray:
        if len(self.steps) < count:
            return np.empty(0)
        return np.convolve(self.steps, np.full(count, 1 / count), mode="valid")


def energy(samples: np.ndarray, rate_hz: int) -> Energy:
    """Filter a sound once, ready for every measurement; a last part of a step is left out.

    Raises
    ------
    SoundError
        For less than 0.4 s, which has no gating block, and for a number of channels without weights.
    """
    block = block_frames(rate_hz)
    blocks = (samples[first : first + block] for first in range(0, len(samples), block))
    return energy_of(blocks, len(samples), samples.shape[1] if samples.ndim == 2 else 1, rate_hz)


def block_frames(rate_hz: int) -> int:
    """How many frames are filtered at a time."""
    return CHUNK_STEPS * round(STEP_S * rate_hz)


def energy_of(blocks: Iterable[np.ndarray], frames: int, channels: int, rate_hz: int) -> Energy:
    """The same of a sound that comes in blocks of ``block_frames``, the last one shorter."""
    step = round(STEP_S * rate_hz)
    steps = int(frames / rate_hz / STEP_S + 1e-9)
    if steps * STEP_S < SHORTEST_S - 1e-9:
        raise SoundError(
            f"loudness needs at least {SHORTEST_S} s of sound, found {frames / rate_hz:.2f} s; lengthen the excerpt"
        )
    if channels not in WEIGHTS:
        raise SoundError(f"loudness is defined for 1, 2, 5 and 6 channels, found {channels}; mix the sound down")
    weighting, state = _weighting(rate_hz), np.zeros((2, channels, 2))
    weights, found = np.array(WEIGHTS[channels])[:, None], np.empty(steps)
    # The last block may hold a part of a step only: no step is left for it.
    for first, block in zip(range(0, steps, CHUNK_STEPS), blocks, strict=False):
        last = min(first + CHUNK_STEPS, steps)
        chunk = np.ascontiguousarray(block[: (last - first) * step].reshape(-1, channels).T, np.float64)
        weighted, state = sosfilt(weighting, chunk, zi=state)
        by_step = weighted.reshape(channels, last - first, step)
        found[first:last] = (weights * np.einsum("csn,csn->cs", by_step, by_step)).sum(axis=0) / step
    return Energy(found)


def integrated_lufs(samples: np.ndarray, rate_hz: int) -> float:
    """Integrated loudness (BS.1770-5, Annex 1); see ``energy`` for what is refused."""
    return energy(samples, rate_hz).integrated_lufs()


def to_level(samples: np.ndarray, rate_hz: int, lufs: float) -> tuple[np.ndarray, float]:
    """The sound at a given loudness, and the gain in dB that brought it there; silence passes with 0 dB."""
    gain_db = gain_of(samples, rate_hz, lufs)
    return samples * samples.dtype.type(10 ** (gain_db / 20)), gain_db


def gain_of(samples: np.ndarray, rate_hz: int, lufs: float) -> float:
    """The gain in dB that brings a sound to a loudness; 0 for silence, and for one too short to measure."""
    return gain_to_level(energy(samples, rate_hz) if len(samples) >= SHORTEST_S * rate_hz else None, lufs)


def gain_to_level(measured: Energy | None, lufs: float) -> float:
    """The gain in dB that brings a sound to a loudness; 0 for silence, and for one too short to measure (None)."""
    found = -np.inf if measured is None else measured.integrated_lufs()
    return lufs - found if np.isfinite(found) else 0.0


def gain_db(lufs: float, reference_lufs: float, *, target_lufs: float, match: str, shared: bool) -> float:
    """The gain that brings one condition of an item to its level, before anything is lowered for its peaks.

    Parameters
    ----------
    lufs, reference_lufs : loudness of the condition and of the item's reference.
    target_lufs : where the reference (``item``) or every condition (``each``) is brought to.
    match : ``item``: one gain for all of the item, the reference's; ``each``: every condition its own;
        ``none``: 0 dB.
    shared : the condition is the reference or made from it: it has the reference's gain whatever ``match`` says.
    """
    if match == "none":
        return 0.0
    own = match == "each" and not shared and np.isfinite(lufs)
    return target_lufs - (lufs if own else reference_lufs)


@functools.cache
def _weighting(rate_hz: int) -> np.ndarray:
    """K-weighting as second-order sections."""
    filters = pyloudnorm.Meter(rate_hz, filter_class="DeMan")._filters
    return np.array([[*stage.b, *stage.a] for stage in filters.values()])


def _lufs(mean_square: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return OFFSET + 10 * np.log10(mean_square)

"""How loud sounds are, and the gains that an item's clips get.

BS.1770-5 loudness by pyloudnorm with its ``DeMan`` filter (the default one reads 0.04 LU low) on whole 100 ms
blocks; true peak by four-times over-sampling (Annex 2), never below the sample peak.

Conventions: loudness in LUFS (-inf for silence), gains in dB, peaks in dBTP or dBFS.
Defines: ``integrated_lufs``, ``true_peak_dbtp``, ``sample_peak_dbfs``, ``to_level``, ``Level``, ``gain_plan``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyloudnorm

from stimuli import audio
from stimuli.errors import SoundError
from stimuli.experiment import REFERENCE

BLOCK_S = 0.1
SHORTEST_S = 0.4


def integrated_lufs(samples: np.ndarray, rate_hz: int) -> float:
    """Integrated loudness (BS.1770-5, Annex 1); -inf where nothing passes the gate.

    Raises
    ------
    SoundError
        For less than 0.4 s, which has no gating block.
    """
    # pyloudnorm counts a last partial block yet divides by a whole one, so that only whole ones may reach it.
    frames = int(len(samples) / rate_hz / BLOCK_S + 1e-9) * round(BLOCK_S * rate_hz)
    if frames < SHORTEST_S * rate_hz:
        raise SoundError(f"loudness needs at least {SHORTEST_S} s of sound, found {len(samples) / rate_hz:.2f} s")
    if not np.any(samples[:frames]):
        return -np.inf
    meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
    return float(meter.integrated_loudness(np.asarray(samples[:frames], np.float64)))


def sample_peak_dbfs(samples: np.ndarray) -> float:
    """Largest sample, in dB of full scale; -inf for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return 20 * np.log10(peak) if peak else -np.inf


def true_peak_dbtp(samples: np.ndarray) -> float:
    """True peak (BS.1770-5, Annex 2): four times over-sampled, and never below the sample peak."""
    return max(sample_peak_dbfs(samples), sample_peak_dbfs(audio.resample_4x(samples)))


def to_level(samples: np.ndarray, rate_hz: int, lufs: float) -> tuple[np.ndarray, float]:
    """The sound at a given loudness, and the gain in dB that brought it there; silence passes with 0 dB."""
    found = integrated_lufs(samples, rate_hz) if len(samples) >= SHORTEST_S * rate_hz else -np.inf
    gain_db = lufs - found if np.isfinite(found) else 0.0
    return (samples * 10 ** (gain_db / 20)).astype(samples.dtype), gain_db


@dataclass(frozen=True)
class Level:
    """What was measured of one clip before any gain."""

    lufs: float
    true_peak_dbtp: float


def gain_plan(levels: Mapping[str, Level], *, target_lufs: float, match: str, ceiling_dbtp: float) -> dict[str, float]:
    """Gain in dB for every condition of one item.

    Parameters
    ----------
    levels : measured levels by condition; the reference stands under ``"reference"``.
    target_lufs : where the reference (``item``) or every condition (``each``) is brought to.
    match : ``item``: one gain shared by all; ``each``: every condition on its own, but the reference and its
        low-pass anchors share the reference's gain; ``none``: 0 dB.
    ceiling_dbtp : the whole item is lowered until its loudest true peak is at most this; nothing is limited.
    """
    shared = 0.0 if match == "none" else target_lufs - levels[REFERENCE].lufs
    gains = dict.fromkeys(levels, shared)
    if match == "each":
        own = {name for name in levels if name != REFERENCE and not name.startswith("lowpass-")}
        gains |= {name: target_lufs - levels[name].lufs for name in own if np.isfinite(levels[name].lufs)}
    over = max(levels[name].true_peak_dbtp + gain for name, gain in gains.items()) - ceiling_dbtp
    return {name: gain - max(over, 0.0) for name, gain in gains.items()}

"""What a simulated listener would rate: the damage to a sound, heard against the open reference.

Task: give the rehearsal ratings that behave like ratings. The model is crude on purpose and claims nothing
about people: the error's level against the reference in each critical band, averaged over time, with the
listener's own bias, sharpness and carelessness on top.

Conventions: sounds are float arrays (frames, channels) of one rate; quality and ratings are 0 to 100.
Defines: ``Listener``, ``Ear``, ``quality``.
"""

from __future__ import annotations

import functools
import hashlib
import io
from dataclasses import dataclass

import numpy as np
import soundfile

# Edges of the critical bands in Hz (Zwicker 1961), the last one widened to take in all above.
BARK_EDGES_HZ = (
    *(0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150),
    *(3700, 4400, 5300, 6400, 7700, 9500, 12000, 96000),
)
FRAME = 2048
MASKED_DB = -15.0
"""An error this far below the reference in its band is not noticed."""
SILENT_DB = -60.0
"""Bands this far below the loudest one do not count."""


def quality(reference: np.ndarray, sound: np.ndarray, rate_hz: int) -> float:
    """How good ``sound`` is against ``reference``: 100 where they are the same, towards 0 as bands are lost."""
    wanted = _band_powers(reference, rate_hz)
    error = _band_powers(sound - reference, rate_hz)
    heard = wanted > wanted.max() * 10 ** (SILENT_DB / 10)
    ratio_db = 10 * np.log10(np.maximum(error[heard], 1e-30) / wanted[heard])
    damage = np.clip(1 - ratio_db / MASKED_DB, 0, 1)
    return float(100 * (1 - damage.mean()) ** 3)


def _band_powers(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Power per frame and critical band, shape (frames of FRAME samples, bands), summed over channels."""
    whole = sound[: len(sound) // FRAME * FRAME]
    blocks = whole.reshape(-1, FRAME, sound.shape[1]) * np.hanning(FRAME)[:, None]
    power = (np.abs(np.fft.rfft(blocks, axis=1)) ** 2).sum(axis=2)
    edges = np.searchsorted(np.fft.rfftfreq(FRAME, 1 / rate_hz), BARK_EDGES_HZ[:-1])
    return np.add.reduceat(power, edges[edges < power.shape[1]], axis=1)


@dataclass(frozen=True)
class Listener:
    """One simulated listener; everything about it follows from ``seed`` and ``number``."""

    seed: int
    number: int
    careless: bool = False

    def ratings(self, trial: int, qualities: list[float]) -> list[int]:
        """Whole-number ratings of one trial's sounds, given their qualities in the order of the page."""
        own = np.random.default_rng([self.seed, self.number])
        bias, sharpness = own.normal(0, 4), np.exp(own.normal(0, 0.15))
        now = np.random.default_rng([self.seed, self.number, trial])
        if self.careless:
            return [int(value) for value in now.integers(0, 101, len(qualities))]
        felt = 100 * (np.array(qualities) / 100) ** sharpness + bias + now.normal(0, 6, len(qualities))
        # The hidden reference is found most of the time, as trained listeners do.
        found = (np.array(qualities) > 99.9) & (now.random(len(qualities)) < 0.9)
        return [100 if hit else int(value) for hit, value in zip(found, np.clip(felt, 0, 99), strict=True)]


class Ear:
    """``quality`` of sound files, each pair heard once: all listeners of a rehearsal share one."""

    def __init__(self) -> None:
        self._sounds: dict[str, np.ndarray] = {}
        self._rate_hz = 0
        self._pair_quality = functools.cache(
            lambda reference, sound: quality(self._sounds[reference], self._sounds[sound], self._rate_hz)
        )

    def quality(self, reference: bytes, sound: bytes) -> float:
        """Quality of one sound file against another, 0 to 100."""
        return self._pair_quality(self._hear(reference), self._hear(sound))

    def _hear(self, file: bytes) -> str:
        key = hashlib.sha256(file).hexdigest()
        if key not in self._sounds:
            self._sounds[key], self._rate_hz = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
        return key

"""Oracles: what could be had at best, if the stems were known. Ceilings, not systems; or controlled damage.

Every oracle knows the target S, the rest N (both sums of true stems) and the mixture X, and works per channel:

* ratio mask: |S|^p / (|S|^p + |N|^p); p = 2 is the Wiener-like ideal ratio mask (Liutkus and Badeau 2015)
* binary mask: 1 where |S|^a >= theta |X|^a, or where |S|^a > theta (|S|^a + |N|^a)
* complex mask: S/X, compressed and brought back (Williamson, Wang and Wang 2016, doi:10.1109/TASLP.2015.2512042)

Conventions: sound float32 (frames, channels), spectra (channels, bins, times).
Defines: ``Oracle``, ``OracleRatioMask``, ``OracleBinaryMask``, ``OracleComplexMask``, ``compressed``, ``expanded``,
``damaged``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from stimuli.experiment import (
    Damage,
    OracleBinaryMaskSystem,
    OracleComplexMaskSystem,
    OracleRatioMaskSystem,
    OracleSystem,
)
from stimuli.separators import Song, Sound, mixed
from stimuli.separators.spectral import Stft

EPSILON = 1e-12
LARGEST = 1 - 1e-6
"""How near a compressed mask may come to its limit: nearer, single precision can't tell it from there."""


class Oracle:
    """Makes its estimate from the true stems, then does the damage that was asked for; any stem can be the target."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = True
    holds_spectra: ClassVar[bool] = True
    stft: ClassVar[Stft] = Stft(window=4096, hop=1024)

    def __init__(self, system: OracleSystem) -> None:
        self.system = system

    def missing(self) -> str | None:
        """Nothing is needed but the stems."""
        return None

    def provenance(self) -> dict[str, Any]:
        """What the entry says, window and hop."""
        said = self.system.model_dump(mode="json", exclude={"name", "kind", "version"})
        return {"parameters": {**said, "window": self.stft.window, "hop": self.stft.hop}, "weights_sha256": {}}

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """The stems, where there are two or more, and the accompaniment where one of them is the vocals."""
        names = _apart(stems)
        return (*names, *(["accompaniment"] if "vocals" in names else [])) if len(names) > 1 else ()

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """The mixture, masked for each target."""
        return {target: self._estimate(song, target) for target in targets}

    def _estimate(self, song: Song, target: str) -> Sound:
        names = _apart(song.stems)
        wanted = [name for name in names if name != "vocals"] if target == "accompaniment" else [target]
        rest = [name for name in names if name not in wanted]
        own, other = (mixed(song.stems[name] for name in group) for group in (wanted, rest))
        estimate = self.sound(own, other, song.mixture)
        return estimate if self.system.damage is None else damaged(estimate, song.mixture, self.system.damage)

    def sound(self, target: Sound, rest: Sound, mixture: Sound) -> Sound:
        """The estimate from the target, the rest and the mixture; here cell by cell, a block after the other."""
        blocks = zip(*map(self.stft.blocks, (target, rest, mixture)), strict=True)
        return self.stft.joined((self.estimate(*spectra) for spectra in blocks), *mixture.shape[::-1])

    def estimate(self, target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """Spectra of the estimate, from those of the target, the rest and the mixture."""
        raise NotImplementedError


def _apart(stems: Iterable[str]) -> list[str]:
    """Stems that are not made of others."""
    return sorted(name for name in stems if name != "accompaniment")


class OracleRatioMask(Oracle):
    """Masks the mixture with the true share of the target."""

    system: OracleRatioMaskSystem

    def estimate(self, target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """The mixture times the share."""
        share = [np.abs(part) ** self.system.power for part in (target, rest)]
        mask = share[0] / (share[0] + share[1] + EPSILON)
        return mixture * mask


class OracleBinaryMask(Oracle):
    """Keeps the bins in which the target is great enough."""

    system: OracleBinaryMaskSystem

    def estimate(self, target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """The mixture where the target is great enough, 0 elsewhere."""
        alpha, theta = self.system.alpha, self.system.theta
        own = np.abs(target) ** alpha
        if self.system.against == "mixture":
            return mixture * (own >= theta * (np.abs(mixture) ** alpha + EPSILON))
        return mixture * (own > theta * (own + np.abs(rest) ** alpha))


class OracleComplexMask(Oracle):
    """Masks the mixture with the true complex ratio, as far as compression lets it through."""

    system: OracleComplexMaskSystem

    def estimate(self, target: np.ndarray, rest: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """The mixture times a mask that was compressed and brought back."""
        del rest
        mask = target * np.conj(mixture) / (np.abs(mixture) ** 2 + EPSILON)
        steep = self.system.compression
        real, imaginary = (expanded(compressed(part, steep), steep) for part in (mask.real, mask.imag))
        return mixture * (real + 1j * imaginary)


def compressed(part: np.ndarray, c: float, k: float = 10.0) -> np.ndarray:
    """K (1 - e^-Cm) / (1 + e^-Cm) of a mask's real or imaginary part m: within ±K.

    K is what a network's last layer has to reach. Brought back, it is gone again: only C decides what gets through.
    """
    return k * np.tanh(part * (c / 2))


def expanded(part: np.ndarray, c: float, k: float = 10.0) -> np.ndarray:
    """The inverse, -1/C ln((K - q) / (K + q)), of what lies within ±K; what is too near to K is held."""
    return np.arctanh(np.clip(part / k, -LARGEST, LARGEST)) * (2 / c)


DAMAGE_STFT = Stft(window=2048, hop=512)


def damaged(estimate: Sound, mixture: Sound, damage: Damage) -> Sound:
    """An estimate with what is left of the mixture leaking in, and then with a share of its bins zeroed.

    A leak of g dB leaves the rest in a perfect estimate at g dB against its own level. Zeroing a share z of the bins
    leaves 1 - z of the sound, and noise beneath it: SI-SDR falls to 10 log10(4 (1 - z) / z) dB where the estimate was
    perfect, 15.6 dB at z = 0.1, 6.0 dB at 0.5, -3.5 dB at 0.9. (Four windows overlap: a quarter of the noise is left.)
    Each stretch of a long song is drawn from the same seed; in the seconds that two share, less is heard of both.
    """
    if damage.leak_db is not None:
        estimate = estimate + (mixture - estimate) * np.float32(10 ** (damage.leak_db / 20))
    if damage.zeroed:
        spectra = DAMAGE_STFT.forward(estimate)
        kept = np.random.default_rng(damage.seed).random(spectra.shape[1:], np.float32) >= damage.zeroed
        estimate = DAMAGE_STFT.inverse(spectra * kept, len(estimate))
    return estimate

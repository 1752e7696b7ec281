"""An oracle ratio mask: what masking could do at best, if the stems were known. A ceiling, not a system.

M = |S|^p / sum of |S_k|^p per channel over the true stems; p = 2 is the Wiener-like ideal ratio mask
(Liutkus and Badeau 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from stimuli.experiment import OracleRatioMaskSystem
from stimuli.separators import Song, Sound, mixed
from stimuli.separators.spectral import Stft

EPSILON = 1e-12


class OracleRatioMask:
    """Masks the mixture with the true share of the target; any stem can be the target."""

    version = "1"
    looks_at_stems = True
    stft = Stft(window=4096, hop=1024)

    def __init__(self, system: OracleRatioMaskSystem) -> None:
        self.system = system

    def missing(self) -> str | None:
        """Nothing is needed but the stems."""
        return None

    def provenance(self) -> dict[str, Any]:
        """Power, window and hop."""
        return {
            "parameters": {"power": self.system.power, "window": self.stft.window, "hop": self.stft.hop},
            "weights_sha256": {},
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """The stems, where there are two or more, and the accompaniment where one of them is the vocals."""
        names = _apart(stems)
        return (*names, *(["accompaniment"] if "vocals" in names else [])) if len(names) > 1 else ()

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """The mixture, masked for each target."""
        spectra = self.stft.forward(song.mixture)
        return {target: self._estimate(song, spectra, target) for target in targets}

    def _estimate(self, song: Song, spectra: np.ndarray, target: str) -> Sound:
        names = _apart(song.stems)
        wanted = [name for name in names if name != "vocals"] if target == "accompaniment" else [target]
        rest = [name for name in names if name not in wanted]
        share = [
            np.abs(self.stft.forward(mixed(song.stems[name] for name in group))) ** self.system.power
            for group in (wanted, rest)
        ]
        mask = share[0] / (share[0] + share[1] + EPSILON)
        return self.stft.inverse(spectra * mask, len(song.mixture))


def _apart(stems: Iterable[str]) -> list[str]:
    """Stems that are not made of others."""
    return sorted(name for name in stems if name != "accompaniment")

"""An oracle ratio mask: what masking could do at best, if the stems were known. A ceiling, not a system.

M = |S|^p / sum of |S_k|^p per channel over the true stems; p = 2 is the Wiener-like ideal ratio mask
(Liutkus and Badeau 2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stimuli.errors import StimuliError
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

    def separate(self, song: Song, target: str) -> Sound:
        """The masked mixture.

        Raises
        ------
        StimuliError
            Where the song has no such stem.
        """
        names = sorted(name for name in song.stems if name != "accompaniment")
        wanted = [name for name in names if name != "vocals"] if target == "accompaniment" else [target]
        rest = [name for name in names if name not in wanted]
        if not rest or not wanted or not set(wanted) <= set(names):
            who = f"system {self.system.name!r} on {song.name!r}"
            raise StimuliError(f"{who}: it needs the true stem {target!r} and another one, found {names}")
        share = [
            np.abs(self.stft.forward(mixed(song.stems[name] for name in group))) ** self.system.power
            for group in (wanted, rest)
        ]
        mask = share[0] / (share[0] + share[1] + EPSILON)
        return self.stft.inverse(self.stft.forward(song.mixture) * mask, len(song.mixture))

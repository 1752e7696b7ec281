"""RPCA joined with the voice's pitch: of what is sparse, only what lies at the harmonics of a sung note is voice.

After Ikemiya, Yoshii and Itoyama (2015, ICASSP): the pitch is found in the voice that RPCA
leaves, and RPCA's mask is multiplied by one that is 1 around the harmonics of that pitch and 0 between them.

Conventions: those of ``rpca``. The pitch is looked for in windows twice as long, which tell low harmonics apart.
Defines: ``RpcaF0``, ``around_harmonics``.
"""

from __future__ import annotations

import numpy as np

from stimuli.experiment import RpcaF0System
from stimuli.separators.low_rank.pitch import pitch
from stimuli.separators.low_rank.rpca import Rpca
from stimuli.separators.spectral import Stft, slices

BLOCK = 256
"""Frames of the voice's spectra that are there at a time."""


class RpcaF0(Rpca):
    """RPCA's mask, kept around the harmonics of the voice's pitch."""

    finer = Stft(window=2 * Rpca.stft.window, hop=Rpca.stft.hop)
    entry: RpcaF0System

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """RPCA's mask between 0 and 1, and 0 between the harmonics."""
        mask, bin_hz = super().mask(spectra, rate_hz), rate_hz / self.stft.window
        found_hz = self.pitch(spectra, mask, rate_hz)
        for part in slices(mask.shape[2], BLOCK):
            mask[..., part] *= around_harmonics(found_hz[part], mask.shape[1], bin_hz, self.entry)
        return mask

    def pitch(self, spectra: np.ndarray, mask: np.ndarray, rate_hz: int) -> np.ndarray:
        """The pitch in Hz at each time of the masked spectra (channels, bins, times)."""
        # This length has as many frames as the spectra.
        length = (spectra.shape[2] - 2) * self.stft.hop
        masked = (spectra[..., part] * mask[..., part] for part in slices(spectra.shape[2], BLOCK))
        voice = self.stft.joined(masked, len(spectra), length)
        blocks = (np.abs(block).mean(axis=0) for block in self.finer.blocks(voice, BLOCK))
        entry = self.entry
        highest_hz = min(entry.highest_hz, rate_hz / 2)
        return pitch(blocks, rate_hz / self.finer.window, entry.lowest_hz, highest_hz, harmonics=entry.harmonics)


def around_harmonics(pitch_hz: np.ndarray, bins: int, bin_hz: float, entry: RpcaF0System) -> np.ndarray:
    """1 in bins within half of ``width_hz`` of one of the first ``harmonics``, else 0; float32 (bins, times)."""
    place = np.arange(bins)[:, None] * bin_hz
    nearest = np.rint(place / np.maximum(pitch_hz, bin_hz))
    inside = np.abs(place - nearest * pitch_hz) <= entry.width_hz / 2
    return (inside & (nearest >= 1) & (nearest <= entry.harmonics) & (pitch_hz > 0)).astype(np.float32)

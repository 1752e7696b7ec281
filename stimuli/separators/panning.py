"""Centre cancellation: what both channels have in common, in phase and in level, is taken for the voice.

For each cell of the spectra, similarity s = 2|LR*|/(|L|^2+|R|^2) (Avendano 2003) and coherence of phase
c = Re(LR*)/|LR*|; the voice's share is s^8 c^4 where c > 0, between 110 Hz and 12 kHz.
"""

from __future__ import annotations

import numpy as np

from stimuli.separators.masking import VoiceMask
from stimuli.separators.spectral import Stft, bins_below

LOWEST_HZ, HIGHEST_HZ = 110.0, 12_000.0
EPSILON = 1e-12


class CentreCancellation(VoiceMask):
    """Removes the middle of a stereo mixture. A mono mixture is all middle."""

    stft = Stft(window=4096, hop=1024)

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """Share of voice from the similarity of the two channels; 0 for anything but stereo."""
        if len(spectra) != 2:
            return np.zeros_like(spectra, np.float32)
        left, right = spectra
        cross = left * np.conj(right)
        size = np.abs(cross)
        similar = 2 * size / (np.abs(left) ** 2 + np.abs(right) ** 2 + EPSILON)
        in_phase = np.clip(cross.real / (size + EPSILON), 0, 1)
        mask = np.clip(similar, 0, 1) ** 8 * in_phase**4
        mask[: bins_below(LOWEST_HZ, self.stft.window, rate_hz)] = 0
        mask[bins_below(HIGHEST_HZ, self.stft.window, rate_hz) :] = 0
        return mask[None]

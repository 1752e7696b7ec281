"""Where a sound is panned tells what it is: the middle for the voice, or any other place.

Centre cancellation: for each cell of the spectra, similarity s = 2|LR*|/(|L|^2+|R|^2) (Avendano 2003) and coherence of
phase c = Re(LR*)/|LR*|; the voice's share is s^8 c^4 where c > 0, between 110 Hz and 12 kHz. The panning mask has any
place: the index is 1 - s, negative where the left is louder, and a Gaussian window around the wanted one is the mask.
Left minus right needs no spectra.

Defines: ``CentreCancellation``, ``LeftMinusRight``, ``PanningMask``, ``panning_index``.
"""

from __future__ import annotations

import numpy as np

from stimuli.errors import StimuliError
from stimuli.experiment import PanningMaskSystem
from stimuli.separators import Song, Sound
from stimuli.separators.classical.masking import CellMask, VoiceMask
from stimuli.separators.spectral import Stft, bins_below

LOWEST_HZ, HIGHEST_HZ = 110.0, 12_000.0
EPSILON = 1e-12


class CentreCancellation(CellMask):
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


class PanningMask(CellMask):
    """Takes what is panned to one place for the voice; a sound whose index is ``width`` away is taken by half."""

    stft = Stft(window=4096, hop=1024)
    system: PanningMaskSystem

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """Gaussian window on the panning index (Avendano 2003); 0 for anything but stereo."""
        del rate_hz  # a place is a place at every frequency
        if len(spectra) != 2:
            return np.zeros_like(spectra, np.float32)
        away = (panning_index(spectra) - self.system.panning) / self.system.width
        return np.exp2(-(away**2))[None]


def panning_index(spectra: np.ndarray) -> np.ndarray:
    """Panning index of each cell of stereo spectra: -1 is left only, 0 as loud in both channels, 1 right only."""
    left, right = np.abs(spectra)
    similar = 2 * left * right / (left**2 + right**2 + EPSILON)
    return (1 - similar) * np.sign(right - left)


class LeftMinusRight(VoiceMask):
    """Half of left minus right is the accompaniment, in the right channel with its sign turned.

    What both channels share is gone, and so is all of a mono song: silence, and the provenance says why.
    """

    same_channels = False
    holds_spectra = False

    def provenance(self) -> dict[str, object]:
        """Whether the last song had two equal channels, or one: then its accompaniment is silent."""
        silent = {"silent": "both channels are the same, so that nothing is left"} if self.same_channels else {}
        return {"parameters": silent, "weights_sha256": {}}

    def vocals(self, song: Song) -> Sound:
        """Half of left plus right, in both channels.

        Raises
        ------
        StimuliError
            For more than two channels.
        """
        channels = song.mixture.shape[1]
        if channels > 2:
            who = f"system {self.system.name!r} on {song.name!r}"
            raise StimuliError(f"{who}: left minus right is for stereo, found {channels} channels; mix the song down")
        self.same_channels = bool((song.mixture == song.mixture[:, :1]).all())
        return np.repeat(song.mixture.mean(axis=1, keepdims=True), channels, axis=1)

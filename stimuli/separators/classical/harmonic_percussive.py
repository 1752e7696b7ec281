"""Two-stage harmonic-percussive separation: in long windows a voice is a stroke, in short ones it is a tone.

After Tachibana, Ono and Sagayama 2014 (doi:10.1109/TASLP.2013.2287052), with median filters (Fitzgerald 2010, DAFx) and
soft masks of power 2. What moves too much to be harmonic at 8192 samples and is harmonic at 1024 is the voice.

Conventions: spectra (channels, bins, times), each channel for itself. Defines: ``HpssTwoStage``, ``harmonic_share``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import median_filter

from stimuli.experiment import FilteredSystem
from stimuli.separators import Song, Sound
from stimuli.separators.classical.masking import VoiceMask
from stimuli.separators.spectral import Stft, slices
from stimuli.separators.wiener import BLOCK

MEDIAN = 31
"""Frames, or bins, that the medians look at."""


class HpssTwoStage(VoiceMask):
    """Voice is what is left of two separations, one after the other."""

    stft = Stft(window=1024, hop=256)
    long = Stft(window=8192, hop=2048)

    def provenance(self) -> dict[str, object]:
        """Windows and hops of both stages."""
        told = super().provenance()
        told["parameters"] |= {"first_window": self.long.window, "first_hop": self.long.hop}
        return told

    def vocals(self, song: Song) -> Sound:
        """The harmonic part, in short windows, of what is percussive in long ones."""
        # The last frame of each transform lies beyond the song: its silence would weigh in the medians.
        moving, length = self.long.forward(song.mixture)[:, :, :-1], len(song.mixture)
        for channel in moving:
            channel *= 1 - harmonic_share(np.abs(channel))
        tones = self.stft.forward(self.long.inverse(moving, length))[:, :, :-1]
        for channel in tones:
            channel *= harmonic_share(np.abs(channel))
        return self.stft.joined(self.among(tones, song.mixture), len(tones), length)

    def among(self, tones: np.ndarray, mixture: Sound) -> Iterator[np.ndarray]:
        """The tones themselves; for a filter, their share of the mixture, which two masks in a row don't tell."""
        assert isinstance(self.system, FilteredSystem)
        parts = slices(tones.shape[2], BLOCK)
        if self.system.post_filter == "none":
            return (tones[..., part] for part in parts)
        # The mixture has one frame more.
        both = zip(parts, self.stft.blocks(mixture, BLOCK), strict=False)
        return (self._filtered(tones[..., part], spectra) for part, spectra in both)

    def _filtered(self, tones: np.ndarray, spectra: np.ndarray) -> np.ndarray:
        spectra = spectra[..., : tones.shape[2]]
        return self.filtered(self.greater(np.abs(tones), np.abs(spectra - tones)), spectra)


def harmonic_share(magnitude: np.ndarray) -> np.ndarray:
    """How much of each cell (bins, times) is harmonic, 0 to 1; the rest is percussive, half and half in silence."""
    along_time = _running_median(magnitude) ** 2
    along_frequency = _running_median(magnitude.T).T ** 2
    both = along_time + along_frequency
    return np.where(both > 0, along_time / np.where(both > 0, both, 1), np.float32(0.5))


def _running_median(rows: np.ndarray) -> np.ndarray:
    """Median over ``MEDIAN`` values along each row, mirrored at its ends.

    scipy's filter for one dimension is many times as fast as the one for two, so the rows stand one after another.
    """
    half = MEDIAN // 2
    padded = np.pad(rows, ((0, 0), (half, half)), mode="symmetric")
    return median_filter(padded.ravel(), MEDIAN).reshape(padded.shape)[:, half:-half]

"""What every system with a voice mask has in common: two targets, and the mixture as their sum.

A subclass says how much of each spectral cell is voice (0 to 1). Vocals are the masked mixture, the
accompaniment is the mixture minus the vocals, so that the two add up to the mixture by construction.

Defines: ``VoiceMask``, ``CellMask``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from stimuli.experiment import AnySystem, FilteredSystem
from stimuli.separators import Song, Sound
from stimuli.separators.spectral import Stft, slices
from stimuli.separators.wiener import BLOCK, post_filtered, version_of

EPSILON = 1e-12


class VoiceMask:
    """A separator that needs no weights: its mask follows from the mixture alone."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = False
    holds_spectra: ClassVar[bool] = True
    stft: ClassVar[Stft]

    def __init__(self, system: AnySystem) -> None:
        self.system = system

    def missing(self) -> str | None:
        """Nothing is needed."""
        return None

    def fingerprint(self) -> dict[str, str]:
        """The version of a filter that has had others."""
        return version_of(getattr(self.system, "post_filter", "none"))

    def provenance(self) -> dict[str, Any]:
        """Window and hop."""
        return {"parameters": {"window": self.stft.window, "hop": self.stft.hop}, "weights_sha256": {}}

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """Share of voice, 0 to 1, broadcastable to ``spectra`` (channels, bins, times)."""
        raise NotImplementedError

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Vocals and accompaniment."""
        return ("vocals", "accompaniment")

    def filtered(self, mask: np.ndarray, spectra: np.ndarray) -> np.ndarray:
        """The masked mixture, through the filter that the entry asks for."""
        assert isinstance(self.system, FilteredSystem)
        return post_filtered(mask, spectra, self.system.post_filter, self.system.wiener_power)

    def greater(self, voice: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Where the voice's magnitudes are the greater; their share instead, where a filter follows that can use it."""
        assert isinstance(self.system, FilteredSystem)
        return voice > rest if self.system.post_filter == "none" else voice / np.maximum(voice + rest, EPSILON)

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """The masked mixture, and the rest."""
        vocals = self.vocals(song)
        return {target: vocals if target == "vocals" else song.mixture - vocals for target in targets}

    def vocals(self, song: Song) -> Sound:
        """The masked mixture."""
        spectra = self.stft.forward(song.mixture)
        mask = self.mask(spectra, song.rate_hz)
        return self.stft.joined(self.filtered_blocks(mask, spectra), len(spectra), len(song.mixture))

    def filtered_blocks(self, mask: np.ndarray, spectra: np.ndarray) -> Iterator[np.ndarray]:
        """The masked mixture as ``filtered`` gives it, in the blocks that a filter works on anyway."""
        return (self.filtered(mask[..., part], spectra[..., part]) for part in slices(spectra.shape[2], BLOCK))


class CellMask(VoiceMask):
    """A mask that follows, in every cell, from that cell alone: no more than a block of spectra is ever there."""

    holds_spectra: ClassVar[bool] = False

    def vocals(self, song: Song) -> Sound:
        """The masked mixture."""
        blocks = self.stft.blocks(song.mixture, BLOCK)
        masked = (self.filtered(self.mask(spectra, song.rate_hz), spectra) for spectra in blocks)
        return self.stft.joined(masked, song.mixture.shape[1], len(song.mixture))

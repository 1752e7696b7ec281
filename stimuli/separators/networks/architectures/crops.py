"""Masks of whole songs crop by crop, as vocal removers make them: work space is that of one crop.

Crops overlap; of each, the middle is kept (the region of interest). A second pass with crops between those of the
first may be averaged with it. Where a mask keeps nearly all for long, what it takes away is an artefact, and can be put
back.

Conventions: spectra and masks (batch, channels, bins, times).
Defines: ``Crops``, ``merged``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

KEPT, LONGER_THAN, RAMP = 0.05, 64, 32
"""A run of frames counts as accompaniment alone where every cell's mask is above ``KEPT``; frames."""


@dataclass(frozen=True)
class Crops:
    """Crops of ``size`` frames, of which ``offset`` on either side are context.

    ``twice`` asks for the second pass, ``merges`` for what was taken away by mistake to be put back.
    """

    size: int
    offset: int
    twice: bool = False
    merges: bool = False

    def __post_init__(self) -> None:
        if self.size % 16 or not 0 <= 2 * self.offset < self.size:
            raise ValueError(
                f"cropsize is a multiple of 16, offset less than half of it; found {self.size} and {self.offset}"
            )

    @property
    def kept(self) -> int:
        """Frames of a crop that are kept."""
        return self.size - 2 * self.offset

    def padding(self, times: int) -> tuple[int, int]:
        """Silent frames before and after a song of ``times`` frames."""
        return self.offset, self.kept - times % self.kept + self.offset

    def masks(self, network: Callable[[torch.Tensor], torch.Tensor], spectra: torch.Tensor) -> torch.Tensor:
        """What the network says of each crop, put together."""
        times, half = spectra.shape[3], self.kept // 2
        mask = self._pass(network, spectra, 0)[..., :times]
        if self.twice:
            mask = (mask + self._pass(network, spectra, half)[..., half : half + times]) / 2
        return merged(mask) if self.merges else mask

    def _pass(self, network: Callable[[torch.Tensor], torch.Tensor], spectra: torch.Tensor, more: int) -> torch.Tensor:
        before, after = self.padding(spectra.shape[3])
        padded = functional.pad(spectra, (before + more, after + more))
        middle = slice(self.offset, self.size - self.offset)
        starts = range(0, padded.shape[3] - self.size + 1, self.kept)
        return torch.cat([network(padded[..., start : start + self.size])[..., middle] for start in starts], dim=3)


def merged(mask: torch.Tensor) -> torch.Tensor:
    """The mask, with a magnitude of 1 where it keeps something in every cell for long; a complex one has its phase.

    Such runs fade in and out within themselves, over ``RAMP`` frames; not where the song begins or ends.
    """
    size = mask.abs()
    weight = torch.stack([_weight(one) for one in size.amin(dim=(1, 2)) > KEPT]).to(size)[:, None, None]
    size = size + weight * (1 - size)
    return torch.polar(size, mask.angle()) if mask.is_complex() else size


def _weight(kept: torch.Tensor) -> torch.Tensor:
    """How much of each frame (0 to 1) is put back, of frames that are kept or not."""
    weight = torch.zeros(len(kept))
    edges = functional.pad(kept.int(), (1, 1)).diff()
    for start, end in zip(edges.eq(1).nonzero()[:, 0].tolist(), edges.eq(-1).nonzero()[:, 0].tolist(), strict=True):
        if end - start <= LONGER_THAN:
            continue
        weight[start:end] = 1
        if start > 0:
            weight[start : start + RAMP] = torch.linspace(0, 1, RAMP)
        if end < len(kept):
            weight[end - RAMP : end] = torch.linspace(1, 0, RAMP)
    return weight

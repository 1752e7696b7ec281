"""What the early networks have in common: from magnitudes of a mono sound a mask for each source, the mixture's phase.

Conventions: magnitudes (items, bins, times), an item being one channel of one sound: the channels of a stereo sound are
heard one by one. Masks (items, sources, bins, times).

Defines: ``Masking``, ``PerSource``, ``soft_masks``, ``stacked``, ``unit_scaled``, ``at_least_two``, ``EPSILON``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from stimuli.separators.networks.transform import Transform

EPSILON = 1e-10


class Masking(nn.Module):
    """Waveform to waveforms by masks on the spectra; a subclass says which masks, and how far off they are."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(items, bins, times) to (items, sources, bins, times)."""
        raise NotImplementedError

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """The paper's loss, from magnitudes of the mixture (items, bins, times) and of the sources."""
        raise NotImplementedError

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) to (batch, sources, channels, frames)."""
        spectra = self.transform.forward(waveform.flatten(0, 1))
        sound = self.sound(self.masks(spectra.abs()) * spectra[:, None], waveform.shape[2])
        return sound.unflatten(0, waveform.shape[:2]).transpose(1, 2)

    def sound(self, masked: torch.Tensor, frames: int) -> torch.Tensor:
        """Masked spectra to waveforms (items, sources, frames)."""
        return self.transform.inverse(masked, frames)

    def loss(self, mixture: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """The paper's own loss.

        Parameters
        ----------
        mixture : (batch, channels, frames).
        sources : (batch, sources, channels, frames).
        """
        mixed = self.transform.forward(mixture.flatten(0, 1)).abs()
        return self.distance(mixed, self.transform.forward(sources.transpose(1, 2).flatten(0, 1)).abs())


class PerSource(Masking):
    """One net for each source. Names in the state dict: ``nets.<source>.`` and the net's own."""

    def __init__(self, transform: Transform, nets: Mapping[str, nn.Module]) -> None:
        super().__init__(transform)
        self.nets = nn.ModuleDict(nets)

    def adopted(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights that were saved from one net alone are the only source's."""
        if len(self.nets) > 1 or any(key.startswith("nets.") for key in state):
            return state
        return {f"nets.{next(iter(self.nets))}.{key}": value for key, value in state.items()}


def soft_masks(outputs: torch.Tensor) -> torch.Tensor:
    """Shares of the outputs' absolute values along dimension 1; they add up to 1 (Huang et al. 2014).

    Where all outputs are 0, all sources share alike: the paper's masks would let the sound vanish there.
    """
    size = outputs.abs() + EPSILON / outputs.shape[1]
    return size / size.sum(dim=1, keepdim=True)


def stacked(magnitudes: torch.Tensor, context: int) -> torch.Tensor:
    """Each frame and its neighbours, ``context`` (odd) in all, one after the other: (items, times, context * bins)."""
    around = nn.functional.pad(magnitudes, (context // 2, context // 2))
    return around.unfold(2, context, 1).permute(0, 2, 3, 1).flatten(2)


def unit_scaled(magnitudes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Magnitudes between 0 and 1, and the greatest of each item, (items, 1, 1), by which they were divided."""
    greatest = magnitudes.amax(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    return magnitudes / greatest, greatest


def at_least_two(sources: Sequence[str]) -> None:
    """Refuses masks that share the mixture among one."""
    if len(sources) < 2:
        raise ValueError(f"its masks share the mixture out: it takes two sources or more, found {list(sources)}")

"""The U-net on spectra as a network on waveforms: one net per source, on the magnitudes, with the mixture's phase.

One source: the net's own magnitudes (Jansson et al. 2017). Several: their squared ratio masks the mixture, as in
Spleeter (Hennequin et al. 2020, doi:10.21105/joss.02154), so that they add up to it. Above ``bins`` the mask is the
mean of the frame's mask below.

Names in the state dict: ``<source>.`` and those of ``stimuli.separators.networks.unet``. Defines: ``spectral_unet``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from stimuli.separators.networks.transform import Transform
from stimuli.separators.networks.unet import UNet

EPSILON = 1e-10
STRIDE = 64
"""Six levels down halve frames and bins six times."""


def spectral_unet(
    sources: Sequence[str], channels: int, *, window: int = 4096, hop: int = 1024, bins: int = 1024, block: int = 512
) -> nn.Module:
    """A U-net for each source.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    bins : how many, from 0 Hz up, the nets see; a multiple of 64.
    block : frames of spectra that they see at a time; a multiple of 64.

    Raises
    ------
    ValueError
        For sizes that the net can't take.
    """
    if channels != 2:
        raise ValueError(f"the net has two channels, found channels = {channels}")
    if bins % STRIDE or block % STRIDE or not 0 < bins <= window // 2 or block <= 0:
        raise ValueError(f"bins (at most window / 2) and block are multiples of {STRIDE}, found {bins} and {block}")
    return _SpectralUNet(sources, Transform(window, hop), bins, block)


class _SpectralUNet(nn.ModuleDict):
    def __init__(self, sources: Sequence[str], transform: Transform, bins: int, block: int) -> None:
        super().__init__({source: UNet() for source in sources})
        self.transform, self.bins, self.block = transform, bins, block

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, 2, frames) to (batch, sources, 2, frames)."""
        spectra = self.transform.forward(waveform)
        masks = self._masks(spectra[:, :, : self.bins].abs())
        above = masks.mean(dim=3, keepdim=True).expand(-1, -1, -1, spectra.shape[2] - self.bins, -1)
        masked = spectra[:, None] * torch.cat([masks, above], dim=3)
        return self.transform.inverse(masked, waveform.shape[2])

    def _masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(batch, 2, bins, times) to (batch, sources, 2, bins, times)."""
        estimates = torch.stack([self._estimate(net, magnitudes) for net in self.values()], dim=1)
        if len(self) == 1:
            return estimates / (magnitudes[:, None] + EPSILON)
        power = estimates**2
        return (power + EPSILON / len(self)) / (power.sum(dim=1, keepdim=True) + EPSILON)

    def _estimate(self, net: nn.Module, magnitudes: torch.Tensor) -> torch.Tensor:
        times = magnitudes.shape[3]
        padded = nn.functional.pad(magnitudes, (0, -times % self.block)).transpose(2, 3)
        # Block by block: memory stays flat however long the song.
        made = torch.cat([net(part) for part in padded.split(self.block, dim=2)], dim=2)
        return made.transpose(2, 3)[..., :times]

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
    if not 0 < hop <= window // 2:
        raise ValueError(f"hop is at most half the window, found {hop} and {window}")
    return _SpectralUNet(sources, window, hop, bins, block)


class _SpectralUNet(nn.ModuleDict):
    def __init__(self, sources: Sequence[str], window: int, hop: int, bins: int, block: int) -> None:
        super().__init__({source: UNet() for source in sources})
        self.window, self.hop, self.bins, self.block = window, hop, bins, block

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(1, 2, frames) to (1, sources, 2, frames)."""
        frames, hann = waveform.shape[2], torch.hann_window(self.window, device=waveform.device)
        # Silence beyond the ends, and a hop more, so that the last sample too lies under more than one frame.
        half = self.window // 2
        padded = nn.functional.pad(waveform[0], (half, half + self.hop))
        spectra = torch.stft(padded, self.window, self.hop, window=hann, center=False, return_complex=True)
        masks = self._masks(spectra[:, : self.bins].abs())
        above = masks.mean(dim=2, keepdim=True).expand(-1, -1, spectra.shape[1] - self.bins, -1)
        masked = spectra * torch.cat([masks, above], dim=2)
        return self._inverse(masked.flatten(0, 1), hann, half, frames).unflatten(0, masked.shape[:2])[None]

    def _masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(2, bins, times) to (sources, 2, bins, times)."""
        estimates = torch.stack([self._estimate(net, magnitudes) for net in self.values()])
        if len(self) == 1:
            return estimates / (magnitudes + EPSILON)
        power = estimates**2
        return (power + EPSILON / len(self)) / (power.sum(dim=0) + EPSILON)

    def _estimate(self, net: nn.Module, magnitudes: torch.Tensor) -> torch.Tensor:
        times = magnitudes.shape[2]
        padded = nn.functional.pad(magnitudes, (0, -times % self.block)).transpose(1, 2)[None]
        # Block by block: memory stays flat however long the song.
        made = torch.cat([net(part) for part in padded.split(self.block, dim=2)], dim=2)
        return made[0].transpose(1, 2)[..., :times]

    def _inverse(self, spectra: torch.Tensor, hann: torch.Tensor, half: int, frames: int) -> torch.Tensor:
        """Sound whose spectra lie nearest to these (Griffin and Lim 1984); (any, bins, times) to (any, frames)."""
        pieces = torch.fft.irfft(spectra, self.window, dim=1) * hann[:, None]
        total = self.window + self.hop * (spectra.shape[2] - 1)

        def added(columns: torch.Tensor) -> torch.Tensor:
            return nn.functional.fold(columns, (1, total), (1, self.window), stride=(1, self.hop))[:, 0, 0]

        weight = added((hann**2)[None, :, None].expand(1, -1, spectra.shape[2]))
        return (added(pieces) / weight.clamp(min=1e-8))[:, half : half + frames]

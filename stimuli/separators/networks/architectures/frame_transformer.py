"""The frame transformer of carperbr's vocal remover, in the version of 2022 that runs.

A U-net whose convolutions go along frequency alone, with transformer blocks over frames at the bottom and after each
level up. A mask keeps the accompaniment. Reconstructed from the repository (no paper): sizes are its own, names of the
parts are ours, since no weights of that version can be had.

Trained at 44.1 kHz. It takes a fixed number of frames: songs are cut into pieces of that length, the last filled up
with silence. Defines: ``frame_transformer``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from stimuli.separators.networks.architectures.frame_attention import FrameBlock
from stimuli.separators.networks.architectures.vocal_remover import checked_sources, normalised, told_apart
from stimuli.separators.networks.transform import Transform

WIDTHS = (1, 2, 4, 6, 8)
"""Of the levels, in units of ``width``; each has half the bins of the one above."""
STRIDE = 2 ** (len(WIDTHS) - 1)


def frame_transformer(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2048,
    hop: int = 1024,
    width: int = 8,
    decoders: int = 2,
    bands: int = 8,
    feedforward: int = 3072,
    cropsize: int = 1024,
) -> nn.Module:
    """The accompaniment that the net's mask keeps, and the vocals that it takes away if ``sources`` names them.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    width : channels of the topmost level.
    decoders : transformer blocks at the bottom and after each level.
    bands : heads of each attention.
    feedforward : width of the blocks' feed-forward parts; 32 at least, since it is padded to.
    cropsize : frames of spectra that the net takes, no more and no less.

    Raises
    ------
    ValueError
        For sizes or sources that the net can't have.
    """
    checked_sources(sources, channels)
    if min(window, width, bands, feedforward, cropsize) <= 0 or decoders < 0:
        raise ValueError("window, width, bands, feedforward and cropsize are 1 or more, decoders 0 or more")
    if window % (2 * STRIDE * bands):
        raise ValueError(f"window is a multiple of {2 * STRIDE} times bands, found {window} and {bands}")
    sizes = {"times": cropsize, "heads": bands, "width": feedforward}
    return _FrameTransformer(sources, Transform(window, hop), width, decoders, sizes)


class _FrameConvolution(nn.Sequential):
    """Along frequency alone."""

    def __init__(self, entering: int, out: int, stride: int = 1) -> None:
        convolution = nn.Conv2d(entering, out, (3, 1), (stride, 1), (1, 0), bias=False)
        super().__init__(convolution, nn.BatchNorm2d(out), nn.LeakyReLU())


class _Decoder(nn.Module):
    """Transformer blocks one after another, each of which adds a channel that the next one hears too."""

    def __init__(self, channels: tuple[int, int], bins: int, count: int, sizes: dict[str, int]) -> None:
        super().__init__()
        entering, skip = channels
        self.blocks = nn.ModuleList(FrameBlock((entering + index, skip), bins, **sizes) for index in range(count))

    def forward(self, sound: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            sound = torch.cat([sound, block(sound, skip)], dim=1)
        return sound


class _FrameTransformer(nn.Module):
    def __init__(
        self, sources: Sequence[str], transform: Transform, width: int, decoders: int, sizes: dict[str, int]
    ) -> None:
        super().__init__()
        self.sources, self.transform, self.times = tuple(sources), transform, sizes["times"]
        wide, bins = [one * width for one in WIDTHS], transform.window // 2
        self.encoders = nn.ModuleList([_FrameConvolution(2, wide[0])])
        for above, below in itertools.pairwise(wide):
            self.encoders.append(nn.Sequential(_FrameConvolution(above, below), _FrameConvolution(below, below, 2)))
        self.bottom = _Decoder((wide[-1], wide[-1]), bins // STRIDE, decoders, sizes)
        self.rises, self.decoders = nn.ModuleList(), nn.ModuleList()
        for level in range(len(wide) - 2, -1, -1):
            self.rises.append(_FrameConvolution(wide[level + 1] + decoders + wide[level], wide[level]))
            self.decoders.append(_Decoder((wide[level], wide[level]), bins // 2**level, decoders, sizes))
        self.out = nn.Linear(wide[0] + decoders, 2)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, 2, frames) to (batch, sources, 2, frames)."""
        spectra = self.transform.forward(waveform)
        heard = normalised(spectra.abs())
        padded = functional.pad(heard, (0, -heard.shape[3] % self.times))
        # Piece by piece: memory stays flat however long the song.
        mask = torch.cat([self.mask(piece) for piece in padded.split(self.times, dim=3)], dim=3)
        kept = self.transform.inverse(spectra * mask[..., : spectra.shape[3]], waveform.shape[2])
        return told_apart(self.sources, kept, waveform)

    def mask(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Mask of normalised magnitudes (batch, 2, bins, ``cropsize``), as many bins as they have."""
        sound, skips = magnitudes[:, :, :-1], []
        for encoder in self.encoders:
            sound = encoder(sound)
            skips.append(sound)
        sound = self.bottom(sound, skips.pop())
        for rise, decoder in zip(self.rises, self.decoders, strict=True):
            skip = skips.pop()
            larger = functional.interpolate(sound, size=skip.shape[2:], mode="bilinear", align_corners=True)
            sound = decoder(rise(torch.cat([larger, skip], dim=1)), skip)
        mask = torch.sigmoid(self.out(sound.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return torch.cat([mask, mask[:, :, -1:]], dim=2)

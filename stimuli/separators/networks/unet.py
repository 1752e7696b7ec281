"""The U-net of Jansson et al. 2017 as Spleeter has it: six strided convolutions down, six up, with skips.

Names of the parts are those of the published weights. Input and output are magnitudes of shape
(batch, 2, frames, bins), frames a multiple of 64; the output is a mask times the input.

Defines: ``UNet``, and ``risen``, the way up, which the net of the paper itself shares.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

CHANNELS = (2, 16, 32, 64, 128, 256, 512)
BATCH_NORM_EPSILON = 1e-3


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)


class UNet(nn.Module):
    """9,823,749 parameters."""

    def __init__(self) -> None:
        super().__init__()
        for level, (wide, deep) in enumerate(itertools.pairwise(CHANNELS), 1):
            # Padding of 1 before and 2 after: where Tensorflow puts it for stride 2.
            down = nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(wide, deep, 5, stride=2))
            setattr(self, f"down{level}_conv", down)
            setattr(self, f"down{level}_act", nn.Sequential(_norm(deep), nn.LeakyReLU(0.2, inplace=True)))
        for level in range(1, 7):
            # Going up, each level hears the level below and the skip beside it: twice the channels.
            deep, wide = CHANNELS[7 - level] * (1 if level == 1 else 2), CHANNELS[6 - level] if level < 6 else 1
            rise = nn.ConvTranspose2d(deep, wide, 5, stride=2)
            dropout = nn.Dropout(0.5) if level <= 3 else nn.Identity()
            setattr(self, f"up{level}", nn.Sequential(rise, _Crop(), nn.ReLU(), _norm(wide), dropout))
        self.up7 = nn.Sequential(nn.Conv2d(1, 2, 4, dilation=2, padding=3), nn.Sigmoid())

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """The stem's magnitudes."""
        sound, skips = magnitudes, []
        for level in range(1, 7):
            skips.append(self.get_submodule(f"down{level}_conv")(sound))
            sound = self.get_submodule(f"down{level}_act")(skips[-1])
        return self.up7(risen([self.get_submodule(f"up{level}") for level in range(1, 7)], skips)) * magnitudes


def risen(ups: Sequence[nn.Module], skips: Sequence[torch.Tensor]) -> torch.Tensor:
    """Up from the deepest level: each of ``ups`` after the first hears the level below it and the skip beside it."""
    sound = ups[0](skips[-1])
    for up, skip in zip(ups[1:], reversed(skips[:-1]), strict=True):
        sound = up(torch.cat([skip, sound], dim=1))
    return sound


class _Crop(nn.Module):
    """Cuts what the strided transposed convolution has too much: one row before, two after."""

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        return sound[:, :, 1:-2, 1:-2]

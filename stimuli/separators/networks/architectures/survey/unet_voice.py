"""The U-net for singing of Jansson et al. 2017 (ISMIR), as published: mono, 8192 Hz, one net for each source.

Window 1024, hop 768: the frames overlap by a quarter only, and the inverse is exact all the same. The net hears 512
bins by 128 frames of magnitudes between 0 and 1 and answers a mask between 0 and 1; bin 512, which it doesn't hear,
gets the frame's mean mask. Its own loss is L1 between masked and true magnitudes.

Unverified, as the paper was not at hand: the scale (here the greatest magnitude of what comes in, so that the level
plays no part), and what becomes of bin 512. The number of parameters is that of the specification.

Defines: ``unet_voice``, ``VoiceUNet``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import PerSource, unit_scaled
from stimuli.separators.networks.transform import Transform
from stimuli.separators.networks.unet import risen

LEVELS = 6
STRIDE = 2**LEVELS


def unet_voice(
    sources: Sequence[str], channels: int, *, window: int = 1024, hop: int = 768, block: int = 128, width: int = 16
) -> nn.Module:
    """A U-net for each source, 9,823,313 parameters each; channels are heard one by one.

    Parameters
    ----------
    window, hop : of the transform, in samples; half the window is a multiple of 64.
    block : frames of spectra that a net sees at a time; a multiple of 64.
    width : channels of the first level; each level below has twice as many.

    Raises
    ------
    ValueError
        For sizes that the net can't take.
    """
    if window // 2 % STRIDE or block % STRIDE or block <= 0 or width < 1:
        raise ValueError(f"window / 2 and block are multiples of {STRIDE}, found {window} and {block}; width {width}")
    return _UNetVoice(Transform(window, hop), {source: VoiceUNet(width) for source in sources}, block)


class VoiceUNet(nn.Module):
    """Magnitudes (batch, 1, bins, frames), both multiples of 64, to a mask of that shape."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.down = nn.ModuleList(_down(above, here) for above, here in itertools.pairwise([1, *widths]))
        # Going up, each level but the first hears a skip as well: twice the channels.
        heard = [widths[-1], *(2 * wide for wide in reversed(widths[:-1]))]
        ups = [
            _up(deep, wide, level < 3)
            for level, (deep, wide) in enumerate(zip(heard[:-1], reversed(widths[:-1]), strict=True))
        ]
        self.up = nn.ModuleList([*ups, nn.Sequential(_rise(heard[-1], 1), nn.Sigmoid())])

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """The mask."""
        skips = [magnitudes]
        for down in self.down:
            skips.append(down(skips[-1]))
        return risen(list(self.up), skips[1:])


def _down(above: int, here: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(above, here, 5, stride=2, padding=2), nn.BatchNorm2d(here), nn.LeakyReLU(0.2))


def _rise(deep: int, wide: int) -> nn.Module:
    return nn.ConvTranspose2d(deep, wide, 5, stride=2, padding=2, output_padding=1)


def _up(deep: int, wide: int, dropped: bool) -> nn.Module:
    parts = [_rise(deep, wide), nn.BatchNorm2d(wide), nn.ReLU()]
    return nn.Sequential(*parts, nn.Dropout(0.5)) if dropped else nn.Sequential(*parts)


class _UNetVoice(PerSource):
    def __init__(self, transform: Transform, nets: Mapping[str, nn.Module], block: int) -> None:
        super().__init__(transform, nets)
        self.block = block

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Blocks of frames are further items to the nets."""
        scaled, _ = unit_scaled(magnitudes)
        items, _, times = magnitudes.shape
        padded = nn.functional.pad(scaled[:, :-1], (0, -times % self.block)).unflatten(2, (-1, self.block))
        blocks = padded.transpose(1, 2).flatten(0, 1)[:, None]
        made = torch.stack([net(blocks)[:, 0] for net in self.nets.values()], dim=1)
        # (items * blocks, sources, bins, block) to (items, sources, bins, times)
        masks = made.unflatten(0, (items, -1)).permute(0, 2, 3, 1, 4).flatten(3)[..., :times]
        return torch.cat([masks, masks.mean(dim=2, keepdim=True)], dim=2)

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """L1, at the scale of what the nets hear."""
        scaled, greatest = unit_scaled(mixed)
        return (self.masks(mixed) * scaled[:, None] - truth / greatest[:, None]).abs().mean()

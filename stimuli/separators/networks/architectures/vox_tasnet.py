"""Vox-TasNet-style: singing voice cancellation in stereo, small and causal. A reconstruction.

After Borrelli et al. 2024 (arXiv:2401.12068), whose sizes are not published: what the paper says is kept (an embedding
for each of left and right, stacked; stacks of dilated separable convolutions that never change their width; a mask for
each channel; a small look-ahead at most), the rest is chosen so that the whole stays below a tenth of HybridDemucs.
It has none of the authors' weights or results, and is always called "Vox-TasNet-style".

Conventions: representations are (batch, channels, times), left's ``width`` channels before right's; there is one time
for each hop of 32 frames. No estimate before frame n - 63 - 32 ``lookahead_frames`` hears frame n.

Defines: ``vox_tasnet``, ``VoxTasNet``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from stimuli.separators.networks.architectures.conv_tasnet import ChannelNorm, separable

CONV_KERNEL = 3


def vox_tasnet(
    sources: Sequence[str],
    channels: int,
    *,
    width: int = 384,
    bottleneck: int = 384,
    repeats: int = 5,
    dilations: int = 9,
    kernel: int = 64,
    lookahead_frames: int = 0,
) -> nn.Module:
    """A Vox-TasNet-style network, a reconstruction; usually for the one source ``accompaniment``.

    Parameters
    ----------
    channels : 2, or 1: the mono variant, which hears left and right one by one.
    width : of the embedding of a channel (N).
    bottleneck : channels of the blocks (B).
    repeats, dilations : stacks (R) and blocks of a stack (D), with dilations 1, 2, 4 …
    kernel : of the filters, in frames, even; their hop is half of it.
    lookahead_frames : how many times of the representation, one hop each, the masks hear beyond their own.

    Raises
    ------
    ValueError
        For sizes that make no network.
    """
    sizes = {"width": width, "bottleneck": bottleneck, "repeats": repeats, "dilations": dilations, "kernel": kernel}
    if wrong := [name for name, size in sizes.items() if not isinstance(size, int) or size < 1]:
        raise ValueError(f"{wrong[0]} is a whole number from 1 up, found {sizes[wrong[0]]!r}")
    if kernel % 2:
        raise ValueError(f"kernel is even, its half is the hop, found {kernel}")
    if not isinstance(lookahead_frames, int) or lookahead_frames < 0:
        raise ValueError(f"lookahead_frames is a whole number from 0 up, found {lookahead_frames!r}")
    blocks = [
        separable(
            bottleneck,
            bottleneck,
            CONV_KERNEL,
            2**i,
            ChannelNorm,
            causal=True,
            ahead=lookahead_frames if repeat == i == 0 else 0,
        )
        for repeat in range(repeats)
        for i in range(dilations)
    ]
    return VoxTasNet(len(sources), channels, width, kernel, blocks)


class VoxTasNet(nn.Module):
    """A Vox-TasNet-style network, a reconstruction; 7 432 794 parameters at its defaults for one source in stereo."""

    def __init__(self, sources: int, channels: int, width: int, kernel: int, blocks: list[nn.Sequential]) -> None:
        super().__init__()
        self.sources, self.channels, self.width = sources, channels, width
        self.kernel, self.hop = kernel, kernel // 2
        first = blocks[0][0]
        assert isinstance(first, nn.Conv1d)
        bottleneck, stacked = first.in_channels, channels * width
        self.encoder = nn.Conv1d(1, width, kernel, stride=self.hop, bias=False)
        self.norm = ChannelNorm(stacked)
        self.bottleneck = nn.Conv1d(stacked, bottleneck, 1)
        self.blocks = nn.ModuleList(blocks)
        self.mask = nn.Conv1d(bottleneck, sources * stacked, 1)
        self.decoder = nn.ConvTranspose1d(width, 1, kernel, stride=self.hop, bias=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) to (batch, sources, channels, frames)."""
        batch, channels, frames = waveform.shape
        padded = functional.pad(waveform, (0, self.hop * (self.hop_count(frames) + 1) - frames))
        heard = torch.relu(self.encoder(padded.reshape(batch * channels, 1, -1))).reshape(
            batch, channels * self.width, -1
        )
        hidden = self.bottleneck(self.norm(heard))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        masks = torch.sigmoid(self.mask(hidden)).unflatten(1, (self.sources, -1))
        made = self.decoder((masks * heard[:, None]).reshape(-1, self.width, heard.shape[2]))
        return made[..., :frames].reshape(batch, self.sources, channels, frames)

    def hop_count(self, frames: int) -> int:
        """How many times of the representation cover a sound: all of its frames but the first hop lie under two."""
        return max(1, -(-frames // self.hop))

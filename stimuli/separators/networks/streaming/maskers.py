"""The networks that mask, piece by piece: filters, the masks of what was heard, filters.

Conventions: pieces are (times, …); each of these is made from a network as it was trained and computes the same.

Defines: ``Causal``, ``VoxCausal``, ``ConvCausal``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

import torch
from torch import nn
from torch.nn import functional

from stimuli.separators.networks.architectures.conv_tasnet import ChannelNorm, ConvTasNet, TemporalBlock
from stimuli.separators.networks.architectures.vox_tasnet import VoxTasNet
from stimuli.separators.networks.streaming.layers import Delay, Norm, Pointwise, Separable


class Causal(Protocol):
    """A causal network that masks."""

    sources: int
    channels: int
    kernel: int
    hop: int
    ahead: int
    """Times of the representation that an estimate waits for beyond its own."""

    def masked(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames of sound (times, channels, kernel) to frames of the estimates (times', sources, channels, kernel)."""
        ...

    def rest(self) -> torch.Tensor:
        """The last ``ahead`` frames, of which ``masked`` gave so many less."""
        ...

    def hop_count(self, frames: int) -> int:
        """How many times cover a whole sound."""
        ...


class VoxCausal:
    """A Vox-TasNet-style network."""

    def __init__(self, net: VoxTasNet) -> None:
        self.sources, self.channels, self.kernel, self.hop = net.sources, net.channels, net.kernel, net.hop
        self.hop_count = net.hop_count
        self.encoder, self.decoder = (one.weight.detach()[:, 0] for one in (net.encoder, net.decoder))
        self.norm, self.bottleneck, self.mask = Norm(net.norm), Pointwise(net.bottleneck), Pointwise(net.mask)
        self.first, *self.blocks = map(Separable, net.blocks)
        self.ahead = self.first.ahead
        self.hidden, self.heard = Delay(), Delay()

    def masked(self, frames: torch.Tensor) -> torch.Tensor:
        heard = functional.relu_(frames @ self.encoder.t()).flatten(1)
        hidden = self.bottleneck(self.norm(heard))
        return self._masked(heard, hidden, self.first(hidden))

    def rest(self) -> torch.Tensor:
        none = self.bottleneck.bias
        heard = none.new_empty(0, self.channels * len(self.encoder))
        return self._masked(heard, none.new_empty(0, len(none)), self.first.rest())

    def _masked(self, heard: torch.Tensor, hidden: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        count = len(added)
        heard, hidden = self.heard.passed(heard, count), self.hidden.passed(hidden, count)
        if count:
            hidden = hidden + added
            for block in self.blocks:
                hidden += block(hidden)
        masks = self.mask(hidden).sigmoid_().unflatten(1, (self.sources, -1))
        masks *= heard[:, None]
        return masks.unflatten(2, (self.channels, -1)) @ self.decoder


class ConvCausal:
    """A causal Conv-TasNet."""

    ahead = 0

    def __init__(self, net: ConvTasNet) -> None:
        masker = net.masker
        norm = masker.bottleneck[0]
        if not masker.causal or not isinstance(norm, ChannelNorm):
            raise ValueError(
                "it is not causal: a convolution or norm (gLN) hears what comes later; train it with causal"
            )
        self.sources, self.channels, self.kernel, self.hop = masker.n_src, net.channels, net.kernel, net.hop
        self.hop_count, self.act, self.rectified = net.hop_count, masker.act, net.rectified
        self.encoder, self.decoder = (one.filters.detach().flatten(1) for one in (net.encoder, net.decoder))
        self.norm, self.bottleneck = Norm(norm), Pointwise(masker.bottleneck[1])
        blocks = cast(Iterable[TemporalBlock], masker.TCN)
        self.blocks = [(Separable(block.shared_block), Pointwise(block.res_conv)) for block in blocks]
        self.skips = [Pointwise(block.skip_conv) for block in blocks if block.skip_conv is not None]
        prelu, mask = cast(tuple[nn.PReLU, nn.Conv1d], tuple(masker.mask_net))
        self.slope, self.mask = prelu.weight.item(), Pointwise(mask)

    def masked(self, frames: torch.Tensor) -> torch.Tensor:
        heard = frames.flatten(1) @ self.encoder.t()
        heard = functional.relu_(heard) if self.rectified else heard
        scores = self.mask(functional.leaky_relu_(self._hidden(heard), self.slope))
        masks = self.act(scores.unflatten(1, (self.sources, -1)))
        made = (masks * heard[:, None]) @ self.decoder
        return made.unflatten(2, (self.channels, -1))

    def rest(self) -> torch.Tensor:
        return self.decoder.new_empty(0, self.sources, self.channels, self.kernel)

    def _hidden(self, heard: torch.Tensor) -> torch.Tensor:
        """What the masks are made of: the sum of the skips, or the last block's output where there are none."""
        bottleneck, skips = self.bottleneck(self.norm(heard)), None
        for number, (shared, residual) in enumerate(self.blocks):
            hidden = shared(bottleneck)
            if self.skips:
                skip = self.skips[number](hidden)
                skips = skip if skips is None else skips.add_(skip)
            bottleneck = bottleneck + residual(hidden)
        return bottleneck if skips is None else skips

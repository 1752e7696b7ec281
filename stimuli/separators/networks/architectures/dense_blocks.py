"""Densely connected U-nets with LSTMs in some of their blocks: what MMDenseNet and MMDenseLSTM give each band.

A dense block adds what it has found to what later layers find, instead of handing everything on side by side: the same
network, with fewer copies. An LSTM block makes one channel of all bins of each frame; it stands beside a dense block,
before it or after it.

Conventions: maps (batch, channels, bins, times), of any size; kernels (bins, times). Names of the parts are those of
the checkpoints of tky823's DNN-based source separation. Defines: ``Plan``, ``DenseBlock``, ``Backbone``, ``norm``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-12
POSITIONS = ("parallel", "after_dense", "before_dense")


@dataclass(frozen=True)
class Plan:
    """What a band's U-net is made of, block by block: down, bottom, up; an odd number of blocks.

    ``growth`` are the channels that a block gives, ``depth`` its layers, ``hidden`` the units of its LSTM in each
    direction (0: none; the blocks down have none). A bottom of depth 0 is an LSTM alone.
    """

    bins: int
    features: int
    growth: tuple[int, ...]
    depth: tuple[int, ...]
    hidden: tuple[int, ...] = ()
    kernel: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        blocks, down = len(self.growth), len(self.growth) // 2
        object.__setattr__(self, "hidden", tuple(self.hidden) or (0,) * blocks)
        if isinstance(self.kernel, int):
            object.__setattr__(self, "kernel", (self.kernel, self.kernel))
        if blocks % 2 == 0 or blocks < 3 or {len(self.depth), len(self.hidden)} != {blocks}:
            raise ValueError("growth, depth and hidden have an odd number of entries, three or more, and as many each")
        if any(self.hidden[:down]) or self.hidden[-1]:
            raise ValueError(f"blocks down and the last one have no LSTM, found hidden = {list(self.hidden)}")
        alone = [index for index, depth in enumerate(self.depth) if depth < 1 or self.growth[index] < 1]
        if min(self.bins, self.features, *self.kernel) < 1 or min(self.hidden) < 0 or alone not in ([], [down]):
            raise ValueError("bins, features, kernel, growth and depth are 1 or more; at the bottom they may be 0")
        if alone and not self.hidden[down]:
            raise ValueError("a bottom of depth 0 is an LSTM alone; give it hidden units")


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the small epsilon of these networks."""
    return nn.BatchNorm2d(channels, eps=EPSILON)


def same(sound: torch.Tensor, kernel: tuple[int, int], dilation: int = 1) -> torch.Tensor:
    """Padded so that a convolution leaves the size; of an odd number of cells, one more stands behind."""
    high, wide = ((size - 1) * dilation for size in kernel)
    return functional.pad(sound, (wide // 2, wide - wide // 2, high // 2, high - high // 2))


class _Layer(nn.Module):
    def __init__(self, entering: int, out: int, kernel: tuple[int, int], dilation: int) -> None:
        super().__init__()
        self.norm2d = norm(entering)
        self.conv2d = nn.Conv2d(entering, out, kernel, dilation=dilation)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        kernel, dilation = self.conv2d.kernel_size, self.conv2d.dilation[0]
        return self.conv2d(same(self.norm2d(sound).relu(), (kernel[0], kernel[1]), dilation))


class DenseBlock(nn.Module):
    """Each layer hears what the layers before it have put into its share; the last share comes out.

    Parameters
    ----------
    entering, growth : channels in, and out.
    depth : layers; with ``dilated``, the spread of their kernels doubles from one to the next.
    """

    def __init__(
        self, entering: int, growth: int, depth: int, kernel: tuple[int, int], *, dilated: bool = False
    ) -> None:
        super().__init__()
        self.growth, self.out_channels = growth, growth
        self.net = nn.Sequential(
            *(
                _Layer(growth if index else entering, (depth - index) * growth, kernel, 2**index if dilated else 1)
                for index in range(depth)
            )
        )

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """(batch, entering, bins, times) to (batch, growth, bins, times)."""
        first, *others = self.net
        found = first(sound)
        for layer in others:
            found = found[:, self.growth :] + layer(found[:, : self.growth])
        return found


class _OverTime(nn.Module):
    """One channel: all bins of a frame through a bidirectional LSTM."""

    def __init__(self, entering: int, bins: int, hidden: int) -> None:
        super().__init__()
        self.bottleneck_conv2d = nn.Conv2d(entering, 1, 1)
        self.rnn = nn.LSTM(bins, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, bins)
        self.out_channels = 1

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        heard, _ = self.rnn(self.bottleneck_conv2d(sound)[:, 0].transpose(1, 2))
        return self.linear(heard).transpose(1, 2)[:, None]


class _DenseOverTime(_OverTime):
    """A dense block and an LSTM: one channel more than the dense block's, or heard by it."""

    def __init__(
        self, entering: int, bins: int, block: tuple[int, int, int], kernel: tuple[int, int], position: str
    ) -> None:
        growth, depth, hidden = block
        super().__init__(growth if position == "after_dense" else entering, bins, hidden)
        self.position = position
        self.dense_block = DenseBlock(entering + (position == "before_dense"), growth, depth, kernel)
        self.out_channels = growth + (position != "before_dense")

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        if self.position == "before_dense":
            return self.dense_block(torch.cat([sound, super().forward(sound)], dim=1))
        dense = self.dense_block(sound)
        return torch.cat([dense, super().forward(dense if self.position == "after_dense" else sound)], dim=1)


class _Down(nn.Module):
    def __init__(self, dense: nn.Module) -> None:
        super().__init__()
        self.dense_block = dense

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        bins, times = sound.shape[2:]
        found = self.dense_block(functional.pad(sound, (0, times % 2, 0, bins % 2)))
        return functional.avg_pool2d(found, 2), found[:, :, :bins, :times]


class _Up(nn.Module):
    def __init__(self, entering: int, block: nn.Module) -> None:
        super().__init__()
        self.norm2d = norm(entering)
        self.upsample2d = nn.ConvTranspose2d(entering, entering, 2, stride=2)
        self.name = "dense_block" if isinstance(block, DenseBlock) else "dense_rnn_block"
        self.add_module(self.name, block)

    def forward(self, sound: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        larger = self.upsample2d(self.norm2d(sound))[:, :, : skip.shape[2], : skip.shape[3]]
        return self.get_submodule(self.name)(torch.cat([larger, skip], dim=1))


class _Blocks(nn.Module):
    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.net = nn.Sequential(*blocks)


class Backbone(nn.Module):
    """A band's U-net: as many channels out as ``out`` says, or the last block's where that is as wide."""

    def __init__(self, channels: int, plan: Plan, position: str, out: int) -> None:
        super().__init__()
        self.plan, self.position = plan, position
        down = len(plan.growth) // 2
        self.conv2d = nn.Conv2d(channels, plan.features, plan.kernel)
        entering, bins = plan.features, [plan.bins]
        blocks: list[nn.Module] = []
        for index in range(down):
            blocks.append(_Down(self._block(index, entering, bins[-1])))
            entering = plan.growth[index]
            bins.append(-(-bins[-1] // 2))
        self.encoder = _Blocks(blocks)
        self.bottleneck_conv2d = self._block(down, entering, bins[-1])
        entering, blocks = self.bottleneck_conv2d.out_channels, []
        for index in range(down + 1, len(plan.growth)):
            level = 2 * down - index
            block = self._block(index, entering + plan.growth[level], bins[level])
            blocks.append(_Up(entering, block))
            entering = block.out_channels
        self.decoder = _Blocks(blocks)
        if entering < out:
            self.pointwise_conv2d = nn.Sequential(norm(entering), nn.Conv2d(entering, out, 1))
        else:
            self.pointwise_conv2d = nn.Identity()

    def _block(self, index: int, entering: int, bins: int) -> DenseBlock | _OverTime:
        plan = self.plan
        growth, depth, hidden = plan.growth[index], plan.depth[index], plan.hidden[index]
        if not hidden:
            return DenseBlock(entering, growth, depth, plan.kernel)
        if not depth:
            return _OverTime(entering, bins, hidden)
        return _DenseOverTime(entering, bins, (growth, depth, hidden), plan.kernel, self.position)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """(batch, channels, bins, times) to (batch, out, bins, times)."""
        found, skips = self.conv2d(same(sound, self.plan.kernel)), []
        for block in self.encoder.net:
            found, skip = block(found)
            skips.append(skip)
        found = self.bottleneck_conv2d(found)
        for block in self.decoder.net:
            found = block(found, skips.pop())
        return self.pointwise_conv2d(found)

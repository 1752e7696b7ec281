"""Sound in by blocks of any size, estimates out as soon as they are final; together they are the offline ones.

What a block holds beyond whole hops waits for the next. Silence follows the last block, as it does offline. The memory
of a stream is that of its network's past: it does not grow with the sound.

Conventions: float32 (channels, frames) in, (sources, channels, frames) out. Defines: ``Stream``, ``streamed``.
"""

from __future__ import annotations

import torch
from torch import nn

from stimuli.separators.networks.architectures.conv_tasnet import ConvTasNet
from stimuli.separators.networks.architectures.vox_tasnet import VoxTasNet
from stimuli.separators.networks.streaming.maskers import Causal, ConvCausal, VoxCausal

MOST_TIMES = 128
"""Times of the representation that go through the network together: what they make stays in the cache."""


class Stream:
    """One sound on its way through a causal network; for the next, make another."""

    def __init__(self, net: Causal, like: torch.Tensor) -> None:
        self.net = net
        self.waiting = like.new_zeros(net.channels, 0)
        self.tail = like.new_zeros(net.sources, net.channels, net.hop)
        self.frames_in = self.frames_out = self.times = 0
        self.finished = False

    @property
    def latency_frames(self) -> int:
        """How many frames must be in, from a frame on, until its own estimate is out, at worst: the algorithm's delay.

        Blocks delay by up to their own length more.
        """
        return self.net.kernel + self.net.hop * self.net.ahead

    @torch.inference_mode()
    def push(self, block: torch.Tensor) -> torch.Tensor:
        """What is final after these frames (channels, n): (sources, channels, m), m from 0 up.

        Raises
        ------
        ValueError
            For another number of channels, and after ``finish``.
        """
        if self.finished:
            raise ValueError("the stream has been finished; make another for the next sound")
        if block.ndim != 2 or len(block) != self.net.channels:
            raise ValueError(f"a block is ({self.net.channels}, frames), found {tuple(block.shape)}")
        self.frames_in += block.shape[1]
        made = self._through(block)
        self.frames_out += made.shape[2]
        return made

    @torch.inference_mode()
    def finish(self) -> torch.Tensor:
        """The rest of the estimates: (sources, channels, m), so that as many frames came out as went in."""
        if self.finished or not self.frames_in:
            self.finished = True
            return self.tail[..., :0]
        self.finished = True
        lacking = (self.net.hop_count(self.frames_in) - self.times - 1) * self.net.hop + self.net.kernel
        silence = self.waiting.new_zeros(self.net.channels, max(0, lacking - self.waiting.shape[1]))
        made = torch.cat([self._through(silence), self._added(self.net.rest())], dim=2)
        whole = torch.cat([made, self.tail], dim=2)
        return whole[..., : self.frames_in - self.frames_out]

    def _through(self, block: torch.Tensor) -> torch.Tensor:
        kernel, hop = self.net.kernel, self.net.hop
        sound = torch.cat([self.waiting, block.to(self.waiting)], dim=1)
        times = max(0, (sound.shape[1] - kernel) // hop + 1)
        self.waiting = sound[:, times * hop :].clone()
        self.times += times
        made = [self.tail[..., :0]]
        for first in range(0, times, MOST_TIMES):
            last = min(first + MOST_TIMES, times)
            frames = sound[:, first * hop : (last - 1) * hop + kernel].unfold(1, kernel, hop)
            made.append(self._added(self.net.masked(frames.transpose(0, 1))))
        return torch.cat(made, dim=2)

    def _added(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (times, sources, channels, kernel), each half over the one before: (sources, channels, hops)."""
        if not len(frames):
            return self.tail[..., :0]
        early, late = frames.unflatten(3, (2, -1)).permute(3, 1, 2, 0, 4)
        made = early + torch.cat([self.tail[:, :, None], late[:, :, :-1]], dim=2)
        self.tail = late[:, :, -1].clone()
        return made.flatten(2)


def streamed(module: nn.Module) -> Stream:
    """A stream through a network, with its weights as they are now.

    Raises
    ------
    ValueError
        Where it can't stream: it is of another architecture, or hears what comes later.
    """
    like = next(module.parameters()).detach()
    if isinstance(module, VoxTasNet):
        return Stream(VoxCausal(module), like)
    if isinstance(module, ConvTasNet):
        return Stream(ConvCausal(module), like)
    raise ValueError("it hears the sound as a whole; those that stream are vox_tasnet, and conv_tasnet with causal")

"""Layers of causal networks that hear a sound piece by piece and remember what they need of the past.

Conventions: pieces are (times, channels), each time's channels side by side: a norm reads one stretch of memory, a
pointwise convolution is one product of matrices, and a tap of a depthwise one is a slice of what was kept. (Networks
as they are trained have it the other way round; on two cores that alone costs them half of their speed.)

Defines: ``Pointwise``, ``Norm``, ``Separable``, ``Past``, ``Delay``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from stimuli.separators.networks.architectures.conv_tasnet import EPSILON, ChannelNorm, Depthwise


class Past:
    """Rows as they come, with as many before them as a layer reaches back; at first there is silence."""

    def __init__(self, like: torch.Tensor, reach: int) -> None:
        self.reach, self.end = reach, reach
        self.rows = like.new_zeros(2 * reach, like.shape[-1])

    def heard(self, new: torch.Tensor) -> torch.Tensor:
        """The new rows with ``reach`` rows before them: (reach + times, channels), until it is called again."""
        count = len(new)
        if self.end + count > len(self.rows):
            kept = self.rows[self.end - self.reach : self.end]
            # Room for as much again as is kept: rows are moved once in so many, not with every piece.
            if len(self.rows) < 2 * self.reach + count:
                self.rows = new.new_empty(2 * self.reach + count, new.shape[1])
            self.rows[: self.reach] = kept
            self.end = self.reach
        self.rows[self.end : self.end + count] = new
        self.end += count
        return self.rows[self.end - count - self.reach : self.end]


class Delay:
    """Rows that wait until those of a layer that hears ahead have come."""

    def __init__(self) -> None:
        self.waiting: torch.Tensor | None = None

    def passed(self, new: torch.Tensor, count: int) -> torch.Tensor:
        """The oldest ``count`` rows, after the new ones have been added."""
        rows = new if self.waiting is None else torch.cat([self.waiting, new])
        self.waiting = rows[count:] if count < len(rows) else None
        return rows[:count]


class Pointwise:
    """A convolution with a kernel of one: (times, channels) to (times, others)."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv1d) and layer.bias is not None
        self.weight, self.bias = layer.weight.detach()[:, :, 0].t(), layer.bias.detach()

    def __call__(self, piece: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, piece, self.weight)


class Norm:
    """Over the channels of each time."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, ChannelNorm)
        self.gain, self.offset = layer.gamma.detach(), layer.beta.detach()

    def __call__(self, piece: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(piece, self.gain.shape, self.gain, self.offset, EPSILON)


class Separable:
    """A pointwise and a depthwise convolution, a PReLU and a norm after each; see ``conv_tasnet.separable``.

    Where it hears ahead, it gives that many times less at first, and ``rest`` gives them at the end.
    """

    def __init__(self, layers: nn.Module) -> None:
        pointwise, first, norm, (depthwise,), second, last = _sequence(layers)
        assert isinstance(depthwise, Depthwise) and depthwise.bias is not None
        self.pointwise, self.norm, self.last = Pointwise(pointwise), Norm(norm), Norm(last)
        self.slopes = first.weight.item(), second.weight.item()
        self.taps, self.bias = depthwise.weight.detach()[:, 0].t().contiguous(), depthwise.bias.detach()
        self.dilation, self.ahead, self.late = depthwise.dilation[0], depthwise.ahead, depthwise.ahead
        self.past = Past(self.bias, depthwise.reach)

    def __call__(self, piece: torch.Tensor) -> torch.Tensor:
        hidden = functional.leaky_relu_(self.pointwise(piece), self.slopes[0])
        return self._over_time(self.norm(hidden))

    def rest(self) -> torch.Tensor:
        """What was held back: beyond its end the sound is silent."""
        return self._over_time(self.bias.new_zeros(self.ahead, len(self.bias)))

    def _over_time(self, rows: torch.Tensor) -> torch.Tensor:
        heard, count = self.past.heard(rows), len(rows)
        made: torch.Tensor | None = None
        for number, tap in enumerate(self.taps):
            slice_ = heard[number * self.dilation : number * self.dilation + count]
            made = torch.addcmul(self.bias, slice_, tap) if made is None else made.addcmul_(slice_, tap)
        assert made is not None
        early = min(self.late, count)
        self.late -= early
        return self.last(functional.leaky_relu_(made[early:], self.slopes[1]))


def _sequence(layers: nn.Module) -> Iterator:
    assert isinstance(layers, nn.Sequential)
    return iter(layers)

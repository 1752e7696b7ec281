"""Transformer blocks over the frames of a spectrum, in which a frame with all its bins is one token.

As in the frame transformer of carperbr's vocal remover (2022): queries, keys and values are smoothed along time, places
are learnt relative to each other, half of a block is convolutions along time. Two habits of it are kept, for weights
trained with it: similarities are divided by the root of all bins, not of one head's, and the learnt places are added
transposed.

Conventions: maps (batch, channels, bins, times); tokens (batch, times, bins).
Defines: ``FrameBlock``.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

DROPOUT = 0.1


class _AlongTime(nn.Module):
    """Convolution along time of each bin by itself, and then of all bins of a frame if ``out`` says how many."""

    def __init__(self, bins: int, kernel: int, out: int = 0) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(bins, bins, kernel, padding=kernel // 2, groups=bins)
        self.pointwise = nn.Conv1d(bins, out, 1) if out else nn.Identity()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(tokens.transpose(1, 2))).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, bins: int, heads: int, times: int) -> None:
        super().__init__()
        self.heads, self.bins = heads, bins
        self.query, self.key, self.value = (nn.Sequential(nn.Linear(bins, bins), _AlongTime(bins, 3)) for _ in range(3))
        self.places = nn.Parameter(torch.randn(bins // heads, times))
        self.out = nn.Linear(bins, bins)

    def forward(self, tokens: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part(of).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part, of in ((self.query, tokens), (self.key, memory), (self.value, memory))
        )
        similar = query @ key.transpose(2, 3) + (query @ self.places).transpose(2, 3)
        heard = torch.softmax(similar / self.bins**0.5, dim=3) @ value
        return self.out(heard.transpose(1, 2).flatten(2))


class FrameBlock(nn.Module):
    """A transformer block: one more channel out of a map and the skip beside it.

    Parameters
    ----------
    channels : of the map, and of the skip.
    bins, times : of both; the block takes no other number of frames.
    heads : of the attentions, each of which has an equal band of the bins.
    width : of the feed-forward part.
    """

    def __init__(self, channels: tuple[int, int], bins: int, times: int, *, heads: int, width: int) -> None:
        super().__init__()
        self.from_map, self.from_skip = nn.Linear(channels[0], 1), nn.Linear(channels[1], 1)
        self.norms = nn.ModuleList(nn.LayerNorm(bins) for _ in range(5))
        self.inner_norm = nn.LayerNorm(2 * width)
        self.self_attentions = nn.ModuleList(_Attention(bins, heads, times) for _ in range(2))
        self.skip_attentions = nn.ModuleList(_Attention(bins, heads, times) for _ in range(2))
        self.left, self.right = _AlongTime(bins, 11, 2 * width), _AlongTime(bins, 7, width)
        self.middle = _AlongTime(2 * width, 7, bins)
        self.feed_in, self.feed_out = nn.Linear(bins, width), nn.Linear(width, bins)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, sound: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """(batch, channels, bins, times) to (batch, 1, bins, times)."""
        tokens, memory = _tokens(self.from_map, sound), _tokens(self.from_skip, skip)
        first, second, third, fourth, fifth = self.norms
        heard = first(tokens)
        tokens = tokens + self.dropout(self.self_attentions[0](heard, heard) + self.skip_attentions[0](heard, memory))
        tokens = tokens + self.dropout(self._convolved(second(tokens)))
        heard = third(tokens)
        tokens = tokens + self.dropout(self.self_attentions[1](heard, heard))
        tokens = tokens + self.dropout(self.skip_attentions[1](fourth(tokens), memory))
        tokens = tokens + self.dropout(self.feed_out(self.feed_in(fifth(tokens)).relu().square()))
        return tokens.transpose(1, 2)[:, None]

    def _convolved(self, tokens: torch.Tensor) -> torch.Tensor:
        left, right = self.left(tokens).relu(), self.right(tokens)
        both = left + functional.pad(right, (0, left.shape[2] - right.shape[2]))
        return self.middle(self.inner_norm(both))


def _tokens(layer: nn.Module, sound: torch.Tensor) -> torch.Tensor:
    return layer(sound.permute(0, 3, 2, 1))[..., 0]

"""The mean of a network's weights over the steps, which forgets: what is validated and kept. Defines: ``Average``."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """An exponential moving average of parameters; buffers, such as those of batch norms, are the network's own.

    At step t the factor is at most (1 + t) / (10 + t), so that the untrained beginning is soon forgotten. A factor of 0
    keeps the weights themselves.
    """

    def __init__(self, module: nn.Module, factor: float) -> None:
        self.module, self.factor = copy.deepcopy(module).eval().requires_grad_(False), factor

    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after a step (counted from 1)."""
        kept = min(self.factor, (1 + step) / (10 + step))
        with torch.no_grad():
            for mine, new in zip(self.module.parameters(), module.parameters(), strict=True):
                mine.lerp_(new.detach(), 1 - kept)
            for mine, new in zip(self.module.buffers(), module.buffers(), strict=True):
                mine.copy_(new)

"""What the tests of networks' learning share: some steps on one clip, low tones under high noise.

Defines: ``loss_over``.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def loss_over(module: nn.Module, noise: torch.Tensor, steps: int, rate: float = 1e-2) -> tuple[float, float]:
    """Mean error of the first source before and after some steps; of ``noise`` (2, 2, frames) the ends are lost."""
    smooth = functional.avg_pool1d(noise, 8, 1)
    time = torch.arange(float(smooth.shape[2]))
    music = torch.stack([torch.sin(time / 3), torch.sin(time / 7)]).expand(2, 2, -1) / 2
    mixture = music + 3 * smooth * torch.cos(torch.pi * time)
    optimiser, losses = torch.optim.Adam(module.parameters(), rate), []
    for _ in range(steps):
        loss = (module(mixture)[:, 0] - music).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[0], losses[-1]

"""What training makes small: sums of terms over sources, in the sources' order or in the best one.

Terms: ``si_sdr`` and ``snr`` in dB with the sign turned (Le Roux et al. 2019, doi:10.1109/ICASSP.2019.8683855), all
channels as one vector; a silent source (below -80 dBFS on the mean) has neither, and counts 0: it teaches nothing with
these alone; ``l1`` beside them keeps estimates quiet where a source is silent. ``l1``: mean absolute difference
of samples. ``stft``: mean absolute difference of real and imaginary parts at three resolutions, as in MedleyVox.

Conventions: estimates and sources float32 (batch, sources, channels, frames), any length.
Defines: ``TERMS``, ``loss``, ``Goal``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from stimuli.separators.networks.transform import Transform
from stimuli.training.config import Loss

EPSILON = 1e-8
SILENT_POWER = 1e-8
"""The mean of squares at -80 dBFS: the ratio to noise of a recording would outweigh what there is to learn."""
TRANSFORMS = tuple(Transform(window, window // 4) for window in (2048, 1024, 512))

Term = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(..., channels, frames) twice, which broadcast, to (...)."""


def si_sdr(estimate: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Minus the scale-invariant ratio, dB; means are removed."""
    estimate, source = (one.flatten(-2) - one.flatten(-2).mean(dim=-1, keepdim=True) for one in (estimate, source))
    energy = (source**2).sum(dim=-1, keepdim=True)
    near = (estimate * source).sum(dim=-1, keepdim=True) / (energy + EPSILON) * source
    return _ratio(near, estimate - near, source)


def snr(estimate: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Minus the ratio of the source to the error, dB."""
    estimate, source = estimate.flatten(-2), source.flatten(-2)
    return _ratio(source, estimate - source, source)


def _ratio(wanted: torch.Tensor, error: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    found = 10 * torch.log10(((error**2).sum(dim=-1) + EPSILON) / ((wanted**2).sum(dim=-1) + EPSILON))
    return torch.where((source**2).mean(dim=-1) > SILENT_POWER, found, torch.zeros_like(found))


def l1(estimate: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference."""
    return (estimate - source).abs().mean(dim=(-2, -1))


def stft(estimate: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of spectra, the mean of three resolutions."""
    error = estimate - source  # the transform is linear
    parts = (torch.view_as_real(transform.forward(error)).abs().mean(dim=(-4, -3, -2, -1)) for transform in TRANSFORMS)
    return sum(parts, start=torch.zeros((), device=error.device)) / len(TRANSFORMS)


TERMS: Mapping[str, Term] = {"si_sdr": si_sdr, "snr": snr, "l1": l1, "stft": stft}


def loss(asked: Loss, estimate: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """The weighted sum of the terms, the mean over sources and batch; with gradients."""

    def added(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        parts = [weight * TERMS[name](one, other) for name, weight in asked.terms.items()]
        return torch.stack(parts).sum(dim=0)

    if not asked.permutation_invariant:
        return added(estimate, source).mean()
    pairs = added(estimate[:, :, None], source[:, None])
    count = pairs.shape[1]
    orders = torch.tensor(list(itertools.permutations(range(count))), device=pairs.device)
    by_order = pairs[:, torch.arange(count, device=pairs.device), orders].mean(dim=2)
    return by_order.min(dim=1).values.mean()


class Goal(nn.Module):
    """A network with what is made small: one module, so that several processes share gradients whichever loss it is."""

    def __init__(self, network: Any, asked: Loss) -> None:
        super().__init__()
        self.network, self.asked = network, asked

    def forward(self, mixtures: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, a scalar."""
        return self.compared(mixtures, sources, self.network(mixtures) if self.asked.terms else None)

    def compared(self, mixtures: torch.Tensor, sources: torch.Tensor, estimate: torch.Tensor | None) -> torch.Tensor:
        """The loss, a scalar, where the network's estimate is there already; without terms none is looked at."""
        parts = [loss(self.asked, estimate, sources)] if self.asked.terms and estimate is not None else []
        parts += [self.asked.own * self.network.loss(mixtures, sources)] if self.asked.own else []
        return torch.stack(parts).sum()

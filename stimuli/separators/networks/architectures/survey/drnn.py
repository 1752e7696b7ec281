"""The recurrent network with a mask layer of Huang et al. 2014 (ISMIR): one net whose sources share the mixture.

Sine windows of 1024 samples, hop 512, 16 kHz mono. A frame's magnitudes and its neighbours' go through three hidden
layers, of which the second remembers: h2(t) = ReLU(W h1(t) + b + U h2(t - 1)). The absolute values of the linear
outputs share the mixture out, inside the net: what is trained is what is heard, and the sources add up to the mixture.

Its own loss is discriminative: near to one's own source, far from the others, 1/2 [(y - own)^2 - gamma (y - other)^2],
here a mean where the paper has sums, so that it doesn't grow with the length. torch's recurrent layer has two biases
where the paper has one: ``hidden`` parameters more, the same function. The published weights are Matlab's, under other
names. Unverified: the paper's results with these settings. Not here: its loss in Kullback-Leibler form, log-mel input.

Defines: ``drnn``, ``discriminative``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import Masking, at_least_two, soft_masks, stacked
from stimuli.separators.networks.transform import Transform


def drnn(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 1024,
    hop: int = 512,
    hidden: int = 1000,
    context: int = 3,
    gamma: float = 0.05,
) -> nn.Module:
    """One net for two sources or more; channels are heard one by one.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    hidden : units in each of the three hidden layers.
    context : frames that are heard for each, odd.
    gamma : how much the loss minds being near to other sources, from 0 to below 1.

    Raises
    ------
    ValueError
        For one source alone, or sizes out of their range.
    """
    at_least_two(sources)
    if context < 1 or context % 2 == 0 or hidden < 1 or not 0 <= gamma < 1:
        raise ValueError(
            f"context is odd, hidden at least 1, gamma from 0 to below 1; found {context}, {hidden} and {gamma}"
        )
    return _Drnn(Transform(window, hop, "sine"), len(sources), hidden, context, gamma)


class _Drnn(Masking):
    def __init__(self, transform: Transform, sources: int, hidden: int, context: int, gamma: float) -> None:
        super().__init__(transform)
        self.sources, self.context, self.gamma = sources, context, gamma
        bins = transform.window // 2 + 1
        self.first = nn.Linear(bins * context, hidden)
        self.second = nn.RNN(hidden, hidden, nonlinearity="relu", batch_first=True)
        self.third = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, sources * bins)

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """They add up to 1."""
        heard, _ = self.second(self.first(stacked(magnitudes, self.context)).relu())
        outputs = self.last(self.third(heard).relu()).unflatten(2, (self.sources, -1))
        return soft_masks(outputs.permute(0, 2, 3, 1))

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Discriminative."""
        return discriminative(self.masks(mixed) * mixed[:, None], truth, self.gamma)


def discriminative(estimates: torch.Tensor, truth: torch.Tensor, gamma: float) -> torch.Tensor:
    """Half the mean squared distance to the own source, less ``gamma`` times that to the others.

    Shapes (items, sources, bins, times).
    """
    each = (estimates[:, :, None] - truth[:, None]).square().mean(dim=(0, 3, 4))
    own, sources = each.diagonal(), len(each)
    other = (each.sum() - own.sum()) / (sources * (sources - 1))
    return (own.mean() - gamma * other) / 2

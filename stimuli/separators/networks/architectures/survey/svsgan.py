"""The generator of SVSGAN (Fan, Lai and Jang 2017, arXiv:1710.11428): magnitudes of all sources, sharing the mixture.

Three fully connected layers of 1024 ReLU and the mask layer of Huang et al. 2014 (``soft_masks``), frame by frame;
window 1024, hop 512. Its own loss is the supervised one with which the paper begins, the mean squared
error of magnitudes; the adversarial rounds that follow need a second network and are not here.

Unverified: the sizes of the layers and of the transform (the paper's text was not at hand). Defines: ``svsgan``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import Masking, at_least_two, soft_masks
from stimuli.separators.networks.transform import Transform

LAYERS = 3


def svsgan(
    sources: Sequence[str], channels: int, *, window: int = 1024, hop: int = 512, hidden: int = 1024
) -> nn.Module:
    """One net for two sources or more; channels are heard one by one.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    hidden : units in each of the three layers.

    Raises
    ------
    ValueError
        For one source alone, or sizes out of their range.
    """
    at_least_two(sources)
    if hidden < 1:
        raise ValueError(f"hidden is at least 1, found {hidden}")
    return _Generator(Transform(window, hop), len(sources), hidden)


class _Generator(Masking):
    def __init__(self, transform: Transform, sources: int, hidden: int) -> None:
        super().__init__(transform)
        self.sources = sources
        bins = transform.window // 2 + 1
        widths = [bins] + [hidden] * LAYERS
        layers = [part for k in range(LAYERS) for part in (nn.Linear(widths[k], widths[k + 1]), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, sources * bins))

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """They add up to 1."""
        outputs = self.layers(magnitudes.transpose(1, 2)).unflatten(2, (self.sources, -1))
        return soft_masks(outputs.permute(0, 2, 3, 1))

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Mean squared error."""
        return nn.functional.mse_loss(self.masks(mixed) * mixed[:, None], truth)

"""Deep Karaoke (Simpson, Roma and Plumbley 2015, doi:10.1007/978-3-319-22482-4_50): a binary mask by a plain network.

The magnitudes of 20 frames by 1026 bins, 20,520 numbers, go through a hidden layer of as many units to the probability
that a source is louder than all else at each of these points. The window slides over the song; a point's probability is
the mean of all the windows that saw it, and where it passes ``alpha`` the mask is 1, else 0. In training mode the mask
is the probability itself, as a threshold has no slope. Its own loss is the cross-entropy to the ideal binary mask.

The abstract tells of "around a billion parameters" (here 842 million). Unverified: the transform (a window of 2050
samples has the 1026 bins that are told), the number of hidden layers, their sigmoids, the scale of what comes in (a
mean square of 1) and how far the window moves on; a long song's windows are many: give the entry ``chunk_frames``.

Defines: ``deep_karaoke``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import EPSILON, PerSource
from stimuli.separators.networks.transform import Transform


def deep_karaoke(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2050,
    hop: int = 512,
    length: int = 20,
    step: int = 1,
    hidden: int = 20_520,
    alpha: float = 0.5,
) -> nn.Module:
    """A net for each source; channels are heard one by one.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    length : frames of spectra that a net sees at a time.
    step : frames by which it moves on, a divisor of ``length``.
    hidden : units of the hidden layer.
    alpha : the probability that makes the mask 1, above 0 and below 1; lower lets more through.

    Raises
    ------
    ValueError
        For sizes out of their range.
    """
    if min(length, step, hidden) < 1 or length % step or not 0 < alpha < 1:
        raise ValueError(
            f"step divides length, hidden is at least 1, alpha between 0 and 1; "
            f"found {step}, {length}, {hidden} and {alpha}"
        )
    points = length * (window // 2 + 1)

    def net() -> nn.Module:
        return nn.Sequential(nn.Linear(points, hidden), nn.Sigmoid(), nn.Linear(hidden, points))

    return _DeepKaraoke(Transform(window, hop), {source: net() for source in sources}, (length, step), alpha)


class _DeepKaraoke(PerSource):
    def __init__(
        self, transform: Transform, nets: Mapping[str, nn.Module], windows: tuple[int, int], alpha: float
    ) -> None:
        super().__init__(transform, nets)
        self.length, self.step = windows
        self.alpha = alpha

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """0 or 1; in training mode what lies between."""
        found = self.probabilities(magnitudes)
        return found if self.training else (found > self.alpha).to(found.dtype)

    def probabilities(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """That a source is louder than all else, the mean of all windows that saw a point."""
        items, bins, times = magnitudes.shape
        # Not between 0 and 1: there almost all points of music lie near 0, and the sigmoids hear next to nothing.
        scaled = magnitudes / magnitudes.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=EPSILON)
        # Silence at both ends, so that every frame is seen as often as any other.
        before = self.length - self.step
        padded = nn.functional.pad(scaled, (before, before + -times % self.step))
        heard = padded.unfold(2, self.length, self.step).permute(0, 2, 1, 3).flatten(2)
        seen = torch.stack([net(heard).sigmoid() for net in self.nets.values()], dim=1).flatten(0, 1)
        shape = {"output_size": (1, padded.shape[2]), "kernel_size": (1, self.length), "stride": (1, self.step)}
        added = nn.functional.fold(seen.transpose(1, 2), **shape).reshape(items, -1, bins, padded.shape[2])
        return added[..., before : before + times] * (self.step / self.length)

    def loss(self, mixture: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the probabilities to the ideal binary masks; shapes as for any ``Masking``."""
        spectra = self.transform.forward(mixture.flatten(0, 1))
        truth = self.transform.forward(sources.transpose(1, 2).flatten(0, 1))
        ideal = (truth.abs() > (spectra[:, None] - truth).abs()).to(mixture.dtype)
        found = self.probabilities(spectra.abs()).clamp(0, 1)  # rounding may lift a mean of ones above 1
        return nn.functional.binary_cross_entropy(found, ideal)

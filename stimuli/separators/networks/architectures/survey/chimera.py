"""Chimera (Luo et al. 2017, arXiv:1611.06265): one body, two heads, deep clustering beside masks.

Four bidirectional LSTM layers of 500 hear log magnitudes, of mel bands or of the bins themselves. A linear layer gives
each band ``depth`` features: tanh of these at unit length is the embedding, in which the points of one source lie
together; the same features before the tanh, through a linear layer of each band's own and a softmax, are the masks.
What is heard are the masks. A bin's mask lies between those of the two bands whose centres are nearest, so that the
sources add up to the mixture.

Its own loss is ``alpha`` times deep clustering and (1 - ``alpha``) times the masks' squared error, weighted with the
mixture's power; both are per point and the weights 1 on average, so that neither length nor level decides which of
the two counts (the published codes have sums, at the level of their data). Unverified: window, hop, number of bands and
rate, the mel scale (here O'Shaughnessy's, triangles that reach the next centre) and the logarithm's floor.
Not here: Chimera++, whose masks have a linear layer of their own on the LSTM's states.

Defines: ``chimera``, ``deep_clustering``, ``mel_triangles``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import EPSILON, Masking, at_least_two
from stimuli.separators.networks.transform import Transform

FLOOR = 1e-4


def chimera(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 1024,
    hop: int = 256,
    rate_hz: int = 16_000,
    bands: int = 150,
    hidden: int = 500,
    layers: int = 4,
    depth: int = 20,
    alpha: float = 0.5,
) -> nn.Module:
    """One net for two sources or more; channels are heard one by one.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    rate_hz : of the sound; where the mel bands lie.
    bands : mel bands; 0 for the bins themselves.
    hidden, layers : units in each direction and LSTM layers.
    depth : features of a point, and dimensions of its embedding.
    alpha : the part of deep clustering in the loss, from 0 to 1.

    Raises
    ------
    ValueError
        For one source alone, or sizes out of their range.
    """
    at_least_two(sources)
    if min(hidden, layers, depth) < 1 or bands < 0 or not 0 <= alpha <= 1:
        raise ValueError(
            f"hidden, layers and depth are at least 1, bands 0 or more, alpha from 0 to 1, found alpha {alpha}"
        )
    bins = window // 2 + 1
    triangles = mel_triangles(bands, bins, rate_hz) if bands else torch.eye(bins)
    return _Chimera(Transform(window, hop), triangles, len(sources), (hidden, layers, depth), alpha)


class _Chimera(Masking):
    triangles: torch.Tensor

    def __init__(
        self, transform: Transform, triangles: torch.Tensor, sources: int, sizes: tuple[int, int, int], alpha: float
    ) -> None:
        super().__init__(transform)
        hidden, layers, depth = sizes
        bands = len(triangles)
        self.alpha, self.depth = alpha, depth
        self.register_buffer("triangles", triangles, persistent=False)
        self.body = nn.LSTM(bands, hidden, layers, batch_first=True, bidirectional=True)
        self.features = nn.Linear(2 * hidden, bands * depth)
        # A linear layer for each band, all in one: from the features of a point to its masks.
        self.mask_weight = nn.Parameter(torch.empty(bands, depth, sources).uniform_(-1, 1) / math.sqrt(depth))
        self.mask_bias = nn.Parameter(torch.zeros(bands, sources))

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """They add up to 1."""
        return torch.einsum("itbs,bf->isft", self.band_masks(self.heard(self.banded(magnitudes))), self.triangles)

    def banded(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(..., bins, times) to (..., times, bands)."""
        return magnitudes.transpose(-2, -1) @ self.triangles.T

    def heard(self, banded: torch.Tensor) -> torch.Tensor:
        """Features (items, times, bands, depth) of magnitudes (items, times, bands)."""
        states, _ = self.body((banded + FLOOR).log())
        return self.features(states).unflatten(2, (-1, self.depth))

    def band_masks(self, features: torch.Tensor) -> torch.Tensor:
        """(items, times, bands, sources)."""
        return (torch.einsum("itbd,bds->itbs", features, self.mask_weight) + self.mask_bias).softmax(dim=3)

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Deep clustering and masks against the ideal binary mask."""
        banded, each = self.banded(mixed), self.banded(truth).permute(0, 2, 3, 1)
        features = self.heard(banded)
        ideal = nn.functional.one_hot(each.argmax(dim=3), each.shape[3]).to(mixed.dtype)
        embedding = nn.functional.normalize(features.tanh(), dim=3)
        clustered = deep_clustering(embedding.flatten(1, 2), ideal.flatten(1, 2))
        power = banded.square()
        weight = power / power.mean(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
        off = ((ideal - self.band_masks(features)).square().sum(dim=3) * weight).mean()
        return self.alpha * clustered + (1 - self.alpha) * off


def deep_clustering(embedding: torch.Tensor, ideal: torch.Tensor) -> torch.Tensor:
    """How far the affinities of embedded points are from those of their sources, per point; 0 if they are the same.

    |VV' - YY'|^2 (Hershey et al. 2016, doi:10.1109/ICASSP.2016.7471631) without ever making the points' own matrix,
    each point weighted by its source's number of points to the power of -1/4.

    Parameters
    ----------
    embedding : (items, points, depth), of unit length.
    ideal : (items, points, sources), 1 for the loudest source, else 0.
    """
    numbers = (ideal @ ideal.sum(dim=1)[..., None]).clamp(min=1)
    weights = numbers**-0.25
    v, y = weights * embedding, weights * ideal

    def squared(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a.transpose(1, 2) @ b).square().sum(dim=(1, 2))

    return ((squared(v, v) - 2 * squared(v, y) + squared(y, y)) / embedding.shape[1]).mean()


def mel_triangles(bands: int, bins: int, rate_hz: int) -> torch.Tensor:
    """Weights (bands, bins) of mel bands, evenly spaced from 0 Hz to half the rate; each bin's add up to 1.

    Raises
    ------
    ValueError
        Where a band lies between two bins and would hear neither.
    """
    mel = torch.log1p(torch.linspace(0, rate_hz / 2, bins, device="cpu") / 700)
    # In units of bands: the first band's centre lies at 0, the last one's at bands - 1, and beyond these they are flat.
    place = (mel / mel[-1] * (bands + 1) - 1).clamp(0, bands - 1)
    triangles = (1 - (place - torch.arange(bands, device="cpu")[:, None]).abs()).clamp(min=0)
    if not triangles.sum(dim=1).all():
        raise ValueError(f"{bands} mel bands are too narrow for {bins} bins: take fewer bands or a longer window")
    return triangles

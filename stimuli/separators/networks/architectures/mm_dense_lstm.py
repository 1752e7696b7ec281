"""MMDenseNet and MMDenseLSTM: densely connected U-nets for bands and for the whole spectrum, one network per source.

Takahashi and Mitsufuji 2017 (arXiv:1706.09588); Takahashi, Goswami and Mitsufuji 2018
(doi:10.1109/IWAENC.2018.8521383). Sizes and names in the state dict are those of tky823's DNN-based source separation,
whose checkpoints hold one source each; names here have ``<source>.`` before them.

A network estimates magnitudes. One source has them, and the mixture's phase; several share out the mixture by their
squares, so that they add up to it. A long song is heard at once: give the entry ``chunk_frames``.
Defines: ``mm_dense_lstm``, ``mm_densenet``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from stimuli.separators.networks.architectures.dense_blocks import POSITIONS, Backbone, DenseBlock, Plan, norm
from stimuli.separators.networks.transform import Transform

FULL = "full"
EPSILON = 1e-10
SCALE_EPSILON = 1e-12
LSTM_BANDS = {
    "low": Plan(380, 32, (14,) * 7, (5,) * 7, (0, 0, 0, 64, 0, 64, 0)),
    "middle": Plan(644, 32, (4,) * 7, (4,) * 7, (0, 0, 0, 16, 0, 0, 0)),
    "high": Plan(1025, 32, (2, 2, 0, 2, 2), (1, 1, 0, 1, 1), (0, 0, 4, 0, 0)),
    FULL: Plan(2049, 8, (7,) * 9, (3, 3, 4, 5, 5, 5, 4, 3, 3), (0, 0, 0, 0, 64, 0, 0, 64, 0)),
}
DENSE_BANDS = {
    "low": Plan(512, 32, (14, *(16,) * 6), (4,) * 7, kernel=(4, 3)),
    "high": Plan(513, 32, (10,) * 7, (3,) * 7),
    FULL: Plan(1025, 32, (6,) * 7, (2, 2, 2, 4, 2, 2, 2), kernel=(4, 3)),
}
LSTM_LAST = {"growth": 12, "depth": 3, "kernel": (3, 3), "dilated": True}
DENSE_LAST = {"growth": 4, "depth": 2, "kernel": (2, 1), "dilated": False}


def mm_dense_lstm(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 4096,
    hop: int = 1024,
    position: str = "parallel",
    bands: Mapping[str, Mapping[str, Any]] | None = None,
) -> nn.Module:
    """MMDenseLSTM for each source.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    position : of the LSTMs: ``parallel`` to their dense blocks, ``after_dense`` or ``before_dense``.
    bands : sizes other than the published ones, by band from 0 Hz up, and ``full``: tables of ``bins``, ``features``,
        ``growth``, ``depth``, ``hidden`` and ``kernel`` (bins, frames; one number is both).

    Raises
    ------
    ValueError
        For sizes that the net can't have.
    """
    plans = LSTM_BANDS if bands is None else _plans(bands)
    return _MultiBand(sources, channels, Transform(window, hop), (plans, LSTM_LAST), position)


def mm_densenet(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2048,
    hop: int = 1024,
    bands: Mapping[str, Mapping[str, Any]] | None = None,
) -> nn.Module:
    """MMDenseNet for each source; parameters as for ``mm_dense_lstm``, without LSTMs unless ``bands`` ask for them."""
    plans = DENSE_BANDS if bands is None else _plans(bands)
    return _MultiBand(sources, channels, Transform(window, hop), (plans, DENSE_LAST), POSITIONS[0])


def _plans(bands: Mapping[str, Mapping[str, Any]]) -> dict[str, Plan]:
    """Sizes as they are written in an experiment file."""
    plans = {}
    for name, band in bands.items():
        sizes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in band.items()}
        plans[name] = Plan(**sizes)
    return plans


class _Gate(nn.Module):
    """Gated linear unit (Dauphin et al. 2017), cell by cell."""

    def __init__(self, entering: int, out: int) -> None:
        super().__init__()
        self.map, self.map_gate = nn.Conv2d(entering, out, 1), nn.Conv2d(entering, out, 1)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        return self.map(sound) * torch.sigmoid(self.map_gate(sound))


class _Net(nn.Module):
    """Magnitudes of one source out of those of the mixture."""

    def __init__(self, channels: int, plans: Mapping[str, Plan], last: Mapping[str, Any], position: str) -> None:
        super().__init__()
        self.bins = [plan.bins for name, plan in plans.items() if name != FULL]
        width = max(plan.growth[-1] for name, plan in plans.items() if name != FULL)
        self.net = nn.ModuleDict(
            {name: Backbone(channels, plan, position, 0 if name == FULL else width) for name, plan in plans.items()}
        )
        self.dense_block = DenseBlock(width + plans[FULL].growth[-1], **last)
        self.norm2d, self.glu2d = norm(last["growth"]), _Gate(last["growth"], channels)
        bins = plans[FULL].bins
        self.scale_in, self.scale_out = nn.Parameter(torch.ones(bins)), nn.Parameter(torch.ones(bins))
        self.bias_in, self.bias_out = nn.Parameter(torch.zeros(bins)), nn.Parameter(torch.zeros(bins))

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(batch, channels, bins, times), what goes in and what comes out."""
        heard = (magnitudes - self.bias_in[:, None]) / (self.scale_in.abs()[:, None] + SCALE_EPSILON)
        nets = dict(self.net.items())
        full = nets.pop(FULL)(heard)
        parts = heard.split(self.bins, dim=2)
        bands = torch.cat([net(part) for net, part in zip(nets.values(), parts, strict=True)], dim=2)
        found = self.glu2d(self.norm2d(self.dense_block(torch.cat([bands, full], dim=1))))
        return (self.scale_out[:, None] * found + self.bias_out[:, None]).relu()


class _MultiBand(nn.ModuleDict):
    def __init__(
        self, sources: Sequence[str], channels: int, transform: Transform, sizes: tuple[Any, Any], position: str
    ) -> None:
        plans, last = sizes
        bins = transform.window // 2 + 1
        if position not in POSITIONS:
            raise ValueError(f"position is {', '.join(POSITIONS)}; found {position!r}")
        if FULL not in plans or len(plans) < 2:
            raise ValueError(f"bands are {FULL} and one or more others, found {', '.join(plans) or 'none'}")
        found = [plans[FULL].bins, sum(plan.bins for name, plan in plans.items() if name != FULL)]
        if found != [bins, bins]:
            raise ValueError(f"bins of {FULL}, and of the others together, are {bins}; found {found[0]} and {found[1]}")
        super().__init__({source: _Net(channels, plans, last, position) for source in sources})
        self.transform = transform

    def adopted(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Names of a checkpoint of one source, or of several in the repository's wrapper, as they are here."""
        wrapped = tuple(f"net.{source}." for source in self)
        if all(name.startswith(wrapped) for name in state):
            return {name.removeprefix("net."): value for name, value in state.items()}
        if len(self) == 1 and "scale_in" in state:
            return {f"{next(iter(self))}.{name}": value for name, value in state.items()}
        return dict(state)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) to (batch, sources, channels, frames)."""
        spectra = self.transform.forward(waveform)
        magnitudes = spectra.abs()
        estimates = torch.stack([net(magnitudes) for net in self.values()], dim=1)
        if len(self) == 1:
            masks = estimates / (magnitudes[:, None] + EPSILON)
        else:
            power = estimates**2
            masks = (power + EPSILON / len(self)) / (power.sum(dim=1, keepdim=True) + EPSILON)
        return self.transform.inverse(spectra[:, None] * masks, waveform.shape[2])

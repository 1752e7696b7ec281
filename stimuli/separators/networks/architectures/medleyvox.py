"""MedleyVox: singers out of a mixture of voices; Conv-TasNet's masker on spectra, and a second stage for what is high.

Jeon et al. 2023, doi:10.1109/ICASSP49357.2023.10096190 (arXiv:2211.07302). The masker takes the real rows of the
spectra and then the imaginary ones, and masks each by itself. What the estimates lack of the mixture is shared out
equally among them (Wisdom et al. 2019). The second stage, iSRNet, makes magnitudes anew out of those of mixture and
estimates (after SFSRNet, Rixen and Renz 2022); the phases are the first stage's.

Names in the state dict are the published ones, ``masker.`` (asteroid's TDConvNet) and ``sr_net.``; published files hold
more: the transform, which is made here, and each weight twice, as trained and averaged.
Defines: ``medleyvox``, ``SuperResolution``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from stimuli.separators.networks.architectures.conv_tasnet import GlobalNorm, TDConvNet
from stimuli.separators.networks.transform import Transform

AVERAGED, TRAINED = "ema_model.module.", "online_model.module."
FILTERBANKS = ("encoder.", "decoder.")
WIDTH, INSIDE = 96, 384
"""Channels between the blocks of the second stage, and inside them."""
EPSILON, LEAST_MAGNITUDE = 1e-5, 1e-8


def medleyvox(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2048,
    hop: int = 512,
    bottleneck: int = 256,
    hidden: int = 1024,
    skip: int = 256,
    blocks: int = 6,
    repeats: int = 4,
    mask: str = "linear",
    consistent: bool = True,
    second_stage: bool = False,
    above_hz: float = 3000.0,
    rate_hz: int = 24_000,
) -> nn.Module:
    """The network for as many singers as there are sources; its outputs have no order.

    Parameters
    ----------
    window, hop : of the transform, in samples.
    bottleneck, hidden, skip, blocks, repeats, mask : of the masker, see ``conv_tasnet``.
    consistent : the first stage's estimates add up to the mixture.
    second_stage : whether iSRNet follows; its estimates need not add up.
    above_hz, rate_hz : from where on the second stage is told what the mixture has, and the sample rate.

    Raises
    ------
    ValueError
        For sizes or names that make no network.
    """
    if channels != 1:
        raise ValueError(f"the net is mono: it takes channels = 1, found channels = {channels}")
    if window % 2:
        raise ValueError(f"window is even, found {window}")
    rows = 2 * (window // 2 + 1)
    masker = TDConvNet(
        rows,
        len(sources),
        n_blocks=blocks,
        n_repeats=repeats,
        bn_chan=bottleneck,
        hid_chan=hidden,
        skip_chan=skip,
        mask_act=mask,
    )
    first_high = math.ceil(above_hz * window / rate_hz)
    if not 0 < first_high < window // 2:
        raise ValueError(f"above_hz is more than 0 and less than half of rate_hz, found {above_hz:g} and {rate_hz}")
    second = SuperResolution(len(sources), first_high) if second_stage else None
    return _MedleyVox(masker, Transform(window, hop, "sine", "mirror"), consistent, second)


class _MedleyVox(nn.Module):
    """20 690 745 parameters in the masker."""

    def __init__(
        self, masker: TDConvNet, transform: Transform, consistent: bool, second: SuperResolution | None
    ) -> None:
        super().__init__()
        self.masker, self.sr_net = masker, second
        self.transform, self.consistent = transform, consistent

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, 1, frames) to (batch, sources, 1, frames)."""
        frames = waveform.shape[2]
        mixture = self.transform.forward(waveform[:, 0])
        rows = torch.cat([mixture.real, mixture.imag], dim=1)
        real, imaginary = (self.masker(rows) * rows[:, None]).chunk(2, dim=2)
        made = self.transform.inverse(torch.complex(real, imaginary), frames)
        if self.consistent:
            made = made + (waveform - made.sum(dim=1, keepdim=True)) / made.shape[1]
        if self.sr_net is not None:
            estimates = self.transform.forward(made)
            magnitudes = estimates.abs()
            phases = estimates / magnitudes.clamp(min=LEAST_MAGNITUDE)  # none in silence, which stays silent
            made = self.transform.inverse(self.sr_net(mixture.abs(), magnitudes) * phases, frames)
        return made[:, :, None]

    def adopted(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Published weights under the names here: averaged ones where there are some, and no filterbanks."""
        prefix = next((one for one in (AVERAGED, TRAINED) if any(key.startswith(one) for key in state)), "")
        mine = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        return {
            key: value
            for key, value in mine.items()
            if not key.startswith(FILTERBANKS) and not key.endswith("torch_window")
        }


class SuperResolution(nn.Module):
    """iSRNet: two blocks of ConvNeXt's kind on magnitudes; 166 086 parameters for two singers.

    ``first_high`` is the bin from which on the mixture is heard through the estimates' levels below it.
    """

    def __init__(self, count: int, first_high: int) -> None:
        super().__init__()
        self.first_high = first_high
        self.conv_0 = nn.Conv2d(1 + 2 * count, WIDTH, 5, padding=2)
        self.conv_1 = nn.Conv2d(WIDTH, WIDTH, 7, padding=3, groups=WIDTH)
        self.ln_1 = _Norm(WIDTH)
        self.conv_2 = nn.Conv2d(WIDTH, INSIDE, 1)
        self.conv_3 = nn.Conv2d(INSIDE, WIDTH, 1)
        self.conv_4 = nn.Conv2d(WIDTH, WIDTH, 1, groups=WIDTH)
        self.ln_4 = _Norm(WIDTH)
        self.conv_5 = nn.Conv2d(WIDTH, INSIDE, 1)
        self.conv_6 = nn.Conv2d(INSIDE, WIDTH, 1)
        self.conv_out = nn.Conv2d(WIDTH, count, 1)
        self.ln_out = _Norm(count)

    def forward(self, mixture: torch.Tensor, estimates: torch.Tensor) -> torch.Tensor:
        """Magnitudes of the mixture (batch, bins, times) and the estimates (batch, count, bins, times) to new ones."""
        mixture = mixture[:, None]
        heard = torch.cat([mixture, estimates, self.guess(mixture, estimates)], dim=1)
        wide = nn.functional.gelu(self.conv_0(heard))
        first = self.conv_3(nn.functional.gelu(self.conv_2(self.ln_1(self.conv_1(wide)))))
        second = self.conv_6(nn.functional.gelu(self.conv_5(self.ln_4(self.conv_4(wide + first)))))
        return torch.relu(self.ln_out(self.conv_out(first + second)))

    def guess(self, mixture: torch.Tensor, estimates: torch.Tensor) -> torch.Tensor:
        """What the singers may have in the high bins: the mixture there, times a ratio of the sums of the low ones.

        The ratio is the mixture's sum over the estimate's. One expects the inverse; the weights were trained with this.
        """
        low = slice(0, self.first_high)
        ratio = mixture[:, :, low].sum(dim=2, keepdim=True) / (estimates[:, :, low].sum(dim=2, keepdim=True) + EPSILON)
        return torch.cat([torch.zeros_like(estimates[:, :, low]), mixture[:, :, self.first_high :] * ratio], dim=2)


class _Norm(GlobalNorm):
    """gLN over channels, bins and times."""

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        return super().forward(sound.flatten(2)).unflatten(2, sound.shape[2:])

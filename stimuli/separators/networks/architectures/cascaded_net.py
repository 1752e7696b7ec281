"""CascadedNet of tsurumeso's vocal-remover (version 5 and later): three stages of U-nets, the last over all bins.

Low and high band have nets of their own in the first two stages; each stage hears the mixture and what those before it
made. A mask keeps the accompaniment; the complex variant turns phases too. There is no paper; the weights are those of
``baseline.pth``, whose names these are.

Trained at 44.1 kHz. Evaluation goes crop by crop over the song; in training a clip is one piece, whatever its length.
Defines: ``cascaded_net``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from stimuli.separators.networks.architectures.cascaded_blocks import BaseNet, Convolved
from stimuli.separators.networks.architectures.crops import Crops
from stimuli.separators.networks.architectures.vocal_remover import checked_sources, normalised, told_apart
from stimuli.separators.networks.transform import Transform

STRIDE = 16
"""Four levels down halve bins and times four times."""
EPSILON = 1e-8


def cascaded_net(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2048,
    hop: int = 1024,
    nout: int = 32,
    nout_lstm: int = 128,
    complex: bool = False,
    cropsize: int = 256,
    offset: int = 64,
    tta: bool = False,
    merge_artifacts: bool = False,
) -> nn.Module:
    """The accompaniment that the net's mask keeps, and the vocals that it takes away if ``sources`` names them.

    Parameters
    ----------
    window, hop : of the transform, in samples; the window a multiple of 64.
    nout, nout_lstm : width of the last stage, and of its LSTM; multiples of 4.
    complex : spectra instead of magnitudes.
    cropsize, offset : frames of a crop (a multiple of 16), and those on either side that are context alone.
    tta : test-time augmentation: the mean of two passes, half a step apart.
    merge_artifacts : nothing is taken away where little is for more than 64 frames.

    Raises
    ------
    ValueError
        For sizes or sources that the net can't have.
    """
    checked_sources(sources, channels)
    if window % 64 or window <= 0:
        raise ValueError(f"window is a multiple of 64, found {window}")
    if min(nout, nout_lstm) <= 0 or nout % 4 or nout_lstm % 4:
        raise ValueError(f"nout and nout_lstm are multiples of 4, found {nout} and {nout_lstm}")
    crops = Crops(cropsize, offset, tta, merge_artifacts)
    return _CascadedNet(sources, Transform(window, hop), crops, widths=(nout, nout_lstm), of_spectra=complex)


class _CascadedNet(nn.Module):
    def __init__(
        self, sources: Sequence[str], transform: Transform, crops: Crops, *, widths: tuple[int, int], of_spectra: bool
    ) -> None:
        super().__init__()
        self.sources, self.transform, self.crops, self.of_spectra = tuple(sources), transform, crops, of_spectra
        width, units = widths
        # Real and imaginary parts are channels of their own.
        heard, bins = 4 if of_spectra else 2, transform.window // 2
        half, quarter = width // 2, width // 4
        self.stg1_low_band_net = nn.Sequential(
            BaseNet(heard, half, bins // 4, units), Convolved((half, quarter), kernel=1)
        )
        self.stg1_high_band_net = BaseNet(heard, quarter, bins // 4, units // 2)
        self.stg2_low_band_net = nn.Sequential(
            BaseNet(heard + quarter, width, bins // 4, units), Convolved((width, half), kernel=1)
        )
        self.stg2_high_band_net = BaseNet(heard + quarter, half, bins // 4, units // 2)
        self.stg3_full_band_net = BaseNet(heard + quarter + half, width, bins // 2, units)
        self.out = nn.Conv2d(width, heard, 1, bias=False)
        # In the weight files, and used by nothing: without a gradient that a trainer would wait for.
        self.aux_out = nn.Conv2d(quarter + half, heard, 1, bias=False).requires_grad_(False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, 2, frames) to (batch, sources, 2, frames)."""
        spectra = self.transform.forward(waveform)
        kept = self.transform.inverse(spectra * self._whole_mask(spectra), waveform.shape[2])
        return told_apart(self.sources, kept, waveform)

    def mask(self, spectra: torch.Tensor) -> torch.Tensor:
        """Mask of normalised spectra (or their magnitudes), times a multiple of 16; as many bins as they have."""
        heard = torch.cat([spectra.real, spectra.imag], dim=1) if self.of_spectra else spectra
        made = self.out(self._stages(heard[:, :, : self.transform.window // 2]))
        mask = _bounded(torch.complex(*made.chunk(2, dim=1))) if self.of_spectra else torch.sigmoid(made)
        return torch.cat([mask, mask[:, :, -1:]], dim=2)

    def _stages(self, heard: torch.Tensor) -> torch.Tensor:
        low, high = heard.chunk(2, dim=2)
        low_first, high_first = self.stg1_low_band_net(low), self.stg1_high_band_net(high)
        low_second = self.stg2_low_band_net(torch.cat([low, low_first], dim=1))
        high_second = self.stg2_high_band_net(torch.cat([high, high_first], dim=1))
        first, second = torch.cat([low_first, high_first], dim=2), torch.cat([low_second, high_second], dim=2)
        return self.stg3_full_band_net(torch.cat([heard, first, second], dim=1))

    def _whole_mask(self, spectra: torch.Tensor) -> torch.Tensor:
        heard = normalised(spectra if self.of_spectra else spectra.abs())
        if self.training:
            times = heard.shape[3]
            return self.mask(functional.pad(heard, (0, -times % STRIDE)))[..., :times]
        return self.crops.masks(self.mask, heard)


def _bounded(mask: torch.Tensor) -> torch.Tensor:
    """A complex mask with a magnitude below 1."""
    size = mask.abs()
    return torch.tanh(size) * mask / (size + EPSILON)

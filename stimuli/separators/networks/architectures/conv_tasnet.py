"""Conv-TasNet: masks on a learned representation of the waveform, found by stacks of dilated convolutions.

Luo and Mesgarani 2019, doi:10.1109/TASLP.2019.2915167. Names in the state dict are those of the asteroid toolkit, so
that its weights load as they are; ``cLN`` is, as there, a norm per frame over the channels, not the paper's cumulative
one. With two channels it is the variant for stereo music that Défossez et al. compare with (arXiv:1911.13254): the
filters span both channels, and there is still one mask per source.

Conventions: representations are (batch, channels, times); a norm takes and gives that shape. The sound is padded with
silence at its end, so that a frame covers its last samples too.

Defines: ``conv_tasnet``, ``TDConvNet``, ``ChannelNorm``, ``GlobalNorm``, ``Depthwise``, ``separable``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-8
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "softmax": partial(torch.softmax, dim=1),
    "linear": lambda scores: scores,
}
"""Of masks (batch, sources, channels, times); softmax is over the sources."""


def conv_tasnet(
    sources: Sequence[str],
    channels: int,
    *,
    filters: int = 512,
    kernel: int = 16,
    bottleneck: int = 128,
    hidden: int = 512,
    skip: int = 128,
    blocks: int = 8,
    repeats: int = 3,
    conv_kernel: int = 3,
    norm: Literal["gLN", "cLN"] | None = None,
    mask: Literal["sigmoid", "relu", "softmax", "linear"] = "sigmoid",
    encoder: Literal["linear", "relu"] = "linear",
    causal: bool = False,
) -> nn.Module:
    """Conv-TasNet with the paper's letters N, L, B, H, Sc, X, R, P in this order, and its defaults for 8 kHz.

    Parameters
    ----------
    kernel : of the filters, in frames, even; their hop is half of it.
    skip : channels of the skip connections; 0: none, the last block's output makes the masks.
    norm : ``gLN``, over channels and time, or ``cLN``, over the channels of each frame; the one that ``causal`` needs
        if left out.
    encoder : what follows the filters.
    causal : no frame hears a later one.

    Raises
    ------
    ValueError
        For sizes or names that make no network.
    """
    if kernel < 2 or kernel % 2:
        raise ValueError(f"kernel is even, its half is the hop, found {kernel}")
    if encoder not in ("linear", "relu"):
        raise ValueError(f"encoder is linear or relu, found {encoder!r}")
    masker = TDConvNet(
        filters,
        len(sources),
        n_blocks=blocks,
        n_repeats=repeats,
        bn_chan=bottleneck,
        hid_chan=hidden,
        skip_chan=skip,
        conv_kernel_size=conv_kernel,
        norm_type=norm or ("cLN" if causal else "gLN"),
        mask_act=mask,
        causal=causal,
    )
    return ConvTasNet(channels, masker, kernel, encoder == "relu")


class ConvTasNet(nn.Module):
    """Filters, a masker, filters; 5 050 545 parameters for two sources of one channel."""

    def __init__(self, channels: int, masker: TDConvNet, kernel: int, rectified: bool) -> None:
        super().__init__()
        self.channels, self.kernel, self.hop, self.rectified = channels, kernel, kernel // 2, rectified
        self.encoder = _Coder(masker.in_chan, channels, kernel)
        self.masker = masker
        self.decoder = _Coder(masker.in_chan, channels, kernel)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) to (batch, sources, channels, frames)."""
        batch, _, frames = waveform.shape
        padded = functional.pad(waveform, (0, self.hop * (self.hop_count(frames) + 1) - frames))
        heard = functional.conv1d(padded, self.encoder.filters, stride=self.hop)
        heard = torch.relu(heard) if self.rectified else heard
        masked = (self.masker(heard) * heard[:, None]).flatten(0, 1)
        made = functional.conv_transpose1d(masked, self.decoder.filters, stride=self.hop)
        return made[..., :frames].unflatten(0, (batch, -1))

    def hop_count(self, frames: int) -> int:
        """How many frames of the representation cover a sound."""
        return max(1, -(-(frames - self.hop) // self.hop))


class _Coder(nn.Module):
    """Filters (N, channels, L) under asteroid's name."""

    def __init__(self, filters: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.filterbank = nn.Module()
        self.filterbank._filters = nn.Parameter(nn.init.xavier_normal_(torch.empty(filters, channels, kernel)))

    @property
    def filters(self) -> torch.Tensor:
        return self.get_parameter("filterbank._filters")


class TDConvNet(nn.Module):
    """The masker of Conv-TasNet by itself: (batch, in_chan, times) to masks (batch, n_src, out_chan, times).

    Parameters
    ----------
    in_chan, out_chan : channels of the representation, and of a mask (``in_chan`` if left out).
    n_blocks, n_repeats : blocks of a stack, with dilations 1, 2, 4 …, and stacks.
    bn_chan, hid_chan, skip_chan : channels of the bottleneck, inside a block, and of the skip connections (0: none).
    norm_type : ``gLN`` or ``cLN``; ``causal`` needs ``cLN``.
    mask_act : one of ``ACTIVATIONS``.

    Raises
    ------
    ValueError
        For sizes or names that make no network.
    """

    def __init__(
        self,
        in_chan: int,
        n_src: int,
        out_chan: int | None = None,
        *,
        n_blocks: int = 8,
        n_repeats: int = 3,
        bn_chan: int = 128,
        hid_chan: int = 512,
        skip_chan: int = 128,
        conv_kernel_size: int = 3,
        norm_type: str = "gLN",
        mask_act: str = "relu",
        causal: bool = False,
    ) -> None:
        super().__init__()
        out_chan = out_chan or in_chan
        _check_sizes(in_chan, n_src, out_chan, n_blocks, n_repeats, bn_chan, hid_chan, conv_kernel_size, skip_chan + 1)
        if norm_type not in NORMS or mask_act not in ACTIVATIONS:
            raise ValueError(
                f"norm is {' or '.join(NORMS)} and mask one of {', '.join(ACTIVATIONS)}, found {norm_type!r} and "
                f"{mask_act!r}"
            )
        if causal and norm_type == "gLN":
            raise ValueError("a causal network can't have norm gLN, which hears the whole sound; take cLN")
        if not causal and conv_kernel_size % 2 == 0:
            raise ValueError(f"a kernel of convolutions that hear both sides is odd, found {conv_kernel_size}")
        self.in_chan, self.n_src, self.out_chan, self.causal = in_chan, n_src, out_chan, causal
        self.activation = mask_act
        norm = NORMS[norm_type]
        self.bottleneck = nn.Sequential(norm(in_chan), nn.Conv1d(in_chan, bn_chan, 1))
        self.TCN = nn.ModuleList(
            _Block(separable(bn_chan, hid_chan, conv_kernel_size, 2**i, norm, causal=causal), skip_chan)
            for _ in range(n_repeats)
            for i in range(n_blocks)
        )
        self.mask_net = nn.Sequential(nn.PReLU(), nn.Conv1d(skip_chan or bn_chan, n_src * out_chan, 1))

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        """Masks of a representation."""
        bottleneck = self.bottleneck(heard)
        skips = []
        for block in self.TCN:
            rest, skip = block(bottleneck)
            bottleneck = bottleneck + rest
            skips = [skips[0] + skip] if skips and skip is not None else [skip]
        scores = self.mask_net(bottleneck if skips[0] is None else skips[0])
        return self.act(scores.unflatten(1, (self.n_src, self.out_chan)))

    def act(self, scores: torch.Tensor) -> torch.Tensor:
        """Masks (batch, n_src, out_chan, times) out of scores of that shape."""
        return ACTIVATIONS[self.activation](scores)


class _Block(nn.Module):
    """One dilated block: what it adds to the bottleneck, and to the masks. The last block's first part goes unused."""

    def __init__(self, shared: nn.Sequential, skip: int) -> None:
        super().__init__()
        first = shared[0]
        assert isinstance(first, nn.Conv1d)
        self.shared_block = shared
        self.res_conv = nn.Conv1d(first.out_channels, first.in_channels, 1)
        self.skip_conv = nn.Conv1d(first.out_channels, skip, 1) if skip else None

    def forward(self, bottleneck: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        hidden = self.shared_block(bottleneck)
        return self.res_conv(hidden), None if self.skip_conv is None else self.skip_conv(hidden)


def separable(
    channels: int,
    hidden: int,
    kernel: int,
    dilation: int,
    norm: Callable[[int], nn.Module],
    *,
    causal: bool,
    ahead: int = 0,
) -> nn.Sequential:
    """A pointwise and a depthwise convolution, a PReLU and a norm after each: (batch, channels, times) to ``hidden``.

    A causal one hears ``ahead`` times beyond its own; any other as far ahead as behind.
    """
    reach = (kernel - 1) * dilation
    depthwise = Depthwise(hidden, kernel, dilation, ahead if causal else reach // 2)
    return nn.Sequential(
        nn.Conv1d(channels, hidden, 1),
        nn.PReLU(),
        norm(hidden),
        nn.Sequential(depthwise) if causal else depthwise,  # asteroid's name has one more number where it is causal
        nn.PReLU(),
        norm(hidden),
    )


class Depthwise(nn.Conv1d):
    """Each channel with its own kernel; ``ahead`` says how many times beyond its own it hears."""

    def __init__(self, channels: int, kernel: int, dilation: int, ahead: int) -> None:
        super().__init__(channels, channels, kernel, dilation=dilation, groups=channels)
        self.reach, self.ahead = (kernel - 1) * dilation, ahead

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Same shape; beyond the ends there is silence."""
        return super().forward(functional.pad(input, (self.reach, self.ahead))[..., self.ahead :])


class _Norm(nn.Module):
    """Mean 0 and variance 1 over some dimensions, then a gain and an offset per channel."""

    over: tuple[int, ...]

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        variance, mean = torch.var_mean(sound, dim=self.over, correction=0, keepdim=True)
        normal = (sound - mean) * torch.rsqrt(variance + EPSILON)
        return torch.addcmul(self.beta[:, None], normal, self.gamma[:, None])


class ChannelNorm(_Norm):
    """Over the channels of each time: causal. asteroid's cLN."""

    over = (1,)


class GlobalNorm(_Norm):
    """Over channels and time: it hears the whole sound. gLN."""

    over = (1, 2)


NORMS: dict[str, type[_Norm]] = {"gLN": GlobalNorm, "cLN": ChannelNorm}


def _check_sizes(*sizes: int) -> None:
    if any(not isinstance(size, int) or size < 1 for size in sizes):
        raise ValueError(f"sizes of the network are whole numbers from 1 up, skip from 0, found {sizes}")

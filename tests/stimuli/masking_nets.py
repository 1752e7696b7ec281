"""What the tests of networks that mask share: small nets, a mixture, and one learnt by the other."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from stimuli.separators.networks.architectures.conv_tasnet import conv_tasnet
from stimuli.separators.networks.architectures.vox_tasnet import vox_tasnet

RATE_HZ = 44_100
SMALL_VOX = {"width": 12, "bottleneck": 16, "repeats": 2, "dilations": 4}
SMALL_CONV = {"filters": 12, "kernel": 16, "bottleneck": 16, "hidden": 24, "skip": 8, "blocks": 4, "repeats": 2}


def shaken(net: nn.Module, seed: int = 1) -> nn.Module:
    """The net with every weight moved at random: gains, offsets and slopes too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    return net.eval()


def vox(sources: int = 1, channels: int = 2, **keys) -> nn.Module:
    torch.manual_seed(1)
    return shaken(vox_tasnet([f"s{i}" for i in range(sources)], channels, **(SMALL_VOX | keys)))


def conv(sources: int = 2, channels: int = 1, **keys) -> nn.Module:
    torch.manual_seed(1)
    return shaken(conv_tasnet([f"s{i}" for i in range(sources)], channels, **(SMALL_CONV | keys)))


def sound(channels: int, frames: int, seed: int = 1) -> torch.Tensor:
    return 0.3 * torch.randn(channels, frames, generator=torch.Generator().manual_seed(seed))


def first_change(net: nn.Module, frames: int, at: int) -> int:
    """The first frame of the estimates that another input from frame ``at`` on alters."""
    net, heard = net.double(), sound(net.channels, frames).double()
    other = heard.clone()
    other[:, at:] += sound(net.channels, frames - at, seed=2).double()
    with torch.inference_mode():
        differs = (net(other[None]) - net(heard[None]))[0].abs().amax(dim=(0, 1)) > 0
    return int(differs.nonzero()[0])


def duo(seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A voice of gliding harmonics and a band of decaying noise: each (2, frames), neither the louder."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (400 * time + 8 * np.sin(2 * np.pi * 5 * time))
    voice = sum(np.sin(k * phase) / k for k in range(1, 6))
    band = np.random.default_rng(1).standard_normal((2, len(time))) * np.exp(-20 * (time % 0.1))
    voice = np.stack([voice, 0.8 * voice])
    return tuple(torch.from_numpy(0.1 * one / one.std()).float() for one in (voice, band))


def ratio(reference: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """SI-SDR in dB of (…, channels, frames), the channels as one vector."""
    reference, estimate = (one.flatten(-2) - one.flatten(-2).mean(-1, keepdim=True) for one in (reference, estimate))
    target = (estimate * reference).sum(-1, keepdim=True) / (reference**2).sum(-1, keepdim=True) * reference
    return 10 * torch.log10((target**2).sum(-1) / ((estimate - target) ** 2).sum(-1))


def gain_after_fitting(net: nn.Module, seconds: float, steps: int, rate: float = 5e-3) -> float:
    """SI-SDR improvement in dB of the sources, one mixture learnt by heart; the worst of the sources."""
    voice, band = duo(seconds)
    mixture = voice + band
    mixture, band, voice = (one[: net.channels] for one in (mixture, band, voice))
    sources = torch.stack([band, voice][: net(mixture[None]).shape[1]])
    optimiser = torch.optim.Adam(net.train().parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = -ratio(sources, net(mixture[None])[0]).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
    with torch.inference_mode():
        return float((ratio(sources, net.eval()(mixture[None])[0]) - ratio(sources, mixture.expand_as(sources))).min())

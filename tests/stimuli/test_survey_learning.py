"""The survey's early networks learn, each with its own loss: one duet by heart, and of a real song what helps later."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from known_songs import RATE_HZ, si_sdr, sung
from test_architectures import ARCHITECTURES, SMALL, built

from stimuli import audio
from stimuli.separators.networks.architectures.survey import masking

SURVEY = tuple(name for name, place in ARCHITECTURES.items() if ".survey." in place)

STEPS = {
    "unet_voice": (60, 3e-3),
    "drnn": (100, 5e-3),
    "chimera": (60, 1e-2),
    "skip_filtering": (60, 3e-3),
    "svsgan": (150, 5e-3),
    "deep_karaoke": (60, 1e-2),
}
"""Steps of Adam, and their length."""


def duet() -> torch.Tensor:
    """A second of a gliding voice with pauses and of a chord that lies above and below it; (1, 2, 1, 8000)."""
    time = torch.arange(8_000) / 8_000
    phase = torch.cumsum(900 + 200 * torch.sin(4 * torch.pi * time), 0) / 8_000
    partials, pitches = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[220.0], [277.0], [330.0], [1250.0]])
    voice = (torch.sin(2 * torch.pi * partials * phase) / partials).sum(dim=0)
    chord = torch.sin(2 * torch.pi * pitches * time).sum(dim=0)
    return 0.1 * torch.stack([voice * (torch.sin(6 * torch.pi * time) > -0.3), chord])[None, :, None]


def trained(
    module: torch.nn.Module, excerpts: Callable[[], torch.Tensor], steps: int, length: float
) -> tuple[float, float]:
    """The module's own loss at first and at last; ``excerpts`` are sources (batch, sources, channels, frames)."""
    optimizer, losses = torch.optim.Adam(module.parameters(), length), []
    module.train()
    for _ in range(steps):
        sources = excerpts()
        loss = module.loss(sources.sum(dim=1), sources[:, : _count(module)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    module.eval()
    tenth = max(1, steps // 10)
    return losses[0], float(np.mean(losses[-tenth:]))


def _count(module: torch.nn.Module) -> int:
    """A net for the vocals alone hears of the vocals alone."""
    return len(module.nets) if isinstance(module, masking.PerSource) else 2


def gained(module: torch.nn.Module, sources: torch.Tensor) -> float:
    """Decibels of SI-SDR that the vocals (1, 2, 1, frames) gain over the mixture."""
    mixture, vocals = sources.sum(dim=1), sources[:, 0].numpy()
    with torch.inference_mode():
        return si_sdr(module(mixture)[:, 0].numpy(), vocals) - si_sdr(mixture.numpy(), vocals)


def test_every_network_of_the_survey_learns_here() -> None:
    assert set(STEPS) == set(SURVEY)


@pytest.mark.parametrize("name", STEPS)
def test_it_learns_one_duet_with_its_own_loss_and_separates_it(name) -> None:
    torch.manual_seed(1)
    module, sources = built(name), duet()
    assert gained(module.eval(), sources) < 3
    first, last = trained(module, lambda: sources, *STEPS[name])
    assert last < 0.4 * first and gained(module, sources) > 8


LARGER = {
    "unet_voice": (8_192, {"width": 8, "block": 64}, 400, 1e-3, 5.0),
    "drnn": (16_000, {"hidden": 200}, 400, 1e-3, 4.0),
    "chimera": (16_000, {"bands": 80, "hidden": 64, "layers": 2, "hop": 512}, 300, 3e-3, 2.5),
    "skip_filtering": (
        16_000,
        {"window": 1023, "size": 1024, "hop": 512, "low": 128, "length": 20, "context": 5, "iterations": 3},
        200,
        3e-3,
        3.0,
    ),
    "svsgan": (16_000, {"hidden": 256}, 600, 1e-3, 5.0),
    "deep_karaoke": (16_000, {"window": 1024, "length": 4, "hidden": 300}, 1200, 3e-3, 2.0),
}
"""Rate in Hz, parameters, steps and their length, and the least gain in dB. Deep Karaoke hears 4 frames, 0.13 s (the
paper's 20 are 0.23 s at 44.1 kHz): it knows no shift, and of 20 frames, here 0.64 s, learns these 20 s by heart."""


@pytest.mark.proof
@pytest.mark.parametrize("name", LARGER)
def test_it_learns_from_20_s_of_a_real_song_what_helps_in_the_next_10_s(name, shared: Path) -> None:
    """One singer over one band: no claim about other songs."""
    rate_hz, parameters, steps, length, least_db = LARGER[name]
    of = sung(shared, "escape")
    stems = [of.stems["vocals"], of.mixture - of.stems["vocals"]]
    mono = [audio.resampled(stem.mean(axis=1, keepdims=True), RATE_HZ, rate_hz)[:, 0] for stem in stems]
    sources = torch.from_numpy(np.stack(mono))[None, :, None]
    known, unknown = sources[..., : 20 * rate_hz], sources[..., 20 * rate_hz :]
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)

    def excerpts() -> torch.Tensor:
        starts = torch.randint(18 * rate_hz, (4,), generator=generator).tolist()
        return torch.cat([known[..., start : start + 2 * rate_hz] for start in starts])

    module, _, function = ARCHITECTURES[name].partition(":")
    sources_given = SMALL[name].sources
    net = getattr(importlib.import_module(module), function)(sources_given, 1, **parameters)
    first, last = trained(net, excerpts, steps, length)
    found = gained(net, unknown)
    print(f"{name}: loss {first:.4g} to {last:.4g}, vocals {found:+.2f} dB over the mixture in unheard seconds")
    assert last < first and found > least_db

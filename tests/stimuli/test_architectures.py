"""What every registered architecture promises, whatever it is: one table, one contract.

An architecture that is registered gets a line in ``SMALL``: what makes it small enough to run in a moment, and a
parameter that it must refuse.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from outside import made, separated, song

from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures import ARCHITECTURES

VOCALS, BOTH = ("vocals",), ("vocals", "accompaniment")


@dataclass(frozen=True)
class Small:
    """How an architecture is made small, and what it must not take."""

    parameters: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = BOTH
    channels: int = 2


BANDS = {
    "low": {"bins": 13, "features": 4, "growth": [3, 3, 3], "depth": [2, 2, 2], "hidden": [0, 4, 0]},
    "high": {"bins": 20, "features": 4, "growth": [2, 2, 2], "depth": [1, 1, 1]},
    "full": {"bins": 33, "features": 4, "growth": [2] * 5, "depth": [2] * 5, "hidden": [0, 0, 3, 3, 0]},
}
SMALL = {
    "vox_tasnet": Small({"width": 12, "bottleneck": 16, "repeats": 2, "dilations": 4}, {"repeats": 0}),
    "conv_tasnet": Small(
        {"filters": 12, "bottleneck": 16, "hidden": 24, "skip": 8, "blocks": 4, "repeats": 2}, {"kernel": 15}
    ),
    "open_unmix": Small({"window": 128, "hop": 32, "hidden": 16, "max_bin": 50}, {"max_bin": 66}),
    "cascaded_net": Small(
        {"window": 128, "hop": 64, "nout": 4, "nout_lstm": 4, "cropsize": 96, "offset": 8}, {"offset": 48}
    ),
    "frame_transformer": Small(
        {"window": 128, "hop": 64, "width": 2, "decoders": 2, "bands": 2, "feedforward": 32, "cropsize": 16},
        {"bands": 3},
    ),
    "mm_dense_lstm": Small({"window": 64, "hop": 32, "bands": BANDS}, {"position": "beside"}),
    "mm_densenet": Small({"window": 64, "hop": 32, "bands": BANDS}, {"window": 128}),
    "medleyvox": Small(
        {"window": 64, "hop": 16, "bottleneck": 8, "hidden": 8, "skip": 8, "blocks": 2, "repeats": 1},
        {"hop": 48},
        channels=1,
    ),
    "unet": Small({"window": 256, "hop": 128, "bins": 128, "block": 64}, {"bins": 100}, VOCALS),
    "unet_voice": Small({"window": 128, "hop": 96, "block": 64, "width": 2}, {"block": 100}),
    "drnn": Small({"window": 64, "hop": 32, "hidden": 16}, {"context": 2}),
    "chimera": Small({"window": 128, "bands": 16, "hidden": 8, "layers": 2, "hop": 64, "depth": 5}, {"alpha": 2}),
    "skip_filtering": Small(
        {"window": 65, "size": 128, "hop": 16, "low": 24, "length": 12, "context": 3}, {"context": 6}, VOCALS
    ),
    "svsgan": Small({"window": 64, "hop": 32, "hidden": 16}, {"hidden": 0}),
    "deep_karaoke": Small({"window": 66, "hop": 32, "length": 4, "hidden": 20}, {"alpha": 1.0}, VOCALS),
}
"""A line for each of ``ARCHITECTURES``."""
each = pytest.mark.parametrize("name", ARCHITECTURES)


def built(name: str, **changed: Any) -> torch.nn.Module:
    """The small network, as its place in the registry makes it."""
    module, _, function = ARCHITECTURES[name].partition(":")
    small = SMALL[name]
    build = getattr(importlib.import_module(module), function)
    return build(small.sources, small.channels, **(small.parameters | changed))


@functools.cache
def network(name: str) -> torch.nn.Module:
    """The same with seeded weights, for evaluation."""
    torch.manual_seed(3)
    return built(name).eval()


def sounds(name: str, frames: int, batch: int = 1) -> torch.Tensor:
    """Seeded noise (batch, channels, frames)."""
    generator = torch.Generator().manual_seed(frames)
    return 0.1 * torch.randn(batch, SMALL[name].channels, frames, generator=generator)


def heard(name: str, waveform: torch.Tensor) -> torch.Tensor:
    """What comes out in evaluation."""
    with torch.inference_mode():
        return network(name)(waveform)


def test_every_architecture_has_a_line_and_no_line_is_left_over() -> None:
    assert set(SMALL) == set(ARCHITECTURES)


@each
@pytest.mark.parametrize("frames", [1, 10, 4_001])
def test_any_length_comes_back_finite_with_its_shape_and_so_does_silence(name, frames) -> None:
    waveform = sounds(name, frames)
    for heard_one in (waveform, 0 * waveform):
        found = heard(name, heard_one)
        assert found.shape == (1, len(SMALL[name].sources), SMALL[name].channels, frames)
        assert found.dtype == torch.float32 and found.isfinite().all()


@each
def test_a_batch_of_two_is_two_of_one_and_two_calls_are_bit_equal(name) -> None:
    waveform = sounds(name, 4_001, batch=2) * torch.tensor([1.0, 0.1])[:, None, None]
    found = heard(name, waveform)
    assert torch.equal(heard(name, waveform), found)
    alone = torch.cat([heard(name, one[None]) for one in waveform])
    assert (alone - found).abs().max() < 1e-5 * found.abs().max()


@each
def test_the_song_reaches_the_estimate_and_training_reaches_the_weights(name) -> None:
    """In training mode too, with another random state: what is trained is the module that runs."""
    torch.manual_seed(3)
    module, waveform = built(name).train(), sounds(name, 4_001, batch=2).requires_grad_()
    found = module(waveform)
    assert found.abs().max() > 0 and found.shape == (2, len(SMALL[name].sources), *waveform.shape[1:])
    found.square().sum().backward()
    slopes = [values.grad for values in module.parameters() if values.grad is not None]
    assert waveform.grad is not None and waveform.grad.isfinite().all() and waveform.grad.any()
    assert slopes and all(slope.isfinite().all() for slope in slopes) and any(slope.any() for slope in slopes)


@each
def test_a_loss_of_its_own_is_a_finite_number_that_the_sources_decide(name) -> None:
    torch.manual_seed(3)
    module, mixture = built(name), sounds(name, 4_001, batch=2)
    if not hasattr(module, "loss"):
        return
    parts = torch.rand(2, len(SMALL[name].sources), 1, 4_001, generator=torch.Generator().manual_seed(4))
    parts = mixture[:, None] * parts
    module.eval()
    found, quiet = (module.loss(mixture, sources) for sources in (parts, 0 * parts))
    assert found.shape == () and found.isfinite() and quiet.isfinite() and found != quiet
    module.loss(0 * mixture, 0 * parts).backward()
    slopes = [values.grad for values in module.parameters() if values.grad is not None]
    assert slopes and all(slope.isfinite().all() for slope in slopes), "silence breaks training"


def entry(folder: Path, name: str, **changed: Any):
    """The small network's weights in a file, as an experiment names them."""
    small = SMALL[name]
    keys = {"path": "net.pt", "sources": list(small.sources), "channels": small.channels}
    return made(folder, "torch_checkpoint", architecture=name, **keys, parameters=small.parameters | changed)


@each
def test_a_checkpoint_of_it_is_a_system(tmp_path, name) -> None:
    torch.save(network(name).state_dict(), tmp_path / "net.pt")
    of = song(0.1, channels=SMALL[name].channels)
    expected = heard(name, torch.from_numpy(of.mixture.T.copy())[None])[0, 0].numpy().T
    found = entry(tmp_path, name).separate(of, ["vocals"])["vocals"]
    assert np.abs(found - expected).max() < 1e-6 * max(1.0, np.abs(expected).max())


@each
def test_a_parameter_out_of_its_range_is_said(tmp_path, name) -> None:
    torch.save(network(name).state_dict(), tmp_path / "net.pt")
    with pytest.raises(StimuliError, match=rf"architecture '{name}': its parameters don't fit: .*found"):
        separated(entry(tmp_path, name, **SMALL[name].refused), song(0.1, channels=SMALL[name].channels))

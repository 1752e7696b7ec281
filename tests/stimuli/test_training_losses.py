"""The terms of a loss against what they are by definition, the best order of sources, and silence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from known_songs import si_sdr

from stimuli.separators.spectral import Stft
from stimuli.training.config import Loss
from stimuli.training.losses import TERMS, Goal, loss

GENERATOR = torch.Generator().manual_seed(1)
SOURCES = torch.randn(3, 2, 2, 4000, generator=GENERATOR)
ESTIMATES = 0.7 * SOURCES + 0.3 * torch.randn(SOURCES.shape, generator=GENERATOR)


def found(estimates: torch.Tensor = ESTIMATES, **weights: float) -> float:
    return loss(Loss(**weights), estimates, SOURCES).item()


def by_hand(measure) -> float:
    pairs = zip(ESTIMATES.flatten(0, 1).numpy(), SOURCES.flatten(0, 1).numpy(), strict=True)
    return float(np.mean([measure(estimate, source) for estimate, source in pairs]))


def test_ratios_are_those_of_the_definition() -> None:
    assert found(si_sdr=1) == pytest.approx(-by_hand(si_sdr), abs=1e-4)
    assert found(10 * ESTIMATES, si_sdr=1) == pytest.approx(found(si_sdr=1), abs=1e-4), "of any scale"
    snr = by_hand(lambda e, s: 10 * np.log10((s**2).sum() / ((e - s) ** 2).sum()))
    assert found(snr=1) == pytest.approx(-snr, abs=1e-4)
    assert found(10 * ESTIMATES, snr=1) > found(snr=1) + 10, "but the level counts here"


def test_distances_are_those_of_the_definition() -> None:
    assert found(l1=1) == pytest.approx(by_hand(lambda e, s: np.abs(e - s).mean()), rel=1e-5)

    def spectral(e: np.ndarray, s: np.ndarray) -> float:
        sizes = (2048, 1024, 512)
        errors = [Stft(size, size // 4).forward((e - s).T) for size in sizes]
        return float(np.mean([(np.abs(x.real).mean() + np.abs(x.imag).mean()) / 2 for x in errors]))

    assert found(stft=1) == pytest.approx(by_hand(spectral), rel=1e-5)


def test_terms_add_up_by_their_weights() -> None:
    parts = {"si_sdr": 0.5, "snr": 2.0, "l1": 3.0, "stft": 100.0}
    alone = sum(weight * found(**{name: 1.0}) for name, weight in parts.items())
    assert found(**parts) == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("term", list(TERMS))
def test_the_best_order_is_found_for_each_example_by_itself(term) -> None:
    mixed_up = ESTIMATES.clone()
    mixed_up[1] = ESTIMATES[1].flip(0)
    asked = {term: 1.0, "permutation_invariant": True}
    assert found(mixed_up, **asked) == pytest.approx(found(**{term: 1.0}), abs=1e-4)
    assert found(mixed_up, **{term: 1.0}) > found(mixed_up, **asked) + 1e-3


def test_three_sources_are_held_against_every_order() -> None:
    sources = torch.randn(1, 3, 1, 100, generator=GENERATOR)
    for order in itertools.permutations(range(3)):
        value = loss(Loss(l1=1, permutation_invariant=True), sources[:, list(order)], sources)
        assert value == 0, order


@pytest.mark.parametrize("frames", [1, 10, 3000])
def test_silence_has_a_finite_loss_and_gradient(frames) -> None:
    asked = Loss(si_sdr=1, snr=1, l1=1, stft=1, permutation_invariant=True)
    for estimates, sources in itertools.product((torch.zeros, torch.ones), repeat=2):
        estimate = estimates(2, 2, 2, frames, requires_grad=True)
        value = loss(asked, estimate, sources(2, 2, 2, frames))
        value.backward()
        assert value.isfinite() and estimate.grad.isfinite().all()


def test_a_silent_source_has_no_ratio_and_leaves_the_others_theirs() -> None:
    sources = SOURCES.clone()
    sources[:, 1] = 0
    half = loss(Loss(si_sdr=1), ESTIMATES, sources).item()
    assert half == pytest.approx(loss(Loss(si_sdr=1), ESTIMATES[:, :1], sources[:, :1]).item() / 2, abs=1e-5)


@pytest.mark.parametrize("term", ["si_sdr", "snr"])
def test_what_is_softer_than_80_db_below_full_scale_is_silent_at_any_length(term) -> None:
    for frames in (100, 100_000):
        sources = torch.randn(1, 1, 2, frames, generator=GENERATOR)
        sources /= sources.square().mean().sqrt()
        for level_db, counts in ((-81, False), (-79, True)):
            value = loss(Loss(**{term: 1}), torch.randn_like(sources), sources * 10 ** (level_db / 20)).item()
            assert (value > 20) if counts else (value == 0), (frames, level_db)


def test_a_networks_own_loss_is_weighed_beside_the_others() -> None:
    """With a network that answers with its input, and whose own loss is a mean square."""

    class Same(torch.nn.Module):
        def forward(self, waveform: torch.Tensor) -> torch.Tensor:
            return waveform[:, None]

        def loss(self, mixture: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
            return (mixture[:, None] - sources).square().mean()

    mixture, sources = torch.zeros(1, 1, 8), torch.full((1, 1, 1, 8), 0.5)
    found = {keys: Goal(Same(), Loss(**dict(keys)))(mixture, sources).item() for keys in WEIGHTS}
    assert list(found.values()) == [0.25 * 2, 0.5, 0.5 + 0.25]


WEIGHTS = ((("own", 2.0),), (("l1", 1.0),), (("l1", 1.0), ("own", 1.0)))

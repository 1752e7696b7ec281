"""Wiener filters: another implementation's answers, sums that are the mixture, a source that the image gives away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_world import RATE_HZ, noise
from test_low_rank import si_sdr

from stimuli.errors import StimuliError
from stimuli.experiment import RpcaSystem
from stimuli.separators import Song, run, separator
from stimuli.separators.spectral import Stft
from stimuli.separators.wiener import first_estimates, generalised, multichannel, post_filtered

ANSWERS = Path(__file__).resolve().parents[1] / "data" / "norbert_wiener.npz"


@pytest.fixture(scope="module")
def norbert() -> dict[str, np.ndarray]:
    """norbert's answers with axes in our order; norbert_wiener.py beside the file made them."""
    with np.load(ANSWERS) as found:
        return {name: np.moveaxis(found[name], (0, 1), (-1, -2)).swapaxes(0, -3) for name in found.files}


def complex_noise(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize(
    ("answer", "iterations", "channels"), [("after_1", 1, 2), ("after_3", 3, 2), ("mono_after_2", 2, 1)]
)
def test_em_is_norberts(norbert, answer, iterations, channels) -> None:
    mixture, magnitudes = norbert["mixture"][:channels], norbert["magnitudes"][:, :channels]
    found = multichannel(first_estimates(magnitudes, mixture), mixture, iterations)
    assert np.abs(found - norbert[answer]).max() < 1e-7 * np.abs(mixture).max()


def test_em_adds_up_to_the_mixture_at_any_level() -> None:
    mixture = complex_noise(1, 2, 9, 700)
    magnitudes = np.abs(complex_noise(2, 3, 2, 9, 700))
    for gain in (1.0, 1e3):
        found = multichannel(first_estimates(gain * magnitudes, gain * mixture), gain * mixture, 2)
        assert np.abs(found.sum(axis=0) - gain * mixture).max() < 1e-4 * np.abs(gain * mixture).max()


HALF = RATE_HZ // 2
CENTRE = noise(1)[:HALF, :1].repeat(2, axis=1)
DITHER = np.random.default_rng(2).uniform(-1, 1, (HALF, 2))
TONE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(HALF) / RATE_HZ)[:, None]
NEARLY_MONO = {
    "dual mono": CENTRE,
    "with one bit of dither": np.round(CENTRE * 2**15 + DITHER) / 2**15,
    "tone and noise 80 dB below": TONE + 1e-4 * np.random.default_rng(3).standard_normal((HALF, 2)),
}


@pytest.mark.parametrize("name", NEARLY_MONO)
def test_em_holds_where_both_channels_are_nearly_the_same(name) -> None:
    """There the matrices are nearly singular: computed in single precision, noise of 0.4 came back as 200 000."""
    sound, stft = NEARLY_MONO[name].astype(np.float32), Stft(window=2048, hop=512)
    mixture = stft.forward(sound)
    mask = np.random.default_rng(4).random((1, *mixture.shape[1:]), np.float32)
    parts = [post_filtered(share, mixture, "em", 2.0) for share in (mask, 1 - mask)]
    assert all(part.dtype == np.complex64 for part in parts)
    assert np.abs(sum(parts) - mixture).max() < 3e-4 * np.abs(mixture).max()
    assert all(np.abs(stft.inverse(part, HALF)).max() < 2 * np.abs(sound).max() for part in parts)


def test_em_finds_what_the_image_gives_away() -> None:
    left, middle = complex_noise(1, 1, 40, 300), complex_noise(2, 1, 40, 300)
    truth = np.stack([left * np.array([1.0, 0.1])[:, None, None], middle * np.array([0.7, 0.7])[:, None, None]])
    mixture = truth.sum(axis=0)
    rough = truth + 0.3 * np.abs(truth[::-1])  # leaks, as any mask does
    found = multichannel(first_estimates(np.abs(rough), mixture), mixture, 5)
    masked = generalised(np.abs(rough)) * mixture
    for one, other, true in zip(found, masked, truth, strict=True):
        parts = [np.stack([x.real, x.imag]) for x in (one, other, true)]
        assert si_sdr(parts[0], parts[2]) > si_sdr(parts[1], parts[2]) + 3


def test_blocks_are_filtered_apart_and_silence_has_no_rest() -> None:
    mixture, magnitudes = complex_noise(1, 2, 4, 50), np.abs(complex_noise(2, 2, 2, 4, 50))
    mixture[..., 30:], magnitudes[..., 30:] = 0, 0
    sources = first_estimates(magnitudes, mixture, rest=True)
    assert len(sources) == 3 and np.abs(sources.sum(axis=0) - mixture).max() < 1e-12
    found = multichannel(sources, mixture, 2, block=20)
    assert np.abs(found[..., 30:]).max() == 0 and np.isfinite(found).all()
    assert np.array_equal(found[..., :20], multichannel(sources[..., :20], mixture[..., :20], 2))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("kind", [np.float32, float])
def test_generalised_masks_are_the_formula_and_add_up_to_one(alpha, kind) -> None:
    magnitudes = np.random.default_rng(0).random((3, 2, 7, 9)).astype(kind)
    masks = generalised(magnitudes, alpha)
    assert np.allclose(masks, magnitudes**alpha / (magnitudes**alpha).sum(axis=0), rtol=1e-5)
    for gain in (0, 1e-30, 1e30):
        assert np.allclose(generalised(kind(gain) * magnitudes, alpha).sum(axis=0), 1, atol=1e-6)


def test_what_em_is_not_for_is_said() -> None:
    mixture = complex_noise(1, 3, 4, 5)
    with pytest.raises(StimuliError, match="found 3 channels and 2 sources"):
        multichannel(np.stack([mixture, mixture]), mixture)
    with pytest.raises(StimuliError, match="1 sources"):
        multichannel(mixture[None, :2], mixture[:2])


def test_a_system_takes_a_filter_and_its_parts_stay_the_mixture() -> None:
    panned = (noise(1) * (1, 0.1) + noise(2) * (0.1, 1))[: RATE_HZ // 2].astype(np.float32)
    song, outcomes = Song("test", RATE_HZ, panned), {}
    for kind in ("none", "wiener", "em"):
        system = separator(RpcaSystem(name="x", kind="rpca", post_filter=kind))
        parts = [run.run(system, "x", song, target)[0] for target in ("vocals", "accompaniment", "accompaniment")]
        assert np.abs(parts[0] + parts[1] - song.mixture).max() < 1e-6 and np.array_equal(parts[1], parts[2])
        outcomes[kind] = parts[1]
    assert si_sdr(outcomes["wiener"], outcomes["none"]) < 30 and si_sdr(outcomes["em"], outcomes["wiener"]) < 40
    sharp = separator(RpcaSystem(name="x", kind="rpca", post_filter="wiener", wiener_power=8))
    soft = separator(RpcaSystem(name="x", kind="rpca", post_filter="wiener", wiener_power=0.5))
    near = [si_sdr(run.run(system, "x", song, "accompaniment")[0], outcomes["none"]) for system in (sharp, soft)]
    assert near[0] > near[1] + 3  # a high power is nearly the binary mask


@pytest.mark.parametrize("kind", ["wiener", "em"])
@pytest.mark.parametrize("mixture", [np.zeros((9000, 2)), noise(1)[:9000, :1], noise(1)[:9000] * (1, 0), noise(1)[:1]])
def test_a_filter_takes_silence_mono_and_one_silent_channel(kind, mixture) -> None:
    system = separator(RpcaSystem(name="x", kind="rpca", post_filter=kind))
    outcome, _ = run.run(system, "x", Song("test", RATE_HZ, mixture.astype(np.float32)), "accompaniment")
    assert outcome.shape == mixture.shape and np.isfinite(outcome).all()

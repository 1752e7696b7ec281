"""Estimates that others rendered: each way to be wrong has its own sentence."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import RATE_HZ, noise, write

from stimuli import estimates
from stimuli.errors import SoundError
from stimuli.experiment import FilesSystem
from stimuli.songs import MusdbFolder

SYSTEM = FilesSystem(name="home", kind="files", path="estimates/{system}/{song}/{target}.wav")


def load(world, system: FilesSystem = SYSTEM) -> np.ndarray:
    song = MusdbFolder(world / "songs").load("Song A")
    return estimates.load(system, world, song, "accompaniment")


def estimate(world) -> np.ndarray:
    song = MusdbFolder(world / "songs").load("Song A")
    return song.mixture - song.stems["vocals"] + 0.2 * noise(77)


def test_a_good_estimate_comes_through_unchanged(world) -> None:
    sound = estimate(world)
    write(world / "estimates/home/Song A/accompaniment.wav", sound)
    assert np.array_equal(load(world), sound)


@pytest.mark.parametrize(
    ("spoil", "rate_hz", "says"),
    [
        (lambda x: x, 48_000, "48000 Hz, but the song has 44100 Hz; render it at the song's rate"),
        (lambda x: x[:-441], RATE_HZ, r"131859 frames \(2.990 s\), but the song has 132300 \(3.000 s\)"),
        (lambda x: x[:, :1], RATE_HZ, r"1 channel\(s\), but the song has 2"),
        (lambda x: 0 * x, RATE_HZ, "silent throughout"),
        (lambda x: x * np.nan, RATE_HZ, "holds NaN"),
        (lambda x: -x, RATE_HZ, "inverted polarity"),
        (lambda x: np.roll(x, 221, axis=0), RATE_HZ, r"5.01 ms \(221 samples\) late .* expected at most 1 ms"),
        (lambda x: np.roll(x, -100, axis=0), RATE_HZ, r"2.27 ms \(100 samples\) early"),
    ],
)
def test_a_spoiled_estimate_says_how_to_mend_it(world, spoil, rate_hz, says) -> None:
    write(world / "estimates/home/Song A/accompaniment.wav", spoil(estimate(world)), rate_hz)
    with pytest.raises(SoundError, match=says) as caught:
        load(world)
    assert "accompaniment.wav" in str(caught.value)


def test_a_missing_estimate_is_named(world) -> None:
    (world / "estimates/home/Song A/accompaniment.wav").unlink()
    with pytest.raises(SoundError, match=r"accompaniment\.wav: no such file"):
        load(world)


def test_a_known_delay_can_be_allowed(world) -> None:
    write(world / "estimates/home/Song A/accompaniment.wav", np.roll(estimate(world), 100, axis=0))
    assert len(load(world, SYSTEM.model_copy(update={"max_lag_ms": 3.0}))) == 3 * RATE_HZ

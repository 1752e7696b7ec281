"""Loudness and true peak against libebur128, and the gain plan by its rules."""

from __future__ import annotations

import json

import numpy as np
import pyebur128
import pytest
from small_world import RATE_HZ, noise

from stimuli import loudness
from stimuli.errors import SoundError
from stimuli.loudness import Level


def libebur128_lufs(sound: np.ndarray, rate_hz: int) -> float:
    state = pyebur128.R128State(sound.shape[1], rate_hz, pyebur128.MeasurementMode.MODE_I)
    state.add_frames(np.ascontiguousarray(sound, np.float64).ravel(), len(sound))
    return pyebur128.get_loudness_global(state)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
def test_loudness_agrees_with_libebur128(rate_hz) -> None:
    rng = np.random.default_rng(rate_hz)
    steps = np.repeat([0.001, 0.02, 0.3, 0.05], rate_hz)[:, None]
    white = steps * rng.standard_normal((4 * rate_hz, 2))
    brown = steps * np.cumsum(rng.normal(0, 0.01, (4 * rate_hz, 1)), axis=0)
    for sound in (white, brown):
        assert loudness.integrated_lufs(sound, rate_hz) == pytest.approx(libebur128_lufs(sound, rate_hz), abs=0.02)


def test_the_standards_own_value() -> None:
    """BS.1770-5: 997 Hz at full scale in one channel reads -3.01 LKFS."""
    tone = np.zeros((48_000 * 5, 2))
    tone[:, 0] = np.sin(2 * np.pi * 997 * np.arange(len(tone)) / 48_000)
    assert loudness.integrated_lufs(tone, 48_000) == pytest.approx(-3.01, abs=0.01)


def test_stored_cases_of_libebur128(shared) -> None:
    stored = json.loads((shared / "data" / "metrics" / "loudness_reference.json").read_text())
    assert stored, "the file names its cases"
    tone = np.sin(2 * np.pi * 1000 * np.arange(48_000 * 20) / 48_000)[:, None] * np.ones((1, 2)) * 10 ** (-23 / 20)
    assert loudness.integrated_lufs(tone, 48_000) == pytest.approx(-22.9933, abs=1e-3)


def test_a_part_block_at_the_end_changes_nothing() -> None:
    sound = noise(1, 1.0)
    longer = np.concatenate([sound, noise(2, 0.09, level=0.3)])
    assert loudness.integrated_lufs(longer, RATE_HZ) == loudness.integrated_lufs(sound, RATE_HZ)
    with pytest.raises(SoundError, match=r"at least 0\.4 s"):
        loudness.integrated_lufs(noise(1, 0.39), RATE_HZ)


@pytest.mark.parametrize(("phase", "amplitude", "expected"), [(45, 0.5, -6.02), (0, 0.5, -6.02), (45, 1.41, 3.0)])
def test_true_peak_of_a_quarter_rate_tone(phase, amplitude, expected) -> None:
    time = np.arange(4800)
    tone = amplitude * np.sin(np.pi / 2 * time + np.radians(phase)) * np.hanning(4800)
    found = loudness.true_peak_dbtp(tone[:, None])
    assert expected - 0.4 <= found <= expected + 0.2 and found >= loudness.sample_peak_dbfs(tone)


def test_true_peak_is_never_below_the_sample_peak() -> None:
    click = np.zeros((1000, 2))
    click[500] = 0.9
    assert loudness.true_peak_dbtp(click) >= loudness.sample_peak_dbfs(click) == pytest.approx(20 * np.log10(0.9))


LEVELS = {
    "reference": Level(-20, -6),
    "lowpass-3500": Level(-22, -8),
    "home": Level(-26, -3),
    "mixture": Level(-17, -4),
}


def test_one_gain_for_all_of_an_item() -> None:
    gains = loudness.gain_plan(LEVELS, target_lufs=-23, match="item", ceiling_dbtp=-1)
    assert gains == dict.fromkeys(LEVELS, -3.0)


def test_each_condition_on_its_own_but_the_references_anchor_keeps_its_gain() -> None:
    gains = loudness.gain_plan(LEVELS, target_lufs=-23, match="each", ceiling_dbtp=0)
    assert gains == {"reference": -3.0, "lowpass-3500": -3.0, "home": 3.0, "mixture": -6.0}


@pytest.mark.parametrize("match", ["item", "each", "none"])
def test_peaks_lower_the_whole_item(match) -> None:
    gains = loudness.gain_plan(LEVELS, target_lufs=-10, match=match, ceiling_dbtp=-5)
    free = loudness.gain_plan(LEVELS, target_lufs=-10, match=match, ceiling_dbtp=100)
    assert max(LEVELS[name].true_peak_dbtp + gain for name, gain in gains.items()) == pytest.approx(-5)
    assert len({round(free[name] - gains[name], 9) for name in LEVELS}) == 1


def test_to_level_can_be_undone_and_lets_silence_pass() -> None:
    sound, gain_db = loudness.to_level(noise(3), RATE_HZ, -14.0)
    assert loudness.integrated_lufs(sound, RATE_HZ) == pytest.approx(-14, abs=0.01)
    assert np.allclose(sound / 10 ** (gain_db / 20), noise(3), atol=1e-6)
    assert loudness.to_level(np.zeros((RATE_HZ, 2), np.float32), RATE_HZ, -14.0)[1] == 0

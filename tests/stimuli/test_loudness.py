"""Loudness and true peak against libebur128, and the gain plan by its rules."""

from __future__ import annotations

import json

import numpy as np
import pyebur128
import pytest
from small_world import RATE_HZ, noise

from stimuli import loudness
from stimuli.errors import SoundError
from stimuli.true_peak import sample_peak_dbfs, true_peak_dbtp


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
    for sound in (white, np.repeat(brown, 2, axis=1)):
        assert loudness.integrated_lufs(sound, rate_hz) == pytest.approx(libebur128_lufs(sound, rate_hz), abs=0.02)


def test_the_standards_own_value() -> None:
    """BS.1770-5: 997 Hz at full scale in one channel reads -3.01 LKFS."""
    tone = np.zeros((48_000 * 5, 2))
    tone[:, 0] = np.sin(2 * np.pi * 997 * np.arange(len(tone)) / 48_000)
    assert loudness.integrated_lufs(tone, 48_000) == pytest.approx(-3.01, abs=0.01)


def segments(rate_hz: int, *parts: tuple[float, float]) -> np.ndarray:
    """Stereo 1 kHz tones of (level in dB, seconds), the phase beginning anew with each: EBU Tech 3341 and 3342."""
    tones = [
        10 ** (level / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate_hz)) / rate_hz)
        for level, seconds in parts
    ]
    return np.repeat(np.concatenate(tones)[:, None], 2, axis=1)


CASES_3341 = {
    1: [(-23, 20)],
    2: [(-33, 20)],
    3: [(-36, 10), (-23, 60), (-36, 10)],
    4: [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
    5: [(-26, 20), (-20, 20.1), (-26, 20)],
}
CASES_3342 = {
    1: [(-20, 20), (-30, 20)],
    2: [(-20, 20), (-15, 20)],
    3: [(-40, 20), (-20, 20)],
    4: [(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)],
}
TRUE_PEAKS = {15: (0.5, 4, 0), 16: (0.5, 4, 45), 17: (0.5, 6, 60), 18: (0.5, 8, 67.5), 19: (1.41, 4, 45)}


def case_6(rate_hz: int) -> np.ndarray:
    """Six channels, L R C LFE Ls Rs."""
    levels = np.array([-28, -28, -24, -np.inf, -30, -30])
    tone = np.sin(2 * np.pi * 1000 * np.arange(20 * rate_hz) / rate_hz)
    return tone[:, None] * 10 ** (levels / 20)


def true_peak_tone(rate_hz: int, amplitude: float, divider: int, phase: float) -> np.ndarray:
    k = np.arange(2 * rate_hz)
    fade = np.minimum(1, np.minimum(k, k[::-1]) / int(0.02 * rate_hz))
    return np.repeat((amplitude * np.sin(2 * np.pi * k / divider + np.radians(phase)) * fade)[:, None], 2, axis=1)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_every_stored_case_of_libebur128(shared, rate_hz) -> None:
    """Integrated loudness, range and true peak of Tech 3341 and 3342, within 0.02 of what libebur128 stored."""
    stored = json.loads((shared / "data" / "metrics" / "loudness_reference.json").read_text())["pyebur128"]
    expected = stored[str(rate_hz)]
    sounds = [segments(rate_hz, *parts) for parts in CASES_3341.values()] + [case_6(rate_hz)]
    integrated = [loudness.integrated_lufs(sound, rate_hz) for sound in sounds]
    assert integrated == pytest.approx(listed(expected["I"]), abs=0.02)
    ranges = [loudness.energy(segments(rate_hz, *parts), rate_hz).range_lu for parts in CASES_3342.values()]
    assert ranges == pytest.approx(listed(expected["LRA"]), abs=0.02)
    peaks = [true_peak_dbtp(true_peak_tone(rate_hz, *case), rate_hz) for case in TRUE_PEAKS.values()]
    assert peaks == pytest.approx(listed(expected["TP15-19"]), abs=0.02)


def listed(values: object) -> list[float]:
    """Numbers of a stored row, whether it is a list or named."""
    return list(map(float, values.values() if isinstance(values, dict) else values))  # type: ignore[attr-defined]


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_momentary_short_term_and_range_of_music_agree_with_libebur128(rate_hz) -> None:
    rng = np.random.default_rng(rate_hz)
    swell = np.repeat(10 ** (rng.uniform(-40, -10, 30) / 20), rate_hz)[:, None]
    sound = np.clip(swell * rng.standard_normal((30 * rate_hz, 2)), -1, 1)
    modes = pyebur128.MeasurementMode
    state = pyebur128.R128State(2, rate_hz, modes.MODE_M | modes.MODE_S | modes.MODE_LRA | modes.MODE_I)
    found, momentary, short_term = loudness.energy(sound, rate_hz), [], []
    for step in range(300):
        state.add_frames(sound[step * rate_hz // 10 : (step + 1) * rate_hz // 10].ravel(), rate_hz // 10)
        momentary.append(pyebur128.get_loudness_momentary(state))
        short_term.append(pyebur128.get_loudness_shortterm(state))
    assert found.momentary_lufs == pytest.approx(momentary[3:], abs=0.02)
    assert found.short_term_lufs == pytest.approx(short_term[29:], abs=0.02)
    assert found.range_lu == pytest.approx(pyebur128.get_loudness_range(state), abs=0.02)


def test_a_mono_clip_is_heard_from_both_sides() -> None:
    sound = noise(1)
    both = np.repeat(sound[:, :1], 2, axis=1)
    assert loudness.integrated_lufs(sound[:, :1], RATE_HZ) == pytest.approx(loudness.integrated_lufs(both, RATE_HZ))
    with pytest.raises(SoundError, match="defined for 1, 2, 5 and 6 channels, found 3"):
        loudness.energy(np.zeros((RATE_HZ, 3)), RATE_HZ)


def test_a_gain_moves_the_loudness_as_the_sound_itself_would() -> None:
    """Through the gate too: what a gain lifts above -70 LUFS counts from then on."""
    sound = np.concatenate([noise(1), 10 ** (-45 / 20) * noise(2), 10 ** (-62 / 20) * noise(3)])
    found = loudness.energy(sound, RATE_HZ)
    for gain_db in (-30.0, -10.0, 0.0, 20.0):
        louder = loudness.integrated_lufs(sound * 10 ** (gain_db / 20), RATE_HZ)
        assert found.integrated_lufs(gain_db) == pytest.approx(louder, abs=1e-6)


def test_a_part_block_at_the_end_changes_nothing() -> None:
    sound = noise(1, 1.0)
    longer = np.concatenate([sound, noise(2, 0.09, level=0.3)])
    assert loudness.integrated_lufs(longer, RATE_HZ) == loudness.integrated_lufs(sound, RATE_HZ)
    with pytest.raises(SoundError, match=r"at least 0\.4 s"):
        loudness.integrated_lufs(noise(1, 0.39), RATE_HZ)


@pytest.mark.parametrize("rate_hz", [44_100, 96_000, 192_000])
def test_true_peak_is_that_of_the_whole_sound_as_libebur128_measures_it(rate_hz) -> None:
    """Only stretches that could matter are interpolated; the answer must be as if all were."""
    rng = np.random.default_rng(rate_hz)
    time = np.arange(rate_hz)[:, None]
    burst = np.sin(np.pi / 2 * time + np.pi / 4) * np.exp(-(((time - rate_hz / 3) / 200) ** 2))
    clipped = np.clip(rng.standard_normal((rate_hz, 2)), -0.5, 0.5)
    brown = np.cumsum(rng.normal(0, 0.01, (rate_hz, 2)), axis=0) * np.hanning(rate_hz)[:, None]
    click = np.zeros((rate_hz, 2))
    click[rate_hz // 2, 1] = 0.9
    for sound in (clipped, 0.6 * burst + 0.01 * clipped + click, brown / np.abs(brown).max(), clipped[:7]):
        stereo = np.ascontiguousarray(np.broadcast_to(sound, (len(sound), 2)), np.float64)
        state = pyebur128.R128State(2, rate_hz, pyebur128.MeasurementMode.MODE_TRUE_PEAK)
        state.add_frames(stereo.ravel(), len(stereo))
        # libebur128 stops at the last sample; what would ring on after it counts here.
        expected = 20 * np.log10(max(pyebur128.get_true_peak(state, channel) for channel in (0, 1)))
        found = true_peak_dbtp(stereo, rate_hz)
        assert found >= expected - 1e-4 and found >= sample_peak_dbfs(stereo) - 1e-6
        assert len(sound) < 100 or found == pytest.approx(expected, abs=0.01)


def test_silence_has_no_peak() -> None:
    assert true_peak_dbtp(np.zeros((1000, 2)), RATE_HZ) == sample_peak_dbfs(np.zeros((1000, 2))) == -np.inf


@pytest.mark.parametrize(
    ("match", "shared_gain", "expected"),
    [("item", False, -3.0), ("item", True, -3.0), ("each", False, 3.0), ("each", True, -3.0), ("none", False, 0.0)],
)
def test_the_gain_of_a_condition(match, shared_gain, expected) -> None:
    """A reference at -20 LUFS, a system at -26, a target of -23."""
    found = loudness.gain_db(-26.0, -20.0, target_lufs=-23.0, match=match, shared=shared_gain)
    assert found == expected


def test_to_level_can_be_undone_and_lets_silence_pass() -> None:
    sound, gain_db = loudness.to_level(noise(3), RATE_HZ, -14.0)
    assert loudness.integrated_lufs(sound, RATE_HZ) == pytest.approx(-14, abs=0.01)
    assert np.allclose(sound / 10 ** (gain_db / 20), noise(3), atol=1e-6)
    assert loudness.to_level(np.zeros((RATE_HZ, 2), np.float32), RATE_HZ, -14.0)[1] == 0

"""Loudness, bandwidth, balance and correlation: known differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from known_sounds import RATE_HZ, found, noise, numbers, orthogonal, reasons

from analysis.metrics.families.image import loudness_lufs
from analysis.metrics.truth import Truth

A, B = orthogonal([noise(seed) for seed in range(2)])
LEFT, RIGHT = A[:, :1], B[:, :1]  # of one energy, orthogonal
STEREO = np.hstack([LEFT, RIGHT])
TRUTH = Truth(STEREO, RATE_HZ)


def sine(*segments: tuple[float, float], rate_hz: int) -> np.ndarray:
    """Stereo 1 kHz sines of (dB, seconds), each from phase 0."""
    parts = [10 ** (db / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(s * rate_hz)) / rate_hz) for db, s in segments]
    return np.tile(np.concatenate(parts)[:, None], 2)


@pytest.mark.parametrize("gain_db", [-12, 0.5, 6])
def test_a_gain_is_a_difference_in_loudness_alone(gain_db: float) -> None:
    measured = numbers("image", TRUTH, STEREO * 10 ** (gain_db / 20))
    assert measured["loudness_difference_lu"] == pytest.approx(gain_db, abs=1e-9)
    assert measured["balance_difference_db"] == pytest.approx(0, abs=1e-9)
    assert measured["correlation_difference"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_loudness_is_that_of_the_standard(shared: Path, rate_hz: int) -> None:
    rows = json.loads((shared / "data" / "metrics" / "loudness_reference.json").read_text())["rows"]
    stored = {row["case"]: row["pyln_DeMan"] for row in rows if "case" in row and row["sr"] == rate_hz}
    assert loudness_lufs(sine((-23, 20), rate_hz=rate_hz), rate_hz) == pytest.approx(stored[1], abs=1e-4)
    gated = sine((-26, 20), (-20, 20.1), (-26, 20), rate_hz=rate_hz)
    assert loudness_lufs(gated, rate_hz) == pytest.approx(stored[5], abs=1e-4)
    for length_s in (0.451, 0.551):
        short = sine((-20, length_s), rate_hz=rate_hz)
        assert loudness_lufs(short, rate_hz) == pytest.approx(-19.991, abs=0.01), "a part of a step is left out"


def test_panning_is_a_difference_in_balance_and_its_sign_is_the_side() -> None:
    measured = numbers("image", TRUTH, STEREO * (2, 0.5))
    assert measured["balance_difference_db"] == pytest.approx(20 * np.log10(4))
    assert measured["correlation_difference"] == pytest.approx(0, abs=1e-12)
    leaning = Truth(STEREO * (2, 0.5), RATE_HZ)
    assert numbers("image", leaning, STEREO)["balance_difference_db"] == pytest.approx(-20 * np.log10(4))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, -1.0])
def test_a_narrower_image_is_a_difference_in_correlation(share: float) -> None:
    narrow = np.hstack([LEFT, share * LEFT + np.sqrt(1 - share**2) * RIGHT])
    assert numbers("image", TRUTH, narrow)["correlation_difference"] == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("edge_hz", [1000, 2500])
def test_bandwidth_ends_where_the_spectrum_does(edge_hz: float) -> None:
    spectrum = np.fft.rfft(STEREO, axis=0)
    spectrum[np.fft.rfftfreq(len(STEREO), 1 / RATE_HZ) > edge_hz] = 0
    low = np.fft.irfft(spectrum, n=len(STEREO), axis=0)
    assert numbers("image", TRUTH, low)["bandwidth_difference_hz"] == pytest.approx(edge_hz - 4000, abs=80)
    back = numbers("image", Truth(low, RATE_HZ), low + 1e-5 * STEREO)["bandwidth_difference_hz"]
    assert back == pytest.approx(0, abs=20), "what is 100 dB below is not there"


@pytest.mark.parametrize("offset", [0.5, -0.9])
def test_a_constant_offset_is_no_part_of_the_bandwidth(offset: float) -> None:
    t = np.arange(2 * 44100)[:, None] / 44100
    reference = 1e-3 * np.sin(2 * np.pi * 5000 * t) * (1, 1)
    estimate = 1e-3 * np.sin(2 * np.pi * 1000 * t) * (1, 1)
    without = found("image", Truth(reference, 44100), estimate)["bandwidth_difference_hz"]
    assert without == pytest.approx(-4000, abs=30)
    for sounds in ((reference + offset, estimate), (reference, estimate + offset)):
        assert found("image", Truth(sounds[0], 44100), sounds[1])["bandwidth_difference_hz"] == without
    flat = reasons("image", Truth(0 * reference + offset, 44100), offset + 1e-7 * reference)
    assert flat["bandwidth_difference_hz"] == "the reference has nothing above 20 Hz but rounding"


@pytest.mark.parametrize(("level_db", "difference_hz"), [(-69.5, 0), (-70.5, -2000)])
def test_bandwidth_ends_70_db_below_the_strongest_bin(level_db: float, difference_hz: float) -> None:
    t = np.arange(3 * RATE_HZ)[:, None] / RATE_HZ
    low, high = (np.sin(2 * np.pi * hz * t) * (1, 1) for hz in (1000, 3000))  # bins 512 and 1536
    measured = found("image", Truth(low + high, RATE_HZ), low + 10 ** (level_db / 20) * high)
    assert measured["bandwidth_difference_hz"] == pytest.approx(difference_hz, abs=10)


@pytest.mark.parametrize("gain", [0.1, 2, 8])
def test_a_gain_moves_no_bandwidth_of_a_spectrum_that_slopes(gain: float) -> None:
    """Against the strongest bin of the reference, twice the level was 1,900 Hz more of a guitar."""
    falling = np.fft.irfft(np.fft.rfft(STEREO, axis=0) * np.logspace(0, -5, len(STEREO) // 2 + 1)[:, None], axis=0)
    assert numbers("image", Truth(falling, RATE_HZ), gain * falling)["bandwidth_difference_hz"] == 0


def test_an_estimate_of_nothing_but_an_offset_has_no_bandwidth() -> None:
    flat = reasons("image", TRUTH, np.full(STEREO.shape, 0.5))
    assert flat["bandwidth_difference_hz"] == "the estimate has nothing above 20 Hz but rounding"


def test_each_metric_has_its_own_reason() -> None:
    mono = reasons("image", Truth(LEFT, RATE_HZ), LEFT + 0.1 * RIGHT)
    assert set(mono) == {"balance_difference_db", "correlation_difference"}
    silent = reasons("image", TRUTH, STEREO * (1, 0))
    assert set(silent.values()) == {"a channel of the estimate is silent"} and len(silent) == 2
    quiet = reasons("image", TRUTH, STEREO * 1e-5)
    assert quiet == {"loudness_difference_lu": "nothing is above the gate of -70 LUFS"}

"""Stereo separation asymmetry: the gain of a leak on each side, and which seconds count."""

from __future__ import annotations

import numpy as np
import pytest
from known_sounds import RATE_HZ, noise, numbers, orthogonal, reasons

from analysis.metrics.truth import Truth

S, V = orthogonal([noise(seed) for seed in range(2)])
TRUTH = Truth(S, RATE_HZ)


@pytest.mark.parametrize("gains", [(0.1, 0.1), (0.1, 0.2), (0.5, 0.05)])
def test_an_orthogonal_leak_has_the_asymmetry_of_its_gains(gains: tuple[float, float]) -> None:
    measured = numbers("asymmetry", TRUTH, S + np.array(gains) * V)
    expected = abs(20 * np.log10(gains[0] / gains[1]))
    assert [measured["ssa_si_sdr_db"], measured["ssa_sdr_db"]] == pytest.approx([expected, expected], abs=1e-9)
    assert numbers("asymmetry", TRUTH, S[:, ::-1] * 0 + S + np.array(gains) * V) == measured
    assert measured["ssa_sdr_frames_mean_db"] == pytest.approx(expected, abs=0.2), "orthogonal only as a whole"


def test_a_side_at_another_level_is_asymmetry_to_sdr_alone() -> None:
    measured = numbers("asymmetry", TRUTH, (S + 0.1 * V) * (1, 0.5))
    assert measured["ssa_si_sdr_db"] == pytest.approx(0, abs=1e-9)
    assert measured["ssa_sdr_db"] == pytest.approx(20 + 10 * np.log10(0.25 + 0.0025))


def test_frames_are_whole_audible_seconds_and_their_tail_is_the_95th_percentile() -> None:
    s = np.ones((10 * RATE_HZ + 900, 2))
    error = np.resize([1, -1], (len(s), 1)) * np.array([0.01, 0.01])  # orthogonal to a constant
    error[RATE_HZ : 2 * RATE_HZ, 1] *= 10  # the second second: 20 dB
    error[10 * RATE_HZ :, 1] *= 100  # the part of a second at the end
    s[:RATE_HZ, 0] *= 1e-4  # the first is below -60 dBFS on one side
    measured = numbers("asymmetry", Truth(s, RATE_HZ), s + error)
    assert measured["ssa_si_sdr_frames_mean_db"] == pytest.approx(20 / 9)
    assert measured["ssa_si_sdr_frames_p95_db"] == pytest.approx(np.percentile([0] * 8 + [20], 95))


def test_seconds_in_which_a_side_of_the_estimate_is_silent_are_left_out() -> None:
    estimate = S + 0.1 * V
    whole = numbers("asymmetry", TRUTH, estimate)
    first = numbers("asymmetry", Truth(S[RATE_HZ:], RATE_HZ), estimate[RATE_HZ:])
    estimate[:RATE_HZ, 1] = 0
    measured = numbers("asymmetry", TRUTH, estimate)
    for name in ("ssa_sdr_frames_mean_db", "ssa_sdr_frames_p95_db", "ssa_si_sdr_frames_mean_db"):
        assert measured[name] == pytest.approx(first[name], abs=1e-9), f"{name}: the first second does not count"
    assert measured["ssa_sdr_db"] > whole["ssa_sdr_db"] + 10, "as a whole a gap of a third is an error"


@pytest.mark.parametrize(("level_db", "frames"), [(-59.9, 3), (-60.1, 2)])
def test_a_second_is_audible_from_60_db_below_full_scale_on(level_db: float, frames: int) -> None:
    """The frame at this level has an asymmetry of 20 dB, the two others none."""
    s, error = 0.1 * np.ones((3 * RATE_HZ, 2)), np.resize([0.001, -0.001], (3 * RATE_HZ, 1)) * (1, 1)
    s[:RATE_HZ] = 10 ** (level_db / 20)
    error[:RATE_HZ] *= 0.01
    error[:RATE_HZ, 1] *= 10
    measured = numbers("asymmetry", Truth(s, RATE_HZ), s + error)
    assert measured["ssa_sdr_frames_mean_db"] == pytest.approx(20 / 3 if frames == 3 else 0, abs=1e-6)


def test_no_number_for_mono_a_silent_side_or_a_copied_side() -> None:
    mono = reasons("asymmetry", Truth(S[:, :1], RATE_HZ), S[:, :1] + 0.1 * V[:, :1])
    assert set(mono.values()) == {"defined for two channels, the reference has 1"}
    silent = reasons("asymmetry", TRUTH, (S + 0.1 * V) * (1, 0))
    for ratio in ("si_sdr", "sdr"):
        assert silent[f"ssa_{ratio}_db"] == "the right channel of the estimate is silent"
        assert silent[f"ssa_{ratio}_frames_mean_db"].startswith("no second in which both channels")
        assert silent[f"ssa_{ratio}_frames_p95_db"].startswith("no second in which both channels")
    other = reasons("asymmetry", TRUTH, np.stack([(S + 0.1 * V)[:, 0], V[:, 1]], axis=1))
    assert other == {"ssa_si_sdr_db": "the right channel has nothing in common with the reference's"}
    assert "the left channel is a copy" in reasons("asymmetry", TRUTH, S + (0, 0.1) * V)["ssa_sdr_db"]

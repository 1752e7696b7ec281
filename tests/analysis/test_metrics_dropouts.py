"""Drop-outs: holes of known place, depth and length."""

from __future__ import annotations

import numpy as np
import pytest
from known_sounds import RATE_HZ, noise, numbers, reasons

from analysis.metrics.families.dropouts import falls
from analysis.metrics.truth import Truth

S = np.sign(noise(0, 10)) * 0.1
"""Ten seconds of one level."""
TRUTH = Truth(S, RATE_HZ)


def with_holes(gains: dict[tuple[float, float], float]) -> np.ndarray:
    """The reference with a gain in dB from one second to another."""
    found = S.copy()
    for (start_s, end_s), gain_db in gains.items():
        found[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] *= 10 ** (gain_db / 20)
    return found


@pytest.mark.parametrize("gain_db", [0, -30, 12])
def test_holes_are_counted_measured_and_timed_whatever_the_overall_gain(gain_db: float) -> None:
    estimate = with_holes({(1, 1.5): -20, (3, 3.2): -35, (5, 6): -9, (9.8, 10): -15}) * 10 ** (gain_db / 20)
    measured = numbers("dropouts", TRUTH, estimate)
    assert measured["dropouts_count"] == 3, "9 dB is not one"
    assert measured["dropout_depth_db"] == pytest.approx(35, abs=1e-6)
    assert measured["dropouts_s"] == pytest.approx(0.9, abs=3 * 0.025), "within a hop each"


def test_many_holes_do_not_move_what_counts_as_usual() -> None:
    estimate = with_holes({(second, second + 0.4): -40 for second in range(10)})
    measured = numbers("dropouts", TRUTH, estimate)
    assert measured["dropouts_count"] == 10 and measured["dropout_depth_db"] == pytest.approx(40, abs=1e-6)


@pytest.mark.parametrize(("seconds", "count"), [(6.7, 1), (7.4, 1), (7.6, 0)])
def test_what_has_dropped_for_long_is_not_taken_for_the_usual_up_to_three_quarters(seconds: float, count: int) -> None:
    measured = numbers("dropouts", TRUTH, with_holes({(1, 1 + seconds): -60}))
    assert measured["dropouts_count"] == count
    assert measured["dropouts_s"] == pytest.approx(count * seconds, abs=0.05)


def test_interference_moves_the_usual_level_little() -> None:
    """Soft passages, most of the time, are full of other sources 20 dB louder: only as much as their energy counts."""
    reference = with_holes({(0, 6): -20})
    estimate = reference + noise(5, 10)
    estimate[7 * RATE_HZ : 8 * RATE_HZ] *= 0.1
    measured = numbers("dropouts", Truth(reference, RATE_HZ), estimate)
    assert measured["dropouts_count"] == 1
    assert measured["dropout_depth_db"] == pytest.approx(20, abs=0.6)
    wavering = S * 10 ** (np.repeat(np.random.default_rng(6).normal(0, 2, (200, 1)), RATE_HZ // 20, axis=0) / 20)
    assert numbers("dropouts", TRUTH, wavering)["dropouts_count"] == 0


@pytest.mark.parametrize(("gain_db", "count"), [(-9.9, 0), (-10.1, 1)])
def test_a_fall_is_a_drop_out_from_10_db_on(gain_db: float, count: int) -> None:
    assert numbers("dropouts", TRUTH, with_holes({(2, 3): gain_db}))["dropouts_count"] == count


@pytest.mark.parametrize("rate_hz", [11025, 8000])
def test_seconds_are_those_of_the_samples(rate_hz: int) -> None:
    reference = np.resize([0.1, -0.1], (85 * rate_hz, 1))
    estimate = reference.copy()
    estimate[2 * rate_hz : 82 * rate_hz] = 0
    assert numbers("dropouts", Truth(reference, rate_hz), estimate)["dropouts_s"] == pytest.approx(80, abs=0.026)


def test_digital_silence_counts_as_60_db() -> None:
    estimate = with_holes({(2, 3): -120})
    estimate[2 * RATE_HZ : 3 * RATE_HZ] = 0
    assert numbers("dropouts", TRUTH, estimate)["dropout_depth_db"] == 60
    estimate[: 6 * RATE_HZ] = 0
    assert numbers("dropouts", TRUTH, estimate)["dropouts_s"] == pytest.approx(6, abs=0.025), "more than half"


def test_where_the_reference_rests_nothing_can_drop_out() -> None:
    reference = with_holes({(2, 4): -45, (6, 7): -30})
    estimate = reference.copy()
    estimate[2 * RATE_HZ : 4 * RATE_HZ] = 0
    measured = numbers("dropouts", Truth(reference, RATE_HZ), estimate)
    assert measured == {"dropouts_count": 0, "dropout_depth_db": pytest.approx(0, abs=1e-3), "dropouts_s": 0}
    estimate[6 * RATE_HZ : 7 * RATE_HZ] *= 0.01
    assert numbers("dropouts", Truth(reference, RATE_HZ), estimate)["dropouts_count"] == 1, "quiet, but heard"
    assert np.isnan(falls(reference, estimate, RATE_HZ)[100:120]).all()


def test_an_estimate_that_sounds_only_in_rests_has_no_number() -> None:
    reference, estimate = S.copy(), S.copy()
    reference[5 * RATE_HZ :] = 0
    estimate[: 5 * RATE_HZ + 400] = 0
    assert set(reasons("dropouts", Truth(reference, RATE_HZ), estimate).values()) == {
        "the estimate is silent wherever the reference is heard"
    }

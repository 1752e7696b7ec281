"""Lags and polarity that were planted are found."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import noise

from stimuli.resemblance import Lag, Yardstick


def align(reference: np.ndarray, sound: np.ndarray, rate_hz: int) -> Lag:
    return Yardstick(reference, {}, rate_hz).lag(sound)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize("frames", [-7000, -1, 0, 1, 300])
def test_a_planted_lag_is_found(rate_hz, frames) -> None:
    sound = noise(1)
    found = align(sound, np.roll(sound, frames, axis=0) + 0.5 * noise(2), rate_hz)
    assert found.lag_s is not None and found.lag_s * rate_hz == pytest.approx(frames, abs=0.1)
    assert found.polarity == 1


def test_half_a_sample_is_seen() -> None:
    smooth = np.cumsum(noise(1), axis=0)
    smooth -= np.linspace(0, 1, len(smooth))[:, None] * smooth[-1]
    between = (smooth + np.roll(smooth, 1, axis=0)) / 2
    found = align(smooth, between, 44_100)
    assert found.lag_s is not None and found.lag_s * 44_100 == pytest.approx(0.5, abs=0.1)


def test_upside_down_is_told_from_late() -> None:
    found = align(noise(1), -0.3 * np.roll(noise(1), 20, axis=0), 44_100)
    assert found.polarity == -1 and round((found.lag_s or 0) * 44_100) == 20


def test_strangers_have_no_lag() -> None:
    found = align(noise(1), noise(2), 44_100)
    assert found.lag_s is None and found.correlation < 0.1
    assert align(noise(1), np.zeros_like(noise(1)), 44_100).lag_s is None

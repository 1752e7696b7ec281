"""The anchors' masks, measured from sound that went through the filter."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import noise

from stimuli import anchors
from stimuli.errors import SoundError

RATES = (16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


def response_db(rate_hz: int, cutoff_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and level of an impulse that was filtered."""
    impulse = np.zeros((rate_hz, 1))
    impulse[rate_hz // 2] = 1
    spectrum = np.abs(np.fft.rfft(anchors.lowpass(impulse, rate_hz, cutoff_hz=cutoff_hz)[:, 0]))
    return np.fft.rfftfreq(rate_hz, 1 / rate_hz), 20 * np.log10(spectrum + 1e-12)


@pytest.mark.parametrize("cutoff_hz", [3500, 7000, 10_000])
@pytest.mark.parametrize("rate_hz", RATES)
def test_the_mask_holds_at_every_rate(rate_hz, cutoff_hz) -> None:
    if cutoff_hz * 8 / 7 >= rate_hz / 2:
        with pytest.raises(SoundError, match=rf"needs a sample rate above \d+ Hz, found {rate_hz} Hz"):
            anchors.lowpass_taps(rate_hz, cutoff_hz)
        return
    frequency, level = response_db(rate_hz, cutoff_hz)
    assert np.abs(level[frequency <= cutoff_hz]).max() <= 0.1
    assert level[frequency >= cutoff_hz * 8 / 7].max() <= -25
    assert level[frequency >= cutoff_hz * 9 / 7].max(initial=-200) <= -50


def test_the_anchor_is_not_a_sample_late_or_early() -> None:
    impulse = np.zeros((4410, 2), np.float32)
    impulse[1000, 0] = 1
    through = anchors.lowpass(impulse, 44_100, cutoff_hz=3500)
    assert through.dtype == np.float32 and through.shape == impulse.shape
    assert np.argmax(through[:, 0]) == 1000 and not through[:, 1].any()
    assert np.allclose(through[900:1000, 0], through[1001:1101, 0][::-1], atol=1e-7)


def test_the_ends_of_a_sound_are_kept() -> None:
    sound = noise(1)
    both = anchors.lowpass(np.concatenate([sound, sound]), 44_100, cutoff_hz=7000)
    alone = anchors.lowpass(sound, 44_100, cutoff_hz=7000)
    assert np.allclose(both[:100_000], alone[:100_000], atol=1e-6)

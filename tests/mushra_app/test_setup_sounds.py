"""The sounds of setting up: loudness, spectra, and that each asks what it is meant to ask."""

from __future__ import annotations

import io

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy import signal

from mushra_app.session import setup_sounds
from mushra_app.session.setup_sounds import RATE_HZ

QUIETEST, LOUDEST = -40.0, -10.0
"""What an experiment file may ask for."""


def draw(seed: int = 1) -> np.random.Generator:
    """A generator."""
    return np.random.default_rng(seed)


def loudness(samples: np.ndarray) -> float:
    """Loudness in LUFS by pyloudnorm, whose gate finds nothing to leave out here."""
    return pyloudnorm.Meter(RATE_HZ).integrated_loudness(samples)


def intervals(samples: np.ndarray, gap_s: float, each_s: float = 1.0) -> list[np.ndarray]:
    """The three intervals of a round."""
    step, length = round((each_s + gap_s) * RATE_HZ), round(each_s * RATE_HZ)
    assert len(samples) == 2 * step + length
    return [samples[place * step : place * step + length] for place in range(3)]


@pytest.mark.parametrize("lufs", [QUIETEST, -23.0, LOUDEST])
def test_alignment_sounds_have_the_loudness_that_the_clips_have(lufs: float) -> None:
    assert loudness(np.tile(setup_sounds.alignment_tone(lufs), (2, 1))) == pytest.approx(lufs, abs=0.05)
    assert loudness(np.tile(setup_sounds.alignment_noise(lufs, draw()), (2, 1))) == pytest.approx(lufs, abs=0.05)
    for side in ("left", "right"):
        one = setup_sounds.alignment_noise(lufs, draw(), side)
        assert loudness(np.tile(one, (2, 1))) == pytest.approx(lufs - 3.01, abs=0.05)


def test_pink_noise_has_equal_power_in_every_octave() -> None:
    frequencies, power = signal.welch(setup_sounds.alignment_noise(-23, draw())[:, 0], RATE_HZ, nperseg=2**15)
    octaves = [power[(frequencies >= f) & (frequencies < 2 * f)].sum() for f in 40 * 2.0 ** np.arange(8)]
    levels = 10 * np.log10(octaves)
    assert np.ptp(levels) < 0.5


def test_the_tone_is_one_kilohertz_and_nothing_else() -> None:
    power = np.abs(np.fft.rfft(setup_sounds.alignment_tone(-23)[:, 0])) ** 2
    frequencies = np.fft.rfftfreq(round(setup_sounds.LOOP_S * RATE_HZ), 1 / RATE_HZ)
    assert frequencies[power.argmax()] == 1000 and power.max() / power.sum() > 1 - 1e-9


@pytest.mark.parametrize("sound", [setup_sounds.alignment_tone(-23), setup_sounds.alignment_noise(-23, draw())])
def test_alignment_sounds_loop_without_a_seam(sound: np.ndarray) -> None:
    """At the seam there is no larger step than elsewhere, and none larger of the second kind."""
    looped = np.concatenate([sound[-100:], sound[:100]])[:, 0]
    for order in (1, 2):
        assert np.abs(np.diff(looped, order)).max() <= np.abs(np.diff(sound[:, 0], order)).max()


def test_a_side_is_one_channel_and_the_middle_both() -> None:
    powers = {side: (setup_sounds.one_side(-23, draw(), side) ** 2).sum(axis=0) for side in ("left", "middle", "right")}
    assert powers["left"][1] == powers["right"][0] == 0
    assert powers["left"][0] == powers["right"][1] == powers["middle"][0] == powers["middle"][1] > 0


@pytest.mark.parametrize("quiet", [0, 1, 2])
def test_antiphase_tones_point_elsewhere_on_loudspeakers(quiet: int) -> None:
    seemed = set()
    for seed in range(20):
        found = intervals(setup_sounds.antiphase_tones(-23, draw(seed), quiet), setup_sounds.ANTIPHASE_GAP_S)
        ears = [10 * np.log10((one**2).mean(axis=0)) for one in found]
        others = [place for place in range(3) if place != quiet]
        assert np.allclose(ears[quiet] - ears[others[0]], -6.0, atol=1e-9) and np.allclose(*[ears[o] for o in others])
        in_the_air = [(one.sum(axis=1) ** 2).mean() for one in found]
        seemed.add(int(np.argmin(in_the_air)))
    assert seemed == set(range(3)) - {quiet}


@pytest.mark.parametrize("tonal", [0, 1, 2])
def test_a_huggins_pitch_is_in_the_difference_of_the_ears_alone(tonal: int) -> None:
    found = intervals(setup_sounds.huggins_pitch(-23, draw(), tonal), setup_sounds.HUGGINS_GAP_S)
    differences = [np.abs(np.fft.rfft(one[:, 0] - one[:, 1])) ** 2 for one in found]
    frequencies = np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ)
    near = np.abs(frequencies / 600 - 1) <= 0.0601
    for place, power in enumerate(differences):
        assert (power.sum() > 0) == (place == tonal)
    assert differences[tonal][near].sum() / differences[tonal].sum() > 0.99
    for ear in found[tonal].T:  # one ear alone hears as much there as beside it
        _, power = signal.welch(ear, RATE_HZ, nperseg=4096)
        assert 0.5 < power[48:55].mean() / power[[*range(40, 47), *range(56, 63)]].mean() < 2


def test_a_wav_file_holds_what_was_made_and_nothing_clips() -> None:
    for samples in (setup_sounds.huggins_pitch(LOUDEST, draw(), 1), setup_sounds.alignment_noise(LOUDEST, draw())):
        read, rate = soundfile.read(io.BytesIO(setup_sounds.wav(samples)))
        assert rate == RATE_HZ and np.abs(read - samples).max() <= 2**-24
    with pytest.raises(ValueError, match="clip"):
        setup_sounds.wav(2 * samples / np.abs(samples).max())

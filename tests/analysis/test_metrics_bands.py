"""SDR per band: tones whose error is known, bands that add up, and bands that are empty."""

from __future__ import annotations

import numpy as np
import pytest
from known_sounds import RATE_HZ as KNOWN_HZ
from known_sounds import noise, numbers, reasons

from analysis.metrics.families.bands import band_energies
from analysis.metrics.truth import Truth

RATE_HZ = 32000
TONES_HZ = (50, 150, 500, 4000, 12000)
"""One in each band; whole periods in a second."""
T = np.arange(RATE_HZ)[:, None] / RATE_HZ
TONES = [0.1 * np.sin(np.pi * T) ** 4 * np.sin(2 * np.pi * hz * T) * (1.0, 0.5) for hz in TONES_HZ]
"""They rise and fall so slowly that fading their ends takes nothing."""


@pytest.mark.parametrize("band", range(5))
def test_a_notch_of_known_depth_is_the_sdr_of_its_band_alone(band: int) -> None:
    gains = [0.9] * 5
    gains[band] = 0.0
    measured = list(numbers("bands", Truth(sum(TONES), RATE_HZ), sum(map(np.multiply, gains, TONES))).values())
    assert measured.pop(band) == pytest.approx(0, abs=1e-6), "nothing of it is left"
    assert measured == pytest.approx([20] * 4, abs=1e-6)


@pytest.mark.parametrize("frames", [9999, 10000, 10007, 1, 2])
@pytest.mark.parametrize("rate_hz", [2000, 7001, 16000, 44100])
def test_bands_add_up_to_the_whole_whatever_the_length(frames: int, rate_hz: int) -> None:
    sound, other = noise(1, 2)[:frames], noise(2, 2)[:frames]
    assert band_energies(sound, rate_hz).sum() == pytest.approx(np.sum(sound**2))
    assert band_energies(sound, rate_hz, less=other).sum() == pytest.approx(np.sum((sound - other) ** 2))
    assert (band_energies(sound, rate_hz) >= 0).all()


def test_an_offset_is_wrong_in_the_lowest_band_and_in_no_other() -> None:
    """Without fading its ends, its jumps were an SDR of 29 dB above 8 kHz."""
    reference, little = noise(3, 4, 1)[:31001], 1e-4 * noise(4, 4, 1)[:31001]  # the transform is of 31,104
    measured = numbers("bands", Truth(reference, RATE_HZ), reference + 0.01 + little)
    assert measured["sdr_below_100_hz_db"] < 1
    assert measured["sdr_2k_to_8k_hz_db"] == pytest.approx(80, abs=0.5)
    assert measured["sdr_above_8k_hz_db"] == pytest.approx(80, abs=0.5)


def test_fading_ends_changes_little_of_sounds_that_do_not_begin_with_a_jump() -> None:
    """Within 0.1 dB of the plain transform of the whole."""
    s, wrong = noise(5, 4, 1), noise(6, 4, 1) * np.linspace(0.1, 0.2, 4 * KNOWN_HZ)[:, None]
    plain = 10 * np.log10(band_energies(s, RATE_HZ) / band_energies(wrong, RATE_HZ))
    assert list(numbers("bands", Truth(s, RATE_HZ), s + wrong).values()) == pytest.approx(list(plain), abs=0.1)


def test_noise_spreads_over_bands_by_their_width() -> None:
    shares = band_energies(noise(3, 10, 1), 44100) / np.sum(noise(3, 10, 1) ** 2)
    assert shares == pytest.approx(np.diff([0, 100, 250, 2000, 8000, 22050]) / 22050, abs=0.01)


@pytest.mark.parametrize("edge", range(4))
def test_what_lies_on_an_edge_belongs_to_the_band_above(edge: int) -> None:
    hz = (100, 250, 2000, 8000)[edge]
    for tone_hz, band in ((hz - 1, edge), (hz, edge + 1)):
        shares = band_energies(np.sin(2 * np.pi * tone_hz * T), RATE_HZ) / (RATE_HZ / 2)
        assert shares[band] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("level_db", "empty"), [(-59.9, False), (-60.1, True)])
def test_a_band_is_empty_from_60_db_below_everything_on(level_db: float, empty: bool) -> None:
    quiet = 10 ** (level_db / 20) * TONES[1]
    measured = reasons("bands", Truth(TONES[2] + quiet, RATE_HZ), TONES[2] + 1.1 * quiet)
    assert ("sdr_100_to_250_hz_db" in measured) == empty


def test_empty_bands_and_copied_bands_have_no_number() -> None:
    low, quiet = TONES[0] + TONES[1], 0.9e-3 * TONES[2]
    measured = reasons("bands", Truth(low + quiet, RATE_HZ), low + 0.1 * TONES[1] + 2 * quiet + 0.1 * TONES[4])
    empty = "the reference has nothing in this band (below -60 dB of its energy)"
    assert measured == {
        "sdr_below_100_hz_db": "a copy of the reference in this band: no distortion to measure",
        **dict.fromkeys(("sdr_250_to_2k_hz_db", "sdr_2k_to_8k_hz_db", "sdr_above_8k_hz_db"), empty),
    }

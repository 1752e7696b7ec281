"""Vocal leakage: a known leak is found exactly, whatever else is in the estimate."""

from __future__ import annotations

import numpy as np
import pytest
from known_sounds import RATE_HZ, noise, numbers, orthogonal, reasons
from scipy.signal import butter, firwin, lfilter, sosfilt

from analysis.metrics.families import leakage as leakage_module
from analysis.metrics.families.leakage import AHEAD, TAPS, correlations
from analysis.metrics.truth import Truth

# Sources that are alike: a leak must not be mistaken for what they have in common.
S, V, DRUMS = noise(0), noise(1) + 0.5 * noise(0), noise(2) - 0.7 * noise(1)
TRUTH = Truth(S, RATE_HZ, {"vocals": V, "drums": DRUMS})


CHANCE, SILENT = "no more vocals than chance finds", "the vocals are silent here, or next to it"


def leakage(truth: Truth, estimate: np.ndarray) -> float:
    """The family's number."""
    return numbers("leakage", truth, estimate)["vocal_leakage_db"]


@pytest.mark.parametrize("gain", [1, 0.1, -0.01])
def test_a_known_leak_is_found_beside_a_filtered_target_and_other_leaks(gain: float) -> None:
    target = lfilter([0.9, 0.3, -0.2], [1], S, axis=0)
    assert leakage(TRUTH, target + gain * V + 0.3 * DRUMS) == pytest.approx(20 * np.log10(abs(gain)), abs=1e-3)


def test_a_coloured_and_delayed_leak_counts_with_its_own_level() -> None:
    leak = lfilter(0.3 * firwin(31, 1000, fs=RATE_HZ), [1], V, axis=0)
    expected = 10 * np.log10(np.sum(leak**2) / np.sum(V**2))
    assert leakage(TRUTH, S + leak) == pytest.approx(expected, abs=1e-3)
    for lag in (-AHEAD, TAPS - AHEAD - 1):
        assert leakage(TRUTH, S + 0.1 * np.roll(V, lag, axis=0)) == pytest.approx(-20, abs=0.02)
    later = reasons("leakage", TRUTH, S + 0.1 * np.roll(V, TAPS - AHEAD, axis=0))
    assert later == {"vocal_leakage_db": CHANCE}, "noise that is later is other noise"


def test_a_leak_on_one_side_counts_against_the_vocals_of_both() -> None:
    assert leakage(TRUTH, S + V * (0.2, 0)) == pytest.approx(
        10 * np.log10(0.04 * np.sum(V[:, 0] ** 2) / np.sum(V**2)), abs=1e-3
    )
    panned = Truth(S, RATE_HZ, {"vocals": V * (1, 0)})
    assert leakage(panned, S + V * (0.2, 0)) == pytest.approx(20 * np.log10(0.2), abs=1e-3)


def test_sources_without_high_frequencies_are_no_trouble() -> None:
    low = butter(12, 1500, fs=RATE_HZ, output="sos")
    s, v = (sosfilt(low, sound, axis=0) for sound in (S, 0.01 * V))
    estimate = s + 0.1 * v + 3e-5 * noise(5)
    assert leakage(Truth(s, RATE_HZ, {"vocals": v}), estimate) == pytest.approx(-20, abs=0.6)
    alone = reasons(
        "leakage", Truth(s, RATE_HZ, {"vocals": 0.01 * sosfilt(low, noise(1), axis=0)}), s + 1e-4 * noise(5)
    )
    assert alone == {"vocal_leakage_db": CHANCE}, "without bounds -18 dB: above 1.5 kHz filters may do anything"


@pytest.mark.parametrize("cut_hz", [None, 1000])
@pytest.mark.parametrize(
    ("level", "sentence"), [(0.5, CHANCE), (0.05, CHANCE), (2e-3, CHANCE), (5e-4, SILENT), (1e-6, SILENT)]
)
def test_artefacts_are_no_vocals_however_quiet_the_vocals_are(level: float, sentence: str, cut_hz: int | None) -> None:
    """Without the bounds these read -52, -32, -4, +9 and +62 dB."""
    s, v, hiss = noise(0), level * noise(1), noise(5)
    if cut_hz:
        low = butter(12, cut_hz, fs=RATE_HZ, output="sos")
        s, v, hiss = (sosfilt(low, sound, axis=0) for sound in (s, v, hiss))
    assert sentence in reasons("leakage", Truth(s, RATE_HZ, {"vocals": v}), s + 0.05 * hiss)["vocal_leakage_db"]


def test_chance_finds_as_much_as_is_expected_of_it_and_a_leak_well_above_it_has_its_level() -> None:
    """Also where the other sources explain most of the vocals, and chance finds more."""
    vocals, rest = noise(1) + 3 * noise(2), noise(2)
    for truth in (Truth(S, RATE_HZ, {"vocals": noise(1)}), Truth(S, RATE_HZ, {"vocals": vocals, "choir": rest})):
        found = [of.leaked(noise(6)[:, side]) for side, of in truth.once(leakage_module._channels).items()]
        leaked, by_chance = np.sum(found, axis=0)
        assert leaked == pytest.approx(by_chance, rel=0.25)
        level = 2 * np.sqrt(10 * by_chance / np.sum(truth.others["vocals"] ** 2))
        assert leakage(truth, S + noise(6) + level * truth.others["vocals"]) == pytest.approx(
            20 * np.log10(level), abs=1
        )


def test_artefacts_that_are_loud_where_the_vocals_are_find_more_by_chance() -> None:
    level = np.repeat(np.random.default_rng(7).exponential(1, (30, 1)) ** 2, RATE_HZ // 10, axis=0)
    truth = Truth(S, RATE_HZ, {"vocals": level * noise(1)})
    assert reasons("leakage", truth, S * level + 0.3 * level * noise(6)) == {"vocal_leakage_db": CHANCE}


@pytest.mark.parametrize(("below_db", "heard"), [(59.9, True), (60.1, False)])
def test_vocals_are_silent_from_60_db_below_the_mixture_on(below_db: float, heard: bool) -> None:
    s, v = orthogonal([noise(0), noise(1)])
    v = v * np.sqrt(1 / (10 ** (below_db / 10) - 1))
    truth, estimate = Truth(s, RATE_HZ, {"vocals": v}), s + 0.1 * v
    if heard:
        assert leakage(truth, estimate) == pytest.approx(-20, abs=1e-3)
    else:
        assert SILENT in reasons("leakage", truth, estimate)["vocal_leakage_db"]


def test_other_sources_may_be_copies_of_each_other() -> None:
    truth = Truth(S, RATE_HZ, {"drums": DRUMS, "vocals": V, "overheads": 0.1 * DRUMS, "silence": 0 * S})
    assert leakage(truth, S + 0.1 * V + 0.5 * DRUMS) == pytest.approx(-20, abs=1e-3)


def test_correlations_over_blocks_are_those_of_the_whole() -> None:
    one, other = noise(8, 9)[:, 0], noise(9, 9)[:, 0]
    assert len(one) > 2 * (1 << 15), "three blocks"
    found = correlations([one, other], [other], 5)
    for lag in range(-4, 5):
        shifted = np.dot(one[max(-lag, 0) : len(one) - max(lag, 0)], other[max(lag, 0) : len(one) + min(lag, 0)])
        assert found[0, 0, 4 + lag] == pytest.approx(shifted, abs=1e-9)
        assert found[1, 0, 4 + lag] == pytest.approx(found[1, 0, 4 - lag]), "of a sound with itself"


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ({}, "the vocals of the mixture are not known"),
        ({"drums": DRUMS}, "the vocals of the mixture are not known"),
        ({"vocals": 0 * V}, "there are no vocals here"),
        ({"vocals": 0.3 * S}, "the vocals can't be told from the other sources"),
        ({"vocals": V, "choir": 2 * V}, "the vocals can't be told from the other sources"),
        ({"vocals": V, "choir": np.roll(V, 9, axis=0)}, "the vocals can't be told from the other sources"),
        ({"vocals": V, "choir": np.roll(V, -9, axis=0)}, "the vocals can't be told from the other sources"),
    ],
)
def test_no_number_where_there_is_no_leak_to_find(others: dict[str, np.ndarray], sentence: str) -> None:
    assert sentence in reasons("leakage", Truth(S, RATE_HZ, others), S + 0.1 * V)["vocal_leakage_db"]

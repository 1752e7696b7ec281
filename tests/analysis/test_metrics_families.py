"""What holds of every family: names, a sentence for bad input, and what must not change a number."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from known_sounds import OURS, RATE_HZ, found, noise, numbers, reasons

from analysis.metrics.family import family
from analysis.metrics.truth import NoNumber, Truth

S, V, DRUMS, HISS = (noise(seed) for seed in range(4))
TRUTH = Truth(S, RATE_HZ, {"vocals": V, "drums": DRUMS})
ESTIMATE = 0.8 * S + 0.2 * V + 0.1 * DRUMS[:, ::-1] + 0.05 * HISS * (1, 2)
ESTIMATE[8000:9000] *= 0.05
UNITS = {"dB": "_db", "s": "_s", "LU": "_lu", "Hz": "_hz"}


def all_numbers(truth: Truth, estimate: np.ndarray) -> dict[str, float]:
    """Every metric of every family here."""
    measured = {metric: value for name in OURS for metric, value in found(name, truth, estimate).items()}
    assert isinstance(measured.pop("sdr_above_8k_hz_db"), NoNumber), "at 8 kHz there is no such band"
    return {metric: value for metric, value in measured.items() if not isinstance(value, NoNumber)}


def test_names_are_unique_end_in_their_unit_and_are_what_is_measured() -> None:
    metrics = [metric for name in OURS for metric in family(name).metrics]
    assert len({metric.name for metric in metrics}) == len({metric.label for metric in metrics}) == len(metrics)
    assert all(metric.name.endswith(UNITS[metric.unit]) for metric in metrics if metric.unit)
    assert {*all_numbers(TRUTH, ESTIMATE), "sdr_above_8k_hz_db"} == {metric.name for metric in metrics}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (np.zeros_like(S), "the estimate is silent"),
        (np.where(np.arange(len(S))[:, None] == 7, np.nan, S), "NaN or infinity (first in frame 7)"),
        (S[:-1], "23999 frames of 2 channel"),
        (S[:, :1], "24000 frames of 1 channel"),
    ],
)
def test_bad_input_has_a_sentence_for_every_metric(name: str, estimate: np.ndarray, sentence: str) -> None:
    measured = reasons(name, TRUTH, estimate)
    assert set(measured) == {metric.name for metric in family(name).metrics}
    assert all(sentence in reason for reason in measured.values())


@pytest.mark.parametrize("frames", [1, 10, 5000])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_short_sounds_and_other_numbers_of_channels_give_a_number_or_a_sentence(frames: int, channels: int) -> None:
    sounds = [noise(seed, 1, channels)[:frames] for seed in range(3)]
    truth = Truth(sounds[0], RATE_HZ, {"vocals": sounds[1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured = {m: v for name in OURS for m, v in found(name, truth, sounds[0] + 0.3 * sounds[2]).items()}
    none = {metric for metric, value in measured.items() if isinstance(value, NoNumber)}
    assert all(np.isfinite(value) for value in measured.values() if not isinstance(value, NoNumber))
    assert "vocal_leakage_db" in none, "fewer frames than a filter needs"
    assert (none >= FRAMED) == (frames < 5000)
    assert ("loudness_difference_lu" in none) == (frames < 5000 or channels == 6)
    assert (none >= {"ssa_sdr_db", "balance_difference_db", "correlation_difference"}) == (channels != 2)


FRAMED = {"dropouts_count", "dropout_depth_db", "dropouts_s", "mr_stft_distance", "lsd_db", "bandwidth_difference_hz"}
"""Metrics that look at whole frames."""


def test_a_copy_has_no_distortion_and_no_distance() -> None:
    assert set(reasons("ratios", TRUTH, S)) == {metric.name for metric in family("ratios").metrics}
    for name in ("asymmetry", "bands"):
        assert len(reasons(name, TRUTH, S)) == len(family(name).metrics)
    for name in ("dropouts", "spectral", "image"):
        assert set(numbers(name, TRUTH, S).values()) == {0.0}
    assert reasons("leakage", TRUTH, S) == {"vocal_leakage_db": "no vocals found (below -100 dB)"}


def test_what_must_not_change_a_number() -> None:
    before = all_numbers(TRUTH, ESTIMATE)
    again = Truth(S, RATE_HZ, {"drums": DRUMS, "vocals": V})
    assert all_numbers(again, ESTIMATE) == pytest.approx(before, abs=1e-9), "order of the other sources"
    swapped = Truth(S[:, ::-1], RATE_HZ, {name: sound[:, ::-1] for name, sound in TRUTH.others.items()})
    after = all_numbers(swapped, ESTIMATE[:, ::-1])
    assert after.pop("balance_difference_db") == pytest.approx(-before.pop("balance_difference_db"))
    assert after == pytest.approx(before, abs=1e-5), "the sides"
    quieter = Truth(S / 4, RATE_HZ, {name: sound / 4 for name, sound in TRUTH.others.items()})
    after = all_numbers(quieter, ESTIMATE / 4)
    assert after.pop("mr_stft_distance") != before.pop("mr_stft_distance"), "its constant is one of level"
    after.pop("balance_difference_db")
    assert after == pytest.approx(before, abs=1e-5), "one gain for everything"


@pytest.mark.parametrize(("name", "frames"), [("asymmetry", 79), ("bands", 799), ("ratios", 79), ("sources", 1000)])
def test_what_is_too_short_has_no_number(name: str, frames: int) -> None:
    """A spectrum of 100 bins has no band of 100 Hz, and filters of three sources explain any 1000 samples."""
    truth = Truth(S[:frames], RATE_HZ, {"vocals": V[:frames], "drums": DRUMS[:frames]})
    said = reasons(name, truth, ESTIMATE[:frames])
    assert len(said) == len(family(name).metrics) and all("too short" in reason for reason in said.values())


def test_version_3_is_asked_for_by_name_and_is_that_of_the_function() -> None:
    from analysis.metrics.bss.images import bss_eval
    from analysis.metrics.families import bss_v3

    assert family("bss_v3").optional
    every = np.stack([S, V, DRUMS])
    window = {"window_s": bss_v3.WINDOW_S, "hop_s": bss_v3.HOP_S}
    wanted = bss_eval(every, np.stack([ESTIMATE, V + S, DRUMS]), RATE_HZ, mode="v3", **window).medians()
    measured = numbers("bss_v3", TRUTH, ESTIMATE)
    assert measured == pytest.approx({f"bss_v3_{name}_db": values[0] for name, values in wanted.items()}, abs=1e-9)
    assert "needs the other true sources" in reasons("bss_v3", Truth(S, RATE_HZ), ESTIMATE)["bss_v3_sir_db"]

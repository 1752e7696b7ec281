"""Ratios by sums: closed forms, the algebra between them, and stored values of other implementations."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from known_sounds import RATE_HZ, found, noise, numbers, orthogonal, reasons

from analysis.metrics.families.ratios import interference_and_artefacts
from analysis.metrics.family import family
from analysis.metrics.truth import Truth

S, V, DRUMS, HISS = orthogonal([noise(seed) for seed in range(4)])
TRUTH = Truth(S, RATE_HZ, {"vocals": V, "drums": DRUMS})


@pytest.fixture(scope="module")
def stems(shared: Path) -> ModuleType:
    """The recipe of the reference data's signals."""
    spec = importlib.util.spec_from_file_location("stems", shared / "data" / "metrics" / "stems.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("gain", [1, 0.5, -3])
def test_orthogonal_interference_and_noise_have_the_values_of_their_gains(gain: float) -> None:
    measured = numbers("ratios", TRUTH, gain * (S + 0.1 * V - 0.2 * DRUMS + 0.01 * HISS))
    assert measured["si_sir_db"] == pytest.approx(-10 * np.log10(0.05))
    assert measured["si_sar_db"] == pytest.approx(40)
    assert measured["si_sdr_db"] == pytest.approx(-10 * np.log10(0.0501))
    assert measured["si_sdr_improvement_db"] == pytest.approx(measured["si_sdr_db"] + 10 * np.log10(2))
    error = (1 - gain) ** 2 + gain**2 * 0.0501
    assert measured["mdx_sdr_db"] == pytest.approx(-10 * np.log10(error), abs=1e-6)
    assert measured["mdx_sdr_improvement_db"] == pytest.approx(-10 * np.log10(error / 2), abs=1e-6)


def test_interference_and_artefacts_make_up_the_distortion_also_of_sources_that_are_alike() -> None:
    s, v, drums, hiss = (noise(seed) for seed in range(4))
    sources = {"vocals": v + 0.3 * s, "drums": drums - 0.5 * v, "bass": 2 * drums}
    measured = numbers("ratios", Truth(s, RATE_HZ, sources), s + 0.2 * v + 0.1 * drums + 0.1 * hiss)
    parts = 10 ** (-measured["si_sir_db"] / 10) + 10 ** (-measured["si_sar_db"] / 10)
    assert -10 * np.log10(parts) == pytest.approx(measured["si_sdr_db"], abs=1e-9)
    sir, sar = interference_and_artefacts([s, v, drums], s + 0.2 * v + 0.1 * drums + 0.1 * hiss)
    assert (sir, sar) == pytest.approx((measured["si_sir_db"], measured["si_sar_db"])), "one span, the same numbers"


def test_chunks_are_whole_seconds_in_which_both_sound_and_their_median_counts() -> None:
    s = np.ones((4 * RATE_HZ + 500, 2))
    estimate = s + np.repeat([0.1, 0.01, 0.2, 0.0, 5.0], [RATE_HZ] * 4 + [500])[:, None]
    estimate[3 * RATE_HZ : 4 * RATE_HZ] = 0
    assert found("ratios", Truth(s, RATE_HZ), estimate)["csdr_db"] == pytest.approx(20), "of 20, 40 and 14 dB"
    short = found("ratios", Truth(s[:999], RATE_HZ), s[:999] + 0.1 * np.resize([1, -1], (999, 2)))
    assert short["csdr_db"] == pytest.approx(20), "one chunk"


def test_what_the_truth_does_not_hold_has_no_number() -> None:
    estimate = S + 0.1 * V
    alone = reasons("ratios", Truth(S, RATE_HZ), estimate)
    assert {name for name in alone if "mixture" in alone[name]} == {
        *("si_sir_db", "si_sar_db", "si_sdr_improvement_db", "mdx_sdr_improvement_db")
    }
    quiet = Truth(S, RATE_HZ, {"vocals": 0 * V})
    assert set(reasons("ratios", quiet, estimate)) == set(alone), "others that are silent are none"
    assert set(reasons("ratios", Truth(S, RATE_HZ, mixture=S + V), estimate)) == {"si_sir_db", "si_sar_db"}
    assert "no artefacts" in reasons("ratios", TRUTH, estimate)["si_sar_db"]
    assert "no interference" in reasons("ratios", TRUTH, S + 0.1 * HISS)["si_sir_db"]
    assert {reasons("ratios", quiet, estimate)[name] for name in ("si_sir_db", "si_sar_db")} == {
        "the other sources are silent here"
    }


SCALE_INVARIANT = {"si_sdr_db", "si_sir_db", "si_sar_db", "si_sdr_improvement_db"}


@pytest.mark.parametrize(("gain", "sdr_db"), [(0.5, 6.0206), (-1, -6.0206), (1 - 1e-4, 80)])
def test_a_copy_at_another_level_has_the_ratios_that_know_of_levels(gain: float, sdr_db: float) -> None:
    measured = found("ratios", TRUTH, gain * S)
    assert [measured["mdx_sdr_db"], measured["csdr_db"]] == pytest.approx([sdr_db, sdr_db], abs=0.1)
    assert measured["mdx_sdr_improvement_db"] == pytest.approx(sdr_db + 10 * np.log10(2), abs=0.1)
    assert reasons("ratios", TRUTH, gain * S) == dict.fromkeys(
        SCALE_INVARIANT, "a copy of the reference but for its level or sign: no distortion to measure"
    )


def test_a_copy_has_no_ratio_and_what_is_unrelated_has_those_that_are_not_scale_invariant() -> None:
    same = reasons("ratios", TRUTH, (1 - 0.9e-5) * S)
    assert (
        len(same) == 7 and same["csdr_db"] == same["mdx_sdr_db"] == "a copy of the reference: no distortion to measure"
    )
    assert reasons("ratios", TRUTH, HISS) == dict.fromkeys(SCALE_INVARIANT, "nothing in common with the reference")
    assert found("ratios", TRUTH, HISS)["mdx_sdr_db"] == pytest.approx(-10 * np.log10(2))
    assert found("ratios", Truth(S, RATE_HZ, mixture=S + HISS), HISS)["mdx_sdr_improvement_db"] == pytest.approx(
        -3.0103
    )
    apart = np.repeat([1.0, 0.0, 0.0], RATE_HZ)[:, None]
    assert "no whole second" in reasons("ratios", Truth(S * apart, RATE_HZ), S * apart[::-1])["csdr_db"]


IMPROVEMENTS = ("si_sdr_improvement_db", "mdx_sdr_improvement_db")


@pytest.mark.parametrize("others", [{}, {"drums": DRUMS}])
@pytest.mark.parametrize(("share", "foreign"), [(0.0, True), (0.009, True), (0.011, False)])
def test_over_a_mixture_of_something_else_there_is_no_improvement(others: Any, share: float, *, foreign: bool) -> None:
    """The backing given as mixture, and a sound that is much like the reference: 96 dB "better"."""
    truth = Truth(S, RATE_HZ, others, mixture=share * S + DRUMS)
    said = reasons("ratios", truth, S + 0.1 * V + 0.1 * DRUMS)
    assert [name for name in IMPROVEMENTS if name in said] == [*IMPROVEMENTS] * foreign
    assert {said.get(name) for name in IMPROVEMENTS} == {
        "the mixture has nothing of the reference (SI-SDR below -40 dB)" if foreign else None
    }


@pytest.mark.parametrize(("given", "note"), [(1.0, ""), (1.017, ""), (1.018, "-39.7 dB"), (0.0, "-3.0 dB")])
def test_a_mixture_that_is_not_the_sum_of_the_sources_is_said(given: float, note: str) -> None:
    truth = Truth(S, RATE_HZ, {"vocals": V, "drums": DRUMS}, mixture=S + V + given * DRUMS)
    said = family("ratios").caution(truth)
    assert bool(said) is bool(note) and note in said
    assert not said or said.startswith("the mixture is not the sum of the reference and the other sources")
    assert not family("ratios").caution(Truth(S, RATE_HZ, {"vocals": V}))
    assert not family("ratios").caution(Truth(S, RATE_HZ, mixture=S + V))


def test_a_few_samples_have_no_ratio() -> None:
    ten_ms = RATE_HZ // 100
    for frames in (1, ten_ms - 1):
        short = reasons("ratios", Truth(S[:frames], RATE_HZ, {"vocals": V[:frames]}), S[:frames] + V[:frames])
        assert set(short.values()) == {f"too short: {frames} frames; a ratio needs 10 ms of sound"} and len(short) == 7
    assert "si_sdr_db" not in reasons("ratios", Truth(S[:ten_ms], RATE_HZ), S[:ten_ms] + V[:ten_ms])


def test_a_delay_is_a_distortion_and_a_shared_one_is_none() -> None:
    later = [np.vstack([np.zeros((5, 2)), sound[:-5]]) for sound in (S, V, DRUMS)]
    assert numbers("ratios", TRUTH, later[0] + 0.1 * HISS)["si_sdr_db"] < -10, "noise five samples late is other noise"
    moved = Truth(later[0], RATE_HZ, {"vocals": later[1], "drums": later[2]})
    assert numbers("ratios", moved, later[0] + 0.1 * later[1] + 0.01 * HISS)["si_sdr_db"] == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("case", [0, 1])
def test_stored_values_of_museval_and_of_the_definitions(shared: Path, stems: ModuleType, case: int) -> None:
    stored = json.loads((shared / "data" / "metrics" / "bss_v4_reference.json").read_text())["cases"][case]
    references, estimates = stems.stems(stored["nsrc"], stored["secs"])
    for k, (reference, estimate) in enumerate(zip(references, estimates, strict=True)):
        measured = numbers("ratios", Truth(reference, 44100, {"other": references[1 - k]}), estimate)
        assert measured["mdx_sdr_db"] == pytest.approx(stored["MDX_SDR"][k], abs=1e-9)
        assert measured["si_sdr_db"] == pytest.approx(stored["SI_SDR_stereo_flat"][k], abs=1e-9)
        assert measured["csdr_db"] == pytest.approx(stored["median"]["SDR"][k], abs=1e-6), "museval's, 6 decimals"

"""BSS Eval against museval 0.4.1 and mir_eval 0.8.2: equal where they are right, right where museval is not.

What museval says is kept in ``museval_values.json`` (``stem_cases.py`` asked it); a second set of its values, made by
other people from the same recipe, lies beside the repository. mir_eval and torchmetrics are asked here and now.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mir_eval.separation
import numpy as np
import pytest
import stem_cases
import torch
from stem_cases import CASES, NAMES, second
from stems import RATE_HZ, hashed, stems
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio, signal_distortion_ratio

from analysis.errors import AnalysisError
from analysis.metrics.bss.images import Scores, bss_eval
from analysis.metrics.bss.sources import gnsdr, nsdr, sources
from analysis.metrics.families.ratios import mdx_sdr, si_sdr

SAID = json.loads(stem_cases.VALUES.read_text(encoding="utf-8"))
WITHIN_DB = 1e-6
"""Where no ridge was needed; museval's values are kept to seven digits after the point."""
RIDGE_DB = 1e-4
PERFECT_DB = 100
"""From here on what is left is rounding, and two correct implementations differ by tens of dB."""
OF_MANY_DB = {"delay1": {"sir": 1e-3}, "anchor est lp3k5": {"sir": 1e-3}}
"""Interference 60 to 80 dB down: the smaller it is, the more any ridge moves it."""
FLIPPED = ("anti-phase source", "anti-phase second", "anti-phase estimate")
NO_NUMBER = ("zero estimate", "silent source", *FLIPPED[::2])
ILL = ("lowpassed16k", "lowpassed3k5 both")
OTHERS = (*NO_NUMBER, *ILL, "anti-phase second", "estimate 3000 frames short", "silent ref frame, but for -180 dB")
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
Edge = dict[str, Any]


@functools.cache
def scored(name: str) -> Scores:
    """Ours of a case."""
    case = CASES[name]
    return bss_eval(*case.signals(), RATE_HZ, mode=case.mode, window_s=case.window_s, hop_s=case.hop_s)


def museval(name: str) -> dict[str, np.ndarray]:
    """museval's values of a case, (sources, frames) in dB by measure."""
    return {measure: np.array(SAID[name][measure]) for measure in NAMES}


def hold(found: Scores, wanted: dict[str, np.ndarray], within_db: dict[str, float] | None = None) -> None:
    """Every frame of every measure: the same number, perfect in both, or none in both."""
    usual = RIDGE_DB if found.ridge else WITHIN_DB
    for name in NAMES:
        ours, other = getattr(found, name), wanted[name]
        assert ours.shape == other.shape and np.array_equal(np.isnan(ours), np.isnan(other)), (name, ours, other)
        perfect = other > PERFECT_DB
        assert (ours[perfect] > PERFECT_DB).all(), (name, ours, other)
        known = ~perfect & ~np.isnan(other)
        within = usual if name == "sdr" else (within_db or {}).get(name, usual)
        np.testing.assert_allclose(ours[known], other[known], rtol=0, atol=within, err_msg=name)


@pytest.mark.parametrize("name", [name for name in CASES if name not in OTHERS])
def test_every_frame_is_musevals(name: str) -> None:
    hold(scored(name), museval(name), OF_MANY_DB.get(name))


def test_medians_leave_frames_without_a_number_out() -> None:
    found, said = scored("silent ref frame"), museval("silent ref frame")
    assert np.isnan(found.sdr[:, 1]).all() and not np.isnan(found.sdr[:, [0, 2, 3]]).any()
    for name, medians in found.medians().items():
        np.testing.assert_allclose(medians, np.nanmedian(said[name], axis=1), rtol=0, atol=WITHIN_DB)


def test_frames_are_told_where_they_are() -> None:
    found = scored("half a second of hop")
    assert found.times_s.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3] and found.duration_s == 1
    assert len(scored("part of a second left").times_s) == 2
    assert scored("shorter than a window").duration_s == 0.5


# Where museval is wrong or refuses, and ours is not.


def test_a_band_without_sound_makes_noise_of_musevals_sir_and_not_of_ours() -> None:
    found, said = scored("lowpassed16k"), museval("lowpassed16k")
    rounded = {name: np.median(museval("lowpassed16k, 16 bit")[name], axis=1) for name in NAMES}
    assert (said["sir"] < -19).all() and (said["sar"] < 0.1).all()
    np.testing.assert_allclose(found.sdr, said["sdr"], rtol=0, atol=WITHIN_DB)
    for name in ("isr", "sir", "sar"):
        np.testing.assert_allclose(found.medians()[name], rounded[name], rtol=0, atol=0.02, err_msg=name)


def test_rounding_to_16_bit_gives_the_documents_values() -> None:
    found = scored("lowpassed16k, 16 bit").medians()
    np.testing.assert_allclose(found["sir"], [27.138, 18.027], rtol=0, atol=1e-3)
    np.testing.assert_allclose(found["sar"], [29.602, 22.744], rtol=0, atol=1e-3)


def test_where_only_the_lowest_band_sounds_the_numbers_are_those_of_a_16_bit_file() -> None:
    """Whose noise fills the empty bands; museval's numbers of the floats are noise themselves."""
    found, said = scored("lowpassed3k5 both"), museval("lowpassed3k5 both")
    rounded = bss_eval(*(stem_cases.integers(sound) for sound in CASES["lowpassed3k5 both"].signals()), RATE_HZ)
    assert found.ridge and not rounded.ridge and (said["sir"] < -19).all()
    np.testing.assert_allclose(found.sdr, said["sdr"], rtol=0, atol=WITHIN_DB)
    for name, within in {"isr": 0.02, "sir": 0.06, "sar": 0.25}.items():
        np.testing.assert_allclose(found.medians()[name], rounded.medians()[name], rtol=0, atol=within, err_msg=name)


@pytest.mark.parametrize("name", FLIPPED)
def test_anti_phase_is_no_silence(name: str) -> None:
    """Turning the second channel of everything over changes no energy, and hides the anti-phase from museval."""
    said, flipped = SAID[name], museval(f"{name}, flipped")
    assert "non-silent" in said if isinstance(said, str) else np.isnan([row[1] for row in said["sdr"]]).all()
    hold(scored(name), flipped)
    hold(scored(f"{name}, flipped"), flipped)


def test_a_source_that_is_silent_throughout_is_left_out() -> None:
    assert "non-silent" in SAID["silent source"]
    references, estimates = CASES["silent source"].signals()
    found, alone = bss_eval(references, estimates, RATE_HZ), bss_eval(references[:1], estimates[:1], RATE_HZ)
    for name in NAMES:
        assert np.isnan(getattr(found, name)[1]).all()
        np.testing.assert_array_equal(getattr(found, name)[0], getattr(alone, name)[0])
    assert np.isposinf(found.sir[0]).all()  # nothing else is there that could interfere


def test_an_estimate_that_is_silent_throughout_has_no_number_and_takes_none_from_others() -> None:
    assert "non-silent" in SAID["zero estimate"]
    found, typical = scored("zero estimate"), museval("typical")
    for name in NAMES:
        ours = getattr(found, name)
        assert np.isnan(ours[1]).all()
        np.testing.assert_allclose(ours[0], typical[name][0], rtol=0, atol=WITHIN_DB)
    with pytest.raises(AnalysisError, match="the estimate is silent"):
        mdx_sdr(*(sound[1] for sound in CASES["zero estimate"].signals()))


def test_almost_silent_is_not_silent() -> None:
    """museval gives a source 180 dB down its number, and so do we: no threshold is hidden anywhere."""
    found, said = scored("silent ref frame, but for -180 dB"), museval("silent ref frame, but for -180 dB")
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name)[1], said[name][1], rtol=0, atol=WITHIN_DB)
    np.testing.assert_allclose(found.sdr[0], said["sdr"][0], rtol=0, atol=WITHIN_DB)


@pytest.mark.parametrize("mode", ["v4", "v3"])
@pytest.mark.parametrize("by", [-3000, 3000])
def test_another_length_is_refused_where_museval_pads_or_cuts(mode: Any, by: int) -> None:
    references, estimates = stems(2, 2.5)
    other = estimates[:, :by] if by < 0 else np.concatenate([estimates, estimates[:, :by]], axis=1)
    assert museval("estimate 3000 frames short")["sdr"][0, 3] < 9  # a number, for something that nobody rendered
    with pytest.raises(AnalysisError, match="length"):
        bss_eval(references, other, RATE_HZ, mode=mode)


# The values of others, from the same recipe.


@pytest.fixture(scope="module")
def metrics(shared: Path) -> Path:
    return shared / "data" / "metrics"


@pytest.fixture(scope="module", params=[0, 1])
def stored(request: pytest.FixtureRequest, metrics: Path) -> tuple[Edge, np.ndarray, np.ndarray]:
    """A stored case, and its stems made anew."""
    case = json.loads((metrics / "bss_v4_reference.json").read_text())["cases"][request.param]
    return case, *stems(case["nsrc"], case["secs"])


def test_the_recipe_makes_the_stems_that_values_are_stored_for(stored: tuple[Edge, np.ndarray, np.ndarray]) -> None:
    case, references, estimates = stored
    np.testing.assert_allclose(np.sqrt(np.mean(references**2, axis=(1, 2))), case["rms_ref"], rtol=0, atol=1e-12)
    if (hashed(references), hashed(estimates)) != (case["sha_ref"], case["sha_est"]):
        warnings.warn("stems differ from the stored ones by rounding", stacklevel=1)


def test_the_stored_frames_of_museval(stored: tuple[Edge, np.ndarray, np.ndarray]) -> None:
    case, references, estimates = stored
    found = bss_eval(references, estimates, RATE_HZ)
    hold(found, {name: np.array(case["frames"][name.upper()]) for name in NAMES})
    for name, medians in found.medians().items():
        np.testing.assert_allclose(medians, case["median"][name.upper()], rtol=0, atol=WITHIN_DB)
    pairs = list(zip(references, estimates, strict=True))
    np.testing.assert_allclose([mdx_sdr(*pair) for pair in pairs], case["MDX_SDR"], rtol=0, atol=1e-9)
    np.testing.assert_allclose([si_sdr(*pair) for pair in pairs], case["SI_SDR_stereo_flat"], rtol=0, atol=1e-9)


STORED_EDGES = [
    *("typical", "identity", "scale0.5", "polarity", "delay1", "delay600", "swapped", "LR-swapped", "silent ref frame"),
    *("dual mono L=R", "hard-panned", "lowpassed16k", "lowpassed3k5 both", "anchor est lp3k5", "mixture as est"),
]


@pytest.mark.parametrize("name", STORED_EDGES)
def test_the_stored_edge_cases(name: str, metrics: Path) -> None:
    """Of low-passed floats SDR alone is a number in museval; what is perfect is only told to be."""
    edge = json.loads((metrics / "bss_edge_reference.json").read_text())[name]
    references, estimates = CASES[name].signals()
    medians = scored(name).medians()
    for measure, wanted in zip(NAMES[:1] if name in ILL else NAMES, edge["museval"], strict=False):
        for ours, other in zip(medians[measure], wanted, strict=True):
            within = OF_MANY_DB.get(name, {}).get(measure, 1e-4)
            assert ours > PERFECT_DB if other > PERFECT_DB else abs(ours - other) <= within, (measure, ours, other)
    pairs = zip(references, estimates, strict=True)
    np.testing.assert_allclose([mdx_sdr(*pair) for pair in pairs], edge["mdx"], rtol=0, atol=1e-9)


def test_half_a_minute_has_the_documents_values() -> None:
    references, estimates = stems(2, 30)
    frames, whole = (bss_eval(references, estimates, RATE_HZ, window_s=length) for length in (1.0, None))
    wanted = {
        "sdr": [21.645243, 16.865743],
        "isr": [26.008246, 26.056819],
        "sir": [25.918317, 19.226894],
        "sar": [27.639754, 21.708203],
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(frames.medians()[name], values, rtol=0, atol=WITHIN_DB, err_msg=name)
    one = {
        "sdr": [[21.805757], [17.245347]],
        "isr": [[26.013697], [26.062849]],
        "sir": [[25.579921], [19.571824]],
        "sar": [[27.533619], [21.565929]],
    }
    hold(whole, {name: np.array(values) for name, values in one.items()})
    left = sources(references[..., 0], estimates[..., 0])
    np.testing.assert_allclose(left.sdr, [16.526023, 22.202487], rtol=0, atol=WITHIN_DB)
    np.testing.assert_allclose(left.sir, [17.908051, 27.236859], rtol=0, atol=WITHIN_DB)
    np.testing.assert_allclose(left.sar, [22.241142, 23.845765], rtol=0, atol=WITHIN_DB)


# mir_eval and torchmetrics, asked now.


def mir_evals(what: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # mir_eval.separation is announced to go; constraints pin it
        return what(*arrays, compute_permutation=False)[:-1]


def test_sources_are_mir_evals() -> None:
    references, estimates = (sound.mean(axis=2) for sound in stems(3, 1.5))
    found = sources(references, estimates)
    wanted = mir_evals(mir_eval.separation.bss_eval_sources, references, estimates)
    for name, values in zip(("sdr", "sir", "sar"), wanted, strict=True):
        np.testing.assert_allclose(getattr(found, name), values, rtol=0, atol=1e-8, err_msg=name)
    torchs = signal_distortion_ratio(torch.from_numpy(estimates), torch.from_numpy(references))
    np.testing.assert_allclose(found.sdr, torchs.numpy(), rtol=0, atol=1e-8)


def test_images_in_one_window_are_mir_evals() -> None:
    references, estimates = stems(2, 1.5)
    found = bss_eval(references, estimates, RATE_HZ, window_s=None)
    wanted = mir_evals(mir_eval.separation.bss_eval_images, references, estimates)
    for name, values in zip(NAMES, wanted, strict=True):
        np.testing.assert_allclose(getattr(found, name)[:, 0], values, rtol=0, atol=1e-8, err_msg=name)


def test_si_sdr_is_torchmetrics() -> None:
    references, estimates = stems(2, 1)
    flat = (torch.from_numpy(sound.reshape(2, -1)) for sound in (estimates, references))
    wanted = scale_invariant_signal_distortion_ratio(*flat, zero_mean=False)
    found = [si_sdr(*pair) for pair in zip(references, estimates, strict=True)]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-9)


def test_nsdr_is_the_gain_over_the_mixture() -> None:
    """mir_eval's sources on mono stems of ten seconds, to the digits that the document prints."""
    references, estimates = (sound.mean(axis=2) for sound in stems(2, 10))
    mixture = references.sum(axis=0)
    found = nsdr(references, estimates, mixture)
    np.testing.assert_allclose(found, [24.132928, 18.135744], rtol=0, atol=WITHIN_DB)
    assert gnsdr(list(found), [10, 10]) == pytest.approx(21.134336, abs=WITHIN_DB)
    assert gnsdr(list(found), [30, 10]) == pytest.approx((3 * found[0] + found[1]) / 4, abs=1e-12)
    assert nsdr(references, np.stack([mixture] * 2), mixture).tolist() == [0, 0]


def test_the_stored_nsdr(metrics: Path) -> None:
    wanted = json.loads((metrics / "nsdr_reference.json").read_text())
    references, estimates = (sound.mean(axis=2) for sound in stems(2, 10))
    mixture = references.sum(axis=0)
    found, unprocessed = sources(references, estimates), sources(references, np.stack([mixture] * 2))
    for name in ("SDR", "SIR", "SAR"):
        np.testing.assert_allclose(getattr(found, name.lower()), wanted[name], rtol=0, atol=WITHIN_DB)
    np.testing.assert_allclose(unprocessed.sdr, wanted["SDR_mix"], rtol=0, atol=WITHIN_DB)
    np.testing.assert_allclose(nsdr(references, estimates, mixture), wanted["NSDR"], rtol=0, atol=WITHIN_DB)
    assert gnsdr(wanted["NSDR"], [1, 1]) == pytest.approx(wanted["GNSDR_equal_length"], abs=1e-12)


def test_sdr_needs_no_filters() -> None:
    """The energy of the reference over that of the difference, in every frame: what no decomposition can change."""
    references, estimates = stems(2, 4)
    found = bss_eval(references, estimates, RATE_HZ)
    for number in range(4):
        part = (slice(None), second(number + 1))
        x, apart = references[part], references[part] - estimates[part]
        wanted = 10 * np.log10(np.sum(x**2, axis=(1, 2)) / np.sum(apart**2, axis=(1, 2)))
        np.testing.assert_allclose(found.sdr[:, number], wanted, rtol=0, atol=1e-9)


def test_a_ridge_is_told_and_only_where_it_is_needed() -> None:
    assert not scored("typical").ridge and not scored("lowpassed16k, 16 bit").ridge
    assert scored("lowpassed16k").ridge and not scored("dual mono L=R").ridge
    references, estimates = (sound[..., 0] for sound in stems(2, 1))
    assert not sources(references, estimates).ridge
    assert not sources(references[[0, 0]], estimates).ridge  # two sources that are one
    length = references.shape[1]
    low = np.fft.irfft(np.fft.rfft(references)[:, : length // 16], length)
    assert sources(low, estimates).ridge  # nothing at all in most of the band

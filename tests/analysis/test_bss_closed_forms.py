"""BSS Eval where its answer can be worked out by hand, what changes no number, and what has none.

Sounds that follow one another with more than a filter's length of silence between them are orthogonal at every lag:
then each ratio is one of energies that are known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal

from analysis.errors import AnalysisError
from analysis.metrics.bss import sources as mono
from analysis.metrics.bss.images import TAPS, References, Scores, bss_eval
from analysis.metrics.bss.sources import gnsdr, nsdr, sources

RATE_HZ, LENGTH = 8000, 16_000
NAMES = ("sdr", "isr", "sir", "sar")
PERFECT_DB = 100
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def noise(seed: int, start: int = 0, stop: int = LENGTH, channels: int = 2) -> np.ndarray:
    """White noise between two frames, silence elsewhere: (frames, channels)."""
    found = np.zeros((LENGTH, channels))
    found[start:stop] = np.random.default_rng(seed).standard_normal((stop - start, channels))
    return found


FIRST, SECOND, THIRD = noise(1, 0, 4000), noise(2, 5000, 9000), noise(3, 10_000, 14_000)
TRUE = np.stack([FIRST, SECOND])
APART = np.stack([noise(4), noise(5)])
NEAR = np.stack([noise(4), noise(5)]) + 0.1 * APART[::-1] + 0.03 * np.stack([noise(6), noise(7)])


def db(signal: np.ndarray, error: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(signal**2) / np.sum(error**2)))


def later(sound: np.ndarray, by: int) -> np.ndarray:
    """Delayed, of the same length."""
    return np.concatenate([np.zeros((by, sound.shape[1])), sound[:-by]])


@functools.cache
def near_scores(mode: Any = "v4") -> Scores:
    """Those of two estimates with a leak and artefacts."""
    return bss_eval(APART, NEAR, RATE_HZ, mode=mode)


def whole(references: np.ndarray, estimates: np.ndarray) -> dict[str, np.ndarray]:
    """Values in one window, (estimates,) by measure."""
    found = bss_eval(references, estimates, RATE_HZ, window_s=None)
    return {name: getattr(found, name)[:, 0] for name in NAMES}


def same(found: Scores, wanted: Scores, within_db: float = 1e-8) -> None:
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=0, atol=within_db, err_msg=name)


def test_gain_leak_and_noise_are_each_found_where_they_belong() -> None:
    gain, leak = 0.7, 0.05
    artefacts = 0.02 * THIRD
    found = whole(TRUE, np.stack([gain * FIRST + leak * SECOND + artefacts, SECOND]))
    target, interference = gain * FIRST, leak * SECOND
    assert found["sdr"][0] == pytest.approx(db(FIRST, (1 - gain) * FIRST + interference + artefacts), abs=1e-9)
    assert found["isr"][0] == pytest.approx(-20 * np.log10(1 - gain), abs=1e-8)
    assert found["sir"][0] == pytest.approx(db(target, interference), abs=1e-8)
    assert found["sar"][0] == pytest.approx(db(target + interference, artefacts), abs=1e-8)


@pytest.mark.parametrize(("gain", "wanted_db"), [(0.5, 6.0206), (-1.0, -6.0206), (2.0, 0.0), (0.9, 20.0)])
def test_a_gain_is_spatial_distortion_and_nothing_else(gain: float, wanted_db: float) -> None:
    found = whole(APART, gain * APART)
    for name in ("sdr", "isr"):
        np.testing.assert_allclose(found[name], wanted_db, rtol=0, atol=1e-4)
    assert (found["sir"] > PERFECT_DB).all() and (found["sar"] > PERFECT_DB).all()


def test_a_copy_is_perfect_and_sdr_says_infinite() -> None:
    found = whole(APART, APART)
    assert np.isposinf(found["sdr"]).all() and all((found[name] > PERFECT_DB).all() for name in NAMES)


def test_a_leak_alone_is_interference_alone() -> None:
    found = whole(TRUE, np.stack([FIRST + 0.1 * SECOND, SECOND]))
    assert found["sir"][0] == pytest.approx(db(FIRST, 0.1 * SECOND), abs=1e-8) == pytest.approx(found["sdr"][0])
    assert found["isr"][0] > PERFECT_DB and found["sar"][0] > PERFECT_DB


def test_noise_of_its_own_is_artefact_alone() -> None:
    found = whole(TRUE, np.stack([FIRST + 0.1 * THIRD, SECOND]))
    assert found["sar"][0] == pytest.approx(db(FIRST, 0.1 * THIRD), abs=1e-8) == pytest.approx(found["sdr"][0])
    assert found["isr"][0] > PERFECT_DB and found["sir"][0] > PERFECT_DB


@pytest.mark.parametrize("by", [1, 300, TAPS - 1])
def test_a_delay_within_the_filters_is_spatial_distortion(by: int) -> None:
    found = whole(TRUE, np.stack([later(FIRST, by), SECOND]))
    wanted = db(FIRST, later(FIRST, by) - FIRST)
    assert found["sdr"][0] == pytest.approx(wanted, abs=1e-9) and found["isr"][0] == pytest.approx(wanted, abs=1e-8)
    assert found["sir"][0] > PERFECT_DB and found["sar"][0] > PERFECT_DB


def test_a_delay_beyond_the_filters_is_artefact() -> None:
    """White noise has nothing in common with itself so much later, but for chance."""
    inside, beyond = (whole(TRUE, np.stack([later(FIRST, by), SECOND]))["sar"][0] for by in (TAPS - 1, TAPS))
    assert inside > PERFECT_DB and beyond < 0


def test_a_filter_from_one_channel_to_the_other_is_spatial_distortion() -> None:
    mixed = np.stack([FIRST[:, 0] + 0.3 * later(FIRST, 7)[:, 1], 0.8 * FIRST[:, 1]], axis=1)
    found = whole(TRUE, np.stack([mixed, SECOND]))
    assert found["isr"][0] == pytest.approx(db(FIRST, mixed - FIRST), abs=1e-8)
    assert found["sir"][0] > PERFECT_DB and found["sar"][0] > PERFECT_DB


def test_each_frame_is_filtered_alone_and_its_tail_counts() -> None:
    """Of a delayed copy, a frame misses what came in from the one before, and what goes out into the next."""
    by, sound = 100, noise(8, 0, LENGTH - TAPS)
    found = bss_eval(sound[None], later(sound, by)[None], RATE_HZ)
    for number in range(2):
        part = slice(number * RATE_HZ, (number + 1) * RATE_HZ)
        x, y = sound[part], later(sound, by)[part]
        padded, projected = (np.pad(x, around) for around in (((0, by), (0, 0)), ((by, 0), (0, 0))))
        assert found.sdr[0, number] == pytest.approx(db(x, x - y), abs=1e-9)
        assert found.isr[0, number] == pytest.approx(db(x, projected - padded), abs=1e-7)
        assert found.sar[0, number] == pytest.approx(db(x, np.concatenate([y[:by], x[-by:]])), abs=1e-7)
    assert np.isposinf(found.sir).all()


def test_filters_are_of_the_whole_in_v4_and_of_each_frame_in_v3() -> None:
    """An estimate that is delayed by 3 frames in its first second and by 50 in the second one."""
    sound = noise(9)
    estimate = np.concatenate([later(sound, 3)[:RATE_HZ], later(sound, 50)[RATE_HZ:]])
    v4, v3 = (bss_eval(sound[None], estimate[None], RATE_HZ, mode=mode) for mode in ("v4", "v3"))
    assert (v4.sar < 3).all() and (v3.sar > 15).all()
    np.testing.assert_array_equal(v4.sdr, v3.sdr)


def test_sources_forgive_a_filter_and_tell_noise_that_is_known_from_artefacts() -> None:
    gain, leak, hum, rest = 0.7, 0.05, 0.03, 0.02
    first, second, third = (sound[:, 0] for sound in (FIRST, SECOND, THIRD))
    known = noise(10, 14_600, 15_400, channels=1)[:, 0]
    one = gain * first + leak * second + hum * known + rest * third
    found = sources(np.stack([first, second]), np.stack([one, second]), noise=known[None])
    target, interference, heard = gain * first, leak * second, hum * known
    assert found.sdr[0] == pytest.approx(db(target, interference + heard + rest * third), abs=1e-8)
    assert found.sir[0] == pytest.approx(db(target, interference), abs=1e-8)
    assert found.snr[0] == pytest.approx(db(target + interference, heard), abs=1e-8)
    assert found.sar[0] == pytest.approx(db(target + interference + heard, rest * third), abs=1e-8)
    alone = sources(np.stack([first, second]), np.stack([one, second]))
    assert np.isnan(alone.snr).all() and alone.sdr[0] == pytest.approx(found.sdr[0], abs=1e-9)
    assert alone.sar[0] == pytest.approx(db(target + interference, heard + rest * third), abs=1e-8)


# What changes no number.


@pytest.mark.parametrize(
    "turned",
    [
        pytest.param(lambda sound: 0.003 * sound, id="common gain"),
        pytest.param(lambda sound: sound[..., ::-1], id="channels swapped"),
        pytest.param(lambda sound: sound * [1, -1], id="a channel turned over"),
        pytest.param(lambda sound: np.pad(sound, ((0, 0), (0, 700), (0, 0))), id="silence of less than a frame after"),
    ],
)
@pytest.mark.parametrize("mode", ["v4", "v3"])
def test_what_is_done_to_everything_changes_nothing(turned: Callable[[np.ndarray], np.ndarray], mode: Any) -> None:
    wanted = near_scores(mode)
    same(bss_eval(turned(APART), turned(NEAR), RATE_HZ, mode=mode), wanted)
    assert 15 < wanted.sir.min() < wanted.sir.max() < 25


def test_the_order_of_sources_changes_nothing() -> None:
    wanted, found = near_scores(), bss_eval(APART[::-1], NEAR[::-1], RATE_HZ)
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name)[::-1], getattr(wanted, name), rtol=0, atol=1e-9)


@pytest.mark.parametrize("empty_hz", [None, 2000])
def test_how_loud_another_reference_is_changes_nothing(empty_hz: int | None) -> None:
    """Not even where equations need a ridge, because nothing sounds above a frequency."""
    keep = np.arange(LENGTH // 2 + 1) <= (LENGTH if empty_hz is None else empty_hz * LENGTH // RATE_HZ)
    true, near = (np.fft.irfft(np.fft.rfft(x, axis=1) * keep[:, None], LENGTH, axis=1) for x in (APART, NEAR))
    wanted, found = (bss_eval(true * np.array([1, gain])[:, None, None], near, RATE_HZ) for gain in (1, 0.001))
    assert wanted.ridge == found.ridge == (empty_hz is not None)
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name)[0], getattr(wanted, name)[0], rtol=0, atol=1e-6, err_msg=name)


def test_estimates_one_by_one_and_in_any_order_are_those_together() -> None:
    prepared, several = References(APART, RATE_HZ), np.concatenate([NEAR, later(NEAR[0], 5)[None]])
    together = prepared.scores(several, [0, 1, 0])
    for number, source in ((2, 0), (1, 1), (0, 0)):
        alone = prepared.scores(several[number : number + 1], [source])
        for name in NAMES:
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[number], rtol=0, atol=1e-9)
    wanted = near_scores()
    for name in NAMES:
        np.testing.assert_allclose(getattr(together, name)[:2], getattr(wanted, name), rtol=0, atol=1e-9)


def test_a_mono_sound_is_an_image_with_one_channel() -> None:
    """And as loud as in dual mono, where the second channel says nothing new."""
    mono, dual = ([sound[..., channels] for sound in (APART, NEAR)] for channels in ([0], [0, 0]))
    same(bss_eval(*dual, RATE_HZ), bss_eval(*mono, RATE_HZ), within_db=1e-4)


def test_channels_that_are_one_but_for_rounding_are_one() -> None:
    """At -140 dB of difference equations can still be factored, and gains of 10^7 would be fitted to the rounding."""
    dual, near = APART[..., [0, 0]], NEAR[..., [0, 0]]
    wanted, found = (bss_eval(dual + level * TRUE, near, RATE_HZ) for level in (0, 1e-7))
    same(found, wanted, within_db=1e-3)


def coloured(seed: int) -> np.ndarray:
    """A sound as songs are: 16 bits, and all but its lowest band 60 to 90 dB down, where a ridge would count."""
    red = signal.lfilter([1], np.poly([0.99, 0.98, 0.95]), noise(seed), axis=0)
    return np.round(red / np.abs(red).max() * 8000) / 2**15


def by_least_squares(references: np.ndarray, estimate: np.ndarray, taps: int) -> dict[str, float]:
    """The four ratios of the first source's estimate in one frame, with every delayed channel written out."""
    _, length, channels = references.shape
    longer = np.zeros((length + taps - 1, channels))
    longer[:length] = estimate

    def projection(sounds: np.ndarray) -> np.ndarray:
        columns = [
            np.pad(one[:, c], (lag, taps - 1 - lag)) for one in sounds for c in range(channels) for lag in range(taps)
        ]
        matrix = np.stack(columns, axis=1)
        return matrix @ np.linalg.lstsq(matrix, longer, rcond=1e-13)[0]

    own, everything, x = projection(references[:1]), projection(references), np.zeros_like(longer)
    x[:length] = references[0]
    wanted = {"sdr": (x, x - longer), "isr": (x, own - x), "sir": (own, everything - own)}
    return {name: db(*of) for name, of in (wanted | {"sar": (everything, longer - everything)}).items()}


@pytest.mark.parametrize("kind", ["dual mono", "scaled", "anti-phase", "one channel silent", "source given twice"])
def test_a_channel_that_says_nothing_new_changes_no_number(kind: str) -> None:
    """No ridge then, which would take what is 90 dB down for nothing: of songs it changed SIR by 0.3 dB."""
    true = np.stack([coloured(4), coloured(5)])
    gain = {"scaled": -0.3, "anti-phase": -1.0, "one channel silent": 0.0}.get(kind, 1.0)
    if kind == "source given twice":
        true = np.concatenate([true, true[1:]])
    else:
        true[0, :, 1] = gain * true[0, :, 0]
    near = true[0] + 0.1 * coloured(6) + 0.05 * true[1]
    prepared = References(true[:, :6000], RATE_HZ, window_s=None, taps=24)
    found = prepared.scores(near[None, :6000], [0])
    assert not found.ridge
    for name, wanted in by_least_squares(true[:, :6000], near[:6000], 24).items():
        np.testing.assert_allclose(getattr(found, name)[0, 0], wanted, rtol=0, atol=1e-5, err_msg=name)


def test_a_band_with_next_to_nothing_in_it_makes_no_noise() -> None:
    """100 dB down: again the equations can be factored, with an SIR of -10 dB."""
    band = signal.cheby2(16, 50, 2000, fs=RATE_HZ, output="sos")
    true, near = (signal.sosfiltfilt(band, sound, axis=1) for sound in (APART, NEAR))
    rounded = [np.round(sound * 2**12) / 2**12 for sound in (true, near)]  # noise that fills the empty band
    found, wanted = bss_eval(true, near, RATE_HZ), bss_eval(*rounded, RATE_HZ)
    assert found.ridge and not wanted.ridge
    np.testing.assert_allclose(found.sir, wanted.sir, rtol=0, atol=1)
    assert (found.sar > 20).all() and (wanted.sar > 20).all()


# What has no number.

NAN = np.where(np.arange(LENGTH)[:, None] == 5, np.nan, APART)
SHORT = APART[:, : TAPS - 1]


@pytest.mark.parametrize("mode", ["v4", "v3"])
@pytest.mark.parametrize(
    ("references", "estimates", "sentence"),
    [
        (APART[0], NEAR[0], r"references of shape \(16000, 2\); expected \(sources, frames, channels\)"),
        (APART, NEAR[0], r"estimates of shape \(16000, 2\)"),
        (APART, NEAR[:, :-1], "length and number of channels"),
        (APART, NEAR[..., :1], "length and number of channels"),
        (APART, NEAR[:1], "references"),
        (APART, np.concatenate([NEAR, NEAR]), "references"),
        (APART[:0], NEAR[:0], "shape"),
        (APART[:, :0], NEAR[:, :0], "shape"),
        (NAN, NEAR, "the references hold NaN or infinity"),
        (APART, NAN, "the estimates hold NaN or infinity"),
        (APART, NEAR * np.inf, "the estimates hold NaN or infinity"),
        (0 * APART, NEAR, "all references are silent"),
        (SHORT, SHORT, "511 samples are too short for filters of 512"),
    ],
)
def test_bad_input_gets_a_sentence(references: np.ndarray, estimates: np.ndarray, sentence: str, mode: Any) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(AnalysisError, match=sentence):
        bss_eval(references, estimates, RATE_HZ, mode=mode)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"hop_s": 0.0}, "hop"), ({"window_s": 0.01}, "80 samples are too short"), ({"window_s": 0.0}, "too short")],
)
def test_frames_that_can_t_be_get_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        bss_eval(APART, NEAR, RATE_HZ, **settings)


def test_an_estimate_of_nobody_gets_a_sentence() -> None:
    with pytest.raises(AnalysisError, match="no reference has the number 2; there are 2"):
        References(APART, RATE_HZ).scores(NEAR[:1], [2])


@pytest.mark.parametrize("mode", ["v4", "v3"])
def test_silence_in_a_frame_takes_the_frames_numbers_and_silence_throughout_only_its_own(mode: Any) -> None:
    one_frame, throughout = APART.copy(), APART.copy()
    one_frame[1, :RATE_HZ], throughout[1] = 0, 0
    frame, rest = (bss_eval(references, NEAR, RATE_HZ, mode=mode) for references in (one_frame, throughout))
    alone = bss_eval(APART[:1], NEAR[:1], RATE_HZ, mode=mode)
    for name in NAMES:
        assert np.isnan(getattr(frame, name)).tolist() == [[True, False]] * 2
        assert np.isnan(getattr(rest, name)).tolist() == [[False, False], [True, True]]
        np.testing.assert_array_equal(getattr(rest, name)[0], getattr(alone, name)[0])
    assert np.isnan(rest.medians()["sdr"]).tolist() == [False, True]


def test_silence_of_every_estimate_is_no_number_and_no_error() -> None:
    found = bss_eval(APART, 0 * NEAR, RATE_HZ)
    assert all(np.isnan(getattr(found, name)).all() for name in NAMES)
    assert np.isnan(found.medians()["sar"]).all()


MONO, MONO_NEAR = APART[..., 0], NEAR[..., 0]


@pytest.mark.parametrize(
    ("arrays", "noises", "sentence"),
    [
        ((APART, NEAR), None, "expected mono"),
        ((MONO, MONO_NEAR[:1]), None, "do not fit"),
        ((MONO, MONO_NEAR[:, 1:]), None, "do not fit"),
        ((MONO, MONO_NEAR), MONO[:, 1:], "do not fit"),
        ((MONO[:, :511], MONO[:, :511]), None, "511 samples are too short"),
        ((MONO[:, :513], MONO[:, :513]), None, "filters of 512 taps would fit anything"),
        ((0 * MONO, MONO_NEAR), None, "all references are silent"),
        ((NAN[..., 0], MONO_NEAR), None, "the references hold NaN"),
        ((MONO, MONO_NEAR), NAN[..., 0], "the noises hold NaN"),
    ],
)
def test_bad_mono_input_gets_a_sentence(
    arrays: tuple[np.ndarray, np.ndarray], noises: np.ndarray | None, sentence: str
) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        sources(*arrays, noise=noises)


def test_mono_estimates_one_by_one_are_those_together_and_each_equation_is_factored_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, factored, of = sources(MONO, MONO_NEAR), [], mono.Equations.of
    monkeypatch.setattr(mono.Equations, "of", lambda *given, **how: factored.append(1) or of(*given, **how))
    prepared = mono.References(MONO)
    for k in (1, 0, 1):
        alone = prepared.scores(MONO_NEAR[k : k + 1], [k])
        for name in ("sdr", "sir", "sar"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(wanted, name)[k], abs=1e-9)
    assert len(factored) == 3, "of both references together, and of each"
    with pytest.raises(AnalysisError, match="do not fit"):
        prepared.scores(MONO_NEAR[:1], [2])


def test_silent_mono_sources_have_no_number() -> None:
    silent = np.stack([MONO[0], 0 * MONO[1]])
    for found in (sources(silent, MONO_NEAR), sources(MONO, silent)):
        assert np.isnan(found.sdr).tolist() == [False, True] == np.isnan(found.sar).tolist()


def test_gains_over_a_mixture_need_one_mixture_and_a_length_for_each_song() -> None:
    with pytest.raises(AnalysisError, match="mixture"):
        nsdr(MONO, MONO_NEAR, MONO.sum(axis=0)[1:])
    with pytest.raises(AnalysisError, match="length"):
        gnsdr([1.0, 2.0], [3.0])
    with pytest.raises(AnalysisError, match="length"):
        gnsdr([1.0, 2.0], [0.0, 0.0])
    assert gnsdr([1.0, np.nan, 4.0], [1, 5, 2]) == pytest.approx(3.0)
    assert np.isnan(gnsdr([np.nan], [1]))

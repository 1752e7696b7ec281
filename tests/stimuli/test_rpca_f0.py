"""RPCA joined with the voice's pitch: a planted glide is tracked, and what that is worth on songs of known truth."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from known_songs import RATE_HZ, falcon_69, mono, repeating, rest_of, si_sdr, song_of, sung, system
from pydantic import ValidationError
from small_world import noise

from stimuli.experiment import RpcaF0System
from stimuli.separators import Song, run
from stimuli.separators.low_rank import pitch
from stimuli.separators.low_rank.rpca import Rpca
from stimuli.separators.low_rank.rpca_f0 import RpcaF0, around_harmonics

BIN_HZ = RATE_HZ / RpcaF0.finer.window
WITHIN_CENTS = 25.0


def glide(lowest_hz: float, seconds: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """A voice that glides over an octave with a vibrato, its eight harmonics falling by 6 dB an octave; its pitch."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = lowest_hz * 2 ** (time / seconds + 0.03 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return 0.1 * np.sum([np.sin(k * phase) / k for k in range(1, 9)], axis=0)[:, None], pitch_hz


def cents_off(sound: np.ndarray, pitch_hz: np.ndarray) -> np.ndarray:
    """How far the found pitch is from the true one at each frame's middle."""
    magnitudes = np.abs(RpcaF0.finer.forward(sound)).mean(axis=0)
    found = pitch.pitch([magnitudes], BIN_HZ, 80, 800)
    true = pitch_hz[:: RpcaF0.finer.hop]
    return np.abs(1200 * np.log2(found[: len(true)] / true))


@pytest.mark.parametrize("lowest_hz", [95, 180, 370])
def test_a_planted_glide_is_tracked_through_noise_and_a_chord(lowest_hz) -> None:
    voice, pitch_hz = glide(lowest_hz)
    time = np.arange(len(voice))[:, None] / RATE_HZ
    chord = sum(0.01 * np.sin(2 * np.pi * f * time) for f in (220, 277, 330))
    hiss = 0.02 * np.random.default_rng(1).standard_normal(voice.shape)
    assert (cents_off(voice + chord + hiss, pitch_hz) < WITHIN_CENTS).mean() > 0.9


def test_a_path_crosses_what_is_louder_for_a_moment() -> None:
    saliences = np.full((200, 60), 0.1)
    saliences[100], saliences[100, 30:33], saliences[10, 30:33] = 1, 0.5, 1
    assert (pitch.path(saliences) == 100).all()  # frame by frame, the greatest is elsewhere
    saliences[100, 30:], saliences[60, 30:] = 0.1, 1
    assert pitch.path(saliences).tolist() == [100] * 30 + [60] * 30  # and where it stays elsewhere, it follows


def test_subharmonics_count_less_than_the_pitch() -> None:
    spectrum = np.zeros((2049, 1))
    spectrum[[40, 80, 120, 160]] = 1
    pitches = np.array([20, 40, 80, 43]) * BIN_HZ
    sums = pitch.salience(spectrum, BIN_HZ, pitches, 15)[:, 0]
    assert sums.argmax() == 1 and sums[1] == pytest.approx(sum(0.84**n for n in range(4)))
    assert sums[2] == pytest.approx(1 + 0.84) and sums[3] < sums[2]


def test_the_mask_is_as_wide_and_has_as_many_harmonics_as_asked_for() -> None:
    entry = RpcaF0System(name="x", kind="rpca_f0", harmonics=3, width_hz=40)
    mask = around_harmonics(np.array([200.0, 0.0]), 101, 10.0, entry)
    assert np.flatnonzero(mask[:, 0]).tolist() == [*range(18, 23), *range(38, 43), *range(58, 63)]
    assert not mask[:, 1].any()


def gains(song: Song, kind: str) -> np.ndarray:
    """SI-SDR of vocals and accompaniment in dB."""
    rest, _ = run.run(system(kind), "x", song, "accompaniment")
    return np.array([si_sdr(song.mixture - rest, song.stems["vocals"]), si_sdr(rest, rest_of(song))])


def test_on_repeating_chords_the_pitch_is_worth_a_decibel() -> None:
    song = mono(repeating(7))
    assert (gains(song, "rpca_f0") > gains(song, "rpca") + 1).all()


def test_on_a_real_singer_the_pitch_is_worth_a_decibel() -> None:
    assert (gains(falcon_69(), "rpca_f0") > gains(falcon_69(), "rpca") + 1).all()


@pytest.mark.parametrize(
    ("name", "worth_db"), [("feelings", (0.5, 1.5)), pytest.param("escape", (1.5, 2.0), marks=pytest.mark.proof)]
)
def test_on_sung_songs_both_parts_gain(shared, name, worth_db) -> None:
    song = sung(shared, name)
    part = slice(4 * RATE_HZ, 10 * RATE_HZ)
    six = mono(song_of(**{stem: sound[part] for stem, sound in song.stems.items()}))
    assert (gains(six, "rpca_f0") > gains(six, "rpca") + worth_db).all()


@pytest.mark.parametrize("shape", [(1, 2), (10, 2), (9000, 1), (20_000, 2)])
def test_any_length_comes_back_finite_and_the_same_twice(shape) -> None:
    short = Song("x", 22_050, noise(2)[: shape[0], : shape[1]])
    first, second = (run.run(system("rpca_f0"), "x", short, "vocals")[0] for _ in range(2))
    assert first.shape == shape and np.isfinite(first).all() and np.array_equal(first, second)
    rest = run.run(system("rpca_f0"), "x", short, "accompaniment")[0]
    assert np.abs(first + rest - short.mixture).max() < 1e-6


def test_beside_what_rpca_needs_there_are_only_saliences_of_the_whole_song(monkeypatch) -> None:
    monkeypatch.setattr(Rpca, "mask", lambda _, spectra, rate_hz: np.ones((1, *spectra.shape[1:]), np.float32))
    peaks = []
    for seconds in (8, 12):
        spectra = RpcaF0.stft.forward(np.tile(noise(1, 1.0), (seconds, 1)))
        tracemalloc.start()
        system("rpca_f0").mask(spectra, RATE_HZ)  # type: ignore[attr-defined]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 4 * 1.2e6  # bytes; the spectra of the voice alone are 1.4e6 a second


def test_silence_and_one_silent_channel() -> None:
    sound = noise(1)[:9000] * np.array([[1, 0]], np.float32)
    assert not run.run(system("rpca_f0"), "x", Song("x", RATE_HZ, 0 * sound), "vocals")[0].any()
    assert not run.run(system("rpca_f0"), "x", Song("x", RATE_HZ, sound), "vocals")[0][:, 1].any()


def test_a_filter_hears_shares_and_nothing_between_the_harmonics() -> None:
    voice, _ = glide(180, 2)
    song = song_of(vocals=voice.astype(np.float32) * np.ones(2, np.float32), other=0.2 * noise(1)[: len(voice)])
    spectra = RpcaF0.stft.forward(song.mixture)
    shares = system("rpca_f0", post_filter="em").mask(spectra, RATE_HZ)  # type: ignore[attr-defined]
    assert shares.min() >= 0 and shares.max() <= 1 and ((shares > 0.1) & (shares < 0.9)).mean() > 0.01
    assert (shares == 0).mean() > 0.4  # 80 Hz around harmonics 180 to 360 Hz apart
    plain, filtered = (run.run(system("rpca_f0", post_filter=kind), "x", song, "vocals")[0] for kind in ("none", "em"))
    assert np.isfinite(filtered).all() and not np.array_equal(plain, filtered)


@pytest.mark.parametrize("keys", [{"lowest_hz": 300, "highest_hz": 400}, {"width_hz": 0}, {"harmonics": 61}])
def test_what_finds_no_voice_is_refused(keys) -> None:
    with pytest.raises(ValidationError, match=r"at least an octave|greater than|less than"):
        system("rpca_f0", **keys)

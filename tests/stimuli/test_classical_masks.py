"""Masks that need no stems: two-stage HPSS, left minus right, any place of panning, the 2-D Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from known_songs import RATE_HZ, falcon_69, mono, repeating, rest_of, scored, si_sdr, song_of, sung, system
from pydantic import ValidationError
from small_world import noise

from stimuli.errors import StimuliError
from stimuli.separators import Song, run
from stimuli.separators.classical import fourier, harmonic_percussive
from stimuli.separators.classical.panning import panning_index
from stimuli.separators.spectral import Stft

MEASURED = {
    # SI-SDR of vocals and accompaniment in dB, measured by an independent implementation of each system.
    "falcon 69": {
        "hpss_two_stage": (-10.18, 5.45),
        "centre_cancellation": (-6.73, 3.17),
        "left_minus_right": (-7.32, -13.0),
        "oracle_ratio_mask": (9.29, 16.84),
    },
    "feelings": {"hpss_two_stage": (0.42, 7.67), "left_minus_right": (-4.88, -12.7)},
    "escape": {"hpss_two_stage": (-1.22, 6.77), "left_minus_right": (-5.08, -15.6)},
}


def panned(sound: np.ndarray, left: float, right: float) -> np.ndarray:
    return sound[:, :1] * np.array([[left, right]], np.float32)


@pytest.mark.parametrize("kind", MEASURED["falcon 69"])
def test_a_real_song_comes_out_as_measured_elsewhere(kind) -> None:
    assert scored(system(kind), falcon_69()) == pytest.approx(MEASURED["falcon 69"][kind], abs=0.1)


@pytest.mark.parametrize("name", ["feelings", "escape"])
def test_sung_songs_come_out_as_measured_elsewhere(shared, name) -> None:
    song = sung(shared, name)
    for kind, expected in MEASURED[name].items():
        assert scored(system(kind), song) == pytest.approx(expected, abs=0.1), kind


def test_tones_are_harmonic_and_strokes_are_not() -> None:
    cells = np.full((200, 100), 0.01, np.float32)
    cells[50], cells[:, 30] = 1, 1
    share = harmonic_percussive.harmonic_share(cells)
    assert share[50, 70] > 0.99 and share[120, 30] < 0.01 and share[50, 30] == 0.5
    assert (harmonic_percussive.harmonic_share(0 * cells) == 0.5).all()


@pytest.mark.parametrize("shape", [(3, 1), (5, 10), (40, 100)])
def test_the_fast_running_median_is_the_slow_one(shape) -> None:
    rows = np.random.default_rng(1).random(shape).astype(np.float32)
    slow = scipy.ndimage.median_filter(rows, (1, harmonic_percussive.MEDIAN), mode="reflect")
    if shape[1] >= harmonic_percussive.MEDIAN:
        assert np.array_equal(harmonic_percussive._running_median(rows), slow)
    assert harmonic_percussive._running_median(rows).shape == shape


def test_a_moving_voice_is_told_from_a_lasting_chord_and_strokes() -> None:
    time = np.arange(6 * RATE_HZ) / RATE_HZ
    chord = sum(0.1 * np.sin(2 * np.pi * f * time) for f in (220, 277, 330))
    strokes = np.zeros_like(time)
    strokes[:: RATE_HZ // 2] = 1
    voice = 0.2 * np.sin(2 * np.pi * 700 * time + 12 * np.sin(2 * np.pi * 5.5 * time))
    parts = [np.asarray(sound, np.float32)[:, None] for sound in (voice, chord, strokes)]
    song = song_of(**dict(zip(("vocals", "other", "drums"), parts, strict=True)))
    vocals, rest = scored(system("hpss_two_stage"), song)
    assert vocals > si_sdr(song.mixture, parts[0]) + 8 and rest > si_sdr(song.mixture, rest_of(song)) + 3


def test_left_minus_right_is_its_own_formula() -> None:
    song = song_of(vocals=panned(noise(1), 1, 1), other=noise(2))
    half = (song.mixture[:, 0] - song.mixture[:, 1]) / 2
    outcome = system("left_minus_right").separate(song, ["accompaniment"])["accompaniment"]
    assert np.abs(outcome - np.stack([half, -half], axis=1)).max() < 1e-6
    assert (
        np.abs(
            outcome
            - system("left_minus_right").separate(song_of(x=song.stems["other"]), ["accompaniment"])["accompaniment"]
        ).max()
        < 1e-6
    )


@pytest.mark.parametrize("channels", [1, 2])
def test_of_a_mono_song_nothing_is_left_and_it_is_said(channels) -> None:
    runs = system("left_minus_right")
    same = Song("x", RATE_HZ, np.repeat(noise(1)[:, :1], channels, axis=1))
    assert not run.run(runs, "x", same, "accompaniment")[0].any()
    assert "both channels are the same" in runs.provenance()["parameters"]["silent"]
    assert np.array_equal(runs.separate(same, ["vocals"])["vocals"], same.mixture)
    stereo = Song("x", RATE_HZ, noise(1))
    assert run.run(runs, "x", stereo, "accompaniment")[0].any() and not runs.provenance()["parameters"]
    with pytest.raises(StimuliError, match="is for stereo, found 3 channels"):
        runs.separate(Song("x", RATE_HZ, np.repeat(noise(1)[:, :1], 3, axis=1)), ["vocals"])


@pytest.mark.parametrize(
    ("gains", "index"), [((1, 0), -1), ((0, 1), 1), ((1, 1), 0), ((1, 0.5), -0.2), ((0.5, 1), 0.2)]
)
def test_the_index_of_a_panned_sound_follows_from_its_gains(gains, index) -> None:
    found = panning_index(Stft(4096, 1024).forward(panned(noise(1), *gains)))
    assert np.abs(found - index).max() < 1e-3


def test_the_panning_mask_takes_what_stands_there() -> None:
    stems = repeating(6).stems
    voice, other = panned(stems["vocals"], 1, 0.4), panned(stems["other"], 0.4, 1)
    song = song_of(vocals=voice, other=other)
    there = 1 - 2 * 0.4 / (1 + 0.4**2)
    assert scored(system("panning_mask", panning=-there), song)[0] > si_sdr(song.mixture, voice) + 5
    assert scored(system("panning_mask", panning=there), song)[0] < si_sdr(song.mixture, voice) - 5
    beside = system("panning_mask", panning=-there + 0.05, width=0.05)
    half_away = beside.separate(song_of(x=panned(noise(1), 1, 0.4)), ["vocals"])["vocals"]
    assert half_away == pytest.approx(panned(noise(1), 0.5, 0.2), abs=1e-3)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        system("panning_mask", panning=1.5)


def test_what_repeats_is_a_row_of_peaks() -> None:
    size = np.random.default_rng(1).random((4, 300)) * 0.1
    size[2, 40::40] = 5
    assert np.array_equal(np.argwhere(fourier.peaks(size))[:, 1], np.arange(40, 300, 40))


def test_the_2d_transform_tells_a_voice_from_chords_that_repeat() -> None:
    song = mono(repeating(20))
    voice, rest = scored(system("fourier_2d"), song)
    assert voice > si_sdr(song.mixture, song.stems["vocals"]) + 5
    assert rest > si_sdr(song.mixture, song.stems["other"]) + 3

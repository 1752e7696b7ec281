"""The REPET family: periods to the frame, the synthetic proof, causality, and real songs as measured elsewhere."""

from __future__ import annotations

import time

import numpy as np
import pytest
from known_songs import (
    HOP,
    PERIOD_FRAMES,
    RATE_HZ,
    falcon_69,
    mono,
    repeating,
    rest_of,
    scored,
    si_sdr,
    sung,
    system,
)
from small_world import noise

from stimuli.separators import Song, run
from stimuli.separators.classical.repet import Repet, median_over

KINDS = ("repet_extended", "repet_adaptive", "repet_sim_librosa", "repet_sim_online")
PER_S = RATE_HZ / HOP


@pytest.fixture(scope="module")
def song() -> Song:
    return mono(repeating(20))


def magnitude_of(sound: np.ndarray) -> np.ndarray:
    return np.abs(Repet.stft.forward(sound)).mean(axis=0)


def pattern(*parts: tuple[int, int]) -> np.ndarray:
    """Magnitudes (8, times) that repeat every so many frames, for so many frames."""
    drawn = np.random.default_rng(3)
    return np.concatenate([np.resize(drawn.random((period, 8)), (times, 8)) for period, times in parts]).T.copy()


@pytest.mark.parametrize("period", [69, 70, 100, 137, 138, 139, 200])
def test_the_period_is_exact(period) -> None:
    assert system("repet").period(pattern((period, 1700)), PER_S) == period  # type: ignore[attr-defined]


def test_every_frame_has_the_period_of_its_part() -> None:
    parts = pattern((90, 2400), (130, 2400))
    periods = system("repet_adaptive").periods(parts, PER_S)  # type: ignore[attr-defined]
    step = round(5 * PER_S)
    # Around the change the period is one of both; elsewhere it is exact, in the last frame of each step too.
    assert len(periods) == 4800 and set(periods) == {90, 130}
    assert (periods[: 2400 - 2 * step] == 90).all() and (periods[2400 + 2 * step :] == 130).all()


@pytest.mark.parametrize("seconds", [14, 15, 16, 23])
def test_cross_faded_segments_weigh_one_everywhere(seconds, monkeypatch) -> None:
    lengths: list[int] = []

    def as_it_is(self: Repet, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        lengths.append(magnitude.shape[1])
        return magnitude

    monkeypatch.setattr(Repet, "background", as_it_is)
    frames = np.random.default_rng(1).random((3, round(seconds * PER_S) + 1)).astype(np.float32)
    assert np.abs(system("repet_extended").background(frames, PER_S) - frames).max() < 1e-6  # type: ignore[attr-defined]
    assert len(lengths) == (1 if seconds < 15 else (seconds - 10) // 5 + 1) and min(lengths) >= round(10 * PER_S)


@pytest.mark.parametrize(
    ("kind", "gain_db"),
    [("repet", 8), ("repet_extended", 8), ("repet_adaptive", 8), ("repet_sim", 5), ("repet_sim_librosa", 4)],
)
def test_what_repeats_stays_and_a_voice_goes(song, kind, gain_db) -> None:
    voice, rest = scored(system(kind), song)
    assert voice > si_sdr(song.mixture, song.stems["vocals"]) + gain_db
    assert rest > si_sdr(song.mixture, song.stems["other"]) + gain_db


def test_online_gains_almost_as_much_once_it_has_heard_enough(song) -> None:
    heard = slice(10 * RATE_HZ, None)
    rest = system("repet_sim_online").separate(song, ["accompaniment"])["accompaniment"]
    for estimate, truth, gain_db in ((rest, song.stems["other"], 4), (song.mixture - rest, song.stems["vocals"], 6)):
        assert si_sdr(estimate[heard], truth[heard]) > si_sdr(song.mixture[heard], truth[heard]) + gain_db


def test_a_period_that_changes_is_followed() -> None:
    changing = mono(repeating(30, periods=(PERIOD_FRAMES, 110)))
    one, *several = (scored(system(kind), changing)[1] for kind in ("repet", "repet_extended", "repet_adaptive"))
    assert min(several) > one + 3


@pytest.mark.parametrize("at_s", [3.0, 12.0])
def test_online_knows_no_future(song, at_s) -> None:
    change, window = round(at_s * RATE_HZ), Repet.stft.window
    other = song.mixture.copy()
    other[change:] = noise(1, 20)[change:, :1]
    first, second = (
        system("repet_sim_online").separate(Song("x", RATE_HZ, sound), ["vocals"])["vocals"]
        for sound in (song.mixture, other)
    )
    assert np.array_equal(first[: change - window], second[: change - window])
    assert not np.array_equal(first[change : change + window], second[change : change + window])


def test_online_forgets_what_is_older_than_its_memory(song) -> None:
    other, cut = song.mixture.copy(), 3 * RATE_HZ
    other[:cut] = noise(1)[:cut, :1]
    first, second = (
        system("repet_sim_online").separate(Song("x", RATE_HZ, sound), ["vocals"])["vocals"]
        for sound in (song.mixture, other)
    )
    later = cut + 10 * RATE_HZ + Repet.stft.window
    assert np.abs(first[later:] - second[later:]).max() < 1e-6 < np.abs(first[cut:later] - second[cut:later]).max()


def test_online_is_faster_than_the_song_and_no_memory_of_its_length(song) -> None:
    began = time.process_time()
    system("repet_sim_online").separate(song, ["vocals"])["vocals"]
    assert time.process_time() - began < 10


@pytest.mark.parametrize("count", [1, 2, 3, 96, 97])
def test_the_fast_median_is_numpys_to_the_bit(count) -> None:
    frames = np.random.default_rng(count).random((50, 200)).astype(np.float32)
    times = np.random.default_rng(count).permutation(200)[:count]
    assert np.array_equal(median_over(frames, times), np.median(frames[:, times], axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_channel_stays_silent(kind) -> None:
    one_side = noise(1) * np.array([[1, 0]], np.float32)
    assert not run.run(system(kind), kind, Song("x", RATE_HZ, one_side), "accompaniment")[0][:, 1].any()


def test_a_real_song_comes_out_as_measured_elsewhere() -> None:
    assert scored(system("repet"), falcon_69()) == pytest.approx((-3.10, 7.31), abs=0.1)


def test_librosas_recipe_gives_librosas_figures(shared) -> None:
    assert scored(system("repet_sim_librosa"), sung(shared, "feelings")) == pytest.approx((2.99, 8.91), abs=0.1)


@pytest.mark.proof
def test_librosas_recipe_gives_librosas_figures_of_another_song(shared) -> None:
    assert scored(system("repet_sim_librosa"), sung(shared, "escape")) == pytest.approx((1.04, 7.52), abs=0.1)


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["repet_extended", "repet_adaptive", "repet_sim", "repet_sim_online"])
@pytest.mark.parametrize("name", ["feelings", "escape"])
def test_the_family_improves_real_songs(shared, kind, name) -> None:
    real = sung(shared, name)
    voice, rest = scored(system(kind), real)
    assert voice > si_sdr(real.mixture, real.stems["vocals"]) + 2 and rest > si_sdr(real.mixture, rest_of(real)) + 1

"""Estimates that others rendered: each way to be wrong has its own sentence."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import RATE_HZ, noise, write

from stimuli import audio
from stimuli.errors import SoundError
from stimuli.experiment import FilesSystem, Songs
from stimuli.resemblance import correlation
from stimuli.sources import estimates
from stimuli.sources.song import Song
from stimuli.sources.songs import source

SYSTEM = FilesSystem(name="home", kind="files", path="estimates/{system}/{song}/{target}.wav")
PATH = "estimates/home/Song A/accompaniment.wav"


def song(world, **more: int) -> Song:
    return source(Songs(root=str(world / "songs"), **more), world).open("Song A")


def good(world) -> np.ndarray:
    opened = song(world)
    return opened.read("mixture") - opened.read("vocals") + 0.2 * noise(77)


def load(world, start: int = 0, frames: int = 3 * RATE_HZ) -> np.ndarray:
    opened = song(world)
    estimates.check(SYSTEM, world, opened, "accompaniment")
    return estimates.read(SYSTEM, world, opened, "accompaniment", start, frames)


def test_a_good_estimate_comes_through_unchanged(world) -> None:
    sound = good(world)
    write(world / PATH, sound)
    assert np.array_equal(load(world), sound) and np.array_equal(load(world, 1000, 50), sound[1000:1050])


@pytest.mark.parametrize(
    ("spoil", "rate_hz", "says"),
    [
        (lambda x: x, 48_000, "48000 Hz, but the song has 44100 Hz; render it at the song's rate, or set"),
        (lambda x: x[:-441], RATE_HZ, r"131859 frames \(2.990 s\), but the song has 132300 \(3.000 s\)"),
        (lambda x: x[:, :1], RATE_HZ, r"1 channel\(s\), but the song has 2"),
        (lambda x: x * np.nan, RATE_HZ, "holds NaN"),
    ],
)
def test_a_spoiled_estimate_says_how_to_mend_it(world, spoil, rate_hz, says) -> None:
    write(world / PATH, spoil(good(world)), rate_hz)
    with pytest.raises(SoundError, match=says) as caught:
        load(world)
    assert "accompaniment.wav" in str(caught.value)


def test_a_missing_estimate_is_named(world) -> None:
    (world / PATH).unlink()
    with pytest.raises(SoundError, match=r"accompaniment\.wav: no such file"):
        load(world)


def test_an_estimate_of_another_rate_is_resampled_where_the_file_asks_for_it(world) -> None:
    sound = good(world)
    write(world / PATH, audio.resampled(sound, RATE_HZ, 48_000), 48_000)
    opened = song(world, resample_hz=44_100)
    estimates.check(SYSTEM, world, opened, "accompaniment", resample_hz=44_100)
    found = estimates.read(SYSTEM, world, opened, "accompaniment", 22_050, 44_100)
    assert correlation(found, sound[22_050:66_150]) > 0.9, "only what lies above 20 kHz is lost"


DUET = FilesSystem(
    name="duo", kind="files", path="est/{song}/{output}.wav", outputs=("1", "2"), targets=("singer1", "singer2")
)


@pytest.mark.parametrize("turned", [False, True])
def test_outputs_without_order_are_assigned_to_the_singers(tmp_path, turned) -> None:
    for number in (1, 2):
        write(tmp_path / f"songs/S/singer{number}.wav", noise(number))
        output = 3 - number if turned else number
        write(tmp_path / f"est/S/{output}.wav", -0.7 * noise(number) + 0.3 * noise(3 - number))
    opened = source(Songs(root=str(tmp_path / "songs")), tmp_path).open("S")
    for number in (1, 2):
        found = estimates.read(DUET, tmp_path, opened, f"singer{number}", 100, 5000)
        assert correlation(found, noise(number)[100:5100]) < -0.8, "found in spite of its polarity"
    with pytest.raises(SoundError, match="it gives singer1, singer2, not 'vocals'"):
        estimates.read(DUET, tmp_path, opened, "vocals", 0, 100)


def test_fingerprints_change_with_any_file_that_counts(tmp_path, world) -> None:
    opened = song(world)
    before = estimates.fingerprints(SYSTEM, world, opened, "accompaniment")
    write(world / PATH, noise(5))
    assert estimates.fingerprints(SYSTEM, world, opened, "accompaniment") != before

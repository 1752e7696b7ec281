"""The bench of an hour does the work that it says it measures: on seconds, and no figure is one."""

from __future__ import annotations

import bench_hour
import numpy as np
import outcome
import pytest
import soundfile

SECONDS = {0.05: 3.0, 0.1: 6.0}


def test_music_is_as_long_as_asked_and_each_length_begins_like_the_other(shared, tmp_path) -> None:
    for minutes, seconds in SECONDS.items():
        bench_hour.write_music(tmp_path / f"{minutes}.wav", shared / "data" / "songs", seconds)
    (short, rate_hz), (long, _) = (soundfile.read(tmp_path / f"{minutes}.wav") for minutes in SECONDS)
    assert (rate_hz, len(short), len(long)) == (44_100, 3 * 44_100, 6 * 44_100)
    assert np.array_equal(short, long[: len(short)]) and 0.02 < short.std() < 0.5


def test_a_system_is_measured_on_every_length_and_memory_that_grows_more_is_named(
    shared, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(bench_hour, "WHOLE", 0.05)
    found = bench_hour.bench(tmp_path, shared / "data" / "songs", ["left_minus_right"], list(SECONDS), 1)
    one = found["systems"]["left_minus_right"]["minutes"]
    assert set(one) == {"0.05", "0.1"} and one["0.1"]["heard_s"] == 6.0 and one["0.1"]["memory_mb"] > 50
    (name,) = found["ratios"]
    assert name == "left_minus_right: growth from 0.05 to 0.1 minutes / the sound's"
    assert found["at_most"] == {name: 4.1}
    assert found["largest_mb"] == {"0.1 minutes": one["0.1"]["memory_mb"]}
    assert outcome.missed({name: 4.2}, found["at_most"], {}) == [f"{name} is 4.2, at most 4.1"]
    assert not list(tmp_path.rglob("vocals.wav")), "an hour of estimates is not kept"


def test_estimates_that_do_not_add_up_are_found(tmp_path) -> None:
    mixture = np.full((1000, 2), 0.5, np.float32)
    soundfile.write(tmp_path / "mixture.wav", mixture, 44_100, subtype="PCM_16")
    for name, level in (("vocals", 0.2), ("accompaniment", 0.31)):
        soundfile.write(tmp_path / f"{name}.wav", 0 * mixture + level, 44_100, subtype="FLOAT")
    assert bench_hour.furthest(tmp_path / "mixture.wav", tmp_path) == pytest.approx(0.01, abs=1e-4)

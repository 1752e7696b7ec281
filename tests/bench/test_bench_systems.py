"""The benches of systems: what they score, which systems they take, and that latencies are what a change shows."""

from __future__ import annotations

import bench_spleeter
import bench_systems
import numpy as np
import pytest
import system_once
from known_songs import RATE_HZ, system
from small_world import noise

from stimuli.separators import Song, mixed


def test_scores_are_those_of_parts_that_are_known() -> None:
    stems = {"vocals": 0.5 * noise(1), "drums": noise(2)}
    song = Song("x", RATE_HZ, mixed(stems.values()), stems)
    leaks = np.array([[0.1, 0.2]], np.float32)
    rest = stems["drums"] + leaks * stems["vocals"]
    found = system_once.scores(song, {"vocals": song.mixture - rest, "accompaniment": rest})
    # The leak's level against the rest: by 2 (0.5), by 10 and 5; mean of both energies; left against right.
    assert found["si_sdr_accompaniment"] == pytest.approx(20 * np.log10(2) - 10 * np.log10(0.025), abs=0.3)
    assert found["ssa"] == pytest.approx(20 * np.log10(2), abs=0.1) and found["sdr"] is not None
    silent = system_once.scores(song, {"vocals": song.mixture, "accompaniment": rest * np.array([[1, 0]], np.float32)})
    assert silent["ssa"] is None


def test_every_kind_is_run_or_said_not_to_be() -> None:
    kinds, left = bench_systems.chosen()
    assert {"repet", "rpca_f0", "oracle_wiener", "left_minus_right"} <= set(kinds) and not set(kinds) & set(left)
    assert {"files", "torch_checkpoint", "nmf", "plugin"} <= set(left) and all(left.values())


def test_the_table_says_what_was_found_and_what_was_not() -> None:
    of_song = {"si_sdr_vocals": -1.25, "si_sdr_accompaniment": 7.0, "sdr": 6.0, "ssa": 0.5}
    songs = dict.fromkeys(bench_systems.SONGS, of_song)
    one = {"songs": songs, "real_time_factor": 0.05, "memory_mb": 300, "latency_s": None}
    mute = one | {"songs": songs | {"escape": of_song | {"ssa": None}}, "latency_s": 0.0929}
    lines = bench_systems.table({"systems": {"mixture": one | {"latency_s": 0.0}, "repet": one, "hum": mute}}).split(
        "\n"
    )
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")
    assert lines[2].endswith("| 6.0 | 0.5 | – | – | none |")
    assert lines[3] == "| `repet` |" + " -1.2 / 7.0 |" * 3 + " 6.0 | 0.5 | 0.050 | 300 | whole song |"
    assert lines[4].endswith("| 6.0 | – | 0.050 | 300 | 0.09 s |")


def test_rows_measured_later_are_put_in_their_places() -> None:
    same = {"machine": {"cores": 2}, "seconds": 10.0, "jobs": 1, "measured_at": "then", "not_run": {}}
    last = same | {"systems": {"mixture": {"memory_mb": 1}, "rpca": {"memory_mb": 2}, "rnnoise": {"memory_mb": 3}}}
    now = same | {"measured_at": "now", "systems": {"repet": {"memory_mb": 4}, "rnnoise": {"memory_mb": 5}}}
    found = bench_systems.merged(last, now)["systems"]
    assert list(found) == ["mixture", "repet", "rpca", "rnnoise"] and found["rpca"] == {"memory_mb": 2}
    assert found["rnnoise"] == {"memory_mb": 5, "measured_at": "now"}
    with pytest.raises(SystemExit, match="another machine"):
        bench_systems.merged(last, now | {"machine": {"cores": 3}})


ELSEWHERE = ("spleeter_2stems", "deepfilternet3", "rnnoise")  # a whole block; and those that hear 48 kHz


@pytest.mark.parametrize("kind", [kind for kind in bench_systems.LATENCY_S if kind not in ELSEWHERE])
def test_a_latency_is_as_computed_and_no_longer(kind) -> None:
    change, late = round(2.5 * RATE_HZ), round(bench_systems.LATENCY_S[kind] * RATE_HZ)
    other = noise(1).copy()
    other[change:] = noise(2)[change:]
    first, second = (system(kind).separate(Song("x", RATE_HZ, x), ["vocals"])["vocals"] for x in (noise(1), other))
    apart = np.abs(first - second).max(axis=1)
    assert not apart[: change - late].any() and apart[change - late : change + 1].any()


def test_spleeter_benchs_limits_and_what_differs_are_found(tmp_path) -> None:
    same = np.ones((1, 2, 3, 4), np.float32)
    for name in ("ours", "package", "blocks"):
        np.save(tmp_path / f"{name}.npy", same)
    assert bench_spleeter.hold(tmp_path) == 0
    np.save(tmp_path / "ours.npy", same + np.float32(1e-4))
    with pytest.raises(AssertionError, match="apart, at most 1e-05"):
        bench_spleeter.hold(tmp_path)

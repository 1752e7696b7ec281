"""The bench of the metrics does the work that it says it measures: small, and nothing is timed."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import bench_metrics as bench
import numpy as np
import pytest
import real_stems
import soundfile

FRAMES = {name: np.array([[20.0, 21.0, np.nan], [15.0, 16.0, np.nan]]) for name in bench.NAMES}
OURS: dict[str, Any] = {"frames": FRAMES, "ridge": False}


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise under the names of the songs, half a second each."""
    folder, drawn = tmp_path_factory.mktemp("songs"), np.random.default_rng(1)
    for name in {name for names in real_stems.SOURCES for name in names}:
        soundfile.write(folder / name, 0.1 * drawn.standard_normal((22_050, 2)), real_stems.RATE_HZ, subtype="PCM_16")
    return folder


def changed(name: str, by: float) -> dict[str, Any]:
    found = copy.deepcopy(OURS)
    found["frames"][name][1, 1] += by
    return found


def test_stems_are_songs_after_one_another_and_estimates_are_near_them(songs: Path, tmp_path: Path) -> None:
    real_stems.write(tmp_path / "stems", songs, 4, 2.25)
    true, near = (np.load(tmp_path / "stems" / f"{name}.npy") for name in ("references", "estimates"))
    assert true.shape == near.shape == (4, round(2.25 * 44_100), 2) and true.dtype == near.dtype == np.float64
    vocals = [soundfile.read(songs / name)[0] for name in real_stems.SOURCES[2]]
    np.testing.assert_array_equal(
        true[2], np.concatenate([vocals[0], vocals[1], vocals[0], vocals[1], vocals[0][:11_025]])
    )
    level = [np.sqrt(np.mean(error**2)) / 0.1 for error in near - true]
    assert 0.1 < level[0] < level[1] < level[2] < level[3] < 0.5
    np.testing.assert_array_equal(real_stems.estimated(true), near)


STAND_IN = """
def evaluate(references, estimates, win, hop):
    from analysis.metrics.bss.images import bss_eval
    found = bss_eval(references, estimates, 44100, window_s=win / 44100, hop_s=hop / 44100)
    return found.sdr, found.isr, found.sir + {off}, found.sar
"""


@pytest.mark.parametrize("off", [0.0, 1e-3])
def test_both_sides_are_measured_in_processes_of_their_own_and_held(
    off: float, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    """museval is no part of the tests: something stands in for it, which knows its answers, or is a little off."""
    (tmp_path / "museval.py").write_text(STAND_IN.format(off=off))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")
    pythons = {side: Path(sys.executable) for side in ("ours", "museval")}
    if off:
        with pytest.raises(AssertionError, match=r"sir: 1\.00e-03 dB apart, at most 1e-05"):
            bench.compared(bench.Case(2, 1.5, 1), songs, tmp_path / "stems", pythons)
        return
    found = bench.compared(bench.Case(2, 1.5, 1), songs, tmp_path / "stems", pythons)
    assert found["apart_db"] == dict.fromkeys(bench.NAMES, 0.0) and found["values"] == 2 and not found["ridge"]
    assert found["inputs_mb"] == 4.0 and found["silent_frames"] == 0
    assert all(one["cpu_s"] > 0 and one["memory_mb"] > 0 for one in found["medians"].values())


def test_another_answer_fails_the_bench() -> None:
    assert bench.hold(OURS, OURS)["silent_frames"] == 1
    for name, by in {"sdr": 1e-8, "isr": 2e-5, "sir": -2e-5, "sar": 2e-5}.items():
        with pytest.raises(AssertionError, match=f"{name}: .* dB apart"):
            bench.hold(changed(name, by), OURS)
    bench.hold(changed("sir", 2e-5) | {"ridge": True}, OURS)
    with pytest.raises(AssertionError, match="sir: 2"):
        bench.hold(changed("sir", 2e-4) | {"ridge": True}, OURS)


def test_fewer_frames_or_numbers_fail_the_bench() -> None:
    with pytest.raises(AssertionError, match="other frames"):
        bench.hold(changed("sar", np.nan), OURS)
    with pytest.raises(AssertionError, match="other frames"):
        bench.hold(OURS, changed("sar", np.nan))
    fewer = OURS | {"frames": {name: values[:, 1:] for name, values in FRAMES.items()}}
    with pytest.raises(AssertionError, match=r"sdr: \(2, 2\) values of ours, \(2, 3\) of museval"):
        bench.hold(fewer, OURS)
    nothing = OURS | {"frames": {name: values * np.nan for name, values in FRAMES.items()}}
    with pytest.raises(AssertionError, match="other frames"):
        bench.hold(nothing, nothing)


def test_missing_songs_are_named(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert real_stems.missing(songs) is None
    sentence = real_stems.missing(tmp_path)
    assert sentence and "sectoid_escape.guitar.flac" in sentence and str(tmp_path) in sentence
    monkeypatch.setattr(sys, "argv", ["bench", "--songs", str(tmp_path)])
    with pytest.raises(SystemExit, match="nothing is measured: no real songs"):
        bench.main()


def test_a_missed_limit_is_named() -> None:
    good = bench.AT_MOST | bench.AT_LEAST
    assert bench.missed(good) == []
    assert bench.missed(good | {"museval / ours, 4 x 240 s": 4.9}) == ["museval / ours, 4 x 240 s is 4.9, at least 5.0"]
    assert bench.missed(good | {"memory in GB, 2 x 240 s": 4.1}) == ["memory in GB, 2 x 240 s is 4.1, at most 4.0"]


def test_every_limit_is_measured() -> None:
    sides = {"ours": {"cpu_s": 2.0, "memory_mb": 512.0}, "museval": {"cpu_s": 20.0, "memory_mb": 2048.0}}
    lengths = {f"{length:g}": {"cpu_s": 0.1 * length + 1, "memory_mb": 1.0} for length in bench.LENGTHS_S}
    found = bench.ratios({case.name: {"medians": sides} for case in bench.CASES}, lengths)
    assert set(bench.AT_LEAST | bench.AT_MOST) <= set(found)
    assert found["museval / ours, 2 x 30 s"] == 10 and found["memory, ours / museval, 2 x 30 s"] == 0.25
    assert found["memory in GB, 4 x 240 s"] == 0.5
    assert found["time per second, 240 s / 60 s"] == pytest.approx((25 / 240) / (7 / 60))

"""The bench does the work that it says it measures: small, and nothing is timed."""

from __future__ import annotations

import bench_page
import bench_server
import bench_stimuli as bench
import numpy as np
import postgresql_server
import pytest
import soundfile


def test_the_chain_makes_the_clips_of_the_build_and_the_floor_their_files(tmp_path) -> None:
    bench.world(tmp_path, songs=1, seconds=2.0, excerpt_s=2.0)
    bench.build(tmp_path)()
    bench.ready(tmp_path)
    names = sorted(path.stem for path in (tmp_path / "ready").glob("*.npy"))
    assert names == ["lowpass-3500", "lowpass-7000", "m0", "reference"]
    bench.chain(tmp_path)()
    bench.floor(tmp_path)()
    for number, name in enumerate(names):
        built = np.load(tmp_path / "ready" / f"{name}.npy")
        for path in (tmp_path / f"chain-{name}.flac", tmp_path / f"floor-{number}.flac"):
            assert np.array_equal(soundfile.read(path, dtype="int32")[0], built), path.name


def test_a_missed_limit_is_named() -> None:
    good = bench.AT_MOST | bench.AT_LEAST
    assert bench.missed(good) == []
    assert bench.missed(good | {"chain / floor": 2.6}) == ["chain / floor is 2.6, at most 2.5"]
    assert bench.missed(good | {"one worker / two workers": 1.6}) == ["one worker / two workers is 1.6, at least 1.7"]


def test_the_page_is_measured_from_its_first_sound_to_ready_and_the_floor_by_the_same_files(browser) -> None:
    found = bench_page.bench(browser, repeats=1, length_s=1.0)
    assert (found["sounds"], found["ratios"]["requests"] >= 8) == (9, True)
    assert found["medians_ms"]["page"] > 0 < found["medians_ms"]["floor"]
    quick = found["ratios"] | {"page / floor": 1.0}  # one second, once, on a busy machine: no figure
    assert bench_page.missed(quick) == []
    assert bench_page.missed(quick | {"requests": 13}) == ["requests is 13, at most 12"]
    assert bench_page.missed(quick | {"page / floor": 1.26}) == ["page / floor is 1.26, at most 1.25"]
    assert found["medians_ms"]["visit"] > found["medians_ms"]["page"]


def test_ours_and_the_bare_store_take_the_same_trials_and_hold_every_one(tmp_path) -> None:
    """Each run holds stored against answered by itself; here it is seen that a store that forgets is found."""
    if (binaries := postgresql_server.programs()) is None:
        pytest.skip("postgresql binaries not present")
    server = postgresql_server.PostgreSQL(binaries)
    try:
        found = bench_server.bench(server.address, tmp_path, repeats=1, seconds=0.3, stored=5)
    finally:
        server.close()
    assert set(found["runs"]) == {"sqlite", "sqlite, bare", "stored", "postgresql", "postgresql, bare"}
    assert all(run["answered"] > 16 and run["refused"] == 0 for own in found["runs"].values() for run in own)
    quick = found | {"ratios": found["ratios"] | {"sqlite / bare": 0.49}, "at_least": bench_server.AT_LEAST}
    assert "sqlite / bare is 0.49, at least 0.5" in bench_server.missed(quick)
    with pytest.raises(AssertionError, match="'trials': 9"):
        bench_server.hold({"answered": 10, "refused": 0}, 9, 72)

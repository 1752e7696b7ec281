"""The bench does the work that it says it measures: small, and nothing is timed."""

from __future__ import annotations

import json

import bench_page
import bench_server
import bench_stimuli as bench
import bench_studio
import bench_validity
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


def test_a_store_that_forgets_and_one_that_is_slow_are_found() -> None:
    bench_server.hold({"answered": 10, "refused": 0}, 10, 80)
    for wrong in ((10, 0, 9, 72), (10, 0, 10, 79), (10, 1, 10, 80)):
        with pytest.raises(AssertionError, match="expected"):
            bench_server.hold(dict(zip(("answered", "refused"), wrong[:2], strict=True)), *wrong[2:])


@pytest.mark.proof
def test_ours_and_the_bare_store_take_the_same_trials_and_hold_every_one(tmp_path) -> None:
    """Each run holds stored against answered by itself; in the suite stands only that a store that forgets is found."""
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


def test_a_limit_of_validity_that_is_missed_is_named() -> None:
    shares = {"false positives": 0.05, "power": 0.8, "coverage": 0.95, "runs": 10}
    rules = {"own": {"found": 0.95, "lost": 0.0}, "any": {"found": 1.0, "lost": 0.05}}
    good = {"patterns": {"p": {"primary": shares}}, "screening": {"moderate, 5 % random": {"rules": rules}}}
    assert bench_validity.missed(good) == []
    wrong = shares | {"false positives": 0.066, "coverage": 0.98}
    assert bench_validity.missed(good | {"patterns": {"p": {"primary": wrong}}}) == [
        "p: 0.066 false positives, at most 0.065",
        "p: coverage 0.98, at most 0.975",
    ]
    few = {"own": {"found": 0.5, "lost": 0.03}, "any": {"found": 0.8, "lost": 0.03}}
    assert bench_validity.missed(good | {"screening": {"sisec08, 5 % random": {"rules": few}}}) == [
        "sisec08, 5 % random: 0.8 found, at least 0.9",
        "sisec08, 5 % random: 0.03 careful ones lost, at most 0.02",
    ]


def test_the_last_result_of_validity_is_of_these_patterns_and_within_its_limits() -> None:
    result = json.loads(bench_validity.RESULTS.read_text())
    assert set(result["patterns"]) == set(bench_validity.patterns()) and result["limits"] == bench_validity.LIMITS
    assert min(shares["primary"]["runs"] for shares in result["patterns"].values()) >= 2000
    assert bench_validity.missed(result) == []


def test_random_raters_are_found_and_careful_ones_kept_in_a_few_panels() -> None:
    found = bench_validity.screening(2)
    random, careful = found["sisec08, 20 % random"], found["sisec08, 0 % none"]
    assert (random["careless"], random["careful"], careful["careful"]) == (8, 32, 40)
    assert random["rules"]["any"]["found"] >= 0.875
    assert careful["rules"]["own"]["lost"] == 0 and careful["rules"]["any"]["lost"] <= 0.05


def test_the_truth_behind_the_slider_is_the_mean_of_what_is_said() -> None:
    pattern = bench_validity.patterns()["a and b at the ceiling, 6/4/9, 20 x 8"]
    truth = pattern.truth(8.0)
    means = [bench_validity._simulated(pattern, 8.0, seed).groupby("condition")["rating"].mean() for seed in range(150)]
    differences = np.array([mean["a"] - mean["b"] for mean in means])
    assert abs(differences.mean() - truth) < 4 * differences.std() / 150**0.5 and 3 < truth < 7


@pytest.mark.proof
def test_listeners_save_beside_an_open_studio_and_every_page_is_asked_for(tmp_path, monkeypatch) -> None:
    """Each run holds the saves that are stored against those that were answered by itself; a worker has looked."""
    monkeypatch.setattr(bench_studio, "ASKED", 0.05)
    found = bench_studio.bench(tmp_path, repeats=1, seconds=2.0, sessions=8)
    assert set(found["pages"]) == {*bench_studio.PAGES, "live, followed"}
    assert found["saves"]["per_s"] > 8 and found["ratios"].keys() == found["at_most"].keys()

"""One file against another: known numbers, what is refused and why, and estimates without order."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner

from analysis.errors import AnalysisError
from analysis.metrics.cli import metrics
from analysis.metrics.families.ratios import si_sdr
from analysis.metrics.scoring.files import Given, lag_of, score_files
from analysis.metrics.scoring.permutation import assigned
from stimuli.errors import HiddenReferenceError

RATE_HZ = 8000


def noise(seed: int, frames: int = 2 * RATE_HZ, channels: int = 2) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((frames, channels))


def save(folder: Path, name: str, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    path = folder / f"{name}.wav"
    soundfile.write(path, sound, rate_hz, subtype="DOUBLE")
    return path


def as_read(sound: np.ndarray) -> np.ndarray:
    return sound.astype(np.float32).astype(np.float64)


def number(given: Given, metric: str = "si_sdr_db", families: tuple[str, ...] = ("ratios",)) -> float:
    return score_files(given, families).frame.set_index("metric").loc[metric, "value"]  # type: ignore[return-value]


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    return save(tmp_path, "r", noise(1)), save(tmp_path, "e", noise(1) + 0.1 * noise(2))


def test_a_pair_of_files_has_the_numbers_of_its_samples(pair) -> None:
    found = score_files(Given(pair[:1], pair[1:]), ("ratios",))
    row = found.frame.set_index("metric").loc["si_sdr_db"]
    assert row["value"] == si_sdr(as_read(noise(1)), as_read(noise(1) + 0.1 * noise(2)))
    assert (row["song"], row["condition"], row["basis"]) == ("r", "e", "file") and found.notes == ()


def test_mixture_and_other_sources_are_used(pair, tmp_path) -> None:
    vocals = save(tmp_path, "v", noise(3))
    mixture = save(tmp_path, "m", noise(1) + noise(3))
    alone = score_files(Given(pair[:1], pair[1:]), ("sources",)).frame.set_index("metric")
    assert "needs the mixture" in alone.loc["nsdr_db", "reason"]
    both = score_files(Given(pair[:1], pair[1:], mixture, {"vocals": vocals}), ("sources",)).frame.set_index("metric")
    assert both.loc["nsdr_db", "value"] == pytest.approx(20, abs=1), "0 dB in the mixture, 20 dB in the estimate"
    assert np.isfinite(both.loc["sources_sir_db", "value"])


@pytest.mark.parametrize("families", [(), ("ratios",)])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda folder: save(folder, "e", noise(2)[:-3]),
            r"15997 frames \(2.000 s\), but r has 16000 .*--align or --pad",
        ),
        (lambda folder: save(folder, "e", noise(2), 16_000), "16000 Hz, but .*r.wav has 8000 Hz"),
        (lambda folder: save(folder, "e", noise(2, channels=1)), r"1 channel\(s\), but .*r.wav has 2 channel"),
        (lambda folder: save(folder, "e", 0 * noise(2)), "nothing could be measured: the estimate is silent"),
        (lambda folder: save(folder, "e", np.where(np.arange(16_000)[:, None] == 9, np.nan, 1)), "NaN or infinity"),
        (lambda folder: save(folder, "r", 0 * noise(2)), "nothing could be measured: the reference is silent"),
        (lambda folder: (folder / "e.wav").write_text("no sound"), "e.wav: can't be read as sound"),
        (lambda folder: (folder / "r.wav").unlink(), "r.wav: no such file"),
        (lambda folder: save(folder, "e", noise(2)[:0]), "e.wav: holds no samples"),
    ],
)
def test_what_can_not_be_measured_is_one_sentence_and_no_number(pair, tmp_path, spoil, sentence, families) -> None:
    spoil(tmp_path)
    with pytest.raises(HiddenReferenceError, match=sentence) as told:
        score_files(Given(pair[:1], pair[1:]), families)
    assert "\n" not in str(told.value)


def test_a_clip_shorter_than_the_filters_has_no_number_of_theirs(tmp_path) -> None:
    paths = save(tmp_path, "r", noise(1, 300)), save(tmp_path, "e", noise(1, 300) + 0.1 * noise(2, 300))
    found = score_files(Given(paths[:1], paths[1:]), ("ratios", "bss")).frame.set_index("metric")
    assert np.isnan(found.loc["bss_sdr_db", "value"]) and "too short" in found.loc["bss_sdr_db", "reason"]
    assert np.isfinite(found.loc["si_sdr_db", "value"])
    with pytest.raises(AnalysisError, match="nothing could be measured: 300 samples are too short for filters of 512"):
        score_files(Given(paths[:1], paths[1:]), ("bss",))


def test_equations_that_had_to_be_steadied_are_told(tmp_path) -> None:
    """Of songs that hold nothing above a frequency SIR is no number that everybody finds; of others it is."""
    said = []
    for cut in (None, RATE_HZ // 4):
        sounds = [np.fft.irfft(np.fft.rfft(noise(seed), axis=0)[:cut], 2 * RATE_HZ, axis=0) for seed in (1, 2)]
        sounds += [sounds[0] + 0.1 * sounds[1]]
        paths = [save(tmp_path, f"{name}{cut}", one) for name, one in zip(("r", "o", "e"), sounds, strict=True)]
        given = Given(paths[:1], paths[2:], others={"rest": paths[1]})
        said.append(score_files(given, ("bss", "sources", "ratios")).notes)
    assert said[0] == () and len(said[1]) == 1 and "SDR is not touched by it" in said[1][0]


def test_no_warning_of_numpy_reaches_a_person(pair, tmp_path, recwarn) -> None:
    save(tmp_path, "e", 0.5 * noise(1))
    found = score_files(Given(pair[:1], pair[1:])).frame
    assert not [str(w.message) for w in recwarn] and (found["value"].isna() == (found["reason"] != "")).all()
    assert np.isfinite(found["value"].dropna()).all()


@pytest.mark.parametrize("late", [0, 1, 700, -1, -700])
def test_align_finds_the_lag_and_cuts_both(tmp_path, late) -> None:
    whole, error = noise(1, 20_000), 0.01 * noise(2, 20_000)
    reference, estimate = whole[2000:18_000], (whole + error)[2000 - late : 18_000 - late][:15_500]
    assert lag_of(reference, estimate) == late == lag_of(reference, -estimate)
    paths = save(tmp_path, "r", reference), save(tmp_path, "e", estimate)
    found = score_files(Given(paths[:1], paths[1:], fit="align"), ("ratios",))
    shared = min(16_000 - max(-late, 0), 15_500 - max(late, 0))
    start = max(-late, 0)
    expected = si_sdr(
        as_read(reference[start : start + shared]), as_read(estimate[max(late, 0) : max(late, 0) + shared])
    )
    assert found.frame["value"][0] == pytest.approx(expected, abs=1e-9) and expected > 38
    (note,) = found.notes
    assert f"{shared} samples" in note
    assert {0: "neither late nor early", 1: "1 samples (0.12 ms) late", -700: "700 samples (87.50 ms) early"}.get(
        late, str(abs(late))
    ) in note


def test_pad_puts_zeros_to_the_end_and_says_how_many(pair, tmp_path) -> None:
    save(tmp_path, "e", (noise(1) + 0.1 * noise(2))[:-800])
    found = score_files(Given(pair[:1], pair[1:], fit="pad"), ("ratios",))
    padded = np.pad((noise(1) + 0.1 * noise(2))[:-800], ((0, 800), (0, 0)))
    assert found.frame["value"][0] == si_sdr(as_read(noise(1)), as_read(padded))
    assert found.notes == ("padded: 800 zeros (0.100 s) at the end of e (the estimate).",)


def test_every_order_of_a_duet_finds_its_singers(tmp_path) -> None:
    singers = [save(tmp_path, f"singer{n}", noise(n)) for n in range(3)]
    outputs = [save(tmp_path, f"out{n}", noise(n) + 0.2 * noise(n + 1) + 0.05 * noise(9 + n)) for n in range(3)]
    numbers = []
    for order in itertools.permutations(outputs):
        found = score_files(Given(singers, order, unordered=True), ("ratios",))
        rows = found.frame[found.frame["metric"] == "si_sdr_db"]
        assert list(zip(rows["song"], rows["condition"], strict=True)) == [(f"singer{n}", f"out{n}") for n in range(3)]
        numbers.append(rows["value"].tolist())
        assert (
            "out0 is singer0, out1 is singer1, out2 is singer2 (by the assignment with the greatest sum of SI-SDR"
            in (found.notes[0])
        )
    assert len({tuple(row) for row in numbers}) == 1
    found = score_files(Given(singers, outputs, unordered=True), ("sources",)).frame
    assert found[found["metric"] == "sources_sir_db"]["value"].notna().all(), "the other singers are the other sources"


def test_the_sum_counts_and_not_the_best_pair() -> None:
    """x is a little more a than b, y has some of a and nothing of b: a must leave x to b."""
    a, b = noise(1), noise(2)
    estimates = {"x": a + 0.9 * b, "y": 0.5 * a + noise(3)}
    found = assigned({"a": a, "b": b}, estimates)
    assert si_sdr(a, estimates["x"]) > si_sdr(a, estimates["y"]) + 5, "the best pair of all"
    assert found.pairs == {"a": "y", "b": "x"}
    assert found.sum_db == pytest.approx(si_sdr(a, estimates["y"]) + si_sdr(b, estimates["x"]))


def test_ties_go_by_name_and_silence_goes_last() -> None:
    a, b = noise(1), noise(2)
    same = {"y": a + b, "x": a + b}
    assert assigned({"b": b, "a": a}, same).pairs == {"b": "y", "a": "x"}
    assert assigned({"a": a, "b": b}, {"quiet": 0 * a, "heard": a + 0.5 * b}).pairs == {"a": "heard", "b": "quiet"}
    with pytest.raises(AnalysisError, match="1 estimates for 2 references"):
        assigned({"a": a, "b": b}, {"x": a})


def test_the_command(pair, tmp_path) -> None:
    csv, table = str(tmp_path / "t.csv"), tmp_path / "t.json"
    files = ["--reference", str(pair[0]), "--estimate", str(pair[1]), "--families", "ratios"]
    done = CliRunner().invoke(metrics, [*files, "--csv", csv, "--json", str(table)], catch_exceptions=False)
    value = pd.read_csv(csv).set_index("metric")["value"]["si_sdr_db"]
    assert "e against r:" in done.output and f"{value:.3f} dB" in done.output
    assert json.loads(table.read_text())["schema_number"] == 1
    save(tmp_path, "e", 0 * noise(1))
    command = [sys.executable, "-m", "mushra_app.cli", "metrics", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mushra: nothing could be measured: the estimate is silent\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to score"),
        (["DIR", "--reference", "r.wav"], "say what to score"),
        (["DIR", "--align"], "--align is not for a set"),
        (["DIR", "--unordered"], "--unordered is not for a set"),
        (["--reference", "r.wav"], "name a reference and an estimate"),
        (["--reference", "r", "--estimate", "e", "--museval", "m"], "--museval is not for files"),
        (["--reference", "r", "--estimate", "e", "--jobs", "2"], "--jobs is not for files; a set (mushra metrics DIR)"),
        (["--reference", "r", "--estimate", "e", "--cluster", "tcp://a:1"], "--cluster is not for files"),
        (["--reference", "r", "--estimate", "e", "--aggregate", "median"], "--aggregate is not for files"),
        (["--reference", "r", "--estimate", "e", "--songs"], "--songs/--no-songs is not for files"),
        (["--musdb", "songs", "--no-songs"], "--songs/--no-songs is not for a data set"),
        (["--musdb", "songs", "--json", "t.json"], "--json is not for a data set"),
        (["--published", "p.toml", "--jobs", "4"], "--jobs is not for published scores alone"),
        (["--published", "p.toml", "--device", "cpu"], "--device is not for published scores alone"),
        (["--reference", "r", "--estimate", "e", "--align", "--pad"], "give one of them"),
        (["--reference", "r", "--estimate", "e", "--estimate", "f"], "say with --unordered"),
        (["--reference", "r", "--estimate", "e", "--other", "vocals"], "--other: expected NAME=FILE"),
        (["--reference", "r", "--estimate", "e", "--families", "sdr"], "no family of metrics is called 'sdr'"),
        (["--musdb", "songs"], "--estimates is missing"),
        (["nowhere"], "manifest.json: no such file"),
    ],
)
def test_a_command_that_can_not_be_meant_is_refused(arguments, sentence) -> None:
    done = CliRunner().invoke(metrics, arguments)
    assert isinstance(done.exception, HiddenReferenceError) and sentence in str(done.exception)


def test_without_order_as_many_estimates_as_references_are_needed(pair, tmp_path) -> None:
    singers = [pair[0], save(tmp_path, "second", noise(5))]
    with pytest.raises(AnalysisError, match="1 estimates for 2 references"):
        score_files(Given(singers, pair[1:], unordered=True), ("ratios",))


def test_another_source_called_like_a_reference_is_refused(pair) -> None:
    with pytest.raises(AnalysisError, match="--other r is called like a reference"):
        score_files(Given(pair[:1], pair[1:], others={"r": pair[1]}), ("ratios",))


def test_more_filter_taps_than_samples_have_no_number(tmp_path) -> None:
    """Two stereo sources have 2048 taps; of 1500 samples they would explain anything."""
    short = [save(tmp_path, name, noise(seed, 1500)) for seed, name in enumerate(("r", "e", "o"))]
    found = score_files(Given(short[:1], short[1:2], others={"o": short[2]}), ("bss", "ratios")).frame
    bss = found[found["family"] == "bss"]
    assert bss["value"].isna().all() and bss["reason"].str.contains("1500 samples are too short").all()

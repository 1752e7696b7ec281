"""Estimates of a data set by the rules of museval's users, and museval's files in and out."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scored_world
from click.testing import CliRunner
from small_world import STEMS, noise, write

from analysis.errors import AnalysisError
from analysis.metrics.bss.images import bss_eval
from analysis.metrics.cli import metrics
from analysis.metrics.families.ratios import si_sdr
from analysis.metrics.results import museval_json, table
from analysis.metrics.scoring.musdb import score_musdb
from analysis.metrics.scoring.musdb_track import Wanted
from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.workers import Workers

ALONE = Workers(1, progress=False)


@pytest.fixture
def world(tmp_path) -> Path:
    """Two mono tracks of four stems in MUSDB layout, and estimates of all of them and of the accompaniment."""
    hiss = 0.05 * noise(99, 2.5)[:, :1]
    for number, track in enumerate(("Blue", "Red")):
        stems = {stem: noise(10 * number + i, 2.5)[:, :1] for i, stem in enumerate(STEMS)}
        mixture = sum(stems.values())
        folder = tmp_path / "musdb" / ("train" if track == "Red" else "test") / track
        estimates = tmp_path / "estimates/ours" / ("test" if track == "Blue" else "") / track
        write(folder / "mixture.wav", mixture)
        for stem, sound in stems.items():
            write(folder / f"{stem}.wav", sound)
            write(estimates / f"{stem}.wav", 0.8 * sound + 0.2 * mixture + hiss)
        write(estimates / "accompaniment.wav", mixture - 0.9 * stems["vocals"] + hiss)
    return tmp_path


def run(world: Path, *families: str, **options) -> tuple[table.Scored, list[str]]:
    said: list[str] = []
    wanted = Wanted(world / "musdb", world / "estimates/ours", world / "out", families or ("ratios", "bss"), **options)
    return score_musdb(wanted, workers=ALONE, echo=said.append), said


def sounds(world: Path, track: str, names: tuple[str, ...], root: str) -> np.ndarray:
    (folder,) = [path for path in (world / root).glob(f"**/{track}") if path.is_dir()]
    return np.stack([audio.read(folder / f"{name}.wav")[0].astype(float) for name in names])


def frames(world: Path, split: str, track: str, target: str) -> dict[str, list[float]]:
    found = museval_json.read(world / "out" / split / f"{track}.json").query("target == @target")
    return {name: rows["value"].tolist() for name, rows in found.groupby("metric")}


def test_vocals_and_accompaniment_are_a_problem_of_their_own(world) -> None:
    """museval's rules: the stems are scored together, but the vocals' numbers are those beside the accompaniment."""
    run(world)
    truth = sounds(world, "Blue", STEMS, "musdb")
    two = np.stack([truth[0], truth[1:].sum(axis=0)])
    both = bss_eval(two, sounds(world, "Blue", ("vocals", "accompaniment"), "estimates"), 44_100)
    four = bss_eval(truth, sounds(world, "Blue", STEMS, "estimates"), 44_100)
    for target, scores, place in (
        ("vocals", both, 0),
        ("accompaniment", both, 1),
        ("drums", four, 1),
        ("other", four, 3),
    ):
        found = frames(world, "test", "Blue", target)
        for name in ("sdr", "isr", "sir", "sar"):
            assert found[name.upper()] == pytest.approx(getattr(scores, name)[place], abs=2e-5), (target, name)
    assert len(found["SDR"]) == 2, "the half second at the end is dropped"
    told = json.loads((world / "out/test/Blue.json").read_text())
    assert sorted(target["name"] for target in told["targets"]) == sorted([*STEMS, "accompaniment"])
    assert (world / "out/train/Red.json").is_file(), "Red lies in train/"


def test_the_table_holds_all_of_it(world) -> None:
    found, _ = run(world)
    number = found.frame.set_index(["song", "target", "metric"])["value"]
    assert number.notna().all() and number.index.is_unique
    assert len(number) == 2 * 5 * len(found.frame["metric"].unique())
    assert number["Red", "drums", "bss_sdr_db"] == pytest.approx(
        np.median(frames(world, "train", "Red", "drums")["SDR"])
    )
    truth, estimate = (sounds(world, "Red", ("bass",), root)[0] for root in ("musdb", "estimates"))
    assert number["Red", "bass", "si_sdr_db"] == si_sdr(truth, estimate)
    assert set(found.frame["condition"]) == {"ours"} and set(found.frame["basis"]) == {"file"}
    kept = pd.read_csv(world / "out/scores.csv", keep_default_na=False, na_values={"value": [""]})
    assert kept["value"].equals(found.frame["value"])


def test_gnsdr_weighs_tracks_by_their_lengths(world) -> None:
    for path in world.glob("**/*.wav"):
        if path.stem not in ("vocals", "drums"):
            path.unlink()
        elif path.parent.name == "Red":
            write(path, audio.read(path)[0][:44_100])
    found, said = run(world, "sources")
    nsdr = found.frame.query("metric == 'nsdr_db' and target == 'drums'").set_index("song")["value"]
    expected = (2.5 * nsdr["Blue"] + nsdr["Red"]) / 3.5
    assert abs(expected - nsdr.mean()) > 0.001, "another number than the mean"
    assert f"drums: GNSDR {expected:.3f} dB, over 2 tracks weighted by length" in said


def test_what_is_missing_is_named(world) -> None:
    shutil.move(world / "estimates/ours/Red", world / "estimates/ours/Rde")
    (world / "estimates/ours/test/Blue/drums.wav").rename(world / "estimates/ours/test/Blue/durms.wav")
    found, said = run(world)
    assert "no estimates of Red" in said and "estimates of no track of the data set, left out: Rde" in said
    assert "Blue: no estimate of drums" in said
    assert any("Blue: the estimate durms was left out: song 'Blue': no stem for the target 'durms'" in s for s in said)
    assert set(found.frame["song"]) == {"Blue"} and set(found.frame["target"]) == {*STEMS, "accompaniment"} - {"drums"}
    assert sorted(t["name"] for t in json.loads((world / "out/test/Blue.json").read_text())["targets"]) == [
        *("accompaniment", "bass", "other", "vocals")
    ]


def test_an_estimate_of_another_length_is_refused_or_padded_when_asked(world) -> None:
    path = world / "estimates/ours/test/Blue/drums.wav"
    sound = audio.read(path)[0]
    write(path, sound[:-100])
    found, said = run(world)
    drums = found.frame.query("song == 'Blue' and target == 'drums'")
    assert drums["value"].isna().all() and drums["reason"].str.contains("110150 frames, but the song has 110250").all()
    assert any("the estimate drums has no numbers" in note for note in said)
    assert "drums" not in (world / "out/test/Blue.json").read_text()
    found, said = run(world, pad=True)
    assert "Blue: padded: 100 zeros put to the end of drums.wav" in said
    assert found.frame.query("song == 'Blue' and target == 'drums'")["value"].notna().all()
    write(path, np.concatenate([sound, sound[:50]]))
    assert "Blue: padded: 50 frames cut from the end of drums.wav" in run(world, pad=True)[1]


def test_one_estimate_alone_is_measured_but_has_no_file_of_musevals(world) -> None:
    for track in ("test/Blue", "Red"):
        for path in (world / "estimates/ours" / track).glob("*.wav"):
            if path.stem != "vocals":
                path.unlink()
    found, said = run(world)
    assert found.frame["value"].notna().all() and set(found.frame["target"]) == {"vocals"}
    assert not list((world / "out").glob("**/*.json"))
    assert "Blue: museval asks for two estimates and there is vocals alone: no file for it" in said


def test_estimates_without_order_are_assigned_first(world) -> None:
    ordered = run(world, "ratios")[0].frame
    for track in ("test/Blue", "Red"):
        folder = world / "estimates/ours" / track
        (folder / "accompaniment.wav").unlink()
        for name, other in zip(STEMS, ("o2", "o4", "o1", "o3"), strict=True):
            (folder / f"{name}.wav").rename(folder / f"{other}.wav")
    found, said = run(world, "ratios", unordered=True)
    assert any("o2 is vocals" in note and "the greatest sum of SI-SDR" in note for note in said)
    key = ["song", "target", "metric"]
    both = found.frame.merge(ordered[ordered["target"] != "accompaniment"], on=key, suffixes=("", "_ordered"))
    assert len(both) == len(found.frame) and both["value"].equals(both["value_ordered"])
    (world / "estimates/ours/Red/o1.wav").unlink()
    found, said = run(world, "ratios", unordered=True)
    assert "Red: 3 estimates for 4 references; give as many of the ones as of the others" in said
    assert found.frame.query("song == 'Red'")["value"].isna().all()


def test_nothing_to_score_is_said(world) -> None:
    with pytest.raises(AnalysisError, match=r"no track of .*musdb has estimates here"):
        score_musdb(Wanted(world / "musdb", world / "musdb/test/Blue", world / "out", ("ratios",)), workers=ALONE)


def test_musevals_frames_are_ours(shared, tmp_path) -> None:
    """The stored frames of museval 0.4.1, of float32 files this time, through the command."""
    spec = importlib.util.spec_from_file_location("shared_stems", shared / "data/metrics/stems.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stored = json.loads((shared / "data/metrics/bss_v4_reference.json").read_text())["cases"]
    case = next(one for one in stored if (one["nsrc"], one["secs"]) == (2, 4))
    references, estimates = module.stems(2, 4)
    for name, reference, estimate in zip(("vocals", "other"), references, estimates, strict=True):
        write(tmp_path / f"musdb/Track/{name}.wav", reference)
        write(tmp_path / f"est/Track/{name}.wav", estimate)
    arguments = ["--musdb", tmp_path / "musdb", "--estimates", tmp_path / "est", "--out", tmp_path / "out"]
    done = CliRunner().invoke(
        metrics, [*map(str, arguments), "--families", "bss", "--jobs", "1"], catch_exceptions=False
    )
    assert done.exit_code == 0 and "vocals:" in done.output and "BSS Eval SDR (dB)" in done.output
    for place, target in enumerate(("vocals", "other")):
        found = frames(tmp_path, "test", "Track", target)
        for name, values in case["frames"].items():
            assert found[name] == pytest.approx(values[place], abs=1e-4), (target, name)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = tmp_path_factory.mktemp("set")
    scored_world.make(world)
    return world


def test_a_sets_numbers_as_musevals_files_and_back(built, tmp_path) -> None:
    """What the set's own BSS Eval says of whole songs is what its files say when they are read as somebody's."""
    folder = shutil.copytree(built / "set", tmp_path / "set")
    files = str(tmp_path / "museval")
    options = ["--families", "bss", "--jobs", "1", "--songs-from", str(built)]
    first = CliRunner().invoke(metrics, [str(folder), *options, "--museval", files], catch_exceptions=False)
    assert "wrote museval's JSON of 2 songs" in first.output
    assert (tmp_path / "museval/centre/test/Song B.json").is_file()
    (tmp_path / "museval/home/test/Song B.json").unlink()
    shutil.copy(tmp_path / "museval/home/test/Song A.json", tmp_path / "museval/home/test/Song C.json")
    theirs = ["--read-museval", f"centre={files}/centre", "--read-museval", f"home={files}/home"]
    again = CliRunner().invoke(metrics, [str(folder), *options, *theirs], catch_exceptions=False)
    assert "no songs of this set, left out: Song C" in again.output
    found = table.read(folder)
    assert found is not None
    given = found.frame[found.frame["family"] == "museval"]
    assert set(given["basis"]) == {"given"} and set(given["stretch"]) == {"song"} and len(given) == 2 * 2 * 4
    number = found.frame.query("stretch == 'song'").set_index(["song", "condition", "metric"])
    for name in ("sdr", "isr", "sir", "sar"):
        mine = number.loc[("Song B", "centre", f"bss_{name}_db"), "value"]
        assert number.loc[("Song B", "centre", f"museval_{name}_db"), "value"] == pytest.approx(mine, abs=1e-5)
        assert "no results of this song" in number.loc[("Song B", "home", f"museval_{name}_db"), "reason"]
    wrong = CliRunner().invoke(metrics, [str(folder), *options, "--read-museval", f"mine={files}/home"])
    assert "no condition 'mine' in this set; found lowpass-3500" in str(wrong.exception)


def test_a_broken_stem_costs_its_own_track_alone(world) -> None:
    (world / "musdb/test/Blue/bass.wav").write_text("no sound")
    found, said = run(world)
    assert set(found.frame["song"]) == {"Red"}
    assert any(line.startswith("Blue: left out: ") and "bass.wav" in line for line in said)
    assert said[-1].endswith("museval's JSON of 1 track(s)")


def test_only_files_that_were_written_are_counted(world) -> None:
    for track in ("test/Blue", "Red"):
        for path in (world / "estimates/ours" / track).glob("*.wav"):
            if path.stem != "drums":
                path.unlink()
    assert run(world)[1][-1].endswith("museval's JSON of 0 track(s)") and not list((world / "out").glob("*/*.json"))


def test_silent_estimates_are_named_and_nothing_but_silence_is_an_error(world) -> None:
    folder = world / "estimates/ours"
    audio.write_render(folder / "Red/drums.wav", np.zeros((110_250, 1)), 44_100)
    assert "Red: silent, and without numbers: drums" in run(world)[1]
    for path in folder.glob("**/*.wav"):
        audio.write_render(path, np.zeros((110_250, 1)), 44_100)
    with pytest.raises(AnalysisError, match="nothing could be measured: the estimate is silent"):
        run(world)


def test_a_device_reaches_every_track_and_changes_nothing_but_rounding(world, monkeypatch) -> None:
    shutil.rmtree(world / "musdb/train")
    for path in world.glob("**/Blue/*.wav"):
        if path.stem not in ("vocals", "drums"):
            path.unlink()
    wanted, _ = run(world, "bss", "sources")
    found, _ = run(world, "bss", "sources", device="cpu")
    pd.testing.assert_frame_equal(found.frame, wanted.frame, rtol=0, atol=1e-9)
    for name in ("bss", "sources"):
        own = wanted.frame["family"] == name
        assert (found.frame["value"] != wanted.frame["value"])[own].any(), name
    with pytest.raises(StimuliError, match="torch can't use the device 'cuda:99'"):
        run(world, device="cuda:99")

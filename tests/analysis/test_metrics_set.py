"""Scoring a stimulus set: from which sounds, what is kept, and what is said where a sound is gone."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import counted_family
import numpy as np
import pandas as pd
import pytest
import scored_world
import small_study
import soundfile
from click.testing import CliRunner
from small_world import noise, write

from analysis.errors import AnalysisError, PassingError
from analysis.metrics import family
from analysis.metrics.bss.arithmetic import NUMPY
from analysis.metrics.bss.torch_arithmetic import Torch
from analysis.metrics.cli import metrics
from analysis.metrics.families.ratios import mdx_sdr, si_sdr
from analysis.metrics.results import table
from analysis.metrics.scoring.score import Wanted, score_clips, score_set, write_museval
from stimuli import audio, manifest
from stimuli.errors import StimuliError
from stimuli.workers import Workers

ALONE = Workers(1, progress=False)
KEY = ["item", "condition", "stretch", "metric"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = tmp_path_factory.mktemp("scored")
    scored_world.make(world)
    return world


@pytest.fixture
def world(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to be damaged, songs and set moved together; and a family of metrics that counts."""
    monkeypatch.setitem(family.FAMILIES, "counted", "counted_family")
    monkeypatch.setenv("COUNTED_FILE", str(tmp_path / "counted.txt"))
    return Path(shutil.copytree(original, tmp_path / "world"))


def scored(world: Path, *families: str, whole: bool = True, echo=lambda _: None) -> table.Scored:
    return score_set(world / "set", Wanted(families or ("ratios",), whole), workers=ALONE, echo=echo)


def values(found: table.Scored) -> pd.Series:
    return found.frame.set_index(KEY)["value"]


def counted(world: Path) -> int:
    path = world.parent / "counted.txt"
    return len(path.read_text().split()) if path.exists() else 0


def read(path: Path, cut: slice = slice(None)) -> np.ndarray:
    return soundfile.read(path, always_2d=True)[0][cut]


def truth(world: Path, song: str, cut: slice = slice(None)) -> np.ndarray:
    stems = [audio.read(world / f"songs/{song}/{stem}.wav")[0][cut] for stem in ("vocals", "drums", "bass", "other")]
    return (stems[1] + stems[2] + stems[3]).astype(float)


def render(world: Path, song: str) -> Path:
    made = manifest.read(world / "set")
    names = {item.name for item in made.items if item.song == song}
    key = next(clip.render_key for clip in made.clips if clip.item in names and clip.condition == "centre")
    return world / "set/renders" / f"{key}.wav"


def test_an_excerpt_is_measured_on_the_cut_render_to_the_last_digit(world) -> None:
    found = values(scored(world))
    for item, start_s, length_s in (("Song A", 0.5, 2.0), ("Again", 0.9, 1.5)):
        cut = slice(round(start_s * 44_100), round(start_s * 44_100) + round(length_s * 44_100))
        reference = truth(world, "Song A", cut)
        for condition, path in (
            ("centre", render(world, "Song A")),
            ("home", world / "estimates/home/Song A/accompaniment.wav"),
        ):
            estimate = read(path, cut)
            assert found[item, condition, "excerpt", "si_sdr_db"] == si_sdr(reference, estimate)
            assert found[item, condition, "excerpt", "mdx_sdr_db"] == mdx_sdr(reference, estimate)
    whole = si_sdr(truth(world, "Song B"), read(render(world, "Song B")))
    frame = scored(world).frame.query("stretch == 'song' and song == 'Song B' and condition == 'centre'")
    assert frame.set_index("metric")["value"]["si_sdr_db"] == whole
    assert set(frame["item"]) == {""}


def test_every_condition_of_every_item_has_a_row_and_training_has_none(world) -> None:
    found = scored(world)
    frame = found.frame[found.frame["metric"] == "si_sdr_db"]
    conditions = {"lowpass-3500", "lowpass-7000", "mixture", "home", "centre"}
    counts = frame.groupby(["song", "item", "stretch"])["condition"].agg(["count", "nunique"])
    assert set(frame["condition"]) == conditions
    assert sorted(counts.index) == sorted(
        [(s, i, "excerpt") for s, i in (("Song A", "Song A"), ("Song A", "Again"), ("Song B", "Song B"))]
        + [("Song A", "", "song"), ("Song B", "", "song")]
    )
    assert (counts == len(conditions)).all().all()
    roles = frame.drop_duplicates("condition").set_index("condition")["role"]
    assert roles["home"] == "system" and roles["mixture"] == "anchor"
    assert set(frame["basis"]) == {"render"} and set(frame["target"]) == {"accompaniment"} and found.notes == ()


def test_the_sources_of_the_mixture_are_known_to_metrics_that_need_them(world) -> None:
    found = values(scored(world, "bss", whole=False))
    assert found["Song A", "home", "excerpt", "bss_sir_db"] == pytest.approx(18.8, abs=0.5), "vocals at a fifth"


def test_without_a_render_all_of_the_item_is_measured_on_clips_and_that_is_said(world) -> None:
    before = scored(world)
    render(world, "Song A").unlink()
    found = scored(world)
    bases = found.frame[found.frame["stretch"] == "excerpt"].groupby("song")["basis"].agg(set)
    assert bases.to_dict() == {"Song A": {"clip"}, "Song B": {"render"}}
    assert len(found.frame) == len(before.frame)
    (clips, songs) = found.notes
    assert clips.startswith(
        "Song A, Again: measured on the clips that were heard, their gains undone: centre: its render"
    )
    assert songs.startswith("Song A (accompaniment), whole: no number: centre: its render is gone")
    gone = found.frame.query("song == 'Song A' and stretch == 'song' and condition == 'centre'")
    assert gone["value"].isna().all() and gone["reason"].str.contains("its render is gone").all()
    kept = found.frame.query("song == 'Song A' and stretch == 'song' and condition == 'home'").set_index("metric")
    assert np.isfinite(kept.loc["si_sdr_db", "value"])


def test_clips_say_what_renders_say(world) -> None:
    """To the rounding of 24 bits, once the render's ends are faded as the clip's are."""
    shutil.rmtree(world / "songs")
    found = values(scored(world, whole=False))
    cut = slice(22_050, 22_050 + 88_200)
    stems = world.parent / "again"
    scored_world.make(stems)
    reference, estimate = truth(stems, "Song A", cut), audio.read(render(world, "Song A"))[0][cut]
    faded = [audio.fade_ends(sound, 44_100) for sound in (reference, estimate)]
    assert found["Song A", "centre", "excerpt", "si_sdr_db"] == pytest.approx(si_sdr(*faded), abs=1e-4)
    assert found["Song A", "centre", "excerpt", "mdx_sdr_db"] == pytest.approx(mdx_sdr(*faded), abs=1e-4)
    assert found["Song A", "centre", "excerpt", "mdx_sdr_db"] == pytest.approx(mdx_sdr(reference, estimate), abs=0.02)


def test_without_songs_every_item_is_measured_on_clips_the_mixture_anchor_as_mixture(world) -> None:
    shutil.rmtree(world / "songs")
    found = scored(world, "sources")
    excerpts = found.frame[found.frame["stretch"] == "excerpt"]
    assert set(excerpts["basis"]) == {"clip"}
    assert excerpts[excerpts["metric"] == "nsdr_db"]["value"].notna().all(), "it needs a mixture"
    assert found.frame[found.frame["stretch"] == "song"]["value"].isna().all()
    assert [note.partition(":")[0] for note in found.notes] == [
        "Song A, Again, Song B",
        "Song A (accompaniment), whole, Song B (accompaniment), whole",
    ]


def test_an_estimate_that_was_rendered_again_is_not_scored_for_the_one_that_was_heard(world) -> None:
    before = values(scored(world))
    path = world / "estimates/home/Song B/accompaniment.wav"
    write(path, truth(world, "Song B") + np.float32(0.01) * noise(5))
    found = scored(world)
    now = values(found)
    assert now["Song B", "home", "excerpt", "si_sdr_db"] == pytest.approx(
        before["Song B", "home", "excerpt", "si_sdr_db"], abs=0.05
    )
    assert any("home: the whole song holds something else here than was heard in Song B" in n for n in found.notes)
    whole = found.frame.query("song == 'Song B' and stretch == 'song' and condition == 'home'")
    assert whole["value"].isna().all()


def test_a_damaged_clip_has_no_number_and_its_reason(world) -> None:
    made = manifest.read(world / "set")
    clip = next(clip for clip in made.clips if (clip.item, clip.condition) == ("Song B", "home"))
    (world / "set" / clip.file).write_text("no sound")
    found = scored(world, whole=False).frame.query("item == 'Song B'").set_index(["condition", "metric"])
    assert np.isnan(found.loc[("home", "si_sdr_db"), "value"])
    assert "can't be read as sound" in found.loc[("home", "si_sdr_db"), "reason"]
    assert np.isfinite(found.loc[("centre", "si_sdr_db"), "value"]) and set(found["basis"]) == {"clip"}


def test_a_second_run_measures_nothing_and_says_so(world) -> None:
    said: list[str] = []
    first = scored(world, "ratios", "counted", echo=said.append)
    assert counted(world) == 5 * 5 and "10 families of stretches measured anew" in said[-1]
    stamp = (world / "set/metrics.json").stat().st_mtime_ns
    again = scored(world, "ratios", "counted", echo=said.append)
    assert counted(world) == 25 and "nothing to do" in said[-1]
    assert (world / "set/metrics.json").stat().st_mtime_ns == stamp
    pd.testing.assert_frame_equal(again.frame, first.frame)
    kept = table.read(world / "set")
    assert kept is not None and kept.stimuli_id == manifest.read(world / "set").stimuli_id
    pd.testing.assert_frame_equal(kept.frame, first.frame)


def test_a_changed_version_measures_its_own_family_again(world, monkeypatch) -> None:
    scored(world, "ratios", "counted")
    said: list[str] = []
    newer = dataclasses.replace(counted_family.FAMILY, version=2)
    monkeypatch.setattr(counted_family, "FAMILY", newer)
    found = scored(world, "ratios", "counted", echo=said.append)
    assert counted(world) == 50 and "5 families of stretches measured anew" in said[-1]
    assert found.versions["family counted"] == "2"
    monkeypatch.setattr(counted_family, "FAMILY", dataclasses.replace(newer, package=lambda: "theirs 1.1"))
    assert scored(world, "counted").versions["family counted"] == "2, theirs 1.1" and counted(world) == 75


def test_one_changed_sound_is_measured_again_and_its_neighbours_are_not(world) -> None:
    scored(world, "counted")
    write(world / "songs/Song B/vocals.wav", noise(123))
    scored(world, "counted")
    # The excerpt of Song B, and Song B whole but for the mixture, which is no longer the one that was heard.
    assert counted(world) == 25 + 5 + 4


SCRIPT = """
import sys, pathlib
from analysis.metrics.family import FAMILIES
from analysis.metrics.scoring.score import Wanted, score_set
from stimuli.workers import Workers
FAMILIES["counted"] = "counted_family"
score_set(pathlib.Path(sys.argv[1]), Wanted(tuple(sys.argv[2].split(","))), workers=Workers(1, progress=False))
"""


def start(world: Path, families: str, **environment: str) -> subprocess.Popen:
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(world / "set"), families],
        env=os.environ | {"PYTHONPATH": paths} | environment,
    )


def test_a_killed_run_goes_on_where_it_was(world, tmp_path) -> None:
    process = start(world, "counted", COUNTED_SLEEP_S="0.05")
    end = time.monotonic() + 60
    while not list((world / "set/records").glob("metrics-*.json")) and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (world / "set/metrics.json").exists()
    kept, done = len(list((world / "set/records").glob("metrics-*.json"))), counted(world)
    assert 1 <= kept < 5
    resumed = values(scored(world, "counted"))
    assert counted(world) == done + 5 * (5 - kept)
    fresh = shutil.copytree(world, tmp_path / "fresh", ignore=shutil.ignore_patterns("metrics*"))
    pd.testing.assert_series_equal(resumed, values(scored(fresh, "counted")))


def test_two_runs_at_once_do_no_harm(world) -> None:
    processes = [start(world, "ratios,counted", COUNTED_SLEEP_S="0.01") for _ in "ab"]
    assert [process.wait(60) for process in processes] == [0, 0]
    kept = table.read(world / "set")
    assert kept is not None and not list((world / "set").glob("**/.*.part"))
    pd.testing.assert_frame_equal(kept.frame, scored(world, "ratios", "counted").frame)


@pytest.mark.parametrize("text", ["", "{", '{"rows": 3}', '{"rows": [], "notes": null}'])
def test_a_spoiled_record_is_measured_again(world, text) -> None:
    scored(world, "counted", whole=False)
    for path in (world / "set/records").glob("metrics-*.json"):
        path.write_text(text)
    assert values(scored(world, "counted", whole=False)).notna().all() and counted(world) == 30


def test_a_missing_extra_is_said_before_any_work(world, monkeypatch) -> None:
    lacking = dataclasses.replace(counted_family.FAMILY, missing=lambda: "the package theirs is not installed")
    monkeypatch.setattr(counted_family, "FAMILY", lacking)
    with pytest.raises(AnalysisError, match="counted: the package theirs is not installed"):
        scored(world, "ratios", "counted")
    assert not list((world / "set/records").glob("metrics-*.json"))
    with pytest.raises(AnalysisError, match="no family of metrics is called 'loudnes'"):
        scored(world, "loudnes")


def test_families_that_are_not_optional_are_the_default(monkeypatch) -> None:
    monkeypatch.setitem(family.FAMILIES, "counted", "counted_family")
    monkeypatch.setattr(counted_family, "FAMILY", dataclasses.replace(counted_family.FAMILY, optional=True))
    assert "counted" not in [one.name for one in family.chosen()]
    assert [one.name for one in family.chosen(("counted", "ratios", "counted"))] == ["ratios", "counted"]


def test_a_set_whose_songs_nobody_knows_is_scored_from_its_clips(study_folder, study, tmp_path) -> None:
    folder = Path(shutil.copytree(study_folder, tmp_path / "set"))
    found = score_set(folder, Wanted(("ratios",), whole=False), workers=ALONE)
    assert set(found.frame["basis"]) == {"clip"} and len(found.frame) == 7 * 5 * len(found.frame["metric"].unique())
    pd.testing.assert_frame_equal(score_clips(folder, study).frame, found.frame)
    part = slice(4000, 12000)
    pair = [small_study.song("Song 0", condition)[part] for condition in ("reference", "ours")]
    assert values(found)["Song 0", "ours", "excerpt", "si_sdr_db"] == pytest.approx(si_sdr(*pair), abs=1e-3)
    assert small_study.GAINS_DB["ours"] == -6, "another gain than the reference's: MDX SDR tells"
    assert values(found)["Song 0", "ours", "excerpt", "mdx_sdr_db"] == pytest.approx(mdx_sdr(*pair), abs=1e-3)


def test_the_command_scores_prints_and_writes_a_table(world) -> None:
    runner = CliRunner()
    arguments = [str(world / "set"), "--families", "ratios, ratios", "--csv", str(world / "all.csv"), "--jobs", "2"]
    done = runner.invoke(metrics, arguments, catch_exceptions=False)
    assert done.exit_code == 0 and "median over excerpts:" in done.output and "median over whole songs:" in done.output
    frame = pd.read_csv(world / "all.csv", keep_default_na=False, na_values={"value": [""]})
    assert list(frame.columns) == list(table.COLUMNS) and set(frame["family"]) == {"ratios"}
    kept = table.read(world / "set")
    assert kept is not None and frame["value"].equals(kept.frame["value"])
    shown = frame.query("stretch == 'excerpt' and condition == 'home' and metric == 'si_sdr_db'")["value"].median()
    (line,) = [line for line in done.output.splitlines() if line.startswith("SI-SDR (dB)")][:1]
    assert f"{shown:.2f}" in line


def test_songs_are_looked_for_where_they_are_said_to_be(world, tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("songs", "estimates"):
        shutil.move(world / name, elsewhere / name)
    (world / "set/records/experiment-folder.json").unlink()
    assert set(scored(world, whole=False).frame["basis"]) == {"clip"}
    found = score_set(world / "set", Wanted(("ratios",), False, elsewhere), workers=ALONE)
    assert set(found.frame["basis"]) == {"render"} and found.notes == ()


def test_real_songs(shared, tmp_path) -> None:
    """Twelve seconds of a guitar and its backing: whole, an excerpt of them, the mixture and a real separator."""
    from stimuli.build import build

    songs = shared / "data/songs"
    for stem in ("guitar", "backing"):
        write(
            tmp_path / "songs/Escape" / f"{stem}.wav", read(songs / f"sectoid_escape.{stem}.flac", slice(12 * 44_100))
        )
    (tmp_path / "experiment.toml").write_text(
        '[experiment]\nname = "real"\ntitle = "Real"\ntarget = "guitar"\n'
        '[[attributes]]\nname = "overall"\nquestion = "How good?"\n'
        '[[items]]\nsong = "Escape"\nexcerpt = { start_s = 3.3, length_s = 6.0 }\n'
        '[[systems]]\nname = "oracle"\nkind = "oracle_ratio_mask"\n'
        '[[anchors]]\nkind = "lowpass"\ncutoff_hz = 3500\n[[anchors]]\nkind = "mixture"\n'
    )
    build(tmp_path / "experiment.toml", tmp_path / "set", jobs=1, progress=False)
    found = score_set(tmp_path / "set", Wanted(("ratios", "bss")), workers=ALONE)
    assert found.notes == () and set(found.frame["basis"]) == {"render"}
    number = values(found)
    guitar, backing = (read(tmp_path / f"songs/Escape/{stem}.wav") for stem in ("guitar", "backing"))
    mixture = number["", "mixture", "song", "si_sdr_db"]
    assert mixture == pytest.approx(si_sdr(guitar, guitar + backing), abs=1e-4)
    assert number["", "oracle", "song", "si_sdr_db"] > mixture + 3
    assert (
        number["Escape", "oracle", "excerpt", "bss_sir_db"] > number["Escape", "mixture", "excerpt", "bss_sir_db"] + 5
    )


def test_what_failed_in_a_tool_of_others_is_tried_again(world, monkeypatch) -> None:
    def failing(truth: object, estimate: object) -> NoReturn:
        raise PassingError("theirs took more than 600 s and was stopped")

    working = counted_family.FAMILY
    monkeypatch.setattr(counted_family, "FAMILY", dataclasses.replace(working, measure=failing))
    assert set(scored(world, "counted").frame["reason"]) == {"theirs took more than 600 s and was stopped"}
    monkeypatch.setattr(counted_family, "FAMILY", working)
    assert scored(world, "counted").frame["value"].notna().all()


def test_named_families_add_to_what_stands_in_the_table(world) -> None:
    first = scored(world, "ratios")
    found = scored(world, "counted")
    assert set(found.frame["family"]) == {"ratios", "counted"}
    mine = found.frame[found.frame["family"] == "ratios"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, first.frame.reset_index(drop=True))
    said: list[str] = []
    scored(world, "counted", echo=said.append)
    assert "nothing to do" in said[-1]


def test_a_family_that_can_not_run_any_more_is_dropped_with_a_word(world, monkeypatch) -> None:
    scored(world, "ratios", "counted")
    gone = dataclasses.replace(counted_family.FAMILY, missing=lambda: "the package theirs is not installed")
    monkeypatch.setattr(counted_family, "FAMILY", gone)
    said: list[str] = []
    found = scored(world, "ratios", echo=said.append)
    assert set(found.frame["family"]) == {"ratios"}
    assert "the numbers of counted that stood in the table are dropped: the package theirs" in said[0]


def test_a_missing_estimate_takes_the_other_sources_from_nobody(world) -> None:
    before = values(scored(world, "bss", whole=False))
    shutil.rmtree(world / "estimates")
    found = scored(world, "bss", whole=False)
    assert set(found.frame["basis"]) == {"clip"}
    after = values(found)
    mine = [("Song A", "centre", "excerpt", name) for name in ("bss_sir_db", "bss_sar_db")]
    assert after[mine].to_numpy() == pytest.approx(before[mine].to_numpy(), abs=0.05)


def test_default_stands_for_all_families_that_are_not_optional(monkeypatch) -> None:
    monkeypatch.setitem(family.FAMILIES, "counted", "counted_family")
    monkeypatch.setattr(counted_family, "FAMILY", dataclasses.replace(counted_family.FAMILY, optional=True))
    names = [one.name for one in family.chosen(("default", "counted"))]
    assert names == [*(one.name for one in family.chosen()), "counted"]


def test_the_device_reaches_every_job_and_what_is_kept_is_the_same(world, monkeypatch) -> None:
    """A worker's job says where it computes: that no machine has this device is said by the job itself."""
    on_cpu = Wanted(("bss",), False, device="cpu")
    asked: list[str] = []
    monkeypatch.setattr(Torch, "cholesky", lambda one, matrix: asked.append(one.device) or NUMPY.cholesky(matrix))
    by_torch = score_set(world / "set", on_cpu, workers=ALONE)
    said: list[str] = []
    by_numpy = scored(world, "bss", whole=False, echo=said.append)
    assert set(asked) == {"cpu"} and "nothing to do" in said[-1]
    pd.testing.assert_frame_equal(by_torch.frame, by_numpy.frame)
    nowhere = dataclasses.replace(on_cpu, device="cuda:99")
    with pytest.raises(StimuliError, match="torch can't use the device 'cuda:99'"):
        score_set(world / "set", nowhere, workers=ALONE)
    monkeypatch.setattr(Workers, "check_device", lambda *_: None)
    with pytest.raises(AnalysisError, match="torch can't use the device 'cuda:99'"):
        score_set(world / "set", nowhere, workers=ALONE)
    with pytest.raises(AnalysisError, match="torch can't use the device 'cuda:99'"):
        write_museval(world / "set", world / "json", nowhere, ALONE)

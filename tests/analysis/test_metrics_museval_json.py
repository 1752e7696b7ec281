"""museval's JSON: held against files and aggregates that museval 0.4.1 made, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from museval_scores import FRAMES, TRACKS, scores

from analysis.errors import AnalysisError
from analysis.metrics.results.museval_json import COLUMNS, METRICS, aggregate, read, write

NUMBER = {"type": "number"}
SCHEMA = {
    "type": "object",
    "required": ["targets"],
    "properties": {
        "targets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "frames"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "frames": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["time", "duration", "metrics"],
                            "additionalProperties": False,
                            "properties": {
                                "time": NUMBER,
                                "duration": NUMBER,
                                "metrics": {
                                    "type": "object",
                                    "required": list(METRICS),
                                    "additionalProperties": False,
                                    "properties": dict.fromkeys(METRICS, NUMBER),
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""museval's musdb.schema.json, with what it leaves open closed: what museval reads must be there, and nothing else."""


@pytest.fixture
def theirs(root: Path) -> Path:
    """What museval wrote."""
    return root / "tests" / "data" / "museval"


def put(path: Path, track: str = "Blues") -> Path:
    """Write a track with one-second frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, scores(track), times_s=np.arange(FRAMES), duration_s=1.0)


def changed(folder: Path, old: str, new: str) -> Path:
    """A file that differs from a good one."""
    good = put(folder / "Blues.json").read_text(encoding="utf-8")
    assert old in good
    (folder / "Blues.json").write_text(good.replace(old, new, 1), encoding="utf-8")
    return folder / "Blues.json"


@pytest.mark.parametrize("track", TRACKS)
def test_a_file_of_ours_holds_what_museval_writes(theirs: Path, tmp_path: Path, track: str) -> None:
    ours = json.loads(put(tmp_path / f"{track}.json", track).read_text(encoding="utf-8"))
    wanted = json.loads((theirs / "test" / f"{track}.json").read_text(encoding="utf-8"))
    # As text: there NaN is equal to NaN, and the order of keys counts.
    assert json.dumps(ours["targets"]) == json.dumps(wanted["targets"])
    assert "museval_version" not in ours and ours["made_by"].startswith("hidden-reference ")
    jsonschema.validate(ours, SCHEMA)
    assert [path.name for path in tmp_path.iterdir()] == [f"{track}.json"], "no part is left behind"


def test_rounding_is_that_of_decimal_numbers(tmp_path: Path) -> None:
    values = np.random.default_rng(4).normal(0, 20, 2000).round(6) + np.arange(2000) / 64
    path = write(
        tmp_path / "t.json", {"x": dict.fromkeys(METRICS, values)}, times_s=np.arange(2000) * 0.5, duration_s=1.0
    )
    wanted = [float(Decimal(value).quantize(Decimal("0.00001"))) for value in values.tolist()]
    found = read(path)
    assert found.loc[found["metric"] == "SAR", "value"].tolist() == wanted
    assert found["time_s"].max() == 999.5 and set(found["duration_s"]) == {1.0}


def test_frames_may_have_lengths_of_their_own(tmp_path: Path) -> None:
    values = {"x": dict.fromkeys(METRICS, np.array([1.0, 2.0]))}
    found = read(write(tmp_path / "t.json", values, times_s=np.array([0, 1]), duration_s=np.array([1.0, 0.25])))
    assert found.loc[found["metric"] == "SDR", ["time_s", "duration_s"]].to_numpy().tolist() == [[0, 1], [1, 0.25]]


def test_one_frame_of_all_tracks(theirs: Path) -> None:
    found = read(theirs)
    assert tuple(found.columns) == COLUMNS and len(found) == len(TRACKS) * 2 * FRAMES * len(METRICS)
    assert list(found["track"].unique()) == list(TRACKS), "aggregated.json beside the folder of tracks is none"
    row = found[(found["track"] == "Chorale") & (found["target"] == "vocals") & (found["time_s"] == 4)]
    wanted = {metric: round(values[4], 5) for metric, values in scores("Chorale")["vocals"].items()}
    assert dict(zip(row["metric"], row["value"], strict=True)) == wanted
    pd.testing.assert_frame_equal(read(theirs / "test"), found)
    blues = found[found["track"] == "Blues"].reset_index(drop=True)
    pd.testing.assert_frame_equal(read(theirs / "test" / "Blues.json"), blues)


@pytest.mark.parametrize("frames", ["median", "mean"])
@pytest.mark.parametrize("tracks", [None, "median", "mean"])
def test_aggregates_are_those_of_museval(theirs: Path, frames: str, tracks: str | None) -> None:
    wanted = json.loads((theirs / "aggregated.json").read_text())[f"{frames} {tracks}" if tracks else frames]
    found = aggregate(read(theirs), frames, tracks)  # type: ignore[arg-type]
    names = found.drop(columns="value").agg(" ".join, axis=1)
    assert dict(zip(names, found["value"], strict=True)) == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def test_sisec_is_the_median_over_frames_then_over_tracks() -> None:
    frame = pd.DataFrame(
        [(t, "v", 0.0, 1.0, "SDR", v) for t, v in [("a", 1), ("a", 2), ("a", 9), ("b", np.nan), ("c", 4), ("c", 8)]],
        columns=pd.Index(COLUMNS),
    )
    assert aggregate(frame, over_tracks="median")["value"].tolist() == [4.0], "of 2 and 6; b has none"
    assert aggregate(frame)["value"].tolist() == pytest.approx([2.0, np.nan, 6.0], nan_ok=True)
    with pytest.raises(AnalysisError, match=r"'median' or 'mean', not by 'max'"):
        aggregate(frame, "max")  # type: ignore[arg-type]


def test_train_and_test_are_read_and_a_track_is_in_one_of_them(tmp_path: Path) -> None:
    put(tmp_path / "train" / "b.json")
    put(tmp_path / "test" / "deeper" / "a.json")
    put(tmp_path / "notes.json").write_text("[]")
    (tmp_path / "test" / "._a.json").write_bytes(b"\0")
    assert list(read(tmp_path)["track"].unique()) == ["a", "b"]
    put(tmp_path / "train" / "a.json")
    with pytest.raises(AnalysisError, match=r"train/a\.json: track 'a' is there already, in .*deeper/a\.json"):
        read(tmp_path)


def test_what_has_no_number_is_nan_however_it_is_written(tmp_path: Path) -> None:
    values = []
    for text in ("NaN", "null", "Infinity", "-Infinity", "7"):
        (tmp_path / "t.json").write_text(
            f'{{"targets": [{{"name": "v", "frames": [{{"time": 0, "duration": 1, "metrics": {{"SDR": {text}}}}}]}}]}}'
        )
        values += read(tmp_path / "t.json")["value"].tolist()
    assert values == pytest.approx([np.nan] * 4 + [7.0], nan_ok=True)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"targets"', '"target"', "targets: Field required"),
        ('"time": 0.0,', "", "targets.0.frames.0.time: Field required"),
        ('"name": "vocals"', '"name": 3', "targets.0.name: Input should be a valid string"),
        ('"SDR": 0.01562', '"SDR": "0.01562"', "targets.0.frames.0.metrics.SDR: Input should be a valid number"),
        ("{", "[", "Invalid JSON"),
        ('"accompaniment"', '"vocals"', "SDR of target 'vocals' at 0 s of track 'Blues' is there twice"),
    ],
)
def test_a_bad_file_is_said_with_its_place(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(AnalysisError) as said:
        read(path)
    assert str(said.value).startswith(f"{path}: ") and sentence in str(said.value)
    assert "\n" not in str(said.value)


def test_where_nothing_is_to_read(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"none\.json: can't be read: No such file"):
        read(tmp_path / "none.json")
    with pytest.raises(AnalysisError, match=r"holds no \.json files of tracks; expected .*test/TRACK\.json"):
        read(tmp_path)


def test_scores_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    path = put(tmp_path / "t.json")
    before = path.read_bytes()
    whole = dict.fromkeys(METRICS, np.zeros(3))
    for values, sentence in [
        ({"SDR": np.zeros(3)}, r"target 'v' has no SIR; expected SDR, SIR, SAR, ISR"),
        (whole | {"ISR": np.zeros(2)}, r"ISR of target 'v' has shape \(2,\); expected one value for each of 3 frames"),
    ]:
        with pytest.raises(AnalysisError, match=sentence):
            write(path, {"v": values}, times_s=np.arange(3), duration_s=1.0)
    assert path.read_bytes() == before
    with pytest.raises(AnalysisError, match="can't be written"):
        write(tmp_path / "absent" / "t.json", {"v": whole}, times_s=np.arange(3), duration_s=1.0)

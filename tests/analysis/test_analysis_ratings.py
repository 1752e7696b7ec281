"""Reading ratings: what is analysed, what is counted, and what is refused with which sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import small_study

from analysis.errors import AnalysisError
from analysis.reading import export as ratings
from analysis.reading.ratings import Ratings
from mushra_app.conduct import check_run
from mushra_app.errors import RatingsError
from mushra_app.ratings import Row
from stimuli.manifest import Manifest

TESTED, CONDITIONS = 7, 6


@pytest.fixture
def rows(study: Manifest) -> list[Row]:
    """Ratings of three listeners, to be spoilt."""
    return small_study.rows(study, listeners=3)


def load(folder: Path, rows: list[Row], study: Manifest) -> Ratings:
    """Write and read."""
    return ratings.load(small_study.save(folder / "ratings.csv", rows), study)


def test_training_is_never_analysed(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    found = load(tmp_path, rows, study)
    assert len(found.frame) == 3 * TESTED * CONDITIONS
    assert found.training == 3 * CONDITIONS and not found.frame["training"].any()
    assert found.frame["rating"].dtype == float and found.frame["listener"].iloc[0] == "L00"


def test_attention_checks_are_counted_and_never_analysed(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    copies = [row | {"attention_check": True, "rating": 1.0} for row in rows if not row["training"]][:5]
    found, without = load(tmp_path, [*rows, *copies], study), load(tmp_path, rows, study)
    assert (found.attention_checks, without.attention_checks) == (5, 0)
    assert found.frame.drop(columns="attention_check").equals(without.frame.drop(columns="attention_check"))
    assert found.missing == without.missing


def test_anchors_that_an_attribute_does_not_hear_are_not_missing(tmp_path: Path, rows: list[Row], study) -> None:
    heard = tuple(anchor.name for anchor in study.experiment.anchors[:1])
    first, *others = study.experiment.attributes
    attributes = (first.model_copy(update={"anchors": heard}), *others)
    asked = study.model_copy(update={"experiment": study.experiment.model_copy(update={"attributes": attributes})})
    unheard = study.experiment.anchors[1].name
    kept = [row for row in rows if row["condition"] != unheard]
    assert load(tmp_path, kept, study).missing == 3 * TESTED and load(tmp_path, kept, asked).missing == 0


def test_unfinished_sessions_are_left_out_and_counted(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    found = load(tmp_path, [row | {"finished": row["listener"] != "L01"} for row in rows], study)
    assert set(found.frame["listener"]) == {"L00", "L02"}
    assert found.unfinished == TESTED * CONDITIONS


def test_missing_cells_are_counted_whether_empty_or_absent(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    spoilt = [row for row in rows if not row["training"]]
    spoilt[0] = spoilt[0] | {"rating": None}
    found = load(tmp_path, spoilt[:-2], study)
    assert found.missing == 3
    assert len(found.frame) == 3 * TESTED * CONDITIONS - 3


def test_one_simulated_row_marks_everything(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    assert not load(tmp_path, rows, study).simulated
    found = load(tmp_path, [*rows[:-1], rows[-1] | {"simulated": True}], study)
    assert found.simulated


SPOILT = {
    "other sounds": (
        {"stimuli_id": "f" * 64},
        "ratings of another study: stimuli_id ffffffffffffffff…, the stimulus set",
    ),
    "other design": ({"study_id": "e" * 64}, "ratings of 2 versions of small (study_id "),
    "other condition": (
        {"condition": "stranger"},
        "condition 'stranger' is not in the stimulus set; expected one of classic",
    ),
    "other item": ({"item": "Song 99"}, "item 'Song 99' is not in the stimulus set"),
    "other attribute": (
        {"attribute": "timbre"},
        "attribute 'timbre' is not in the stimulus set; expected one of overall",
    ),
    "empty flag": ({"training": None}, "line 2: training is empty; expected true or false"),
    "no listener": ({"listener": ""}, "line 2: listener is empty; expected a pseudonym"),
    "no replicate": ({"replicate": None}, "line 2: replicate is empty; expected a whole number"),
    "several studies": ({"study": "another"}, "ratings of several studies (another, small); export one"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_does_not_belong_is_refused(tmp_path: Path, rows: list[Row], study: Manifest, name: str) -> None:
    change, sentence = SPOILT[name]
    rows[0] = rows[0] | change
    with pytest.raises(AnalysisError, match=re.escape(sentence)):
        load(tmp_path, rows, study)


def test_a_cell_that_is_there_twice_is_refused(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    with pytest.raises(
        AnalysisError,
        match=r"line 146: a second rating of the cell in line 2 \(and 1 more\): listener L00, attribute overall",
    ):
        load(tmp_path, [*rows, rows[0] | {"rating": 7.0}, rows[0]], study)
    assert load(tmp_path, [*rows, rows[0] | {"replicate": 1}], study).missing == CONDITIONS - 1


def test_only_unfinished_sessions_leave_nothing(tmp_path: Path, rows: list[Row], study: Manifest) -> None:
    with pytest.raises(
        AnalysisError, match=r"no rating of a finished session .*\(126 rows of unfinished sessions, 18 of tr"
    ):
        load(tmp_path, [row | {"finished": False} for row in rows], study)
    with pytest.raises(AnalysisError, match="holds no ratings; export again"):
        load(tmp_path, [], study)


def test_an_export_of_the_first_release_opens_and_earns_no_name(
    tmp_path: Path, rows: list[Row], study: Manifest
) -> None:
    """It lacks what later releases record: that is then missing, and nothing else is."""
    path = small_study.save(tmp_path / "ratings.csv", rows)
    pd.read_csv(path, dtype=str, keep_default_na=False).drop(
        columns=["experience", "level_db_a", "place", "altered"]
    ).to_csv(path, index=False)
    found = ratings.load(path, study)
    assert {(sitting.experience, sitting.level_db_a) for sitting in found.run or ()} == {("", None)}
    assert [rule.rule for rule in check_run(found.run or ()) if not rule.passed] == ["run-assessors", "run-level"]
    assert len(found.frame) == 3 * TESTED * CONDITIONS


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",100,", ",101,", r"line \d+: rating: found 101; expected 0 to 100"),
        (",100,", ",loud,", r"line \d+: rating: found 'loud'; expected a number"),
        (",100,", ",nan,", r"line \d+: rating: found nan; expected 0 to 100"),
        (",100,", ",100,100,", r"line \d+: expected 42 cells, one per column"),
        (",100,", ",", r"line \d+: expected 42 cells, one per column"),
        ("listener,", "hearer,", "line 1: the columns listener are missing"),
        ("study,", "\0\xff", "line 1: the columns"),
    ],
)
def test_cells_and_columns_are_checked(
    tmp_path: Path, rows: list[Row], study: Manifest, old: str, new: str, sentence: str
) -> None:
    path = small_study.save(tmp_path / "ratings.csv", rows)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RatingsError, match=sentence):
        ratings.load(path, study)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path, study: Manifest) -> None:
    with pytest.raises(RatingsError, match=r"gone\.csv: no such file; export ratings with: mushra export"):
        ratings.load(tmp_path / "gone.csv", study)
    (tmp_path / "sound.csv").write_bytes(b"fLaC\x00\x80\xff\xfe")
    with pytest.raises(RatingsError, match=r"sound\.csv: can't be read as CSV"):
        ratings.load(tmp_path / "sound.csv", study)

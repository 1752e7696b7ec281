"""Anybody's tables: four that people published, and what is refused with which sentence."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.reading.mapping import Mapping, load
from analysis.reading.ratings import Ratings
from analysis.reading.table import read_table
from analysis.statistics.listeners import screening
from mushra_app.ratings import COLUMNS

PLAIN = '[columns]\nlistener = "listener"\nitem = "item"\ncondition = "condition"\nrating = "rating"\n'


def mapping(text: str = PLAIN, **changes: Any) -> Mapping:
    """A mapping, as a file would say it."""
    return Mapping.model_validate({"title": "A test"} | tomllib.loads(text) | changes)


def table(folder: Path, text: str, **changes: Any) -> Ratings:
    """Write a table and read it."""
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return read_table(folder / "t.csv", mapping(**changes))


def means(found: Ratings) -> dict[str, float]:
    """Mean rating of each condition."""
    return found.frame.groupby("condition")["rating"].mean().to_dict()


def test_s4_is_read_wide_as_published_and_long(shared: Path) -> None:
    folder = shared / "data" / "ratings" / "s4_drc"
    wide = read_table(folder / "original" / "mushra.csv", mapping("", layout="wide", pattern="{item}-{condition}.wav"))
    long = read_table(folder / "ratings_long.csv", mapping())
    assert sorted(set(wide.frame["item"]))[:2] == ["005", "008"], "ids are text, with their zeros"
    same = ["item", "condition", "rating", "replicate", "attribute", "role"]
    pd.testing.assert_frame_equal(wide.frame[same], long.frame[same])
    assert wide.frame["listener"].nunique() == 19 and wide.missing == wide.not_shown == 0
    expected = json.loads((folder / "expected.json").read_text())["computed"]["per_condition_pooled"]
    assert means(wide) == pytest.approx({name: row["mean"] for name, row in expected.items()})
    assert wide.study.reference is None and wide.study.systems_on_page == 4 and len(wide.study.contrasts) == 6
    assert wide.notes == ("The table names no listeners: each of its lines was taken for one.",)


def test_difftransfer_is_read_with_its_empty_line_and_its_scale(shared: Path) -> None:
    folder = shared / "data" / "ratings" / "difftransfer"
    columns = PLAIN + 'session = "session"\n'
    own = PLAIN.replace('"listener"', '"session_uuid"').replace('"item"', '"trial_id"')
    own = own.replace('"condition"', '"rating_stimulus"').replace('"rating"', '"rating_score"')
    scale = {"min": 1, "max": 5}
    found = read_table(folder / "original" / "listening_test_results.csv", mapping(own, scale=scale))
    long = read_table(folder / "ratings_long.csv", mapping(columns, scale=scale))
    assert found.frame["rating"].equals(long.frame["rating"]) and len(found.frame) == 408
    multi = found.frame[found.frame["item"].str.endswith("_multi")]
    expected = json.loads((folder / "expected.json").read_text())["computed"]["multi"]["per_condition_pooled"]
    got = multi.groupby("condition")["rating"].mean() / 25 + 1
    assert got.to_dict() == pytest.approx({name: row["mean"] for name, row in expected.items()})
    assert found.notes == ("Ratings from 1 to 5 were brought to 0 to 100 linearly.",)
    assert found.missing == found.not_shown == 0, "pages with two of the four were meant so"


def test_bvrnn_has_a_reference_and_its_listeners_are_screened(shared: Path) -> None:
    folder = shared / "data" / "ratings" / "bvrnn_codec"
    found = read_table(folder / "ratings_long.csv", mapping(roles={"reference": "Reference", "anchors": ["Anchor"]}))
    expected = json.loads((folder / "expected.json").read_text())
    assert list(found.study.roles.items())[:2] == [("Reference", "hidden_reference"), ("Anchor", "anchor")]
    rows = screening.screen(found.frame, ["bs1534-hidden-reference"], reference=found.study.reference, mid_anchor=None)
    assert screening.excluded(rows) == expected["published"]["excluded"]


def test_sisec_votes_are_read_and_its_original_says_what_is_wrong(shared: Path) -> None:
    folder = shared / "data" / "ratings" / "sisec18_best"
    found = read_table(folder / "ratings_long.csv", mapping(scale={"min": 0, "max": 1}))
    complete = found.frame.groupby("listener").size() == 78
    kept = found.frame[found.frame["listener"].isin(complete.index[complete])]
    expected = json.loads((folder / "expected.json").read_text())["reproduced"]
    assert (kept.groupby("condition")["rating"].sum() / 100).to_dict() == expected["total_votes"]
    own = '[columns]\nlistener="submission_id"\nitem="page"\ncondition="sound"\nrating="value"\n'
    with pytest.raises(AnalysisError, match=r"dataset\.csv: line 2: value: found 'False'; expected a number from 0 to"):
        read_table(folder / "original" / "dataset.csv", mapping(own))


def test_the_frame_has_the_contracts_columns_and_types(tmp_path: Path) -> None:
    found = table(tmp_path, "listener,item,condition,rating\n01,005,a,10\n01,005,b,\n")
    assert list(found.frame.columns) == [column.name for column in COLUMNS]
    assert found.frame["listener"].tolist() == ["01"] and found.frame["rating"].dtype == float
    assert (found.rows, found.missing, found.run) == (2, 1, None)
    assert found.frame["session"].tolist() == [""] and found.frame["heard_s"].isna().all()


def test_factors_and_attributes_and_replicates_come_along(tmp_path: Path) -> None:
    text = PLAIN + 'group="g"\nsong="s"\ndataset="d"\ntarget="t"\nsession="day"\nattribute="q"\nreplicate="turn"\n'
    (tmp_path / "t.tsv").write_text(
        "listener\titem\tcondition\trating\tg\ts\td\tt\tday\tq\tturn\n"
        + "".join(
            f"p\ti\t{c}\t50\texpert\tsong\tseen\tvocals\t{turn}\t{q}\t{turn}\n"
            for c in "ab"
            for turn in (10, 2)
            for q in "xy"
        )
    )
    found = read_table(
        tmp_path / "t.tsv", mapping(text, analysis={"contrasts": ["a - b on group=expert"], "primary": "y"})
    )
    assert set(found.frame["listener_group"]) == {"expert"} and set(found.frame["dataset"]) == {"seen"}
    assert found.frame.groupby("session")["replicate"].unique().to_dict() == {"2": [0], "10": [1]}, "2 comes before 10"
    assert [one.name for one in found.study.attributes] == ["x", "y"] and found.study.primary == "y"
    assert str(found.study.contrasts[0]) == "a - b on group=expert"


def test_the_order_of_lines_and_of_columns_does_not_matter(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    lines = [f"{who},{item},{c},{draw.integers(101)}" for who in "pq" for item in "ijk" for c in "abc"]
    first = table(tmp_path, "\n".join(["listener,item,condition,rating", *lines]))
    turned = [",".join(line.split(",")[::-1]) for line in draw.permutation(lines)]
    second = table(tmp_path, "\n".join(["rating,condition,item,listener", *turned]))
    keys = ["listener", "item", "condition"]
    assert first.frame.set_index(keys)["rating"].to_dict() == second.frame.set_index(keys)["rating"].to_dict()
    assert first.study.study_id == second.study.study_id and first.missing == second.missing == 0


def test_the_study_is_known_by_its_mapping(tmp_path: Path) -> None:
    text = "listener,item,condition,rating\n1,i,a,10\n1,i,b,20\n"
    same, other = table(tmp_path, text), table(tmp_path, text, roles={"reference": "a"})
    assert same.study.study_id == table(tmp_path, text).study.study_id != other.study.study_id


def test_a_second_rating_is_a_mistake_or_a_replicate(tmp_path: Path) -> None:
    text = "listener,item,condition,rating\n1,i,a,10\n1,i,b,20\n1,i,a,30\n"
    with pytest.raises(
        AnalysisError, match=r"line 4: a second rating of the cell in line 2: listener 1, .*duplicates = "
    ):
        table(tmp_path, text)
    found = table(tmp_path, text, duplicates="replicates")
    assert found.frame["replicate"].tolist() == [0, 0, 1] and found.missing == 1
    assert found.notes == ("1 ratings of a cell that was rated before count as replicates, as the mapping says.",)


def test_systems_that_pages_leave_out_by_design_are_not_missing(tmp_path: Path) -> None:
    pages = {"1": "ab", "2": "bc", "3": "ac"}
    lines = [f"{who},i,{c},50" for who, shown in pages.items() for c in "r" + shown]
    found = table(tmp_path, "\n".join(["listener,item,condition,rating", *lines]), roles={"reference": "r"})
    assert (found.missing, found.not_shown, found.study.systems_on_page) == (0, 3, 2)
    fewer = table(tmp_path, "\n".join(["listener,item,condition,rating", *lines[:-1]]), roles={"reference": "r"})
    assert (fewer.missing, fewer.not_shown) == (1, 3)


HEAD = "listener,item,condition,rating\n"
REFUSED = {
    "text": (HEAD + "1,i,a,5\n\n1,i,b,loud\n", {}, "t.csv: line 4: rating: found 'loud'; expected a number from 0"),
    "nan": (HEAD + "1,i,a,nan\n", {}, "line 2: rating: found 'nan'"),
    "infinite": (HEAD + "1,i,a,inf\n", {}, "line 2: rating: found 'inf'"),
    "out of scale": (HEAD + "1,i,a,6\n", {"scale": {"min": 1, "max": 5}}, "found '6'; expected a number from 1 to 5"),
    "below": (HEAD + "1,i,a,0\n", {"scale": {"min": 1, "max": 5}}, "found '0'; expected a number from 1 to 5"),
    "nobody": (HEAD + "1,i,a,5\n,i,b,5\n", {}, "line 3: listener is empty"),
    "no column": ("who,item,condition,rating\n", {}, "no column 'listener' (columns.listener); found 'who', 'item'"),
    "no ratings": (HEAD + "1,i,a,\n", {}, "holds no ratings"),
    "no lines": (HEAD, {}, "holds no ratings"),
    "ragged": (HEAD + "1,i,a\n", {}, "line 2: expected 4 cells, one per column, found 3"),
    "twice": ("a,a\n", {}, "the columns a stand there twice"),
    "unknown role": (HEAD + "1,i,a,5\n", {"roles": {"reference": "ref"}}, "no condition is called 'ref'; found 'a'"),
    "unknown condition": (
        HEAD + "1,i,a,5\n1,i,b,5\n",
        {"roles": {"systems": ["a"]}},
        "line 3: the condition 'b' is not known; expected one of 'a'",
    ),
    "unknown contrast": (HEAD + "1,i,a,5\n", {"analysis": {"contrasts": ["a - z"]}}, "no condition is called 'z'"),
    "unknown level": (
        HEAD + "1,i,a,5\n1,i,b,5\n",
        {"analysis": {"contrasts": ["a - b on target=bass"]}},
        "no target is called 'bass'; found none",
    ),
    "two songs": (
        "listener,item,condition,rating,song\n1,i,a,5,x\n2,i,a,5,y\n",
        {"columns": tomllib.loads(PLAIN)["columns"] | {"song": "song"}},
        "the item 'i' has more than one song ('x', 'y')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str) -> None:
    text, changes, sentence = REFUSED[name]
    with pytest.raises(AnalysisError, match=re.escape(sentence)):
        table(tmp_path, text, **changes)


MAPPINGS = {
    "misspelt": (PLAIN + 'sond = "x"\n', "columns.sond: this key is not known"),
    "lacks": ('title = "x"\n[columns]\nlistener = "l"\n', "columns.item, columns.condition, columns.rating: missing"),
    "no title": (PLAIN, "title: is missing; add it"),
    "pattern": ('layout = "wide"\npattern = "{item}.wav"\n', "expected the names of a wide table's columns, such as"),
    "scale": (PLAIN + "[scale]\nmin = 5\nmax = 1\n", "min 5 is not below max 1"),
    "anchor": (PLAIN + '[roles]\nmid_anchor = "m"\n', "mid_anchor 'm' is none of the anchors"),
    "two roles": (PLAIN + '[roles]\nreference = "m"\nanchors = ["m"]\n', "m: has more than one role"),
    "plan": (PLAIN + '[analysis]\ncontrasts = ["a-b"]\n', "analysis.contrasts: found 'a-b'"),
    "not toml": ("title = ", "not valid TOML"),
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_mistakes_of_a_mapping_are_said(tmp_path: Path, name: str) -> None:
    text, sentence = MAPPINGS[name]
    title = "" if name in ("no title", "not toml", "lacks") else 'title = "A test"\n'
    (tmp_path / "mapping.toml").write_text(title + text, encoding="utf-8")
    with pytest.raises(AnalysisError, match=rf"mapping\.toml: .*{re.escape(sentence)}"):
        load(tmp_path / "mapping.toml")


def test_a_mapping_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('title = "A test"\n' + PLAIN, encoding="utf-8")
    assert load(tmp_path / "mapping.toml") == mapping()
    with pytest.raises(AnalysisError, match="no such file"):
        load(tmp_path / "gone.toml")

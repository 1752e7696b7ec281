"""Somebody's own numbers of metrics: two layouts, and every mistake in a sentence with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.reading.given import metrics_of, read_given

ITEMS, CONDITIONS = ("one", "two"), ("ours", "theirs")
TIDY = "item,condition,metric,value\none,ours,pesq,3.5\none,theirs,pesq,2\ntwo,ours,pesq,4\none,ours,si_sdr_db,-1e1\n"
WIDE = "item,condition,pesq,si_sdr_db\none,ours,3.5,-10\none,theirs,2,\ntwo,ours,4,\n"


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """What is read of a text."""

    def read(text: str, name: str = "m.csv") -> pd.DataFrame:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_given(tmp_path / name, ITEMS, CONDITIONS)

    return read


def values(frame: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """The numbers that are there."""
    there = frame.dropna(subset=["value"])
    return {(row.item, row.condition, row.metric): row.value for row in there.itertuples()}  # type: ignore[misc]


def test_both_layouts_say_the_same(given: Callable[..., pd.DataFrame]) -> None:
    tidy, wide = given(TIDY), given(WIDE)
    assert values(tidy) == values(wide) == values(given(WIDE.replace(",", "\t"), "m.tsv"))
    assert values(tidy)["one", "ours", "si_sdr_db"] == -10 and len(values(tidy)) == 4
    assert set(tidy["stretch"]) == {"excerpt"} and set(tidy["basis"]) == {"given"}
    lacking = wide[wide["value"].isna()]
    assert set(lacking["reason"]) == {"no number in m.csv"} and len(lacking) == 2


def test_a_scored_table_of_ours_is_read_without_its_whole_songs(given: Callable[..., pd.DataFrame]) -> None:
    text = "song,item,condition,role,stretch,metric,value,reason\nS,one,ours,system,excerpt,pesq,3,\n"
    assert len(given(text + "S,,ours,system,song,pesq,4,\n")) == 1


def test_order_of_rows_and_columns_says_nothing(given: Callable[..., pd.DataFrame]) -> None:
    head, *lines = WIDE.splitlines()
    turned = [",".join(line.split(",")[::-1]) for line in [head, *lines[::-1]]]
    assert values(given("\n".join(turned) + "\n")) == values(given(WIDE))


def test_spaces_around_the_names_of_columns_say_nothing(given: Callable[..., pd.DataFrame]) -> None:
    assert values(given(WIDE.replace("item,condition,pesq,", "item , condition, pesq,"))) == values(given(WIDE))


MISTAKES = {
    "unknown item": (
        TIDY.replace("two", "tow"),
        "line 4: the item 'tow' is none of those rated; expected one of 'one'",
    ),
    "unknown condition": (WIDE.replace("theirs", "thiers"), "line 3: the condition 'thiers' is none of those rated"),
    "twice, tidy": (f"{TIDY}one,ours,pesq,3.5\n", "line 6: a second pesq of 'one', 'ours'; the first is in line 2"),
    "twice, wide": (f"{WIDE}two,ours,1,1\n", "line 5: a second pesq of 'two', 'ours'; the first is in line 4"),
    "text": (WIDE.replace("3.5", "good"), "line 2: pesq: found 'good'; expected a finite number, or nothing"),
    "infinite": (TIDY.replace("-1e1", "inf"), "line 5: value: found 'inf'; expected a finite number"),
    "nan": (TIDY.replace("-1e1", "nan"), "line 5: value: found 'nan'; expected a finite number"),
    "no metric": ("item,condition\none,ours\n", "line 1: no column of a metric beside item, condition"),
    "no condition": ("item,pesq\none,3\n", "line 1: no column 'condition'; found 'item', 'pesq'; expected item"),
    "nameless metric": (TIDY.replace("pesq,3.5", ",3.5"), "line 2: metric is empty"),
    "no number": ("item,condition,pesq\none,ours,\n", "holds no numbers"),
    "semicolons": (
        "item;condition;pesq\none;ours;3,5\n",
        "line 1: no comma in 'item;condition;pesq'; expected columns",
    ),
    "alike columns": ("item,condition,pesq, pesq\none,ours,3,4\n", "line 1: two columns differ in spaces alone"),
    "own ratings, wide": (
        "item,condition,rating\none,ours,3\n",
        "a metric is called 'rating', which is the name of a column of the ratings; ratings are read from their own",
    ),
    "own ratings, tidy": (TIDY.replace("pesq", "Rating"), "a metric is called 'Rating'"),
    "called song": (TIDY.replace("pesq", "song"), "'song', which is the name of a column of the ratings; if it is a"),
    "called item": (TIDY.replace("pesq", "item"), "a metric is called 'item'"),
    "too few cells": (f"{WIDE}one\n", "line 5: expected 4 cells"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence_with_its_line(given: Callable[..., pd.DataFrame], name: str) -> None:
    text, sentence = MISTAKES[name]
    with pytest.raises(AnalysisError, match=r"m\.csv: ") as caught:
        given(text)
    assert sentence in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"gone\.csv: no such file; give the file that holds the metrics"):
        read_given(tmp_path / "gone.csv", ITEMS, CONDITIONS)


def test_what_no_family_has_is_better_where_it_is_higher() -> None:
    metrics, strange = metrics_of(["pesq", "mdx_sdr_db", "pesq", "si_sdr_db"])
    assert list(metrics) == ["si_sdr_db", "mdx_sdr_db", "pesq"] and strange == ("pesq",), "ours in the order of ours"
    assert (metrics["pesq"].better, metrics["pesq"].label) == ("higher", "pesq")
    assert metrics["si_sdr_db"].label == "SI-SDR"

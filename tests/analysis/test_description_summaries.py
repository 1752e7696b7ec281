"""Summaries of all cells at once: against R, against one cell at a time, and on the levels of factors."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_study import frame as one_item

from analysis.errors import AnalysisError
from analysis.statistics.description import grouped, summaries
from stimuli.experiment import contrast

Answers = tuple[pd.DataFrame, dict[str, Any]]
SHAPE = {"sd": "sd", "G1": "skew", "G2": "kurtosis", "b_sample": "bimodality"}


def uneven(seed: int = 5) -> pd.DataFrame:
    """Cells of every size from one rating, some of them all equal."""
    draw = np.random.default_rng(seed)
    rows = [
        {"listener": f"L{n}", "item": item, "condition": condition, "replicate": 0, "rating": value}
        for condition in "abc"
        for count, item in enumerate("pqrstu", start=1)
        for n, value in enumerate(draw.integers(0, 101, count if condition != "c" else 9))
    ]
    found = pd.DataFrame(rows).astype({"rating": float})
    return found.assign(rating=found["rating"].mask((found["condition"] == "c") & (found["item"] < "r"), 42.0))


def test_spread_and_shape_equal_r(r_set: Answers) -> None:
    ratings, r = r_set
    found = summaries.per_condition(ratings).set_index("condition")
    for condition, expected in r["descriptive"].items():
        flat = {**expected, **expected["skew_kurt_bimod"]}
        own = found.loc[condition, list(SHAPE.values())].astype(float)
        np.testing.assert_allclose(own, [flat[key] for key in SHAPE], rtol=1e-9, atol=1e-9)
        assert found.loc[condition, "multimodal"] == (flat["b_sample"] > 5 / 9)
        assert found.loc[condition, "at_ceiling"] == (ratings.query("condition == @condition")["rating"] == 100).sum()


def test_the_reference_at_the_ceiling_trips_the_rule_of_several_modes(r_folder: Path) -> None:
    ratings = pd.read_csv(r_folder / "data" / "mushra_sim.csv").rename(columns={"score": "rating"})
    found = summaries.per_condition(ratings).query("multimodal")
    assert found[["condition", "at_ceiling", "n"]].to_numpy().tolist() == [["reference", 273, 360]]


def test_every_cell_is_as_if_it_were_alone() -> None:
    frame = uneven()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summaries.per_cell(frame).set_index(["condition", "item"])
    assert len(found) == 18
    for cell, own in frame.groupby(["condition", "item"]):
        values, row = own["rating"].to_numpy(float), found.loc[cell]  # type: ignore[call-overload]
        expected = [len(values), np.median(values), *np.quantile(values, [0.25, 0.75]), values.mean()]
        np.testing.assert_allclose(row[["n", "median", "q1", "q3", "mean"]].astype(float), expected)
        half = np.sort(values)[: (len(values) + 1) // 2]
        assert row["q1_hinge"] == np.median(half)
        few, equal = len(values), len(set(values)) == 1
        sd = values.std(ddof=1) if few > 1 else np.nan
        skew = stats.skew(values, bias=False) if few > 2 and not equal else np.nan
        kurtosis = stats.kurtosis(values, bias=False) if few > 3 and not equal else np.nan
        np.testing.assert_allclose(row[["sd", "skew", "kurtosis"]].astype(float), [sd, skew, kurtosis], atol=1e-9)
        reach = stats.t.ppf(0.975, few - 1) * sd / np.sqrt(few) if few > 1 else np.nan
        np.testing.assert_allclose(row[["low", "high"]].astype(float), [values.mean() - reach, values.mean() + reach])


@pytest.mark.parametrize("shift", [0.1, 1e4])
def test_values_that_are_equal_have_no_shape_whatever_their_digits(shift: float) -> None:
    found = grouped.shape(np.repeat([0.1 + shift, 1 / 3 + shift], 7), np.repeat([0, 1], 7))
    assert np.isnan([found["skew"], found["kurtosis"], found["bimodality"]]).all() and not found["multimodal"].any()
    assert (grouped.deviations(np.repeat([0.1 + shift], 7), np.zeros(7, int)) == 0).all()


def test_two_peaks_are_several_modes_and_one_is_not() -> None:
    draw = np.random.default_rng(1)
    two = np.concatenate([draw.normal(20, 4, 40), draw.normal(80, 4, 40)])
    found = grouped.shape(np.concatenate([two, draw.normal(50, 10, 80)]), np.repeat([0, 1], 80))
    assert found["multimodal"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("factor", "column"), [("target", "target"), ("dataset", "dataset"), ("group", "listener_group")]
)
def test_a_contrast_on_a_level_is_that_of_its_rows_alone(factor: str, column: str) -> None:
    draw = np.random.default_rng(2)
    rows = [
        {"listener": f"L{n}", "item": f"i{m}", "condition": c, "replicate": 0, "rating": draw.normal(50, 10),
         column: "one" if (n if factor == "group" else m) % 2 else "two"}
        for n in range(6) for m in range(4) for c in "ab"
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    found = summaries.paired_means(frame, contrast(f"a - b on {factor}=one"))
    expected = summaries.paired_means(frame[frame[column] == "one"], contrast("a - b"))
    pd.testing.assert_frame_equal(found, expected)
    assert len(found) == (3 if factor == "group" else 6)
    with pytest.raises(AnalysisError, match=f"the ratings have no column {column}; expected one for the factor"):
        summaries.paired_means(frame.drop(columns=column), contrast(f"a - b on {factor}=one"))


def test_pairs_are_of_pages_that_held_both_and_replicates_weigh_no_more() -> None:
    frame = pd.concat(
        [
            one_item({"a": [10.0], "b": [4.0]}),
            one_item({"a": [20.0], "b": [8.0]}).assign(item="j"),
            one_item({"a": [30.0], "b": [0.0]}).assign(item="j", replicate=1),
            one_item({"a": [90.0]}).assign(item="k"),
        ]
    )
    found = summaries.paired_means(frame, contrast("a - b"))
    assert found.to_numpy().tolist() == [[(10 + (20 + 30) / 2) / 2, (4 + (8 + 0) / 2) / 2]]


def test_seen_against_unseen_is_each_over_its_own_pages() -> None:
    frame = pd.concat(
        [
            one_item({"a": [10.0, 20], "b": [0.0, 0]}).assign(item="s1", dataset="seen"),
            one_item({"a": [30.0, 60], "b": [0.0, 0]}).assign(item="s2", dataset="seen"),
            one_item({"a": [30.0, 60], "b": [0.0, 0]}).assign(item="s2", dataset="seen", replicate=1),
            one_item({"a": [5.0, 6, 7]}).assign(item="u1", dataset="unseen"),
        ]
    )
    found = summaries.paired_means(frame, contrast("a on dataset=seen - a on dataset=unseen"))
    assert found.to_numpy().tolist() == [[20, 5], [40, 6]] and list(found.index) == ["L00", "L01"]
    assert summaries.paired_means(frame, contrast("a on dataset=seen - a on dataset=other")).empty


def test_groups_of_listeners_are_no_pairs() -> None:
    frame = one_item({"a": [1.0, 2], "b": [2.0, 3]}).assign(listener_group=["x", "y"] * 2)
    with pytest.raises(AnalysisError, match="compares groups of listeners, but a paired test"):
        summaries.paired_means(frame, contrast("a on group=x - a on group=y"))


def test_summaries_move_with_the_ratings_and_scale_with_them() -> None:
    frame = uneven()
    before, after = (summaries.per_cell(f) for f in (frame, frame.assign(rating=frame["rating"] * 0.5 + 20)))
    moved = ["median", "q1", "q3", "q1_hinge", "q3_hinge", "mean", "low", "high"]
    np.testing.assert_allclose(after[moved], before[moved] * 0.5 + 20)
    np.testing.assert_allclose(after["sd"], before["sd"] * 0.5)
    np.testing.assert_allclose(after[["skew", "kurtosis", "bimodality"]], before[["skew", "kurtosis", "bimodality"]])
    shuffled = summaries.per_cell(frame.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(shuffled, summaries.per_cell(frame))

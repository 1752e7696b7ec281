"""The exploratory checklist: every limit of the standard, on either side of it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.description import checklist, summaries

SYSTEMS = ["a", "b", "c"]
LEVELS = {"low": 25.0, "mid": 50.0, "a": 45.0, "b": 55.0, "c": 65.0}


def rated(levels: dict[str, float] | None = None, *, sd: dict[str, float] | None = None, seed: int = 1) -> pd.DataFrame:
    """Twenty listeners, six items; conditions around their levels."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"listener": f"L{n:02d}", "item": f"i{m}", "condition": c,
             "rating": level + lean + draw.normal(0, (sd or {}).get(c, 6.0))}
            for n in range(20) for lean in [draw.normal(0, 3)] for m in range(6)
            for c, level in (levels or LEVELS).items()
        ]
    )  # fmt: skip


def checked(frame: pd.DataFrame) -> checklist.Checklist:
    return checklist.check(frame, SYSTEMS, low_anchor="low", mid_anchor="mid")


def said(frame: pd.DataFrame, part: str) -> bool:
    return any(part in sentence for sentence in checked(frame).sentences)


def test_variance_ratios_of_the_reference_sets(r_folder: Path) -> None:
    for name, expected in (("gauss", 1.54), ("sim", 17.6)):
        ratings = pd.read_csv(r_folder / "data" / f"mushra_{name}.csv").rename(columns={"score": "rating"})
        found = checklist.check(ratings, ["sysA", "sysB", "sysC"], low_anchor="anchor35", mid_anchor="anchor70")
        assert found.facts["variance_ratio"] == pytest.approx(expected, abs=0.05)
        assert found.facts["variance_ratio_systems"] < 2 and 28 < found.facts["anchor_gap"] < 30
        assert found.facts["cronbach_alpha"] > 0.99 and found.facts["first_component"] > 0.8


@pytest.mark.parametrize(("change", "part"), [
    ({"levels": {**LEVELS, "a": 92, "b": 90}}, "2 of 3 systems have their median above 80"),
    ({"levels": {**LEVELS, "mid": 58}}, "points above the low anchor; Attachment 5 wants 20 to 30"),
    ({"levels": {**LEVELS, "mid": 43}}, "points above the low anchor"),
    ({"sd": {"a": 16}}, "clause 9 allows 4"),
    ({"levels": dict.fromkeys(LEVELS, 50.0)}, "Cronbach's alpha over listeners is"),
])  # fmt: skip
def test_a_limit_that_is_passed_is_said(change: dict, part: str) -> None:
    assert said(rated(**change), part) and not said(rated(), part)


def test_one_good_system_of_three_is_no_reason_to_leave_the_method() -> None:
    found = checked(rated({**LEVELS, "a": 92}))
    assert found.facts["systems_above_80"] == 1
    assert not any("BS.1116" in sentence for sentence in found.sentences)
    np.testing.assert_allclose(found.facts["share_20_80"] + found.facts["share_above_80"], 1, atol=0.01)


def test_skewed_residuals_are_counted_and_named_severe() -> None:
    draw = np.random.default_rng(3)
    frame = rated()
    spoilt = (frame["condition"] == "a") & (frame["item"] == "i0")
    frame.loc[spoilt, "rating"] = 40 + draw.exponential(8, 20) ** 1.5
    found = checked(frame)
    cell = found.cells.set_index(["condition", "item"]).loc[("a", "i0")]
    assert cell["flag"] == "severe" and cell["skew"] > 1
    assert found.facts["severely_skewed"] == (found.cells["skew"].abs() > 1).sum()
    assert found.facts["skewed"] == (found.cells["skew"].abs() > 0.5).sum()
    assert said(frame, "of 30 cells of condition and item: Attachment 4 wants resampling")
    assert found.facts["normality_p"] < 0.05 < checked(rated()).facts["normality_p"]


def test_residuals_know_nothing_of_listeners_lean_or_levels() -> None:
    frame = rated()
    moved = frame.assign(
        rating=frame["rating"] + frame["listener"].str[1:].astype(int) * 2 + 7 * frame["item"].str[1:].astype(int)
    )
    before, after = (checklist.residual_shape(f)[["skew", "kurtosis"]] for f in (frame, moved))
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_outliers_are_those_beyond_the_fences_and_stay() -> None:
    frame = rated()
    frame.loc[7, "rating"] = 300.0
    found = checklist.outliers(frame)
    expected = []
    for _, own in frame.groupby(["condition", "item"]):
        low, _, high = summaries.hinges(own["rating"].to_numpy(float))
        reach = 1.5 * (high - low)
        expected += list(own.index[(own["rating"] < low - reach) | (own["rating"] > high + reach)])
    assert sorted(found.index) == sorted(expected) and 7 in expected
    assert (found.loc[7, "rating"], len(frame)) == (300, 600)
    assert said(frame, "the JSON and the tables list them, and they stay in every result")


def test_a_rating_on_the_fence_is_no_outlier() -> None:
    values = [0.0, 4, 5, 6, 7, 8, 8, 10, 16]  # hinges 5 and 8, fences 0.5 and 12.5
    frame = pd.DataFrame({"listener": list("abcdefghi"), "item": "i", "condition": "a", "rating": values})
    assert checklist.outliers(frame)["rating"].tolist() == [0, 16]
    on_it = frame.assign(rating=[0.5, 4, 5, 6, 7, 8, 8, 10, 12.5])
    assert checklist.outliers(on_it).empty


def test_mardias_test_finds_what_no_margin_shows_and_keeps_its_level() -> None:
    draw = np.random.default_rng(5)
    p = np.array([checklist.mardia(pd.DataFrame(draw.normal(0, 1, (120, 3)))) for _ in range(300)])
    assert ((p < 0.05).mean(axis=0) < 0.09).all()
    assert 0.75 < (stats.norm.isf(p[:, 1] / 2) ** 2).mean() < 1.15, "the square of a standard normal, a little less"
    first = draw.normal(0, 1, 300)
    sign = np.where(draw.random(300) < 0.5, -1, 1)
    joint = pd.DataFrame({"a": first, "b": first * sign})  # both normal, not jointly
    assert checklist.mardia(joint)[1] < 1e-6
    mixed = joint @ np.array([[2.0, 0.3], [-1.0, 5.0]]) + 30
    assert checklist.mardia(mixed) == pytest.approx(checklist.mardia(joint))
    assert np.isnan(checklist.mardia(joint[:2])).all()


@pytest.mark.parametrize(
    "frame",
    [
        rated().assign(rating=50.0),
        rated()[lambda t: t["listener"] == "L00"],
        rated()[lambda t: t["condition"] == "a"],
        rated()[lambda t: t["condition"] == "low"],
        rated()[:1],
        rated().sample(frac=0.3, random_state=1),
    ],
    ids=["equal", "one listener", "one condition", "no system", "one rating", "thinned"],
)
def test_little_is_no_reason_to_stumble(frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = checked(frame)
    assert not any("nan" in sentence for sentence in found.sentences)

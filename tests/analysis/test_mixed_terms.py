"""Which terms the mixed model gets, and what it says of ratings it can't be fitted to."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from mixed_ratings import crossed, with_factors

from analysis.errors import AnalysisError
from analysis.statistics.mixed import means
from analysis.statistics.mixed.by_pair import by_pair
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.likelihood_ratio import likelihood_ratio
from analysis.statistics.mixed.terms import Terms, maximal
from stimuli.experiment import Contrast, Side, contrast

ALL = ("listener", "listener:item", "listener:condition", "item", "item:condition")


def test_everything_that_is_crossed_is_in_the_model() -> None:
    found = maximal(crossed(1))
    assert (found.fixed, found.random_names, found.left_out) == ((("condition",),), ALL, ())
    factors = maximal(with_factors(1).assign(dataset="one"))
    assert factors.random_names == (*ALL, "song", "song:condition")
    assert ("dataset",) not in factors.fixed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": lambda f: f["target"]}, "dataset is left out: it can't be told from target."),
        ({"target": lambda f: f["item"]}, "target is left out: one of its levels has one item only"),
        ({"target": lambda f: f["condition"]}, "target is left out: no condition was rated on more than one"),
        ({"listener_group": lambda f: f["listener"]}, "listener_group is left out: one of its levels has one listener"),
        ({"listener_group": lambda f: f["target"]}, "listener_group is left out: some listeners are in several groups"),
        ({"item": lambda f: f["song"]}, ""),
    ],
)
def test_what_cannot_be_told_apart_is_left_out_with_the_reason(change: dict, sentence: str) -> None:
    frame = with_factors(2).assign(**change)
    found = maximal(frame)
    assert any(sentence in reason for reason in found.left_out) or not sentence
    if not sentence:
        assert "song" not in found.random_names
    assert np.isfinite(fit(frame, found).deviance)


def test_terms_as_fine_as_the_ratings_are_left_out() -> None:
    frame = crossed(3)
    one_each = frame.groupby(["listener", "item"]).nth(0).assign(condition=lambda f: np.resize(["a", "b"], len(f)))
    found = maximal(one_each)
    assert "listener:item is left out: each of its levels has one rating, as the residual." in found.left_out
    one_item = maximal(frame[frame["item"] == "i00"])
    assert one_item.random_names == ("listener",)
    assert "item is left out: there is one only." in one_item.left_out
    assert "item:condition is left out: it can't be told from the fixed effects." in one_item.left_out


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (crossed(1, (1, 6, 3)), "1 listener in 18 ratings"),
        (crossed(1, (8, 6, 1)), "1 condition in 48 ratings"),
        (crossed(1).assign(rating=50.0), r"all 144 ratings are equal \(50\)"),
        (crossed(1).assign(rating=lambda f: f["rating"].where(f.index > 2)), "3 of 144 ratings are missing"),
        (crossed(1).assign(rating="good"), "holds text \\('good'\\)"),
        (crossed(1).assign(rating=lambda f: f["condition"].str[1:].astype(float)), "do not vary within a condition"),
        (crossed(1).assign(rating=lambda f: f["listener"].str[1:].astype(float)), "leave no residual in 144 ratings"),
        (crossed(1).assign(item=lambda f: f["item"].where(f.index > 2)), "item is empty in 3 of 144 rows"),
    ],
)
def test_ratings_that_no_model_can_be_fitted_to_are_explained(frame: pd.DataFrame, sentence: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AnalysisError, match=sentence):
            fit(frame, maximal(frame))


def test_what_was_not_rated_or_is_not_in_the_model_is_named() -> None:
    frame = crossed(4)
    found = fit(frame, maximal(frame))
    for text, sentence in (
        ("c00 - c09", "c00 - c09: no rating of condition c09; found c00, c01, c02"),
        ("c00 - c01 on target=vocals", "target is no fixed effect of this model"),
    ):
        with pytest.raises(AnalysisError, match=sentence):
            means.contrasts(found, [contrast(text)])
    with pytest.raises(AnalysisError, match="tukey adjusts for all pairs, 3 sides have 3; found 2"):
        means.contrasts(found, [contrast("c00 - c01"), contrast("c00 - c02")], adjust="tukey")
    with pytest.raises(AnalysisError, match="found 'fdr'; expected holm, hochberg, tukey or none"):
        means.contrasts(found, [contrast("c00 - c01")], adjust="fdr")
    with pytest.raises(AnalysisError, match="found 'z'; expected satterthwaite or kenward-roger"):
        means.contrasts(found, [contrast("c00 - c01")], df="z")
    with pytest.raises(AnalysisError, match="fitted by ml; expected reml"):
        means.tests(fit(frame, maximal(frame), method="ml"))
    with pytest.raises(AnalysisError, match="target is no fixed effect"):
        likelihood_ratio(frame, maximal(frame), without="target")
    with pytest.raises(AnalysisError, match="no column song"):
        fit(frame, Terms((("condition",),), (("song",),)))
    with pytest.raises(AnalysisError, match="c00 - c09: no rating of c09"):
        by_pair(frame, [contrast("c00 - c09")])
    with pytest.raises(AnalysisError, match="no column target"):
        by_pair(frame, [contrast("c00 - c01 on target=vocals")])


def test_pages_without_variation_are_named_by_their_contrast() -> None:
    frame = crossed(4)
    frame.loc[frame["condition"] != "c02", "rating"] = 50.0
    with pytest.raises(AnalysisError, match=r"c00 - c01: of the differences on 48 pages: .* are equal"):
        by_pair(frame, [contrast("c00 - c01")])


def test_kenward_roger_stands_aside_where_ratings_are_many() -> None:
    frame = crossed(5, (20, 20, 8))
    found = fit(frame, maximal(frame))
    with pytest.raises(AnalysisError, match="for at most 3000 ratings, found 3200"):
        means.tests(found, df="kenward-roger")


def test_empty_cells_of_an_interaction_are_left_out_and_their_contrasts_named() -> None:
    frame = with_factors(3)
    holes = frame[~((frame["condition"] == "c") & (frame["target"] == "vocals"))]
    terms = maximal(holes)
    found = fit(holes, terms)
    assert found.aliased == ("condition=c, target=vocals",)
    assert np.isfinite(means.contrasts(found, [contrast("a - b"), contrast("a - c on target=drums")])["se"]).all()
    for text in ("a - c", "a - c on target=vocals"):
        with pytest.raises(AnalysisError, match=f"^{text}: can't be estimated"):
            means.contrasts(found, [contrast(text)])
    estimated = means.estimated_means(found).set_index("condition")
    assert estimated["mean"].isna().to_dict() == {"a": False, "b": False, "c": True}
    tests = means.tests(found).set_index("term")
    # Of the condition a - b is left; nothing is known of the target over all conditions, c being among them.
    assert tests["num_df"].to_dict() == {
        "condition": 1,
        "target": 0,
        "listener_group": 1,
        "condition:target": 1,
        "condition:listener_group": 2,
    }
    assert (np.isfinite(tests["p"]) == (tests["num_df"] > 0)).all()


def test_adjustments_keep_their_order() -> None:
    frame = crossed(6, (10, 8, 4))
    found = fit(frame, maximal(frame))
    pairs = [Contrast(Side(a), Side(b)) for a, b in itertools.combinations(sorted(frame["condition"].unique()), 2)]
    p = {
        adjust: means.contrasts(found, pairs, adjust=adjust)["p_adjusted"]
        for adjust in ("none", "hochberg", "holm", "tukey")
    }
    assert (p["none"] <= p["hochberg"]).all()
    assert (p["hochberg"] <= p["holm"]).all()
    assert (p["none"] < p["tukey"]).all()
    assert (means.contrasts(found, pairs)["p_adjusted"] == p["holm"]).all()
    assert means.contrasts(found, []).empty

"""What the standard's attachments 3 and 4 must do whatever the ratings, and when the standard has which test."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_study import frame as one_item
from three_conditions import AB, ratings

from analysis.statistics.description import summaries
from analysis.statistics.these_items import anova, attachments
from stimuli.experiment import contrast


@pytest.mark.parametrize(
    ("spread", "listeners", "method", "says"),
    [
        ([1, 1, 1, 1], 25, "univariate", "above 0.85 and fewer than 34"),
        ([1, 1, 1, 9], 25, "multivariate", "needs more than 0.85 and fewer than 34: Hotelling's test"),
        ([1, 1, 1, 1], 34, "multivariate", "fewer than 34: Hotelling's test"),
        ([1, 1, 1, 9], 3, "univariate", "more listeners than its 3 contrasts.* stands in"),
    ],
)
def test_the_standards_choice(spread: list[float], listeners: int, method: str, says: str) -> None:
    means = pd.DataFrame(np.random.default_rng(0).normal(0, spread, (listeners, 4)))
    found = anova.one_way(means).iloc[0]
    assert found["method"] == method and pd.Series([found["reason"]]).str.contains(says, regex=True).all()
    assert found["p_standard"] == found["p_multivariate" if method == "multivariate" else "p_hf"]


def brute_force(first: list[float], second: list[float]) -> float:
    """Attachment 3 over every way to draw, instead of 10,000 of them."""
    pooled = np.array(first + second)
    actual = np.median(first) - np.median(second)
    places = set(range(len(pooled)))
    draws = list(itertools.combinations(places, len(first)))
    return float(
        np.mean([np.median(pooled[list(d)]) - np.median(pooled[list(places - set(d))]) > actual + 1e-9 for d in draws])
    )


@pytest.mark.parametrize(("first", "second"), [([3, 5, 9, 9], [1, 3, 4, 4, 2]), ([1.5, 2.5, 2.0], [2.0, 2.5, 3, 8])])
def test_attachment_3_comes_close_to_every_way_to_draw(first: list[float], second: list[float]) -> None:
    frame = pd.DataFrame({"condition": ["a"] * len(first) + ["b"] * len(second), "rating": [*first, *second]})
    expected = brute_force(first, second)
    found = attachments.attachment_3(frame, AB, draws=20_000, seed=2)
    assert found["p"] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 20_000))
    assert found["label"].endswith("as written: one-sided, ratings unpaired")
    assert found["significant"] == (found["larger"] < 1000)


def test_attachment_3_is_one_sided_and_its_twin_is_not() -> None:
    frame = ratings().query("condition != 'b'")
    better, worse = contrast("a - c"), contrast("c - a")
    up, down = (attachments.attachment_3(frame, one, seed=1) for one in (better, worse))
    assert up["significant"] and not down["significant"] and down["p"] == pytest.approx(1, abs=0.01)
    up, down = (attachments.paired_medians(frame, one, seed=1) for one in (better, worse))
    assert up["p"] == down["p"] < 0.01 and up["difference"] == -down["difference"]


def test_paired_medians_exchange_within_listeners() -> None:
    frame = ratings(listeners=7).query("condition != 'c'")
    sides = {key: own["rating"].to_numpy(float) for key, own in frame.groupby(["listener", "condition"])}
    names = sorted(set(frame["listener"]))
    sizes = []
    for swap in itertools.product([0, 1], repeat=7):
        first, second = (
            np.concatenate([sides[n, "ab"[s ^ side]] for n, s in zip(names, swap, strict=True)]) for side in (0, 1)
        )
        sizes.append(abs(np.median(first) - np.median(second)))
    found = attachments.paired_medians(frame, AB, draws=20_000, seed=4)
    assert found["p"] == pytest.approx(np.mean(np.array(sizes) >= sizes[0]), abs=0.015)


def test_attachment_3_takes_listeners_for_chance_and_its_twin_does_not() -> None:
    """Listeners who differ by much, conditions that differ by little for all of them: only pairing sees it."""
    lean = np.linspace(-40, 40, 16)
    frame = one_item({"a": list(53 + lean), "b": list(50 + lean)})
    assert not attachments.attachment_3(frame, AB, seed=1)["significant"]
    means = summaries.listener_means(frame)
    assert attachments.attachment_4(means, [AB])["p"][0] < 0.001, "every listener prefers a"


def test_attachment_4_turns_to_the_sign_test_where_differences_are_not_normal() -> None:
    draw = np.random.default_rng(1)
    normal, skewed = stats.norm.ppf(np.arange(1, 26) / 26) + 0.5, draw.exponential(1, 25) ** 3
    means = pd.DataFrame({"a": normal, "b": np.zeros(25), "c": -skewed})
    found = attachments.attachment_4(means, [AB, contrast("b - c")])
    assert found["test"].tolist() == ["t", "sign"]
    assert found["p"].tolist() == [found["p_t"][0], found["p_sign"][1]]
    assert found["p_sign"][1] == pytest.approx(2 * 0.5**25)


def test_attachment_4_adjusts_by_hochberg_over_what_each_contrast_was_tested_with() -> None:
    scores = stats.norm.ppf(np.arange(1, 26) / 26)
    means = pd.DataFrame({"a": scores + 0.42, "b": np.zeros(25), "c": -0.4 - scores[::-1]})
    found = attachments.attachment_4(means, [AB, contrast("b - c")])
    assert ((found["p"] > 0.025) & (found["p"] < 0.05)).all()
    assert found["p_adjusted"].tolist() == [found["p"].max()] * 2, "Holm would double the smaller"

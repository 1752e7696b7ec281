"""What the statistics must do whatever the ratings: boundaries, invariances, and small cases known by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import frame

from analysis.errors import AnalysisError
from analysis.statistics import adjustment
from analysis.statistics.description import summaries
from analysis.statistics.listeners import screening, verdicts
from analysis.statistics.these_items import rank_tests
from stimuli.experiment import contrast


def trials(condition: str, ratings: list[float], listener: str = "L") -> pd.DataFrame:
    """One listener's ratings of one condition, an item each."""
    return pd.DataFrame(
        [
            {"listener": listener, "item": f"i{n:02d}", "condition": condition, "rating": value}
            for n, value in enumerate(ratings)
        ]
    )


NAMES = {"reference": "reference", "mid_anchor": "lowpass-7000"}


@pytest.mark.parametrize(("slips", "count", "out"), [(3, 20, False), (4, 20, True), (1, 7, False), (1, 6, True)])
def test_exactly_fifteen_percent_is_not_more_than_fifteen(slips: int, count: int, out: bool) -> None:
    found = screening.screen(trials("reference", [89.9] * slips + [90] * (count - slips)), **NAMES).iloc[0]
    assert (found["slips"], found["trials"], found["excluded"]) == (slips, count, out)


@pytest.mark.parametrize(("rating", "slips"), [(90, 0), (90.1, 1)])
def test_ninety_itself_is_no_slip_for_the_anchor(rating: float, slips: int) -> None:
    others = [trials("lowpass-7000", [50, 50], f"M{n}") for n in range(4)]
    found = screening.screen(pd.concat([trials("lowpass-7000", [rating, 50]), *others]), ["bs1534-mid-anchor"], **NAMES)
    assert found["slips"].tolist() == [slips, 0, 0, 0, 0]


@pytest.mark.parametrize(("high", "excepted"), [(2, []), (3, ["i00"])])
def test_an_item_that_more_than_a_quarter_rate_high_counts_for_nobody(high: int, excepted: list[str]) -> None:
    ratings = pd.concat([trials("lowpass-7000", [95 if n < high else 50, 50, 50], f"L{n}") for n in range(8)])
    assert screening.excepted_items(ratings, "lowpass-7000") == excepted
    found = screening.screen(ratings, ["bs1534-mid-anchor"], **NAMES)
    assert found["trials"].tolist() == [3 - len(excepted)] * 8
    assert screening.excluded(found) == ([] if excepted else ["L0", "L1"])


def test_so_few_trials_that_one_slip_excludes_are_marked() -> None:
    assert verdicts.one_slip_excludes(screening.screen(trials("reference", [100] * 6), **NAMES)).all()
    assert not verdicts.one_slip_excludes(screening.screen(trials("reference", [100] * 7), **NAMES)).any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 90)] * 3), min_size=3, max_size=9), st.integers(1, 10))
def test_shifting_every_rating_changes_no_rank_test(ratings: list[tuple[int, ...]], shift: int) -> None:
    means = pd.DataFrame(ratings, columns=pd.Index(["a", "b", "c"]), dtype=float)
    pairs = [contrast("a - b"), contrast("b - c")]
    before, after = rank_tests.compare(means, pairs), rank_tests.compare(means + shift, pairs)
    pd.testing.assert_frame_equal(before, after)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)), st.permutations(["a", "b", "c"]))
def test_order_of_listeners_and_names_of_conditions_do_not_matter(rows: list[int], names: list[str]) -> None:
    means = pd.DataFrame(np.random.default_rng(3).integers(0, 100, (8, 3)), columns=pd.Index(["a", "b", "c"]))
    moved = means.iloc[rows].rename(columns=dict(zip("abc", names, strict=True)))
    before, after = rank_tests.friedman(means), rank_tests.friedman(moved)
    assert before == pytest.approx(after)
    turned = rank_tests.compare(moved, [contrast(f"{names[1]} - {names[0]}")]).iloc[0]
    straight = rank_tests.compare(means, [contrast("a - b")]).iloc[0]
    assert turned["p"] == pytest.approx(straight["p"])
    assert turned["difference"] == pytest.approx(-straight["difference"])
    assert turned["rank_biserial"] == pytest.approx(-straight["rank_biserial"])


def test_float_noise_does_not_break_ties() -> None:
    noisy = np.array([0.1 + 0.2, 0.3, 2.0, 5.0])
    assert noisy[0] != noisy[1] and not rank_tests.wilcoxon(noisy, np.zeros(4))["exact"]
    assert rank_tests.wilcoxon(np.array([0.3, 1, 2, 5.0]), np.zeros(4))["exact"]


def test_exact_p_is_the_share_of_sign_patterns() -> None:
    differences = np.array([1.0, 2, 3, -4, 5, 6])
    ranks = np.abs(differences)
    sums = [ranks @ np.array(signs) for signs in itertools.product([0, 1], repeat=6)]
    expected = np.mean([abs(total - 10.5) >= abs(17 - 10.5) for total in sums])
    assert rank_tests.wilcoxon(differences, np.zeros(6))["p"] == pytest.approx(expected)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(adjustment.holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(adjustment.holm(np.array([0.9, 0.8])), [1, 1])


@pytest.mark.parametrize(("count", "place"), [(6, 1), (10, 9), (20, 53)])
def test_the_interval_ends_where_the_tables_say(count: int, place: int) -> None:
    # Hollander and Wolfe, table A.4: the place among the ordered Walsh averages for 95 %.
    differences = np.random.default_rng(count).normal(0, 5, count)
    walsh = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2))
    found = rank_tests.hodges_lehmann(differences)
    assert found["low"] == pytest.approx(walsh[place - 1]) and found["high"] == pytest.approx(walsh[-place])


def test_the_interval_covers_the_true_shift_nineteen_times_in_twenty() -> None:
    draw = np.random.default_rng(7)
    hits = [
        found["low"] <= 3 <= found["high"]
        for _ in range(600)
        for found in [rank_tests.hodges_lehmann(3 + draw.normal(0, 5, 12))]
    ]
    assert 0.935 <= np.mean(hits) <= 0.985


def test_an_item_presented_twice_weighs_no_more() -> None:
    ratings = frame({"a": [10.0]})
    twice = pd.concat([ratings, ratings.assign(replicate=1), ratings.assign(item="j", rating=40.0)])
    assert summaries.listener_means(twice).loc["L00", "a"] == 25
    assert summaries.per_condition(twice)["mean"].tolist() == [25]


@pytest.mark.parametrize(("values", "expected"), [([1, 2, 3, 4, 5], (2, 3, 4)), ([1, 2, 3, 4], (1.5, 2.5, 3.5))])
def test_hinges_share_the_median(values: list[float], expected: tuple[float, ...]) -> None:
    assert summaries.hinges(np.array(values)) == expected


def test_one_listener_has_a_mean_and_no_interval() -> None:
    found = summaries.t_interval(np.array([50.0]))
    assert found["mean"] == 50 and np.isnan(found["low"])


@pytest.mark.parametrize(
    ("ratings", "sentence"),
    [
        ({"a": [1.0], "b": [2.0], "c": [3.0]}, "needs 2 listeners .* found 1 and 3"),
        ({"a": [1.0, 2], "b": [2.0, 3]}, "3 conditions, found 2 and 2"),
        ({"a": [1.0, 2], "b": [1.0, 2], "c": [1.0, 2]}, "every listener rated all conditions alike"),
    ],
)
def test_friedman_says_what_it_lacks(ratings: dict[str, list[float]], sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        rank_tests.friedman(summaries.listener_means(frame(ratings)))

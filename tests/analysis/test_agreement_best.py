"""The best metric against the others: what two have to say before they count as different, and in which words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from analysis.agreement.best import best_shares, comparisons, limits_told, number, sentence
from analysis.agreement.dependent import williams
from analysis.agreement.rows import ComparisonRow, MetricRow
from analysis.statistics.adjustment import holm

NAMES = ["a", "b", "c"]
ESTIMATES = np.array([0.5, 0.8, 0.7])
BETWEEN = np.array([[1, 0.6, 0.5], [0.6, 1, 0.9], [0.5, 0.9, 1]])


def compared(spread: float, cells: int) -> tuple[ComparisonRow, ...]:
    """The best of three from draws that vary so much, each metric by itself."""
    draws = ESTIMATES + spread * np.random.default_rng(1).standard_normal((2000, 3))
    return comparisons(NAMES, ESTIMATES, draws, BETWEEN, cells=cells, blocks=1000)


def test_the_best_stands_against_each_other_at_the_price_of_all_pairs() -> None:
    rows = compared(0.01, 30)
    assert [(row.first, row.second, row.df) for row in rows] == [("b", "c", 27), ("b", "a", 27)]
    pairs = [(1, 2), (1, 0), (2, 0)]
    tests = [williams(ESTIMATES[k], ESTIMATES[m], BETWEEN[k, m], cells=30) for k, m in pairs]
    assert [row.t for row in rows] == pytest.approx([float(t) for t, _ in tests[:2]])
    adjusted = holm(np.array([float(p) for _, p in tests]))
    assert [row.p_adjusted for row in rows] == pytest.approx(list(adjusted[:2]))
    assert rows[1].p_adjusted > 2 * rows[1].p
    for row in rows:
        assert row.low < row.difference < row.high


@pytest.mark.parametrize(("spread", "cells", "apart"), [(0.01, 300, True), (0.01, 6, False), (0.3, 300, False)])
def test_two_metrics_differ_where_interval_and_test_say_so(spread: float, cells: int, *, apart: bool) -> None:
    """Draws that hardly vary don't help few cells, nor many cells draws that vary: few items with many conditions."""
    assert [row.apart for row in compared(spread, cells)] == [apart, apart]


def test_shares_leave_out_draws_without_a_number() -> None:
    draws = np.array([[0.1, 0.2], [0.3, 0.2], [0.4, 0.4], [np.nan, 0.1]])
    assert best_shares(draws).tolist() == [0.5, 0.5]
    assert np.isnan(best_shares(draws[3:])).all()


def test_agreement_is_of_the_largest_with_regard_to_all_that_were_looked_at() -> None:
    """0.22 in standard errors of 0.1 is more than chance for one metric, and not for the best of forty."""
    draws = 0.1 * np.random.default_rng(2).standard_normal((4000, 40))
    estimates = np.array([0.22, *np.zeros(39)])
    assert limits_told(estimates[:1], draws[:, :1] + estimates[:1], blocks=1000)[0][0] > 0
    low, high = limits_told(estimates, draws + estimates, blocks=1000)
    assert low[0] < 0 < high[0]


def measured(name: str, *, p: float = 0.01, slope: float = 3.0) -> MetricRow:
    """A row with this label, and with this p of its slope in the mixed model."""
    numbers: dict[str, Any] = {field.name: 0.5 for field in dataclasses.fields(MetricRow)}
    about = {"metric": name, "label": name.upper(), "cells": 60, "items": 12, "conditions": 5}
    return MetricRow(**numbers | about | {"slope": slope, "slope_p_adjusted": p})


@pytest.mark.parametrize(
    ("names", "apart", "end"),
    [
        ("abc", "bc", "and it can be told from every other."),
        ("ab", "b", "and it can be told from B."),
        ("ab", "", "but it can't be told from B."),
        ("abc", "", "but it can't be told from any other."),
        ("abcd", "d", "but it can't be told from B and C."),
        ("abcdefgh", "h", "but it can't be told from B, C, D and 3 others."),
    ],
)
def test_the_sentence_names_what_the_best_can_not_be_told_from(names: str, apart: str, end: str) -> None:
    rows = [measured(name) for name in names]
    pairs = [ComparisonRow("a", name, 0.1, 0, 0.2, 1, 57, 0.1, 0.2, apart=name in apart) for name in names[1:]]
    said = sentence(rows, pairs, 0.25, 0.75, asked=9)
    assert f"{end} It is shown to agree about other systems too" in said
    assert "0.50 (simultaneous 95 % interval 0.25 to 0.75)" in said


def said_of(names: str, low: float, *, equal: str = "", asked: int = 9, p: Mapping[str, float] | None = None) -> str:
    """The sentence of these metrics, of which some have the best one's coefficient, and some a p of their own."""
    pairs = [
        ComparisonRow("a", name, 0.0 if name in equal else 0.1, 0, 0, 1, 57, 0.1, 0.2, apart=name not in equal)
        for name in names[1:]
    ]
    rows = [measured(name, p=(p or {}).get(name, 0.01)) for name in names]
    return sentence(rows, pairs, low, low + 0.5, asked=asked)


def test_what_is_told_is_what_decides() -> None:
    """An interval that is printed beside "can't be said to agree" holds 0, and no other does."""
    assert said_of("a", 0.1, asked=1).startswith("A, the only metric compared, agrees with listeners")
    assert said_of("a", 0.1).startswith("A, the only one of 9 metrics that could be compared, agrees")
    assert "agree with listeners: for these 5 conditions its rank correlation" in said_of("a", -0.1)
    assert "can't be said to agree" in said_of("a", -0.1) and "(95 % interval -0.10 to 0.40)" in said_of("a", -0.1)
    none = said_of("ab", -0.1)
    assert none.startswith("None of 2 metrics can be said to agree")
    assert "(simultaneous 95 % interval -0.10 to 0.40)" in none
    for names in ("a", "ab"):
        without = said_of(names, np.nan)
        assert "0.50, without an interval." in without and "nan" not in without and "best" not in without


def test_equal_metrics_are_not_told_as_a_best_one() -> None:
    assert said_of("ab", 0.1, equal="b").startswith(
        "A and B agree equally well with listeners for these 5 conditions: the rank"
    )
    three = said_of("abc", 0.1, equal="b")
    assert three.startswith("Of 3 metrics, A and B agree best and equally well with listeners")
    assert "and they can be told from C. They are shown" in three
    assert "is that of A and B, 0.50" in said_of("abc", -0.1, equal="b")


OTHERS = "about other systems, of which these 5 conditions are a sample (mixed model with random conditions, "


def test_agreement_is_claimed_only_where_it_is_shown_beyond_these_conditions() -> None:
    shown = said_of("a", 0.1, asked=1)
    assert shown.endswith(
        "It is shown to agree about other systems too (mixed model with random conditions, p = 0.010)."
    )
    for names in ("a", "ab"):
        careful = said_of(names, 0.1, p={"a": 0.05, "b": 0.2})
        assert "agrees" not in careful and " goes along" in careful and "for these 5 conditions: its" in careful
        assert careful.endswith(f" It is not shown to agree {OTHERS}p = 0.050).")
    other = said_of("abc", 0.1, p={"a": 0.3, "b": 0.2})
    assert other.endswith(f"{OTHERS}p = 0.300); that is shown of C.")


def test_without_a_model_or_with_a_slope_to_the_other_side_nothing_is_claimed() -> None:
    assert said_of("a", 0.1, p={"a": np.nan}).endswith(f"{OTHERS}which can't be fitted).")
    backwards = measured("a", slope=-1.0)
    assert not backwards.holds
    assert sentence([backwards], [], 0.1, 0.6, asked=1).endswith(f"{OTHERS}slope not above 0).")


def test_of_equal_metrics_the_weakest_decides() -> None:
    both = said_of("ab", 0.1, equal="b", p={"b": 0.4})
    assert both.startswith("A and B go along equally well with listeners for these 5 conditions: the rank")
    assert both.endswith(f"They are not shown to agree {OTHERS}p = 0.400).")


def test_limits_of_coefficients_stay_within_their_range() -> None:
    draws = np.random.default_rng(3).normal([0.9, -0.9], 0.5, (500, 2))
    low, high = limits_told(np.array([0.9, -0.9]), draws, blocks=9)
    assert (low.min(), high.max()) == (-1, 1)
    assert number(0.9, *(float(one[0]) for one in (low, high)), of=2).endswith("to 1.00)")
    (row,) = comparisons(["a", "b"], np.array([0.9, -0.9]), 3 * draws, np.eye(2), cells=30, blocks=9)
    assert row.high == 2

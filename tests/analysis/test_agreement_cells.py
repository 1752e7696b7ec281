"""Which cells metrics are compared on, which metrics can't be, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_metrics import follows, metrics, quality, ratings, values

from analysis.agreement.cells import beside
from analysis.errors import AnalysisError

DRAW = np.random.default_rng(1)
TRUE = quality(DRAW, 6, 5)
RATED = ratings(DRAW, TRUE, 8)
A, B = follows(DRAW, TRUE, 5), follows(DRAW, TRUE, 5)


def without(column: np.ndarray, *cells: tuple[int, int]) -> np.ndarray:
    """The column with no number in some cells."""
    found = column.copy()
    for cell in cells:
        found[cell] = np.nan
    return found


def test_the_mean_of_a_cell_is_over_listeners_each_with_the_mean_of_replicates() -> None:
    first = RATED[RATED["listener"] == "L0000"].assign(replicate=1, rating=0.0)
    found = beside(pd.concat([RATED, first, first.assign(replicate=2)]), values(a=A), metrics("a"))
    wide = RATED.pivot_table(index=["item", "condition"], columns="listener", values="rating")
    wide["L0000"] /= 3
    np.testing.assert_allclose(found.ratings, wide.mean(axis=1), atol=1e-9)
    assert found.rated.shape == (8, 30)


def test_a_cell_that_lacks_a_number_of_one_metric_is_left_out_for_all() -> None:
    holes = {"a": without(A, (0, 0)), "b": without(B, (2, 3))}
    found = beside(RATED, values(**holes), metrics("a", "b"))
    assert (len(found.table), found.left_out) == (28, {})
    assert found.table[["a", "b"]].notna().all(axis=None)


def test_a_metric_with_few_numbers_goes_and_takes_no_cells_along() -> None:
    few = without(B, *[(item, condition) for item in range(3) for condition in range(5)])
    found = beside(RATED, values(a=A, b=few, c=A * np.nan), metrics("a", "b", "c"))
    assert len(found.table) == 30
    assert [metric.name for metric in found.metrics] == ["a"]
    assert "15 of 30 cells" in found.left_out["b"]
    assert "0 of 30 cells" in found.left_out["c"]


def test_a_condition_that_several_metrics_lack_goes_instead_of_them() -> None:
    last = [(item, 4) for item in range(6)]
    lacking = {"a": A, "b": without(B, *last), "c": without(A + B, *last)}
    found = beside(RATED, values(**lacking), metrics("a", "b", "c"))
    assert ([metric.name for metric in found.metrics], len(found.table)) == (["a", "b", "c"], 24)
    assert found.problems == ("The condition c4: left out for all metrics, because some have no number there.",)
    one = beside(RATED, values(a=A, b=lacking["b"]), metrics("a", "b"))
    assert ([metric.name for metric in one.metrics], len(one.table)) == (["a"], 30)


def test_a_condition_stays_where_few_of_many_metrics_lack_it() -> None:
    """The mixture has no artefacts: two measures of these are no reason to compare none on it."""
    last = [(item, 4) for item in range(6)]
    everywhere = {name: A + number * B for number, name in enumerate("abcd")}
    lacking = everywhere | {"sar": without(A - B, *last), "si-sar": without(A - 2 * B, *last)}
    found = beside(RATED, values(**lacking), metrics(*lacking))
    assert len(found.table) == RATED.groupby(["item", "condition"]).ngroups and set(found.left_out) == {"sar", "si-sar"}


def test_conditions_do_not_go_for_metrics_that_lack_most_of_them() -> None:
    most = [(item, condition) for item in range(6) for condition in (0, 1)]
    lacking = {"a": A, "b": without(B, *most), "c": without(A + B, *most), "d": A * np.nan}
    found = beside(RATED, values(**lacking), metrics(*lacking))
    assert ([metric.name for metric in found.metrics], len(found.table)) == (["a"], 30)


def test_base_stays_and_its_cells_are_those_compared() -> None:
    lacking = {"sdr": without(A, *[(item, 4) for item in range(6)], (0, 0), (1, 0), (2, 1), (3, 3)), "b": B, "c": A + B}
    found = beside(RATED, values(**lacking), metrics(*lacking), base="sdr")
    assert ([metric.name for metric in found.metrics], len(found.table)) == (["sdr", "b", "c"], 20)
    assert found.problems[0].startswith("The condition c4: left out") and "4 cells" in found.problems[1]
    few = without(A, *[(item, condition) for item in range(4) for condition in range(5)])
    found = beside(RATED, values(sdr=few, b=B, c=A + B), metrics("sdr", "b", "c"), base="sdr")
    assert ([metric.name for metric in found.metrics], len(found.table)) == (["b", "c"], 30)


def test_metrics_without_any_number_are_all_left_out_base_too() -> None:
    found = beside(RATED, values(sdr=A * np.nan, b=B * np.nan), metrics("sdr", "b"), base="sdr")
    assert found.left_out == dict.fromkeys(("sdr", "b"), "has no number for any rated cell")
    assert "no metric has numbers" in found.too_few


def test_listeners_who_did_not_rate_all_cells_are_spoken_of() -> None:
    assert beside(RATED, values(a=A), metrics("a")).problems == ()
    (said,) = beside(RATED.iloc[1:], values(a=A), metrics("a")).problems
    assert said.startswith("1 of 8 listeners did not rate all 30 cells")


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_metric_near_zero_of_one_size_is_constant(size: float) -> None:
    sides = size * np.where(np.arange(30).reshape(6, 5) % 3, 0.5, -0.5)
    near = [*metrics("a"), *metrics("z", better="zero")]
    assert "same number for all 30 cells" in beside(RATED, values(a=A, z=sides), near).left_out["z"]
    dust = size * np.where(sides > 0, 0.3, 0.1 + 0.2)
    assert "same number" in beside(RATED, values(a=A, z=dust), metrics("a", "z")).left_out["z"]
    assert beside(RATED, values(a=A, z=size * A), metrics("a", "z")).left_out == {}


def test_a_listener_of_other_cells_alone_is_not_drawn_from() -> None:
    elsewhere = RATED[RATED["listener"] == "L0000"].assign(listener="new", condition="c9")
    assert beside(pd.concat([RATED, elsewhere]), values(a=A), metrics("a")).rated.shape == (8, 30)


def test_infinity_is_no_number_and_a_constant_can_not_be_compared() -> None:
    found = beside(RATED, values(a=np.where(A.max() == A, np.inf, A), b=np.ones_like(B)), metrics("a", "b"))
    assert len(found.table) == 29
    assert "same number for all 29 cells" in found.left_out["b"]


def test_more_is_better_for_all_metrics() -> None:
    columns = values(a=A, b=B)
    low, near = (beside(RATED, columns, metrics("a", better=better)).values for better in ("lower", "zero"))
    given = columns["a"].to_numpy()
    np.testing.assert_array_equal(low[:, 0], -given)
    np.testing.assert_array_equal(near[:, 0], -np.abs(given))
    assert beside(RATED, columns, metrics("a", better="lower")).table["a"].tolist() == given.tolist()


def test_the_hidden_reference_is_no_cell_even_where_a_metric_has_a_number() -> None:
    renamed = {"c4": "reference"}
    rated = RATED.assign(condition=RATED["condition"].replace(renamed))
    measured = values(a=A)
    measured["condition"] = measured["condition"].replace(renamed)
    found = beside(rated, measured, metrics("a"), reference="reference")
    assert set(found.table["condition"]) == {"c0", "c1", "c2", "c3"}
    assert "hidden reference is left out" in found.problems[0]
    assert set(beside(rated, measured, metrics("a")).table["condition"]) == {"c0", "c1", "c2", "c3", "reference"}


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("condition in ('c0', 'c1')", "2 conditions"),
        ("item == 'i00'", "1 item and 5 cells"),
        ("item == 'nowhere'", "no metric has numbers"),
    ],
)
def test_too_few_to_say_anything(kept: str, said: str) -> None:
    found = beside(RATED.query(kept), values(a=A), metrics("a"))
    assert said in found.too_few


def test_equal_ratings_say_nothing_and_enough_cells_have_no_reason() -> None:
    assert "same mean rating" in beside(RATED.assign(rating=50.0), values(a=A), metrics("a")).too_few
    assert beside(RATED, values(a=A), metrics("a")).too_few == ""


def test_tables_that_lack_a_column_or_tell_two_things_of_a_cell_are_refused() -> None:
    measured = values(a=A)
    with pytest.raises(AnalysisError, match="values of metrics have no column b"):
        beside(RATED, measured, metrics("a", "b"))
    with pytest.raises(AnalysisError, match="ratings have no column listener"):
        beside(RATED.drop(columns="listener"), measured, metrics("a"))
    with pytest.raises(AnalysisError, match="two rows of values for i00 under c1"):
        beside(RATED, pd.concat([measured, measured.iloc[[1]]]), metrics("a"))

"""What a metric tells beyond another: R's numbers, the null, and what can't be tested."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from simulated_metrics import follows, metrics, quality, ratings, values

from analysis.agreement.cells import Beside, beside
from analysis.agreement.incremental import base_of, increments, slopes
from analysis.agreement.rows import IncrementRow

CELLS = """
0.82 2.43 67.6 0.85 2.51 85.5 2.48 2.25 74.5 2.18 3.18 105.7
-0.27 -0.74 44 1.87 1.88 70 -0.09 0.35 47.9 1.84 3.7 78
0.86 0.99 48.8 3.16 2.9 76.2 1.55 1.66 55.3 1.15 1.33 72.8
-0.85 1.43 45 1.5 2.37 77.2 0.72 1.11 61.7 0.76 3.31 78.2
-0.34 -0.83 45.8 1.11 1.91 71 0.29 -0.51 50.3 2.42 3.44 78.5
0.45 0.26 52.4 2.16 2.11 66.2 0.74 -0.06 47.3 2.23 2.15 76.2
1.84 1.15 63.2 1.24 1.08 78.7 0.54 0.21 57.7 0.59 3.03 80.8
0.07 1.37 56.1 -0.12 1.49 64.8 -1.6 0.07 54 -0.62 1.41 78.5
"""
"""metric, base, rating of eight items under four conditions each."""


def cells() -> Beside:
    """Those cells, each rated once."""
    metric, base, rating = np.array(CELLS.split(), float).reshape(32, 3).T.reshape(3, 8, 4)
    given = values(rating=rating).assign(listener="L", replicate=0, song="")
    return beside(given, values(base=base, metric=metric), metrics("base", "metric"))


def test_as_lme4_with_kenward_and_roger() -> None:
    """R 4.2.2, lmerTest: m <- lmer(rating ~ base + metric + (1 | item) + (1 | condition)), metrics in their sd (n).

    anova(m, ddf = "Kenward-Roger", type = 3) and fixef(m); R squared of m and of the model without the metric as
    variance of X fixef over itself and the sum of VarCorr.
    """
    (row,), problems = increments(cells(), "base")
    assert (row.metric, row.base, problems) == ("metric", "base", ())
    found = (row.slope, row.f, row.df, row.p, row.r2_base, row.r2_both)
    assert found == pytest.approx((4.52036849, 12.59548287, 21.91505511, 0.00180734, 0.07867803, 0.09178503), rel=2e-4)


def test_a_metric_of_conditions_alone_is_tested_on_as_many_values_as_there_are_conditions() -> None:
    """For complete data the model is a line through the conditions' means, with C - 2 degrees of freedom."""
    draw = np.random.default_rng(4)
    true, of_conditions = quality(draw, 9, 6), draw.normal(0, 1, 6)
    found = beside(ratings(draw, true, 5), values(m=np.tile(of_conditions, (9, 1))), metrics("m"))
    (row,), _ = slopes(found)
    line = stats.linregress(of_conditions, found.ratings.reshape(9, 6).mean(axis=0))
    wanted = (line.slope * of_conditions.std(), (line.slope / line.stderr) ** 2, 4, line.pvalue, line.pvalue)
    assert (row.slope, row.slope_f, row.slope_df, row.slope_p, row.slope_p_adjusted) == pytest.approx(wanted, rel=1e-3)


def test_slopes_are_in_their_metrics_order_with_holm_over_them_and_without_units() -> None:
    (base, metric), problems = slopes(cells())
    low, high = sorted([base, metric], key=lambda row: row.slope_p)
    assert problems == () and low.slope_p_adjusted == pytest.approx(2 * low.slope_p)
    assert high.slope_p_adjusted == max(high.slope_p, low.slope_p_adjusted)
    other = cells()
    object.__setattr__(other, "values", other.values * [-3, 0.01] + 40)
    turned = slopes(other)[0]
    assert (turned[0].slope, turned[1].slope_p) == pytest.approx((-base.slope, metric.slope_p), rel=1e-6)


def test_units_do_not_matter_and_what_is_turned_changes_its_sign_alone() -> None:
    plain = increments(cells(), "base")[0][0]
    other = cells()
    object.__setattr__(other, "values", other.values * [-3, 0.01] + 40)
    turned = increments(other, "base")[0][0]
    assert (turned.slope, turned.f, turned.r2_both) == pytest.approx((plain.slope, plain.f, plain.r2_both), rel=1e-6)


def test_what_equals_base_or_lacks_it_is_said_and_not_tested() -> None:
    draw = np.random.default_rng(1)
    true = quality(draw, 5, 4)
    a = follows(draw, true, 5)
    found = beside(ratings(draw, true, 5), values(a=a, b=-2 * a + 1, c=follows(draw, true, 5)), metrics("a", "b", "c"))
    rows, problems = increments(found, "a")
    assert [row.metric for row in rows] == ["c"]
    assert "b tells nothing beyond a" in problems[0]
    rows, problems = increments(found, None)
    assert (rows, "beyond SDR is not tested: it is not among" in problems[0]) == ((), True)


def test_a_metric_that_predicts_ratings_exactly_is_said_and_takes_no_other_along() -> None:
    draw = np.random.default_rng(1)
    true = quality(draw, 5, 4)
    rated = ratings(draw, true, 5)
    exact = rated.groupby(["item", "condition"])["rating"].mean().to_numpy().reshape(true.shape)
    columns = {"a": follows(draw, true, 5), "b": 3 + exact / 20, "c": follows(draw, true, 5)}
    columns["d"] = exact + 1e-6 * draw.normal(0, 1, true.shape)
    found = beside(rated, values(**columns), metrics(*columns))
    rows, problems = increments(found, "a")
    assert [row.metric for row in rows] == ["c"]
    assert [problem[:7] for problem in problems] == ["What b ", "What d "]
    assert all("predicted exactly, which leaves no residual" in problem for problem in problems)
    alone, untested = slopes(found)
    assert [np.isnan(row.slope_p_adjusted) for row in alone] == [False, True, False, True]
    assert [problem[:10] for problem in untested] == ["Whether b ", "Whether d "]
    rows, (problem,) = increments(found, "b")
    assert rows == () and problem.startswith("What metrics tell beyond b is not tested: with it, the ratings")


def test_base_is_the_first_sdr_there_is_and_one_metric_has_none() -> None:
    assert base_of(["a", "SDR", "si_sdr_db", "bss_sdr_db"]) == "bss_sdr_db"
    assert (base_of(["a", " sdr"]), base_of(["a", "sdr_like"])) == (" sdr", None)
    true = quality(np.random.default_rng(1), 5, 4)
    one = beside(ratings(np.random.default_rng(2), true, 3), values(a=true), metrics("a"))
    assert increments(one, None) == ((), ())


def test_items_of_one_song_are_not_taken_for_as_many_songs() -> None:
    """Ratings and metric both go by songs, each its own way: half of such metrics are found where songs are unknown."""
    draw = np.random.default_rng(2)
    found = {"unknown": 0, "known": 0}
    for _ in range(6):
        of_ratings, of_metric = (np.repeat(draw.normal(0, 10, (4, 4)), 8, axis=0) for _ in range(2))
        rated = ratings(draw, quality(draw, 32, 4) + of_ratings, 2)
        measured = values(base=draw.normal(0, 1, (32, 4)), m=of_metric + draw.normal(0, 2, (32, 4)))
        songs = "s" + (rated["item"].str[1:].astype(int) // 8).astype(str)
        for name, song in (("unknown", ""), ("known", songs)):
            both = beside(rated.assign(song=song), measured, metrics("base", "m"))
            found[name] += int(increments(both, "base")[0][0].p < 0.05)
    assert found["unknown"] >= 3
    assert found["known"] <= 1


def by_chance(studies: int, *, size: tuple[int, int], of_conditions: float) -> np.ndarray:
    """p of a metric that knows nothing, where ratings go by items and conditions beside ``base``."""
    draw = np.random.default_rng(size[0])
    found = []
    for _ in range(studies):
        base, metric = (draw.normal(0, 1, size) + draw.normal(0, sd, (1, size[1])) for sd in (1, of_conditions))
        true = (
            50 + 3 * base + draw.normal(0, 5, (size[0], 1)) + draw.normal(0, 8, (1, size[1])) + draw.normal(0, 6, size)
        )
        rated = values(rating=true).assign(listener="L", replicate=0)
        (row,), _ = increments(beside(rated, values(base=base, m=metric), metrics("base", "m")), "base")
        found.append(row.p)
    return np.array(found)


def test_a_metric_that_goes_by_conditions_alone_is_not_found_to_matter() -> None:
    """Without random conditions half of them are, and 14 to 17 % by the likelihood-ratio test."""
    p = by_chance(24, size=(8, 4), of_conditions=5)
    assert (p < 0.05).sum() <= stats.binom.ppf(0.99, 24, 0.05)


@pytest.mark.proof
@pytest.mark.parametrize("size", [(3, 3), (6, 4), (10, 5), (20, 6)])
@pytest.mark.parametrize("of_conditions", [0.0, 1.0, 5.0])
def test_5_percent_of_metrics_that_know_nothing_are_found(size: tuple[int, int], of_conditions: float) -> None:
    p = by_chance(400, size=size, of_conditions=of_conditions)
    print(size, of_conditions, (p < 0.05).mean())
    assert (p < 0.05).mean() < 0.08


def test_holm_is_over_the_metrics() -> None:
    draw = np.random.default_rng(3)
    true = quality(draw, 8, 5)
    names = ("base", "m0", "m1", "m2")
    columns = {name: follows(draw, true, 6) for name in names}
    rows, _ = increments(beside(ratings(draw, true, 6), values(**columns), metrics(*names)), "base")
    ordered: list[IncrementRow] = sorted(rows, key=lambda row: row.p)
    assert ordered[0].p_adjusted == pytest.approx(min(1, 3 * ordered[0].p))
    assert ordered[0].p < 0.05

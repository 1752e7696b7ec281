"""What tests for these items must do whatever the ratings: small cases by hand, brute force, invariances, refusals."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from three_conditions import AB, ALL, ratings

from analysis.errors import AnalysisError
from analysis.statistics.description import summaries
from analysis.statistics.these_items import anova, attachments, paired, pairs, permutation, rank_tests
from stimuli.experiment import Contrast, contrast

Change = Callable[[pd.DataFrame], pd.DataFrame]


def everything(frame: pd.DataFrame, contrasts: list[Contrast] = ALL, margin: float = 5.0) -> dict[str, np.ndarray]:
    """All p values and sizes that do not depend on the unit of the scale."""
    means = summaries.listener_means(frame)
    t = paired.compare(means, contrasts, margin=margin)
    signs = permutation.compare(means, contrasts, seed=3)
    sizes = ["p", "p_adjusted", "t", "d_z", "d_z_low", "d_z_high", "superiority", "rank_biserial", "p_equivalence"]
    by_f = ["f", "p", "p_gg", "p_hf", "p_multivariate", "mauchly_w", "eta2_partial", "eta2_generalised"]
    ranked = rank_tests.compare(means, contrasts)
    return {
        "t": t[sizes].to_numpy(float),
        "ranks": ranked[["p", "p_adjusted", "rank_biserial", "kendall_w"]].to_numpy(float),
        "signs": signs[["p", "p_adjusted"]].to_numpy(float),
        "anova": anova.repeated_measures(frame)[by_f].to_numpy(float),
        "one way": anova.one_way(means)[by_f].to_numpy(float),
        "attachment 4": attachments.attachment_4(means, contrasts)[["p", "p_adjusted"]].to_numpy(float),
        "friedman": np.array(list(rank_tests.friedman(means).values()), float),
    }


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Other names for listeners and items, in another order."""
    return frame.assign(listener="Z" + frame["listener"].str[::-1], item="q" + frame["item"].str[::-1])


@pytest.mark.parametrize(
    "change",
    [
        renamed,
        lambda frame: frame.sample(frac=1, random_state=1),
        lambda frame: frame.assign(rating=frame["rating"] + 17.3),
        lambda frame: pd.concat([frame, frame.assign(replicate=1)]),
        lambda frame: pd.concat([frame.assign(rating=frame["rating"] - 2), frame.assign(rating=frame["rating"] + 2)]),
        lambda frame: frame.assign(rating=frame["rating"] + frame["listener"].str[1:].astype(int)),
    ],
    ids=["renamed", "reordered", "shifted", "replicated", "replicates averaged", "listeners shifted"],
)
def test_what_is_no_matter_changes_nothing(change: Change) -> None:
    before, after = everything(ratings()), everything(change(ratings()))
    for name, expected in before.items():
        if name == "anova" or name == "one way":  # generalised eta squared has listeners' own differences in it
            expected, after[name] = expected[:, :-1], after[name][:, :-1]
        np.testing.assert_allclose(after[name], expected, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("unit", [0.1, 7.0])
def test_the_unit_of_the_scale_does_not_matter(unit: float) -> None:
    before = everything(ratings())
    after = everything(ratings().assign(rating=lambda t: t["rating"] * unit), margin=5 * unit)
    for name, expected in before.items():
        np.testing.assert_allclose(after[name], expected, rtol=1e-6, atol=1e-9, err_msg=name)


def test_turned_contrasts_turn_their_signs_and_nothing_else() -> None:
    straight, turned = everything(ratings()), everything(ratings(), [Contrast(b, a) for a, b in ALL])
    odd = [2, 3, 7]  # t, d_z, rank-biserial
    np.testing.assert_allclose(turned["t"][:, odd], -straight["t"][:, odd])
    np.testing.assert_allclose(turned["t"][:, [0, 1, 8]], straight["t"][:, [0, 1, 8]])
    np.testing.assert_allclose(turned["t"][:, 6], 1 - straight["t"][:, 6])
    np.testing.assert_allclose(turned["t"][:, [5, 4]], -straight["t"][:, [4, 5]], rtol=1e-6)
    np.testing.assert_allclose(turned["signs"], straight["signs"])


def test_a_listener_with_a_hole_is_left_out_of_what_needs_it() -> None:
    full = ratings()
    holed = full[~((full["listener"] == "L03") & (full["condition"] == "a"))]
    without = full[full["listener"] != "L03"]
    for test in (paired.compare, rank_tests.compare, attachments.attachment_4):
        found = test(summaries.listener_means(holed), [AB])
        pd.testing.assert_frame_equal(found, test(summaries.listener_means(without), [AB]))
    found = permutation.compare(summaries.listener_means(holed), ALL, seed=1)
    assert found["listeners"].tolist() == [11, 12, 11]
    alone = permutation.compare(summaries.listener_means(without), [AB], seed=1)
    assert found["p"][0] == alone["p"][0], "exact over more patterns, of which each stands for two"


# Sign flips


def test_exact_sign_flips_count_every_pattern() -> None:
    differences = np.array([3.0, -1, 4, 1, -5, 9, 2])
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product([-1, 1], repeat=7)]
    expected = np.mean([total >= abs(differences.sum()) for total in sums])
    found = permutation.sign_flips(differences[:, None], seed=0).iloc[0]
    assert found["p"] == expected and found["patterns"] == 128


def test_drawn_sign_flips_come_close_to_the_exact_p() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(0.4, 1, (20, 1)).round(3)
    exact = permutation.sign_flips(values, seed=0).iloc[0]
    # A listener without a difference changes no sum, but makes them 21: too many to count.
    drawn = permutation.sign_flips(np.vstack([values, [[0.0]]]), draws=40_000, seed=5).iloc[0]
    assert exact["exact"] and not drawn["exact"]
    assert drawn["p"] == pytest.approx(exact["p"], abs=4 * np.sqrt(exact["p"] / 40_000))


def test_drawn_sign_flips_depend_on_the_seed_alone_and_are_never_zero() -> None:
    values = np.full((30, 1), 5.0)
    values[0] = 6
    first, again, other = (permutation.sign_flips(values, draws=999, seed=seed)["p"][0] for seed in (1, 1, 2))
    assert first == again == other == 1 / 1000
    noisy = np.random.default_rng(0).normal(0, 1, (30, 1))
    assert len({permutation.sign_flips(noisy, draws=999, seed=seed)["p"][0] for seed in range(5)}) > 1


def test_sums_that_are_equal_count_as_equal_whatever_their_digits() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.6, 0.7, -0.1])  # 0.1 + 0.2 is not 0.3 in binary
    tens = permutation.sign_flips((values * 10).round()[:, None], seed=0)["p"][0]
    assert permutation.sign_flips(values[:, None], seed=0)["p"][0] == tens


@pytest.mark.parametrize("test", ["signs", "t"])
def test_without_a_difference_one_in_twenty_is_found(test: str) -> None:
    draw = np.random.default_rng(8)
    values = draw.normal(0, 3, (14, 1500))
    if test == "signs":
        p = permutation.sign_flips(values, seed=1)["p"].to_numpy(float)
    else:
        p = np.array([paired.paired_t(column)["p"] for column in values.T])
    assert 0.035 <= (p < 0.05).mean() <= 0.065


# Paired tests


def test_equivalence_is_where_the_interval_lies_within_the_margin() -> None:
    draw = np.random.default_rng(5)
    seen = set()
    for _ in range(200):
        found = paired.equivalence(draw.normal(draw.uniform(-6, 6), 4, 15), 4.0)
        inside = found["equivalence_low"] > -4 and found["equivalence_high"] < 4
        assert found["equivalent"] == inside == (found["p_equivalence"] < 0.05)
        seen.add(inside)
    assert seen == {True, False}


def test_the_limits_of_d_z_leave_a_fortieth_of_t_on_either_side() -> None:
    for mean, count in ((0.3, 8), (-2.0, 30), (12.0, 20)):
        draw = np.random.default_rng(count)
        values = draw.normal(0, 1, count)
        values = mean + (values - values.mean()) / values.std(ddof=1)
        found = paired.standardised(values)
        root = np.sqrt(count)
        for limit, share in (("d_z_low", 0.975), ("d_z_high", 0.025)):
            # By simulation of t with that noncentrality: no formula in common.
            z, spread = draw.normal(found[limit] * root, 1, 200_000), draw.chisquare(count - 1, 200_000)
            below = (z / np.sqrt(spread / (count - 1)) < mean * root).mean()
            assert below == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200_000))
        assert found["g_z_low"] < found["g_z"] < found["g_z_high"] and abs(found["g_z"]) < abs(found["d_z"])


def test_an_endless_t_has_limits_too() -> None:
    values = np.full(9, 50.0)
    values[0] += 1e-6
    found = paired.standardised(values)
    assert 0 < found["d_z_low"] < found["d_z"] < found["d_z_high"] < np.inf
    mirrored = paired.standardised(-values)
    assert mirrored["d_z_low"] == pytest.approx(-found["d_z_high"])


def test_superiority_by_hand() -> None:
    found = paired.superiority(np.array([1.0, 2, 3, -1, 0, 0, 4, 5]))
    assert found["superiority"] == (5 + 1) / 8
    # Wilson's interval solves (share - p)^2 = z^2 p (1 - p) / n.
    z2 = stats.norm.ppf(0.975) ** 2
    for limit in ("superiority_low", "superiority_high"):
        p = found[limit]
        assert (0.75 - p) ** 2 == pytest.approx(z2 * p * (1 - p) / 8)
    assert paired.superiority(np.ones(6))["superiority_high"] == 1


@pytest.mark.parametrize(("values", "expected"), [([1.0, 2, 3], 1), ([1.0, -2, 3], 1 / 3), ([0.0, 0, 0], 0)])
def test_rank_biserial_by_hand(values: list[float], expected: float) -> None:
    found = paired.rank_biserial(np.array(values))
    assert found["rank_biserial"] == pytest.approx(expected)
    assert -1 <= found["rank_biserial_low"] <= expected <= found["rank_biserial_high"] <= 1


@pytest.mark.parametrize("superior", [0.5, 0.8])
def test_intervals_of_sizes_cover_what_they_are_about(superior: float) -> None:
    draw = np.random.default_rng(10)
    shift, hits = stats.norm.ppf(superior), []
    biserial = 2 * stats.norm.cdf(shift * np.sqrt(2)) - 1  # of two differences' mean being above 0
    for _ in range(250):
        values = draw.normal(shift, 1, 20)
        s, r, d = paired.superiority(values), paired.rank_biserial(values), paired.standardised(values)
        hits.append(
            [
                s["superiority_low"] <= superior <= s["superiority_high"],
                r["rank_biserial_low"] <= biserial <= r["rank_biserial_high"],
                d["d_z_low"] <= shift <= d["d_z_high"],
            ]
        )
    shares = np.mean(hits, axis=0)
    assert (shares >= 0.915).all() and shares[2] <= 0.985


def test_concordance_of_a_pair_is_that_of_friedmans_test() -> None:
    draw = np.random.default_rng(3)
    values = draw.integers(0, 6, (15, 2)).astype(float)
    ranks = np.array([stats.rankdata(row) for row in values])
    ties = sum(2**3 - 2 for row in values if row[0] == row[1])
    total = 12 * ((ranks.sum(axis=0) - 15 * 1.5) ** 2).sum() / (15**2 * (2**3 - 2) - 15 * ties)
    assert rank_tests.pair_concordance(values[:, 0] - values[:, 1]) == pytest.approx(total)
    assert rank_tests.pair_concordance(np.zeros(4)) == 0


def test_many_listeners_have_the_interval_of_the_normal_approximation(monkeypatch: pytest.MonkeyPatch) -> None:
    approximate = {count: rank_tests._signed_rank_quantile(0.025, count) for count in (201, 250, 300)}
    monkeypatch.setattr(rank_tests, "MOST_COUNTED", 300)
    for count, place in approximate.items():
        assert rank_tests._signed_rank_quantile(0.025, count) == pytest.approx(place, abs=2), "of 8,000 and more"


# Analysis of variance


def test_with_two_conditions_f_is_the_square_of_t() -> None:
    two = ratings().query("condition != 'c'")
    means = summaries.listener_means(two)
    found, t = anova.one_way(means).iloc[0], paired.compare(means, [AB])["t"][0]
    for column in ("f", "t2", "f_multivariate"):
        assert found[column] == pytest.approx(t**2)
    assert found["eps_gg"] == found["eps_hf"] == 1 and np.isnan(found["mauchly_w"])


def test_sums_of_squares_add_up_to_the_whole() -> None:
    frame = ratings()
    found = anova.repeated_measures(frame)
    cube = anova.ratings_cube(frame)
    between = 15 * ((cube.mean(axis=(1, 2)) - cube.mean()) ** 2).sum()
    assert found["ss"].sum() + found["ss_error"].sum() + between == pytest.approx(((cube - cube.mean()) ** 2).sum())


def test_mauchlys_p_is_the_share_of_simulated_spherical_scores() -> None:
    draw = np.random.default_rng(6)
    spherical = draw.normal(size=(20_000, 8, 3))
    centred = spherical - spherical.mean(axis=1, keepdims=True)
    covariance = np.einsum("rni,rnj->rij", centred, centred) / 7
    w = np.linalg.det(covariance) / (np.trace(covariance, axis1=1, axis2=2) / 3) ** 3
    for seed in range(3):
        means = pd.DataFrame(np.random.default_rng(seed).normal(0, [1, 2, 3, 4], (8, 4)))
        found = anova.one_way(means).iloc[0]
        assert found["mauchly_p"] == pytest.approx((w <= found["mauchly_w"]).mean(), abs=0.015)


def test_the_corrected_tests_keep_their_level_where_the_plain_one_does_not() -> None:
    draw = np.random.default_rng(9)
    p = np.array(
        [
            anova.one_way(pd.DataFrame(draw.normal(0, [1, 1, 1, 1, 8], (12, 5)))).iloc[0][
                ["p", "p_gg", "p_hf", "p_multivariate"]
            ]
            for _ in range(250)
        ],
        float,
    )
    plain, *corrected = (p < 0.05).mean(axis=0)
    assert plain > 0.085 and all(0.01 <= share <= 0.08 for share in corrected)


# What can't be computed


@pytest.mark.parametrize(
    "test",
    [
        lambda means: paired.compare(means, [AB], margin=5),
        lambda means: rank_tests.compare(means, [AB]),
        lambda means: permutation.compare(means, [AB], seed=1),
        lambda means: attachments.attachment_4(means, [AB]),
    ],
)
def test_equal_ratings_give_no_warning_and_no_claim(test: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = test(pd.DataFrame({"a": [7.0] * 6, "b": [7.0] * 6}))
        assert not found["p"][0] < 1, "1, or not defined"
        with pytest.raises(AnalysisError, match="a - b: fewer than two listeners rated both"):
            test(pd.DataFrame({"a": [7.0, np.nan], "b": [7.0, 3.0]}))
        with pytest.raises(AnalysisError, match="a - b: nobody rated b"):
            test(pd.DataFrame({"a": [7.0, 2.0]}))


def test_a_contrast_that_cannot_be_tested_does_not_spoil_the_others() -> None:
    means = pd.DataFrame({"a": [5.0, 6, 8, 4], "b": [5.0, 6, 8, 4], "c": [1.0, 3, 2, 2]})
    found = paired.compare(means, ALL, adjust="hochberg")
    assert np.isnan(found["p_adjusted"][0]) and (found["p_adjusted"][1:] < 0.05).all()


def test_equal_differences_are_an_effect_without_a_test() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = paired.compare(pd.DataFrame({"a": [1.1, 2.1, 3.1], "b": [0.0, 1, 2]}), [AB], margin=5).iloc[0]
        means = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 3, 4], "c": [5.0, 6, 7]})
        row = anova.one_way(means).iloc[0]
    assert found["mean_difference"] == found["low"] == found["high"] == pytest.approx(1.1)
    assert np.isnan(found["p"]) and np.isnan(found["d_z"]) and not found["equivalent"]
    assert np.isnan(row["f"]) and row["reason"].startswith("All listeners told these levels apart by the same")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f[f["listener"] == "L00"], "two listeners or more, found 1"),
        (lambda f: f[f["condition"] == "a"], "two conditions or more, found 1"),
        (lambda f: f[f["item"] == "i0"], "two items or more, found 1"),
        (lambda f: f[1:], r"but 1 of 180 cells are missing \(the first: L00, a, i0\)"),
        (lambda f: pd.concat([f, f[:1].assign(replicate=1)]), "as many replicates of every cell, found 1 to 2"),
    ],
)
def test_the_analysis_of_variance_says_what_it_lacks(change: Change, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        anova.repeated_measures(change(ratings()))


def test_means_of_conditions_know_no_factors() -> None:
    with pytest.raises(AnalysisError, match="is on levels of a factor"):
        pairs.pair(summaries.listener_means(ratings()), contrast("a - b on target=vocals"))


def test_nobody_on_a_side_is_said() -> None:
    frame = ratings()
    with pytest.raises(AnalysisError, match="a - z: nobody rated z"):
        attachments.attachment_3(frame, contrast("a - z"), seed=1)
    with pytest.raises(AnalysisError, match="a - z: fewer than two listeners"):
        attachments.paired_medians(frame, contrast("a - z"), seed=1)
    for none in (paired.compare, rank_tests.compare, attachments.attachment_4):
        assert none(summaries.listener_means(frame), []).empty

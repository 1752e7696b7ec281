"""Tests for exactly these items, held against R 4.2.2 on simulated sets, and on ratings that people gave."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.adjustment import hochberg, holm
from analysis.statistics.description import summaries
from analysis.statistics.these_items import anova, paired, permutation, rank_tests
from stimuli.experiment import Contrast, Side

Answers = tuple[pd.DataFrame, dict[str, Any]]
KEYS = {
    "meandiff": "mean_difference",
    "t": "t",
    "df": "df",
    "p_t": "p",
    "d_z": "d_z",
    "g_z": "g_z",
    "p_sign": "p_sign",
    "tost5_p": "p_equivalence",
}
"""What R calls it, and what we do."""


@pytest.fixture(scope="module", params=["gauss", "sim", "small"])
def balanced(request: pytest.FixtureRequest, r_folder: Path) -> Answers:
    """The sets that an analysis of variance takes."""
    ratings = pd.read_csv(r_folder / "data" / f"mushra_{request.param}.csv").rename(columns={"score": "rating"})
    return ratings, json.loads((r_folder / "R" / f"R_{request.param}.json").read_text())


def of_r(pairs: list[dict[str, Any]]) -> list[Contrast]:
    return [Contrast(Side(pair["a"]), Side(pair["b"])) for pair in pairs]


def test_t_tests_equivalence_and_effect_sizes_equal_r_on_every_pair(r_set: Answers) -> None:
    ratings, r = r_set
    found = paired.compare(summaries.listener_means(ratings), of_r(r["pairs"]), margin=5)
    assert len(found) == len(r["pairs"]) >= 10
    for key, column in KEYS.items():
        expected = [pair[key] for pair in r["pairs"]]
        np.testing.assert_allclose(found[column].to_numpy(float), expected, rtol=1e-9, atol=1e-10, err_msg=key)
    np.testing.assert_allclose(found[["low", "high"]], [pair["ci"] for pair in r["pairs"]], atol=1e-10)
    limits = found[["equivalence_low", "equivalence_high"]]
    np.testing.assert_allclose(limits, [pair["tost5_ci90"] for pair in r["pairs"]], atol=1e-10)


def test_both_adjustments_equal_r_over_the_family(r_set: Answers) -> None:
    ratings, r = r_set
    means = summaries.listener_means(ratings)
    for method in ("holm", "hochberg"):
        found = paired.compare(means, of_r(r["pairs"]), adjust=method)
        np.testing.assert_allclose(found["p_adjusted"], r["adjust"][f"t_{method}"], rtol=1e-9)


def test_the_interval_of_the_hodges_lehmann_difference_is_that_of_r_to_a_step(r_set: Answers) -> None:
    """R's is approximate, by the normal distribution: it ends at our Walsh average or before the next one outside."""
    ratings, r = r_set
    means = summaries.listener_means(ratings)
    for pair, (_, found) in zip(r["pairs"], rank_tests.compare(means, of_r(r["pairs"])).iterrows(), strict=True):
        values = (means[pair["a"]] - means[pair["b"]]).dropna().round(9).to_numpy(float)
        walsh = np.unique([(a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2)])
        below, above = walsh[walsh < found["low"] - 1e-9][-1:], walsh[walsh > found["high"] + 1e-9][:1]
        assert np.append(below, -np.inf)[0] - 2e-4 <= pair["hl_ci"][0] <= found["low"] + 2e-4
        assert found["high"] - 2e-4 <= pair["hl_ci"][1] <= np.append(above, np.inf)[0] + 2e-4


@pytest.mark.parametrize("way", ["two", "one"])
def test_the_analysis_of_variance_equals_r(balanced: Answers, way: str) -> None:
    ratings, r = balanced
    if way == "two":
        answers = r["rm_anova_2way"]
        names = ("univariate", "sphericity", "pval_adj", "ges_pes")
        found = anova.repeated_measures(ratings)
    else:
        answers, names = r["rm_anova_1way"], ("univ", "mauchly", "adj", "es")
        found = anova.one_way(summaries.listener_means(ratings))
    univariate, sphericity, adjusted, sizes = (
        pd.DataFrame(answers[name]).set_index("_row").drop(index="(Intercept)", errors="ignore") for name in names
    )
    found = found.set_index("effect")
    assert list(found.index) == list(univariate.index)
    same = {"Sum Sq": "ss", "num Df": "df1", "Error SS": "ss_error", "den Df": "df2", "F value": "f", "Pr(>F)": "p"}
    np.testing.assert_allclose(found[list(same.values())].astype(float), univariate[list(same)], rtol=1e-6)
    same = {"MSE": "mse", "pes": "eta2_partial", "ges": "eta2_generalised"}
    np.testing.assert_allclose(found[list(same.values())].astype(float), sizes[list(same)], rtol=1e-6)
    same = {"GG eps": "eps_gg", "Pr(>F[GG])": "p_gg", "HF eps": "eps_hf", "Pr(>F[HF])": "p_hf"}
    corrected = found.loc[adjusted.index, list(same.values())].astype(float)
    np.testing.assert_allclose(corrected, adjusted[list(same)], rtol=1e-6)
    own = found.loc[sphericity.index]
    np.testing.assert_allclose(own["mauchly_w"].astype(float), sphericity["Test statistic"], rtol=1e-6)
    # car and stats differ from each other in the second-order term of the expansion, and both from Box's (see below).
    np.testing.assert_allclose(own["mauchly_p"].astype(float), sphericity["p-value"], atol=6e-3)


def test_hotellings_test_equals_r(balanced: Answers) -> None:
    ratings, r = balanced
    found, expected = anova.one_way(summaries.listener_means(ratings)).iloc[0], r["rm_multivariate_1way"]
    same = {"T2": "t2", "F": "f_multivariate", "df1": "df1_multivariate", "df2": "df2_multivariate"}
    for key, column in (same | {"p": "p_multivariate"}).items():
        assert found[column] == pytest.approx(expected[key], rel=1e-6)


def test_the_exact_sign_flip_test_is_that_of_the_reference(r_folder: Path) -> None:
    expected = json.loads((r_folder / "R" / "R_reference2.json").read_text())["exact_signflip_small"]
    differences = np.array(list(expected["diff"].values()))[:, None]
    found = permutation.sign_flips(differences, seed=1).iloc[0]
    assert (found["p"], found["exact"], found["patterns"]) == (expected["p"], True, 256)
    assert found["mean_difference"] == pytest.approx(expected["mean"])


def test_the_analysis_of_variance_says_what_the_missing_set_lacks(r_folder: Path) -> None:
    ratings = pd.read_csv(r_folder / "data" / "mushra_missing.csv").rename(columns={"score": "rating"})
    with pytest.raises(AnalysisError, match=r"162 of 2160 cells are missing \(the first: L01, .*the mixed model"):
        anova.repeated_measures(ratings)


def published(shared: Path, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    folder = shared / "data" / "ratings" / name
    ratings = pd.read_csv(folder / "ratings_long.csv", dtype={"listener": str, "item": str, "condition": str})
    return ratings, json.loads((folder / "expected.json").read_text())


def parts(shared: Path) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    """The three sets of ratings, and those parts of them that were analysed by themselves."""
    found = []
    for name in ("bvrnn_codec", "s4_drc", "difftransfer"):
        ratings, answers = published(shared, name)
        if name == "bvrnn_codec":
            kept = ratings[ratings["kept_by_publisher"].astype(str) == "True"]
            found += [(ratings, answers["computed_all"]), (kept, answers["computed_filtered"])]
            only = answers["computed_all"]["systems_only"]
            found.append((ratings[ratings["condition"].isin(only["conditions"])], only))
        elif name == "difftransfer":
            found += [(ratings[ratings["item"].str.endswith(k)], own) for k, own in answers["computed"].items()]
        else:
            found.append((ratings, answers["computed"]))
    return found


def test_published_ratings_give_the_expected_descriptions(shared: Path) -> None:
    checked = 0
    for ratings, answers in parts(shared):
        if "per_condition_pooled" not in answers:
            continue
        found = summaries.per_condition(ratings).set_index("condition")
        for condition, expected in answers["per_condition_pooled"].items():
            own = found.loc[condition]
            same = [own[name] for name in ("n", "sd", "median", "q1", "q3")]
            np.testing.assert_allclose(same, [expected[n] for n in ("n", "sd", "median", "q1", "q3")], rtol=1e-12)
            over = answers["per_condition_listener_means"][condition]
            limits = [own[name] for name in ("listeners", "mean", "low", "high")]
            np.testing.assert_allclose(limits, [over[n] for n in ("n", "mean", "ci95_lo", "ci95_hi")], rtol=1e-10)
            checked += 1
        cells = summaries.per_cell(ratings)
        means = dict(zip(cells["item"] + "|" + cells["condition"], cells["mean"], strict=True))
        assert means == pytest.approx(answers["per_stimulus_mean"])
    assert checked == 9 + 9 + 4 + 4 + 2


def test_published_ratings_give_the_expected_tests(shared: Path) -> None:
    held = 0
    for ratings, answers in parts(shared):
        means = summaries.listener_means(ratings)
        if answers["friedman_listener_means"]:
            expected = answers["friedman_listener_means"]
            found = rank_tests.friedman(means)
            assert [found["chi2"], found["kendall_w"]] == pytest.approx([expected["chi2"], expected["kendalls_w"]])
        of_pairs = answers["pairwise_listener_means"]
        tested = paired.compare(means, of_r(of_pairs))
        for key, column in (("mean_diff", "mean_difference"), ("t", "t"), ("p_t", "p"), ("p_t_holm", "p_adjusted")):
            np.testing.assert_allclose(tested[column], [pair[key] for pair in of_pairs], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(tested["d_z"], [pair["cohen_dz"] for pair in of_pairs], rtol=1e-8)
        ranked = rank_tests.compare(means, of_r(of_pairs))
        np.testing.assert_allclose(ranked["rank_biserial"], [p["rank_biserial"] for p in of_pairs], atol=1e-12)
        np.testing.assert_allclose(tested["rank_biserial"], ranked["rank_biserial"])
        held += len(of_pairs)
    assert held == 36 + 36 + 21 + 6 + 6 + 1


def test_published_ratings_give_the_expected_analyses_of_variance(shared: Path) -> None:
    two_way = 0
    for ratings, answers in parts(shared):
        found, expected = anova.one_way(summaries.listener_means(ratings)).iloc[0], answers["rm_anova_listener_means"]
        same = {"F": "f", "df1": "df1", "df2": "df2", "p": "p", "eps_gg": "eps_gg", "p_gg": "p_gg"}
        same |= {"SS_error": "ss_error", "eta2_partial": "eta2_partial", "eta2_generalized": "eta2_generalised"}
        for key, column in same.items():
            assert found[column] == pytest.approx(expected[key], rel=1e-6), key
        assert min(found["eps_hf"], 1) == pytest.approx(expected["eps_hf_pingouin"], rel=1e-6)
        if "rm_anova_two_way" in answers:
            both = anova.repeated_measures(ratings).set_index("effect")
            for effect, own in answers["rm_anova_two_way"].items():
                values = both.loc[effect, ["f", "df1", "df2", "p"]].astype(float)
                np.testing.assert_allclose(values, [own[key] for key in ("F", "df1", "df2", "p")], rtol=1e-6)
                assert both.loc[effect, "eps_gg"] == pytest.approx(own["eps_gg_pingouin"], rel=1e-6)
                assert both.loc[effect, "p_gg"] == pytest.approx(own["p_gg_pingouin"], rel=1e-5)
                two_way += 1
    assert two_way == 9


def test_the_votes_of_sisec_over_songs(shared: Path) -> None:
    votes, answers = published(shared, "sisec18_best")
    songs = votes.groupby("listener")["item"].nunique()
    complete = votes[votes["listener"].isin(songs.index[songs == songs.max()])]
    expected = answers["reproduced"]
    assert complete["listener"].nunique() == expected["complete"] == 34
    counted = complete.groupby(["item", "condition"])["rating"].sum().unstack("condition")
    assert counted.sum().to_dict() == expected["total_votes"]
    found, over_songs = rank_tests.friedman(counted), expected["friedman_votes_over_songs"]
    assert found["chi2"] == pytest.approx(over_songs["chi2"]) and found["listeners"] == over_songs["blocks"]
    assert found["kendall_w"] == pytest.approx(over_songs["kendalls_w"])
    best = paired.compare(counted, [Contrast(Side("TAU1"), Side("TAK2"))]).iloc[0]
    assert best["mean_difference"] == pytest.approx((177 - 125) / 13), "TAU1 best, then TAK2"


def test_hochberg_never_claims_less_than_holm_and_both_agree_with_every_closed_test() -> None:
    draw = np.random.default_rng(2)
    for _ in range(50):
        p = draw.uniform(0, 0.2, 4)
        of_sets = {
            s: min(1, len(s) * p[list(s)].min()) for n in range(1, 5) for s in itertools.combinations(range(4), n)
        }
        closed = [max(value for s, value in of_sets.items() if one in s) for one in range(4)]
        np.testing.assert_allclose(holm(p), closed)
        assert (hochberg(p) <= holm(p) + 1e-15).all()

"""Agreement of listeners: against R, published sets, Krippendorff's own example, brute force and invariances."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.listeners import reliability

KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
"""Example C of "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units."""


def table(listeners: int = 6, targets: int = 12, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        draw.normal(50, 12, (targets, 1)) + draw.normal(0, 4, (1, listeners)) + draw.normal(0, 6, (targets, listeners))
    )


@pytest.mark.parametrize("name", ["gauss", "sim", "small"])
def test_intraclass_correlations_and_alpha_equal_r(r_folder: Path, name: str) -> None:
    ratings = pd.read_csv(r_folder / "data" / f"mushra_{name}.csv").rename(columns={"score": "rating"})
    r = json.loads((r_folder / "R" / f"R_{name}.json").read_text())
    targets = reliability.targets(ratings)
    found = reliability.intraclass(targets)
    expected = pd.DataFrame(r["icc"])
    assert found["type"].tolist() == expected["type"].tolist()
    columns = {"ICC": "icc", "F": "f", "df1": "df1", "df2": "df2", "lower bound": "low", "upper bound": "high"}
    np.testing.assert_allclose(found[list(columns.values())], expected[list(columns)], rtol=1e-9)
    assert reliability.cronbach_alpha(targets) == pytest.approx(r["cronbach_alpha"], rel=1e-10)


@pytest.mark.parametrize(("name", "part"), [("s4_drc", None), ("difftransfer", "multi"), ("difftransfer", "single")])
def test_published_ratings_give_the_expected_agreement(shared: Path, name: str, part: str | None) -> None:
    folder = shared / "data" / "ratings" / name
    ratings = pd.read_csv(folder / "ratings_long.csv", dtype={"listener": str, "item": str})
    answers = json.loads((folder / "expected.json").read_text())["computed"]
    answers = answers[part] if part else answers
    ratings = ratings[ratings["item"].str.endswith(part)] if part else ratings
    found = reliability.intraclass(reliability.targets(ratings)).set_index("type")
    exact: dict[str, Any] = answers["icc_all"]["exact"]
    assert (found["targets"].iloc[0], found["listeners"].iloc[0]) == (exact["n_targets"], exact["n_raters"])
    for kind in found.index:
        own = [found.loc[kind, "icc"], found.loc[kind, "low"], found.loc[kind, "high"]]
        np.testing.assert_allclose(own, [exact[kind]["icc"], *exact[kind]["ci95"]], rtol=1e-9, atol=1e-12)


def test_ratings_with_holes_are_refused_but_by_krippendorff(shared: Path) -> None:
    ratings = pd.read_csv(
        shared / "data" / "ratings" / "bvrnn_codec" / "ratings_long.csv", dtype={"listener": str, "item": str}
    )
    targets = reliability.targets(ratings)
    with pytest.raises(AnalysisError, match=r"1512 of 3024 are missing; take the complete part .*Krippendorff"):
        reliability.intraclass(targets)
    part = reliability.complete_part(targets)
    assert part.notna().all(axis=None) and min(part.shape) >= 2
    assert 0.3 < reliability.krippendorff_alpha(targets) < 1


def test_krippendorffs_own_example() -> None:
    found = reliability.krippendorff_alpha(pd.DataFrame(KRIPPENDORFF, dtype=float).T)
    assert round(found, 3) == 0.849


def every_pair(ratings: pd.DataFrame) -> float:
    """Krippendorff's alpha pair by pair, as it is defined."""
    units = [[x for x in row if not np.isnan(x)] for row in ratings.to_numpy(float)]
    units = [unit for unit in units if len(unit) > 1]
    total = sum(map(len, units))
    seen = sum(sum((a - b) ** 2 for a, b in itertools.permutations(u, 2)) / (len(u) - 1) for u in units) / total
    pooled = [x for unit in units for x in unit]
    expected = sum((a - b) ** 2 for a, b in itertools.permutations(pooled, 2)) / (total * (total - 1))
    return 1 - seen / expected


@pytest.mark.parametrize("seed", range(5))
def test_krippendorffs_alpha_is_that_of_every_pair(seed: int) -> None:
    ratings = table(seed=seed).round().mask(np.random.default_rng(seed).random((12, 6)) < 0.4)
    assert reliability.krippendorff_alpha(ratings) == pytest.approx(every_pair(ratings))


def everything(ratings: pd.DataFrame) -> np.ndarray:
    icc = reliability.intraclass(ratings)[["icc", "low", "high", "f", "p"]].to_numpy(float).ravel()
    alphas = [reliability.cronbach_alpha(ratings), reliability.krippendorff_alpha(ratings)]
    return np.concatenate([icc, alphas, list(reliability.kendall_w(ratings).values())])


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2),
        lambda t: t + 13.7,
        lambda t: t * 0.05,
        lambda t: 100 - t,
    ],
    ids=["reordered", "shifted", "scaled", "turned around for all"],
)
def test_agreement_does_not_depend_on_order_or_scale(change: Any) -> None:
    np.testing.assert_allclose(everything(change(table())), everything(table()), rtol=1e-8)


def test_leniency_is_disagreement_for_some_and_not_for_others() -> None:
    lenient = table() + np.arange(6) * 10
    before, after = (reliability.intraclass(t).set_index("type")["icc"] for t in (table(), lenient))
    assert after["ICC3"] == pytest.approx(before["ICC3"]) and after["ICC3k"] == pytest.approx(before["ICC3k"])
    assert after["ICC2"] < before["ICC2"] - 0.1 and after["ICC1"] < before["ICC1"] - 0.1
    assert reliability.krippendorff_alpha(lenient) < reliability.krippendorff_alpha(table()) - 0.1
    assert reliability.kendall_w(lenient) == pytest.approx(reliability.kendall_w(table()))


def test_the_consistency_of_the_mean_is_cronbachs_alpha() -> None:
    found = reliability.intraclass(table()).set_index("type")["icc"]
    assert found["ICC3k"] == pytest.approx(reliability.cronbach_alpha(table()))


@pytest.mark.parametrize("kind", ["ICC1", "ICC2", "ICC3"])
def test_intervals_hold_the_true_correlation_nineteen_times_in_twenty(kind: str) -> None:
    draw = np.random.default_rng(4)
    lenient = 0.0 if kind == "ICC1" else 5.0
    true = 100 / (100 + 36 + (25 if kind == "ICC2" else 0))
    hits = []
    for _ in range(120):
        ratings = draw.normal(0, 10, (20, 1)) + draw.normal(0, lenient, (1, 8)) + draw.normal(0, 6, (20, 8))
        found = reliability.intraclass(pd.DataFrame(ratings)).set_index("type").loc[kind]
        hits.append(found["low"] <= true <= found["high"])
    assert 0.88 <= np.mean(hits) <= 1


def test_kendalls_w_follows_from_every_pairs_rank_correlation() -> None:
    ratings = table()
    rho = np.mean([stats.spearmanr(ratings[a], ratings[b])[0] for a, b in itertools.combinations(ratings, 2)])
    assert reliability.kendall_w(ratings)["w"] == pytest.approx((5 * rho + 1) / 6)  # type: ignore[operator]
    tied = pd.DataFrame({"x": [1.0, 1, 2, 3], "y": [1.0, 2, 2, 3]})
    friedman = stats.friedmanchisquare(*tied.to_numpy())
    assert reliability.kendall_w(tied)["chi2"] == pytest.approx(friedman[0])


def test_replicates_of_a_listener() -> None:
    draw = np.random.default_rng(2)
    order = np.arange(12.0)
    seconds = {"same": order + 40, "turned": -order, "random": draw.permutation(order), "flat": np.full(12, 50.0)}
    frame = pd.concat(
        [
            pd.DataFrame({"listener": name, "item": list("abcdefghijkl"), "condition": "s", "replicate": turn,
                          "rating": values if name != "flat" else 50.0})
            for name, second in seconds.items() for turn, values in enumerate((order, second))
        ]
    )  # fmt: skip
    once = frame[(frame["listener"] == "same") & (frame["replicate"] == 0)].assign(listener="once")
    found = reliability.replicate_concordance(pd.concat([frame, once])).set_index("listener")
    rho = stats.spearmanr(order, seconds["random"])[0]
    assert found["w"].drop("flat").to_dict() == pytest.approx({"same": 1, "turned": 0, "random": (1 + rho) / 2})  # type: ignore[operator]
    assert np.isnan(found.loc["flat", "w"]) and "once" not in found.index
    assert reliability.replicate_concordance(once).empty


def test_replicates_of_the_reference_set(r_folder: Path) -> None:
    ratings = pd.read_csv(r_folder / "data" / "mushra_screening.csv").rename(columns={"score": "rating"})
    expected = json.loads((r_folder / "R" / "R_reference2.json").read_text())["retest"]
    found = reliability.replicate_concordance(ratings).set_index("listener")
    for listener, own in expected.items():
        if own["spearman"] is None:
            assert np.isnan(found.loc[listener, "w"])
        else:  # equal where both replicates have as many ties
            assert found.loc[listener, "w"] == pytest.approx((1 + own["spearman"]) / 2, abs=2e-3)
            assert found.loc[listener, "targets"] == own["n"] == 60


def test_the_complete_part_has_no_holes_and_does_not_depend_on_order() -> None:
    ratings = table(10, 30)
    ratings.iloc[:20, 3] = np.nan
    ratings.iloc[4, [0, 1, 2, 5]] = np.nan
    found = reliability.complete_part(ratings)
    assert found.shape == (29, 9) and 3 not in found.columns and 4 not in found.index
    turned = reliability.complete_part(ratings.iloc[::-1, ::-1])
    pd.testing.assert_frame_equal(turned.sort_index().sort_index(axis=1), found)
    pd.testing.assert_frame_equal(reliability.complete_part(table()), table())
    nothing = reliability.complete_part(pd.DataFrame([[1.0, np.nan], [np.nan, 2.0]]))
    assert nothing.isna().sum().sum() == 0


def test_perfect_agreement_is_one_and_none_is_at_most_zero() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = pd.DataFrame({name: [10.0, 30, 20, 80] for name in "xyz"})
        found = reliability.intraclass(same)
        assert (found[["icc", "low", "high"]] == 1).all(axis=None) and (found["p"] == 0).all()
        assert reliability.krippendorff_alpha(same) == reliability.kendall_w(same)["w"] == 1
        apart = pd.DataFrame({"x": [10.0, 30, 20, 80], "y": [90.0, 70, 80, 20]})
        assert reliability.kendall_w(apart)["w"] == 0
        worst = reliability.intraclass(apart).set_index("type")["icc"]
        assert worst["ICC3"] == -1 and worst["ICC3k"] == -np.inf


@pytest.mark.parametrize("what", ["intraclass", "cronbach_alpha", "kendall_w", "krippendorff_alpha"])
@pytest.mark.parametrize(
    ("ratings", "sentence"),
    [
        (pd.DataFrame({"x": [1.0, 2]}), "two targets and two listeners or more, found 2 and 1|rated by two listeners"),
        (pd.DataFrame({"x": [5.0, 5], "y": [5.0, 5]}), "all ratings are equal; nothing to agree on"),
    ],
)
def test_what_cannot_be_computed_is_said(what: str, ratings: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        getattr(reliability, what)(ratings)

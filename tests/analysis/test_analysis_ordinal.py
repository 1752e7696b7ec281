"""The ordinal mixed model: held against R's clmm, against its own integral done the plain way, and against theory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from analysis.errors import AnalysisError
from analysis.statistics.ordinal import model as ordinal
from analysis.statistics.ordinal.bands import LABELS, cut
from analysis.statistics.ordinal.laplace import Laplace, Table
from analysis.statistics.ordinal.likelihood import Model
from stimuli.experiment import contrast

SIMPLE = ("listener", "item")


def read(r_folder: Path, name: str) -> pd.DataFrame:
    """A set of ratings, whole."""
    return pd.read_csv(r_folder / "data" / f"mushra_{name}.csv").rename(columns={"score": "rating"})


def systems(r_folder: Path, name: str = "sim") -> pd.DataFrame:
    """Those of its systems."""
    ratings = read(r_folder, name)
    return ratings[ratings["condition"].str.startswith("sys")].reset_index(drop=True)


def rated(seed: int, sds: dict[str, float], shape: tuple[int, int, int] = (12, 6, 3)) -> pd.DataFrame:
    """Ratings of the middles of bands, drawn from the model with these standard deviations."""
    draw = np.random.default_rng(seed)
    listener, item, condition = (axis.ravel() for axis in np.indices(shape))
    sizes = dict(zip(("listener", "item", "condition"), shape, strict=True))
    places = {"listener": listener, "item": item, "condition": condition}
    latent = 0.8 * condition + draw.logistic(size=len(listener))
    for term, sd in sds.items():
        own = [places[name] for name in term.split(":")]
        latent = latent + sd * draw.standard_normal([sizes[name] for name in term.split(":")])[tuple(own)]
    band = np.searchsorted([-2, 0, 1.5, 3], latent)
    names = {name: [f"{name[0]}{number:02d}" for number in place] for name, place in places.items()}
    return pd.DataFrame(names | {"rating": 20.0 * band + 10})


@pytest.fixture(scope="module")
def some() -> pd.DataFrame:
    """Ratings with all four terms."""
    return rated(2, {"listener": 0.8, "item": 0.7, "listener:condition": 0.8, "item:condition": 0.6})


@pytest.fixture(scope="module")
def fitted(some: pd.DataFrame) -> ordinal.OrdinalFit:
    """Their fit."""
    return ordinal.fit(some)


def same(one: ordinal.OrdinalFit, other: ordinal.OrdinalFit) -> None:
    """Hold that two fits agree, names apart."""
    assert one.converged and other.converged
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
    for column in ("value", "se"):
        np.testing.assert_allclose(one.thresholds[column], other.thresholds[column], atol=1e-5)
        np.testing.assert_allclose(one.coefficients[column], other.coefficients[column], atol=1e-5)
    np.testing.assert_allclose(list(one.sds.values()), list(other.sds.values()), atol=1e-5)


def test_systems_equal_rs_clmm(r_folder: Path) -> None:
    r = json.loads((r_folder / "R" / "R_reference2.json").read_text())["systems_only"]["clmm5"]
    found = ordinal.fit(systems(r_folder), terms=SIMPLE)
    assert found.converged and found.bands == tuple(r["levels"]) and found.notes == ()
    assert found.log_likelihood == pytest.approx(r["logLik"], abs=1e-5)
    np.testing.assert_allclose(found.thresholds["value"], list(r["alpha"].values()), atol=1e-4)
    np.testing.assert_allclose(found.coefficients["value"], [0, *r["beta"].values()], atol=1e-5)
    np.testing.assert_allclose(found.thresholds["se"], list(r["se"].values())[:4], rtol=1e-4)
    np.testing.assert_allclose(found.coefficients["se"][1:], list(r["se"].values())[4:6], rtol=1e-4)
    np.testing.assert_allclose([found.sds["listener"], found.sds["item"]], list(r["sd"].values()), rtol=1e-4)


def test_a_reference_that_is_nearly_always_excellent_equals_rs_too(r_folder: Path) -> None:
    r = json.loads((r_folder / "R" / "R_sim.json").read_text())["clmm5"]
    found = ordinal.fit(read(r_folder, "sim"), terms=SIMPLE)
    values = found.coefficients.set_index("condition")["value"]
    assert found.log_likelihood == pytest.approx(r["logLik"], abs=1e-5)
    for name, value in r["beta"].items():
        assert values[name.removeprefix("condition")] - values["reference"] == pytest.approx(value, abs=1e-3)
    np.testing.assert_allclose([found.sds["listener"], found.sds["item"]], list(r["sd"].values()), rtol=1e-4)


def test_the_likelihood_is_that_of_the_integrand_at_its_mode() -> None:
    """Without blocks and without Newton: a general optimiser, and the determinant of the whole curvature."""
    draw = np.random.default_rng(3)
    shape, thresholds, shifts = (5, 4, 3), np.array([-1.0, 0.5, 2.0]), np.array([0.0, 0.7, -0.4])
    table = Table(draw.integers(0, 60, 70), draw.integers(0, 4, 70), shape)
    terms = ([np.ones((3, 1)), np.eye(3)], [np.ones((3, 1)), np.eye(3)])
    value, _ = Laplace(table, terms)(thresholds, shifts, (np.array([0.9, 0.4]), np.array([0.6, 1.2])))
    listener, item, condition = np.unravel_index(table.cell, shape)
    design = np.hstack(
        [
            0.9 * np.eye(5)[listener],
            0.4 * np.eye(15)[listener * 3 + condition],
            0.6 * np.eye(4)[item],
            1.2 * np.eye(12)[item * 3 + condition],
        ]
    )
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])

    def share(eta: np.ndarray) -> np.ndarray:
        return np.diff(1 / (1 + np.exp(-(edges[:, None] - eta))), axis=0)[table.band, np.arange(len(eta))]

    def loss(effects: np.ndarray) -> float:
        return float(effects @ effects / 2 - np.log(share(shifts[condition] + design @ effects)).sum())

    mode = optimize.minimize(loss, np.zeros(design.shape[1]), method="BFGS", options={"gtol": 1e-6}).x
    eta, step = shifts[condition] + design @ mode, 1e-4
    bent = -(np.log(share(eta + step)) - 2 * np.log(share(eta)) + np.log(share(eta - step))) / step**2
    curvature = np.eye(len(mode)) + design.T @ (bent[:, None] * design)
    assert value == pytest.approx(-loss(mode) - np.linalg.slogdet(curvature)[1] / 2, abs=1e-5)


@pytest.mark.parametrize("terms", [ordinal.TERMS, SIMPLE, ("item", "listener:condition")])
def test_the_gradient_is_that_of_the_likelihood(some: pd.DataFrame, terms: tuple[str, ...]) -> None:
    thinned = some.sample(frac=0.8, random_state=2)
    codes = {name: pd.factorize(thinned[name], sort=True) for name in ("listener", "item", "condition")}
    model = Model(codes, cut(thinned["rating"].to_numpy(float))[0], terms)
    at = np.concatenate([[-2.5, -0.5, 1.0, 2.8], [0.6, 1.9], np.linspace(0.4, 1.1, len(terms))])
    slopes = [(model(at + step)[0] - model(at - step)[0]) / 2e-5 for step in 1e-5 * np.eye(len(at))]
    np.testing.assert_allclose(model(at)[1], slopes, atol=1e-5)


def test_names_and_order_of_rows_do_not_matter(some: pd.DataFrame, fitted: ordinal.OrdinalFit) -> None:
    listeners = {name: f"p{97 * n % 100:02d}" for n, name in enumerate(some["listener"].unique())}
    shuffled = some.assign(listener=some["listener"].map(listeners)).sample(frac=1, random_state=5)
    same(ordinal.fit(shuffled), fitted)


def test_another_first_condition_moves_the_origin_alone(some: pd.DataFrame, fitted: ordinal.OrdinalFit) -> None:
    names = {"c00": "z", "c01": "y", "c02": "x"}
    turned = ordinal.fit(some.assign(condition=some["condition"].map(names)))
    assert turned.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-8)
    ours = ordinal.contrasts(fitted, [contrast("c00 - c01"), contrast("c02 - c00")])
    theirs = ordinal.contrasts(turned, [contrast("z - y"), contrast("x - z")])
    pd.testing.assert_frame_equal(
        ours.drop(columns=["contrast", "first", "second", "sentence"]),
        theirs.drop(columns=["contrast", "first", "second", "sentence"]),
        atol=1e-5,
        rtol=1e-4,
    )


def test_nothing_but_the_band_counts(r_folder: Path) -> None:
    ratings = systems(r_folder, "small")
    within = np.ceil(ratings["rating"] / 20) * 20  # closed on the right: 40 is Poor, 41 is Fair
    bent = within - 20 * ((within - ratings["rating"]) / 20) ** 3
    assert (bent != ratings["rating"]).mean() > 0.5 and (ratings["rating"] % 20 == 0).any()
    same(ordinal.fit(ratings.assign(rating=bent)), ordinal.fit(ratings))


def test_a_reversed_scale_reverses_the_signs(some: pd.DataFrame, fitted: ordinal.OrdinalFit) -> None:
    turned = ordinal.fit(some.assign(rating=100 - some["rating"]))
    np.testing.assert_allclose(turned.coefficients["value"], -fitted.coefficients["value"], atol=1e-5)
    np.testing.assert_allclose(turned.thresholds["value"], -fitted.thresholds["value"][::-1], atol=1e-5)
    ours, theirs = (ordinal.contrasts(one, [contrast("c02 - c01")]).iloc[0] for one in (fitted, turned))
    assert ours["p_higher"] == pytest.approx(theirs["p_lower"], abs=1e-6)


def test_listeners_and_items_are_treated_alike(some: pd.DataFrame, fitted: ordinal.OrdinalFit) -> None:
    swapped = ordinal.fit(some.rename(columns={"listener": "item", "item": "listener"}))
    assert swapped.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-8)
    assert swapped.sds["item:condition"] == pytest.approx(fitted.sds["listener:condition"], abs=1e-5)
    np.testing.assert_allclose(swapped.coefficients["se"], fitted.coefficients["se"], atol=1e-5)


def test_missing_ratings_are_left_out_and_replicates_are_ratings(some: pd.DataFrame) -> None:
    holes = some.assign(rating=some["rating"].where(np.arange(len(some)) % 7 > 0))
    same(ordinal.fit(holes), ordinal.fit(holes.dropna()))
    twice = ordinal.fit(pd.concat([some.assign(replicate=n) for n in (0, 1)]))
    assert twice.converged and twice.ratings == 2 * len(some)


def test_a_term_without_variance_is_said_to_have_none() -> None:
    ratings = rated(3, {"listener": 0.9, "item": 0.9})
    found = ordinal.fit(ratings)
    assert found.converged and found.singular == ("item:condition",)
    assert found.notes == ("The ordinal model finds no variance of item:condition beyond the others.",)
    less = ordinal.fit(ratings, terms=("listener", "item", "listener:condition"))
    assert found.log_likelihood == pytest.approx(less.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(found.coefficients["se"], less.coefficients["se"], atol=1e-4)


def test_a_saddle_is_no_maximum(some: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Model.start
    monkeypatch.setattr(Model, "start", lambda model: start(model) * (np.arange(10) < 6))  # no sds: no slope either
    found = ordinal.fit(some)
    assert set(found.sds.values()) == {0.0} and not found.converged
    assert found.notes[-1] == "The ordinal model did not converge: take nothing from it."


def test_contrasts_by_hand(fitted: ordinal.OrdinalFit) -> None:
    """Two bands parted at 0, two conditions at 0 and log 3: shares above of a half and three quarters."""
    plain = replace(
        fitted,
        thresholds=pd.DataFrame({"between": ["Bad|Good"], "value": [0.0], "se": [0.1]}),
        coefficients=pd.DataFrame({"condition": ["a", "b"], "value": [0.0, np.log(3)], "se": [np.nan, 0.5]}),
        covariance=pd.DataFrame([[0.0, 0.0], [0.0, 0.25]], index=["a", "b"], columns=["a", "b"]),
    )
    found = ordinal.contrasts(plain, [contrast("b - a")]).iloc[0]
    assert (found["odds_ratio"], found["z"]) == (pytest.approx(3), pytest.approx(2 * np.log(3)))
    assert found["p"] == pytest.approx(0.02800441115, abs=1e-11)  # of z = 2.1972
    assert [found["low"], found["high"]] == pytest.approx([3 / np.exp(0.979982), 3 * np.exp(0.979982)], rel=1e-6)
    assert (found["p_higher"], found["p_lower"]) == (pytest.approx(0.75 * 0.5), pytest.approx(0.25 * 0.5))
    assert (
        "A rating of b lies in a higher band than one of a with probability 0.38, in a lower one" in found["sentence"]
    )


def test_contrasts_are_adjusted_and_add_up(fitted: ordinal.OrdinalFit) -> None:
    wanted = [contrast("c00 - c01"), contrast("c01 - c02"), contrast("c00 - c02")]
    found = ordinal.contrasts(fitted, wanted)
    one, two, both = found["difference"]
    assert one + two == pytest.approx(both) and both < one < 0
    ordered = np.sort(found["p"])
    assert sorted(found["p_adjusted"])[0] == pytest.approx(3 * ordered[0])
    assert (ordinal.contrasts(fitted, wanted, "hochberg")["p_adjusted"] <= found["p_adjusted"]).all()
    assert ordinal.contrasts(fitted, []).empty
    tukey = ordinal.contrasts(fitted, wanted, "tukey")["p_adjusted"].to_numpy(float)
    assert ((found["p"] < tukey) & (tukey <= 3 * found["p"])).all()
    alone = ordinal.contrasts(fitted, wanted[:1], "tukey").iloc[0]
    assert alone["p_adjusted"] == pytest.approx(alone["p"], rel=1e-6)  # one pair: nothing to adjust
    with pytest.raises(AnalysisError, match="tukey adjusts for all pairs"):
        ordinal.contrasts(fitted, wanted[:2], "tukey")


def test_a_reference_that_is_always_excellent_has_no_place(r_folder: Path) -> None:
    sentence = "no rating of reference lies below Excellent and none of anchor35, sysA, sysB, sysC above it"
    with pytest.raises(AnalysisError, match=sentence):
        ordinal.fit(read(r_folder, "small"))


def test_bands_that_part_the_conditions_are_found(some: pd.DataFrame) -> None:
    parted = {"c00": [30, 50], "c01": [50, 30], "c02": [70, 50]}
    rating = [parted[name][n % 2] for n, name in enumerate(some["condition"])]
    with pytest.raises(AnalysisError, match="no rating of c02 lies below Fair and none of c00, c01 above it"):
        ordinal.fit(some.assign(rating=rating))
    touching = [70, *rating[1:]]  # now one rating of c00 lies above it
    assert ordinal.fit(some.assign(rating=touching)).bands == ("Poor", "Fair", "Good")


def test_bands_are_closed_on_the_right() -> None:
    band, labels = cut(np.array([0, 20, 20.5, 40, 60, 60.1, 80, 80.1, 100]))
    assert band.tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 4] and labels == LABELS
    band, labels = cut(np.array([90.0, 30, 30]))
    assert band.tolist() == [1, 0, 0] and labels == ("Poor", "Excellent")


def test_what_was_fitted_is_said(some: pd.DataFrame) -> None:
    found = ordinal.fit(some.assign(rating=some["rating"].clip(30)), terms=SIMPLE)
    assert "of 4 bands with free thresholds and random intercepts for listener, item, fitted to 216" in found.how
    assert found.how.endswith("No rating lies in Bad: the ordinal model has 4 bands.")


LITTLE: dict[str, tuple[dict[str, Any], str]] = {
    "one listener": ({"listener": "l00"}, "needs 2 listeners at least, found 1"),
    "one item": ({"item": "i00"}, "needs 2 items at least, found 1"),
    "one condition": ({"condition": "c00"}, "needs 2 conditions at least, found 1"),
    "all ratings equal": ({"rating": 55.0}, "ratings in 2 bands at least; all lie in Fair"),
    "no rating": ({"rating": np.nan}, "needs 2 listeners at least, found 0"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", LITTLE)
def test_too_little_is_a_sentence(some: pd.DataFrame, name: str) -> None:
    change, sentence = LITTLE[name]
    with pytest.raises(AnalysisError, match=sentence):
        ordinal.fit(some.assign(**change))


def test_too_much_stands_aside(some: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordinal, "MOST_RATINGS", 200)
    with pytest.raises(AnalysisError, match="stood aside: it is fitted for up to 200 ratings, found 216"):
        ordinal.fit(some)
    assert ordinal.fit(some[:200]).ratings == 200


def test_contrasts_that_it_cannot_make_are_refused(fitted: ordinal.OrdinalFit) -> None:
    with pytest.raises(AnalysisError, match="knows conditions only; fit the ratings of that level alone"):
        ordinal.contrasts(fitted, [contrast("c00 - c01 on target=vocals")])
    with pytest.raises(AnalysisError, match="c00 - c09: c09 has no ratings in the ordinal model"):
        ordinal.contrasts(fitted, [contrast("c00 - c09")])
    with pytest.raises(ValueError, match="no terms of this model: listener:item"):
        ordinal.fit(rated(1, {}), terms=("listener", "listener:item"))

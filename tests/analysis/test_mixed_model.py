"""The mixed model held against its definition, with V as one dense matrix, and against R where there are factors."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from mixed_ratings import SDS, by_brute_force, crossed, with_factors
from scipy import optimize

from analysis.statistics.mixed import means, optimum
from analysis.statistics.mixed.cells import cells_of
from analysis.statistics.mixed.deviance import solve
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.terms import Terms, maximal
from stimuli.experiment import contrast

FIVE = Terms((("condition",),), tuple(tuple(name.split(":")) for name in SDS))


def only(*names: str) -> Terms:
    return dataclasses.replace(FIVE, random=tuple(tuple(name.split(":")) for name in names))


def replicated(frame: pd.DataFrame) -> pd.DataFrame:
    """Some cells rated a second time."""
    again = frame.sample(frac=0.4, random_state=1)
    return pd.concat([frame, again.assign(replicate=1, rating=again["rating"] + 3)], ignore_index=True)


MODELS = [
    FIVE,
    only("listener", "item"),
    only("listener", "listener:item"),
    only("item", "item:condition"),
    only("listener", "listener:condition", "item", "item:condition"),
    only("listener:item", "listener:condition"),
]
DATA = {
    "complete": crossed(1),
    "thinned": crossed(2, missing=0.3),
    "sparse": crossed(3, missing=0.7),
    "replicated": replicated(crossed(4, missing=0.2)),
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("terms", MODELS, ids=lambda terms: "+".join(terms.random_names))
def test_the_deviance_and_its_slope_are_those_of_the_dense_model(terms: Terms, name: str, reml: bool) -> None:
    cells = cells_of(DATA[name], terms)
    rng = np.random.default_rng(len(terms.random))
    for last in (1, 0):  # within, and at the boundary
        ratios = rng.uniform(0.05, 2, len(terms.random))
        ratios[-1] *= last
        solution = solve(cells, ratios, reml=reml)
        variances = dict(zip(terms.random_names, ratios * solution.variance, strict=True))
        variances["residual"] = solution.variance
        dense = by_brute_force(DATA[name], terms, variances, reml=reml)
        assert solution.deviance == pytest.approx(dense["deviance"], abs=1e-8)
        inverse = solution.variance * solution.fixed_inverse
        np.testing.assert_allclose(inverse, dense["covariance"], rtol=1e-8)
        slope = solution.slope_at(solution.variance)
        for position in range(len(ratios)):
            ahead = [solve(cells, ratios + h * (np.arange(len(ratios)) == position), reml=reml) for h in (1e-4, 2e-4)]
            # Three points, so that one at the boundary has its slope from inside.
            numeric = (4 * ahead[0].deviance - ahead[1].deviance - 3 * solution.deviance) / 2e-4
            assert slope[position] == pytest.approx(numeric, abs=2e-3, rel=1e-4)


@pytest.mark.parametrize(("seed", "method"), [(7, "reml"), (8, "ml"), (9, "reml")])
def test_the_fit_is_the_dense_models_smallest_deviance(seed: int, method: Literal["reml", "ml"]) -> None:
    frame = replicated(crossed(seed, (6, 4, 3), missing=0.2))
    found = fit(frame, FIVE, method=method)
    names = [*FIVE.random_names, "residual"]

    def deviance(roots: np.ndarray) -> float:
        variances = dict(zip(names, roots**2, strict=True))
        return by_brute_force(frame, FIVE, variances, reml=method == "reml")["deviance"]

    assert deviance(np.sqrt([found.variances[name] for name in names])) == pytest.approx(found.deviance, abs=1e-8)
    bounds = [(0, None)] * 5 + [(1, None)]
    elsewhere = optimize.minimize(deviance, np.full(6, 5.0), method="L-BFGS-B", bounds=bounds)
    assert found.deviance <= elsewhere.fun + 1e-6
    assert found.deviance == pytest.approx(elsewhere.fun, abs=1e-3)


def test_coefficients_fitted_values_and_residuals_are_those_of_the_dense_model() -> None:
    frame = with_factors(6)
    terms = maximal(frame)
    found = fit(frame, terms)
    dense = by_brute_force(frame, terms, found.variances, reml=True)
    np.testing.assert_allclose(found.coefficients, dense["beta"], atol=1e-9)
    np.testing.assert_allclose(found.fitted, dense["fitted"], atol=1e-9)
    np.testing.assert_allclose(found.residuals, frame["rating"] - dense["fitted"], atol=1e-9)
    assert found.deviance == pytest.approx(dense["deviance"], abs=1e-8)


def test_a_variance_of_nothing_is_zero_and_said() -> None:
    singular = 0
    for seed in range(12):
        frame = crossed(seed, missing=0.1, sds={**SDS, "item:condition": 0.0, "listener:item": 0.0})
        found = fit(frame, FIVE)
        slope = found.solution.slope_at(found.solution.variance)
        at_zero = found.solution.ratios == 0
        assert (slope[at_zero] >= -1e-6).all(), "the deviance falls with a variance that was left at 0"
        assert np.abs(slope[~at_zero]).max() < 1e-3
        assert found.singular == tuple(np.array(FIVE.random_names)[at_zero])
        assert all(found.variances[name] == 0 for name in found.singular)
        # Satterthwaite's df are those of the model without these terms.
        rest = only(*(name for name in FIVE.random_names if name not in found.singular))
        wanted = [contrast("c00 - c01"), contrast("c01 - c02")]
        own, same = (means.contrasts(one, wanted) for one in (found, fit(frame, rest)))
        pd.testing.assert_frame_equal(own, same, rtol=1e-4)
        singular += bool(found.singular)
    assert singular >= 6


def test_no_variance_is_left_at_zero_that_is_above() -> None:
    above = 0
    for seed in range(30):
        frame = crossed(seed, (6, 4, 3), missing=0.1, sds={"item": 15.0})
        found = fit(frame.assign(rating=frame["rating"].clip(0, 100).round()), FIVE)
        slope = found.solution.slope_at(found.solution.variance)
        assert (slope[found.solution.ratios == 0] >= -1e-6).all()
        above += int(((found.solution.ratios > 0) & (found.solution.ratios < 0.2)).sum())
    assert above > 10


@pytest.mark.parametrize("start", [0.0, 10.0])
def test_the_search_ends_at_the_same_place_from_elsewhere(start: float, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fit(DATA["thinned"], FIVE)
    monkeypatch.setattr(optimum, "START", start)
    found = fit(DATA["thinned"], FIVE)
    assert found.deviance == pytest.approx(expected.deviance, abs=1e-7)
    assert found.variances == pytest.approx(expected.variances, rel=1e-4)


def test_newton_steps_finish_a_search_that_stopped_short(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fit(DATA["thinned"], FIVE)
    short = solve(expected.cells, expected.solution.ratios * 1.05, reml=True)
    monkeypatch.setattr(optimum, "_descend", lambda *_, **__: short)
    found = fit(DATA["thinned"], FIVE)
    assert short.deviance > expected.deviance + 1e-4
    assert found.deviance == pytest.approx(expected.deviance, abs=1e-8)


R_FACTORS = {
    # R 4.2.2, lmer(... bobyqa, rhoend 1e-11), emmeans, anova, on with_factors(6) written as CSV:
    # rating ~ condition + target + listener_group + condition:target + condition:listener_group + (1|listener)
    # + (1|listener:item) + (1|listener:condition) + (1|item) + (1|item:condition) + (1|song) + (1|song:condition)
    "deviance": 4456.808843636,
    "variances": {
        "listener": 46.5191696,
        "listener:item": 0.0,
        "listener:condition": 14.5536511,
        "item": 7.9448160,
        "item:condition": 6.1789796,
        "song": 31.2621375,
        "song:condition": 23.6337369,
        "residual": 48.6490391,
    },
    "satterthwaite": (
        [
            (-11.19702981, 3.42893933, 16.15525964),
            (-11.36220097, 3.56392384, 18.77446473),
            (8.08387334, 5.03873157, 11.57492478),
        ],
        [
            (2, 16.1820370, 15.2714934),
            (1, 17.2846257, 1.0089445),
            (1, 7.9967485, 1.5246423),
            (2, 33.0089703, 3.6510820),
            (2, 15.8417330, 1.5200074),
        ],
    ),
    "kenward-roger": (
        [
            (-11.19702981, 3.42902244, 16.15848980),
            (-11.36220097, 3.56402856, 18.79548442),
            (8.08387334, 5.03894219, 11.58435960),
        ],
        [
            (2, 16.1852915, 15.2703996),
            (1, 17.0021084, 1.0086648),
            (1, 8.0000981, 1.5246049),
            (2, 33.9393309, 3.6472068),
            (2, 15.9952210, 1.5196305),
        ],
    ),
}
WANTED = [
    contrast("a - b"),
    contrast("a - b on target=vocals"),
    contrast("c on group=expert - c on group=other"),
]


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_songs_targets_and_groups_are_as_in_r(df: str) -> None:
    frame = with_factors(6)
    terms = maximal(frame)
    assert terms.random_names == tuple(R_FACTORS["variances"])[:-1]
    assert terms.fixed[3:] == (("condition", "target"), ("condition", "listener_group"))
    found = fit(frame, terms)
    assert found.singular == ("listener:item",)
    assert found.deviance == pytest.approx(R_FACTORS["deviance"], abs=1e-6)
    assert found.variances == pytest.approx(R_FACTORS["variances"], rel=2e-5)
    rows, effects = R_FACTORS[df]
    own = means.contrasts(found, WANTED, df=df)
    np.testing.assert_allclose(own[["difference", "se"]], np.array(rows)[:, :2], rtol=1e-5)
    np.testing.assert_allclose(own["df"], np.array(rows)[:, 2], atol=5e-3)
    tests = means.tests(found, df=df)
    assert list(tests["term"]) == [":".join(term) for term in terms.fixed]
    np.testing.assert_allclose(tests[["num_df", "f"]], np.array(effects)[:, [0, 2]], rtol=1e-5)
    np.testing.assert_allclose(tests["den_df"], np.array(effects)[:, 1], atol=5e-3)

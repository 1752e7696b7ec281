"""The mixed model held against R 4.2.2 (lme4 1.1-31, lmerTest 3.1-3, emmeans 1.8.4, pbkrtest 0.5.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.mixed import means
from analysis.statistics.mixed.by_pair import by_pair
from analysis.statistics.mixed.fit import Fit, fit
from analysis.statistics.mixed.likelihood_ratio import likelihood_ratio
from analysis.statistics.mixed.means import contrasts
from analysis.statistics.mixed.terms import Terms
from stimuli.experiment import Contrast, Side

CONDITION = (("condition",),)
FOUR = Terms(CONDITION, (("listener",), ("item",), ("listener", "condition"), ("item", "condition")))
"""What R's reference fitted."""
SIMPLE = Terms(CONDITION, (("listener",), ("item",)))
ORDER = ("reference", "anchor70", "anchor35", "sysA", "sysB", "sysC")
SETS = ("gauss", "sim", "missing", "small")
EMM_DF = {
    "gauss": (47.35157186, 47.35157256),
    "sim": (39.75924204, 39.75923868),
    "missing": (40.05835770, 40.16553053),
    "small": (27.55740292, 27.55740282),
}
"""Of the first and the fourth mean; R 4.2.2, emmeans on lmer with bobyqa and rhoend 1e-11."""
_fits: dict[str, Fit] = {}


def ratings_of(r_folder: Path, name: str) -> pd.DataFrame:
    ratings = pd.read_csv(r_folder / "data" / f"mushra_{name}.csv").rename(columns={"score": "rating"})
    order = [condition for condition in ORDER if condition in set(ratings["condition"])]
    return ratings.assign(condition=pd.Categorical(ratings["condition"], categories=order))


@pytest.fixture(scope="module")
def second(r_folder: Path) -> dict[str, Any]:
    return json.loads((r_folder / "R" / "R_reference2.json").read_text())


def fitted(r_folder: Path, name: str) -> Fit:
    if name not in _fits:
        _fits[name] = fit(ratings_of(r_folder, name), FOUR)
    return _fits[name]


def pairs_of(rows: list[dict[str, Any]]) -> list[Contrast]:
    return [Contrast(*(Side(name) for name in row["contrast"].split(" - "))) for row in rows]


@pytest.mark.parametrize("name", SETS)
def test_deviance_and_variances_equal_lme4(r_folder: Path, second: dict[str, Any], name: str) -> None:
    found, expected = fitted(r_folder, name), second["tight"][name]["max"]
    assert found.deviance == pytest.approx(expected["dev"], abs=1e-6)
    variances = {row["grp"].lower(): row["vcov"] for row in expected["vc"]}
    assert found.variances == pytest.approx(variances, rel=2e-5)


@pytest.mark.parametrize("name", SETS)
def test_contrasts_equal_lmertest_and_emmeans(r_folder: Path, second: dict[str, Any], name: str) -> None:
    rows = second["tight"][name]["max"]["pairs"]
    found, expected = contrasts(fitted(r_folder, name), pairs_of(rows), adjust="none"), pd.DataFrame(rows)
    np.testing.assert_allclose(found["difference"], expected["estimate"], atol=1e-6)
    np.testing.assert_allclose(found["se"], expected["SE"], rtol=2e-6)
    np.testing.assert_allclose(found["df"], expected["df"], atol=5e-3)
    np.testing.assert_allclose(found["p"], expected["p.value"], atol=1e-6)
    np.testing.assert_allclose(found[["low", "high"]], expected[["lower.CL", "upper.CL"]], atol=1e-3)


@pytest.mark.parametrize("name", SETS)
def test_fixed_effects_equal_lme4(r_folder: Path, second: dict[str, Any], name: str) -> None:
    found, expected = fitted(r_folder, name), second["tight"][name]["max"]
    assert [name.replace("condition=", "condition") for name in found.names] == list(expected["fixef"])
    np.testing.assert_allclose(found.coefficients, list(expected["fixef"].values()), atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), list(expected["se"].values()), rtol=2e-6)


@pytest.mark.parametrize("name", SETS)
def test_a_model_without_interactions_equals_lme4(r_folder: Path, second: dict[str, Any], name: str) -> None:
    found, expected = fit(ratings_of(r_folder, name), SIMPLE), second["tight"][name]["simple"]
    assert found.deviance == pytest.approx(expected["dev"], abs=1e-6)
    assert found.variances == pytest.approx({row["grp"].lower(): row["vcov"] for row in expected["vc"]}, rel=2e-5)


@pytest.mark.parametrize("name", SETS)
def test_tukey_equals_emmeans(r_folder: Path, second: dict[str, Any], name: str) -> None:
    rows = second["tight"][name]["max"]["tukey"]
    expected = np.array([row["p.value"] for row in rows])
    seen = expected > 1e-8
    assert seen.any()
    found = contrasts(fitted(r_folder, name), pairs_of(rows), adjust="tukey")
    np.testing.assert_allclose(found["p_adjusted"][seen], expected[seen], atol=1e-6)
    # From R's own t and df, so that the optimizers' last digits stand aside.
    own = pd.DataFrame(rows).rename(columns={"estimate": "difference", "SE": "se"})
    same = means.tested(own.assign(**found[["first", "second", "low", "high"]]), "tukey")
    np.testing.assert_allclose(same["p_adjusted"][seen], expected[seen], atol=1e-8)


@pytest.mark.parametrize("name", SETS)
def test_estimated_means_holm_and_equivalence_equal_emmeans(
    r_set_of: dict[str, Any], r_folder: Path, name: str
) -> None:
    expected = r_set_of[name]["lmm_max"]
    means_found = means.estimated_means(fitted(r_folder, name))
    emm = pd.DataFrame(expected["emm"])
    assert list(means_found["condition"]) == list(emm["condition"])
    np.testing.assert_allclose(means_found["mean"], emm["emmean"], atol=1e-3)
    np.testing.assert_allclose(means_found["se"], emm["SE"], rtol=2e-5)
    # The file's optimizer stopped 1e-4 short in the variances, which is 1e-2 in these df; the tight ones are printed.
    assert tuple(means_found["df"][[0, 3]]) == pytest.approx(EMM_DF[name], abs=5e-4)
    np.testing.assert_allclose(means_found["df"], emm["df"], atol=1e-2)
    pairs = pairs_of(expected["pairs_holm"])
    found = means.equivalence(contrasts(fitted(r_folder, name), pairs), 5)
    np.testing.assert_allclose(found["p_adjusted"], [row["p.value"] for row in expected["pairs_holm"]], atol=2e-5)
    tost = {"AB": "sysA - sysB", "BC": "sysB - sysC"}
    own = found.set_index("contrast")["p_equivalence"]
    for row in expected["tost5"]:
        assert own[tost[row["contrast"]]] == pytest.approx(row["p.value"], abs=2e-5)


@pytest.mark.parametrize("name", SETS)
def test_type_iii_tests_equal_lmertest(r_folder: Path, second: dict[str, Any], name: str) -> None:
    found, (expected,) = means.tests(fitted(r_folder, name)).iloc[0], second["tight"][name]["max"]["anova"]
    assert (found["term"], found["num_df"]) == ("condition", expected["NumDF"])
    assert found["f"] == pytest.approx(expected["F value"], rel=1e-5)
    assert found["den_df"] == pytest.approx(expected["DenDF"], abs=5e-3)


@pytest.mark.parametrize("name", SETS)
def test_maximum_likelihood_equals_lme4(r_set_of: dict[str, Any], r_folder: Path, name: str) -> None:
    found, expected = fit(ratings_of(r_folder, name), FOUR, method="ml"), r_set_of[name]["lmm_max"]["ml"]
    assert found.log_likelihood == pytest.approx(expected["logLik"], abs=1e-6)
    assert [found.aic, found.bic] == pytest.approx([expected["AIC"], expected["BIC"]], abs=2e-6)
    assert found.variances == pytest.approx({row["grp"].lower(): row["vcov"] for row in expected["vc"]}, rel=1e-3)


@pytest.mark.parametrize("name", SETS)
def test_the_likelihood_ratio_of_the_condition_equals_lme4(r_folder: Path, second: dict[str, Any], name: str) -> None:
    found, expected = likelihood_ratio(ratings_of(r_folder, name), FOUR), second["tight"][name]["lrt_condition_ml"]
    assert found["chi2"] == pytest.approx(expected["chisq"], abs=1e-5)
    assert found["df"] == expected["df"]
    assert found["p"] == pytest.approx(expected["p"], rel=1e-4)


@pytest.mark.parametrize("name", ["unbal12x6", "sub12x6", "small"])
def test_kenward_roger_equals_pbkrtest(
    r_folder: Path, second: dict[str, Any], r_set_of: dict[str, Any], name: str
) -> None:
    expected = r_set_of["small"]["lmm_max"] if name == "small" else second[name]
    model, rows = fitted(r_folder, name), pd.DataFrame(expected["pairs_kr"])
    found = contrasts(model, pairs_of(expected["pairs_kr"]), adjust="none", df="kenward-roger")
    np.testing.assert_allclose(found["se"], rows["SE"], rtol=1e-5)
    np.testing.assert_allclose(found["df"], rows["df"], atol=1e-2 if name == "small" else 1e-4)
    np.testing.assert_allclose(found["p"], rows["p.value"], atol=1e-6)
    test, (anova,) = means.tests(model, df="kenward-roger").iloc[0], expected["anova_kr"]
    assert test["f"] == pytest.approx(anova["F value"], rel=1e-5)
    assert test["den_df"] == pytest.approx(anova["DenDF"], abs=1e-2 if name == "small" else 1e-4)


def test_satterthwaite_and_kenward_roger_differ_where_data_are_unbalanced(
    r_folder: Path, second: dict[str, Any]
) -> None:
    model, expected = fitted(r_folder, "unbal12x6"), second["unbal12x6"]
    assert model.deviance == pytest.approx(expected["dev"], abs=1e-6)
    rows = pd.DataFrame(expected["pairs_satt"])
    found = contrasts(model, pairs_of(expected["pairs_satt"]), adjust="none")
    np.testing.assert_allclose(found["se"], rows["SE"], rtol=1e-5)
    np.testing.assert_allclose(found["df"], rows["df"], atol=5e-3)
    assert means.tests(model)["den_df"][0] == pytest.approx(expected["anova_satt"][0]["DenDF"], abs=5e-3)
    roger = contrasts(model, pairs_of(expected["pairs_satt"]), adjust="none", df="kenward-roger")
    assert (np.abs(roger["df"] - found["df"]) > 0.1).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sim", (8.34167, 2.47707, 27.005, 0.002292)), ("small", (6.7, 4.31782, 5.7945, 0.1734))],
)
def test_a_contrast_of_its_own_pages_is_the_quasi_f(
    r_folder: Path, name: str, expected: tuple[float, float, float, float]
) -> None:
    found = by_pair(ratings_of(r_folder, name), [Contrast(Side("sysA"), Side("sysB"))]).iloc[0]
    # Printed with four to six digits, the last not rounded.
    assert tuple(found[["difference", "se", "df", "p"]]) == pytest.approx(expected, rel=2e-5, abs=6e-5)


@pytest.fixture(scope="module")
def r_set_of(r_folder: Path) -> dict[str, Any]:
    return {name: json.loads((r_folder / "R" / f"R_{name}.json").read_text()) for name in SETS}

"""The mixed model held against R 4.2.2 (lme4 1.1-31, lmerTest 3.1-3, emmeans 1.8.4, pbkrtest 0.5.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.mixed.fit import Fit, fit
from analysis.statistics.mixed.means import contrasts
from analysis.statistics.mixed.terms import Terms
from stimuli.experiment import Contrast, Side

CONDITION = (("condition",),)
FOUR = Terms(CONDITION, (("listener",), ("item",), ("listener", "condition"), ("item", "condition")))
"""What R's reference fitted."""
SETS = ("gauss", "sim", "missing", "small")
_fits: dict[str, Fit] = {}


def ratings_of(r_folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(r_folder / "data" / f"mushra_{name}.csv").rename(columns={"score": "rating"})


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

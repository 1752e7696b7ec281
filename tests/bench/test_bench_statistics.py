"""The bench of the statistics does the work that it says it measures: small, and nothing is timed."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import bench_statistics as bench
import large_study
import pandas as pd
import pytest

from analysis.reading import export
from stimuli.manifest import Manifest


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Six items, seven listeners."""
    folder = tmp_path_factory.mktemp("large")
    manifest = large_study.build(folder / "set", items=6)
    assert large_study.export(folder / "ratings.csv", manifest, listeners=7, seed=1) == 6 * 7 * 8
    return folder, manifest


def test_the_export_is_one_that_the_app_could_have_made(study: tuple[Path, Manifest]) -> None:
    folder, manifest = study
    found = export.load(folder / "ratings.csv", manifest)
    assert (len(found.frame), found.missing, found.training, found.simulated_listeners) == (6 * 7 * 8, 0, 0, 7)
    assert found.frame.groupby("condition")["item"].nunique().eq(6).all() and found.frame["trial"].nunique() == 42
    assert found.frame["rating"].between(0, 100).all() and found.frame["saved_at"].nunique() == 42


def test_the_model_and_the_permutations_are_held_against_others(tmp_path: Path) -> None:
    frame = bench.ratings(6, 4)
    found = bench.models(tmp_path, frame, 1, "statsmodels is not asked for here")
    assert found["statsmodels"] == {"not_started": "statsmodels is not asked for here"}
    assert found["ours"]["s"] > 0 and len(found["ours"]["pairs"]) == 15
    assert ("not_started" in found["lme4"]) or found["lme4"]["pairs"] == found["ours"]["pairs"]
    ours, scipys = (bench.WORK[name](frame) for name in ("permutation", "scipy"))
    bench.hold_permutations(ours, scipys)
    with pytest.raises(AssertionError, match=r"sysA - sysB: p .* by ours"):
        bench.hold_permutations({"p": {"sysA - sysB": scipys["p"]["sysA - sysB"] + 0.05}}, scipys)


def test_r_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert bench.peer_models.lme4(tmp_path / "none.csv", 1)["not_started"].startswith("R is not on the path")


OURS: dict[str, Any] = {"s": 1, "deviance": 1000.0, "pairs": ["a - b"], "difference": [3.0], "se": [1.0], "df": [9.0]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"deviance": 1000.00001}, "lme4, deviance: 1000.00001, ours 1000.0"),
        ({"difference": [3.1]}, "lmerTest, difference of a - b: 3.1, ours 3.0"),
        ({"se": [1.001]}, "lmerTest, se of a - b"),
        ({"df": [9.2]}, "lmerTest, df of a - b"),
        ({"pairs": ["a - c"]}, "pairs of lmerTest"),
    ],
)
def test_another_answer_fails_the_bench(change: dict[str, Any], sentence: str) -> None:
    found = {"ours": OURS, "lme4": copy.deepcopy(OURS), "statsmodels": {"s": 1, "deviance": 1000.05}}
    bench.hold(found)
    with pytest.raises(AssertionError, match=sentence):
        bench.hold(found | {"lme4": OURS | change})
    with pytest.raises(AssertionError, match="statsmodels, deviance"):
        bench.hold(found | {"statsmodels": {"s": 1, "deviance": 1000.2}})


def test_a_report_of_fewer_ratings_fails_the_bench(study: tuple[Path, Manifest]) -> None:
    path = study[0] / "ratings.csv"
    rated = pd.read_csv(path)
    means = rated.groupby("condition")["rating"].mean()
    tested = {"contrasts": [{"p_adjusted": 0.5, "df": 3, "p_equivalence": 0.5}], "friedman": {"p": 1}, "effects": [{}]}
    parts = {"screening": [{}], "cells": [{}], "reliability": [{}], "these": tested, "general": tested, "draws": 2000}
    conditions = [{"condition": name, "mean": mean, "resampled_low": 1.0} for name, mean in means.items()]
    beside = {"metrics": [{"spearman": 0.5}]}
    good = {"excluded": [], "conditions": conditions, "agreement": beside, **parts}
    bench.hold_report({"counts": {"analysed": len(rated)}, "sections": [good]}, path)
    with pytest.raises(AssertionError):
        bench.hold_report({"counts": {"analysed": len(rated) - 1}, "sections": [good]}, path)
    for change in (
        {"excluded": ["L001"]},
        {"general": None},
        {"draws": 200},
        {"agreement": None},
        {"these": tested | {"friedman": None}},
    ):
        with pytest.raises(AssertionError):
            bench.hold_report({"counts": {"analysed": len(rated)}, "sections": [good | change]}, path)


def test_a_missed_limit_is_named() -> None:
    good = bench.AT_MOST | bench.AT_LEAST
    assert bench.missed(good) == []
    assert bench.missed({"report, s": 61}) == ["report, s is 61, at most 60.0"]
    assert bench.missed(good | {"statsmodels / ours": 99}) == ["statsmodels / ours is 99, at least 100.0"]


@pytest.mark.proof
def test_a_report_is_made_as_page_and_as_json_and_measured(tmp_path: Path) -> None:
    found = bench.report(tmp_path, listeners=6, items=3)
    assert found["ratings"] == 6 * 3 * 8 and found["stood_aside"] == []
    assert found["page"]["figures"] >= 3 + 4 and 0 < found["page"]["size_mb"] < 2
    assert min(found[form][name] for form in ("page", "json") for name in ("s", "cpu_s", "peak_gb")) > 0

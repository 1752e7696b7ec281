"""Incomplete pages in the analysis: recognised, compared where both conditions stood, and never taken for holes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_study
from scipy import stats

from analysis.errors import AnalysisError
from analysis.reading import export as reading
from analysis.report import page
from analysis.report.assemble import Source, assemble
from analysis.statistics.description import summaries
from analysis.statistics.these_items import rank_tests
from mushra_app.ratings import Row
from stimuli import manifest as sets
from stimuli.experiment import Contrast, Side, contrast
from stimuli.manifest import Manifest

PAIRS = list(itertools.combinations(("ours", "theirs", "classic"), 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study with two of its three systems on a page."""
    plain = small_study.experiment()
    fewer = plain.model_copy(update={"test": plain.test.model_copy(update={"systems_per_page": 2})})
    made = tmp_path_factory.mktemp("incomplete")
    small_study.build(made, fewer)
    return made


def incomplete_rows(manifest: Manifest, listeners: int = 9) -> list[Row]:
    """Of complete ratings those of two systems a page, all pairs in turn."""
    items = [item.name for item in manifest.items]
    return [
        row
        for row in small_study.rows(manifest, listeners=listeners)
        if row["role"] != "system"
        or row["condition"] in PAIRS[(int(row["listener"][1:]) + items.index(row["item"])) % len(PAIRS)]
    ]


@pytest.fixture(scope="module")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str]:
    """The report of incomplete ratings, as JSON and as HTML."""
    export = small_study.save(tmp_path_factory.mktemp("export") / "ratings.csv", incomplete_rows(sets.read(folder)))
    report = assemble(Source(export, folder))
    return json.loads(page.as_json(report)), page.html(report)


def test_cells_that_no_page_showed_are_counted_and_not_missing(told) -> None:
    counts = told[0]["counts"]
    assert counts["missing"] == 0 and counts["not_shown"] == 9 * 7
    assert counts["analysed"] == 9 * 7 * 5
    assert "63 cells not on their page by design" in told[1]


def test_the_report_says_what_was_done_and_makes_no_test_over_all(told) -> None:
    (section,) = told[0]["sections"]
    assert section["these"]["friedman"] is None and section["incomplete"]["systems_on_page"] == 2
    (said,) = [problem for problem in section["problems"] if "By design" in problem]
    assert said.startswith("By design each page held 2 of the 3 systems") and "No test over all conditions" in said
    assert not any("lack the rating" in problem for problem in section["problems"])
    assert "an incomplete block design" in told[0]["methods"] and "Friedman" not in told[0]["methods"]
    assert "over the pages that held both conditions" in told[1]


def test_contrasts_descriptions_and_screening_are_there(told) -> None:
    (section,) = told[0]["sections"]
    assert [row["listeners"] for row in section["these"]["contrasts"]] == [9, 9, 9]
    counted = {row["condition"]: row["n"] for row in section["conditions"]}
    assert counted["reference"] == 63 and counted["ours"] + counted["theirs"] + counted["classic"] == 2 * 63
    assert {row["trials"] for row in section["screening"]} == {7}, "reference and anchor stand on every page"


def test_a_contrast_is_of_differences_within_pages(folder: Path, told) -> None:
    """Against the same numbers put together without the code under test."""
    manifest = sets.read(folder)
    kept = [row for row in incomplete_rows(manifest) if not row["training"]]
    rated = {(row["listener"], row["item"], row["condition"]): row["rating"] for row in kept}
    (section,) = told[0]["sections"]
    for row in section["these"]["contrasts"]:
        own: dict[str, list[float]] = {}
        for (listener, item, condition), value in rated.items():
            if condition == row["first"] and (other := rated.get((listener, item, row["second"]))) is not None:
                own.setdefault(listener, []).append(value - other)
        means = np.round([sum(values) / len(values) for values in own.values()], 9)
        assert row["v"] == stats.rankdata(np.abs(means))[means > 0].sum() and row["listeners"] == len(means)
        pairs = [(one + other) / 2 for place, one in enumerate(means) for other in means[place:]]
        assert row["difference"] == pytest.approx(np.median(pairs))


@pytest.mark.parametrize("replicates", [1, 2])
def test_of_complete_pages_pairs_are_the_listeners_means(study: Manifest, replicates: int) -> None:
    frame = pd.DataFrame(
        [row | {"replicate": turn, "rating": row["rating"] - turn} for turn in range(replicates)
         for row in small_study.rows(study) if not row["training"]]
    )  # fmt: skip
    means = summaries.listener_means(frame)
    contrasts = [Contrast(Side(first), Side(second)) for first, second in PAIRS]
    for pair in contrasts:
        found = summaries.paired_means(frame, pair)
        assert found.to_numpy().tolist() == means[[side.condition for side in pair]].to_numpy().tolist()
        assert found.index.equals(means.index)
    of_pairs = rank_tests.compare(lambda pair: summaries.paired_means(frame, pair), contrasts)
    pd.testing.assert_frame_equal(of_pairs, rank_tests.compare(means, contrasts))


def test_items_are_not_taken_for_systems() -> None:
    """Two equal systems, each with the better items for half of its pages: means differ, pairs don't."""
    draw = np.random.default_rng(3)
    level = {"easy": 80.0, "hard": 30.0, "both": 50.0}
    heard = {"easy": ["a"], "hard": ["b"], "both": ["a", "b"]}
    frame = pd.DataFrame(
        [
            {"listener": f"L{n:02d}", "item": item, "replicate": 0, "condition": system,
             "rating": level[item] + draw.normal(0, 3)}
            for n in range(20) for item in level for system in heard[item]
        ]
    )  # fmt: skip
    naive = rank_tests.compare(summaries.listener_means(frame), [contrast("a - b")]).iloc[0]
    right = rank_tests.compare(lambda pair: summaries.paired_means(frame, pair), [contrast("a - b")]).iloc[0]
    assert naive["difference"] > 20 and naive["p"] < 0.001, "the fault that pairs avoid"
    assert abs(right["difference"]) < 3 and right["p"] > 0.05


def test_a_hole_in_an_incomplete_page_is_still_missing_and_said(folder: Path, tmp_path: Path) -> None:
    rows = incomplete_rows(sets.read(folder))
    hole = next(row for row in rows if row["role"] == "system" and not row["training"])
    export = small_study.save(tmp_path / "ratings.csv", [row for row in rows if row is not hole])
    report = assemble(Source(export, folder))
    assert report.counts["missing"] == 1 and report.counts["not_shown"] == 63
    assert any("1 of 63 trials lack the rating" in problem for problem in report.sections[0].problems)


def test_more_systems_than_a_page_has_room_for_are_refused(folder: Path, tmp_path: Path) -> None:
    manifest = sets.read(folder)
    export = small_study.save(tmp_path / "ratings.csv", small_study.rows(manifest))
    with pytest.raises(AnalysisError, match=r"3 systems are rated on one page: .*; expected at most 2, as test\."):
        reading.load(export, manifest)


def test_pairs_that_nobody_heard_beside_each_other_are_named(folder: Path, tmp_path: Path) -> None:
    apart = {"ours": 0, "theirs": 1, "classic": 2}
    everything = small_study.rows(sets.read(folder))
    kept = [r for r in everything if r["role"] != "system" or apart[r["condition"]] == int(r["item"][-1]) % 3]
    report = assemble(Source(small_study.save(tmp_path / "ratings.csv", kept), folder))
    assert len(report.sections[0].these.contrasts) == 0
    assert sum("fewer than two listeners rated both" in one for one in report.sections[0].problems) == 3

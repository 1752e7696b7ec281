"""Objective metrics in the report: whose numbers they are, what is said and drawn of them, and what is left out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_study
from click.testing import CliRunner
from matplotlib.text import Annotation, Text

from analysis.cli import report as command
from analysis.errors import AnalysisError
from analysis.metrics.family import Metric
from analysis.metrics.results import table
from analysis.metrics.results.table import Scored
from analysis.reading import numbers
from analysis.reading.numbers import Numbers
from analysis.report import assemble, page, pictures, tables
from analysis.report.assemble import Report, Source
from analysis.report.figures.agreement import forest
from analysis.report.figures.matrix import alike, matrix
from analysis.report.figures.scatters import scatters
from analysis.report.parts.agreement import Agreement, Compared, MetricRow, compared
from analysis.report.parts.drawn import of_metrics
from analysis.report.parts.measured import measured
from analysis.report.words import metrics as words
from mushra_app.ratings import Row
from stimuli.errors import HiddenReferenceError
from stimuli.manifest import Manifest

ITEMS = ("Song 0", "Song 1", "Song 2")
CONDITIONS = ("ours", "theirs", "classic", "lowpass-7000", "lowpass-3500")


def row(item: str, condition: str, metric: str, value: float | None, **more: str) -> dict[str, Any]:
    """A row of the scored table."""
    said = {"stretch": "excerpt", "basis": "render", "reason": "" if value is not None else "nothing is heard"}
    about = {"song": item, "target": "accompaniment", "dataset": "", "role": "system", "family": "ratios"}
    return {"item": item, "condition": condition, "metric": metric, "value": value} | said | about | more


def scored(manifest: Manifest, means: pd.Series, *, stimuli_id: str = "") -> Scored:
    """Four metrics of the set: what listeners said, noise, its opposite of unknown sense, and one with few numbers."""
    draw = np.random.default_rng(5)
    rows = []
    for item in ITEMS:
        for condition in CONDITIONS:
            mean = float(means[item, condition])
            rows += [
                row(item, condition, "si_sdr_db", mean / 10),
                row(item, condition, "mdx_sdr_db", float(draw.normal()), basis="clip"),
                row(item, condition, "badness", -(mean**2) / 100),
                row(item, condition, "rare", 3.0 if condition == "ours" else None),
                row("", condition, "si_sdr_db", -50 * mean, stretch="song", song=item),
            ]
    note = "Song 0: measured on the clips that were heard."
    return Scored(table.frame_of(rows), stimuli_id or manifest.stimuli_id, {"family ratios": "1"}, (note,))


@pytest.fixture(scope="module")
def rows(study: Manifest) -> list[Row]:
    """Eight listeners on three items."""
    return [one for one in small_study.rows(study) if one["item"] in ITEMS]


@pytest.fixture(scope="module")
def means(rows: list[Row]) -> pd.Series:
    """Mean rating of each condition on each item."""
    return pd.DataFrame(rows).groupby(["item", "condition"])["rating"].mean()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of its own, which somebody scores."""
    folder = tmp_path_factory.mktemp("scored")
    small_study.build(folder, small_study.experiment())
    return folder


@pytest.fixture(scope="module")
def found(folder: Path, study: Manifest, rows: list[Row], means: pd.Series) -> Report:
    """The report of the scored set."""
    table.write(folder, scored(study, means))
    return assemble.assemble(Source(small_study.save(folder / "r.csv", rows), folder))


def test_all_metrics_of_the_set_are_used_and_the_best_is_told_first(found: Report) -> None:
    (section,) = found.sections
    assert section.agreement is not None and found.metrics is not None
    assert [one.metric for one in section.agreement.metrics] == ["si_sdr_db", "mdx_sdr_db", "badness"]
    best = section.agreement.metrics[0]
    assert (best.spearman, best.cells, best.items, best.conditions) == (pytest.approx(1), 15, 3, 5), "no whole song"
    assert [one.metric for one in section.agreement.left_out] == ["rare"]
    html = page.html(found)
    places = [
        html.index(part)
        for part in ("<h2>Objective metrics", "is that of SI-SDR, 1.00, without an interval", "<h2>Methods")
    ]
    assert places == sorted(places) and "Of badness, rare nothing is known here: a higher value" in html
    assert html.count("<td>–</td>") >= 3 * 4 and "No interval is given" in html, "no interval of three songs"
    assert "Song 0: measured on the clips that were heard." in html and "adds all the others" not in html


def test_the_json_holds_numbers_and_what_is_known_of_them(found: Report) -> None:
    data = json.loads(page.as_json(found))
    known = {one["name"]: one for one in data["metrics"]["known"]}
    assert known["si_sdr_db"]["basis"] == "render" and known["mdx_sdr_db"]["basis"] == "clip"
    assert known["badness"]["better"] == "higher" and known["badness"]["source"] == ""
    assert len(data["metrics"]["numbers"]) == 60 and data["hashes"]["metrics"]
    (missing,) = data["metrics"]["missing"]
    assert missing["metrics"] == "rare" and missing["reason"] == "nothing is heard"
    assert missing["sounds"].startswith("Song 0, theirs; Song 0, classic;") and missing["sounds"].count(";") == 11
    pairs = {(one["first"], one["second"]): one["spearman"] for one in data["sections"][0]["agreement"]["correlations"]}
    assert pairs["rating", "si_sdr_db"] == pytest.approx(1) and pairs["rating", "badness"] == pytest.approx(-1)


def test_tables_and_figures_hold_them_too(found: Report, tmp_path: Path) -> None:
    written = {path.stem: path for path in tables.write(found, tmp_path / "t") if path.suffix == ".csv"}
    for name in ("metrics", "comparisons", "increments", "correlations", "conditions", "left-out"):
        assert f"overall-agreement-{name}" in written
        assert (tmp_path / "t" / f"overall-agreement-{name}.tex").read_text(encoding="utf-8").startswith("\\begin")
    assert len(pd.read_csv(written["metrics-numbers"])) == 60
    assert pd.read_csv(written["overall-agreement-metrics"])["spearman_low"].isna().all()
    means = pd.read_csv(written["overall-agreement-conditions"]).query("metric == 'si_sdr_db'")
    assert means["value"].to_numpy() == pytest.approx(means["rating"] / 10) and set(means["items"]) == {3}
    stems = {path.stem for path in pictures.write(found, tmp_path / "f")}
    assert {"overall-scatters-si-sdr-db", "overall-agreement", "overall-correlations"} <= stems


def test_methods_say_what_was_computed_on_what(found: Report) -> None:
    assert "before any gain: SI-SDR (Le Roux et al. 2019" in found.methods
    assert "on the clips that were heard, with the logged gain of each undone: MDX SDR" in found.methods
    assert (
        "1000 draws of listeners and of items or songs" in found.methods
        and "adds to MDX SDR was tested" in found.methods
    )
    assert "but the hidden reference, anchors included, on every item that has all numbers" in found.methods
    assert "compared with the best metric's by the bootstrap, simultaneously, and by Williams' test" in found.methods
    assert words.methods(None, []) == ""


def test_numbers_of_other_sounds_are_not_used(folder: Path, study: Manifest, means: pd.Series, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    copy.mkdir()
    (copy / "clips").symlink_to(folder / "clips")
    table.write(copy, scored(study, means, stimuli_id="f" * 64))
    got = numbers.of_set(copy, study)
    assert list(got.metrics)[:2] == ["si_sdr_db", "mdx_sdr_db"] and got.file is None
    assert "si_sir_db" not in got.metrics, "clips don't hold the other sources"
    assert got.notes[0] == "metrics.json is of other sounds than these and was not used."
    assert "mushra metrics DIR adds all the others" in got.notes[1] and set(got.frame["basis"]) == {"clip"}
    with pytest.raises(AnalysisError, match=r"is of the sounds ffffffffffff…, and the ratings are of .*mushra metrics"):
        numbers.of_file(copy / "metrics.json", study.stimuli_id, ITEMS, CONDITIONS)
    assert numbers.of_file(copy / "metrics.json", "", ITEMS, CONDITIONS).file == copy / "metrics.json"


def test_a_broken_table_is_a_sentence(tmp_path: Path, study: Manifest) -> None:
    (tmp_path / "metrics.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AnalysisError, match="can't be read as a scored table"):
        numbers.of_set(tmp_path, study)
    with pytest.raises(AnalysisError, match=r"gone\.json: no such file"):
        numbers.of_file(tmp_path / "gone.json", "", ITEMS, CONDITIONS)
    table.write(tmp_path, Scored(table.frame_of([]), study.stimuli_id))
    with pytest.raises(AnalysisError, match="holds no number of an excerpt"):
        numbers.of_set(tmp_path, study)


@pytest.mark.parametrize("name", ["rating", "song", "item", "condition"])
def test_a_scored_table_with_a_metric_of_a_columns_name_is_a_sentence(
    tmp_path: Path, study: Manifest, name: str
) -> None:
    rows = [row(item, condition, name, 1.0) for item in ITEMS for condition in CONDITIONS]
    path = table.write(tmp_path, Scored(table.frame_of(rows), study.stimuli_id))
    with pytest.raises(AnalysisError, match=f"metrics.json: a metric is called '{name}'"):
        numbers.of_file(path, study.stimuli_id, ITEMS, CONDITIONS)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "twice": ({}, "holds pesq of 'Song 0', 'ours' twice; score the set with"),
    "unknown item": ({"item": "Song 9"}, "the item 'Song 9' is none of those rated; expected one of 'Song 0'"),
    "unknown condition": ({"condition": "oars"}, "the condition 'oars' is none of those rated"),
    "file": ({"metric": "m", "basis": "file"}, "holds numbers of files without a set, which nobody rated; expected"),
    "other basis": ({"metric": "m", "basis": "guess"}, "holds numbers of the basis 'guess'; expected render, clip"),
    "no metric": ({"metric": None}, "a number of an excerpt has no metric; score"),
    "no item": ({"item": " "}, "a number of an excerpt has no item"),
    "infinite": ({"metric": "m", "value": np.inf}, "m of 'Song 0', 'ours': found inf; expected a finite number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_scored_table_that_scoring_would_not_have_written_is_a_sentence(
    tmp_path: Path, study: Manifest, name: str
) -> None:
    change, said = BROKEN[name]
    good = row("Song 0", "ours", "pesq", 1.0)
    plain = json.loads(
        table.write(tmp_path, Scored(table.frame_of([good]), study.stimuli_id)).read_text(encoding="utf-8")
    )
    assert len(numbers.of_file(tmp_path / "metrics.json", study.stimuli_id, ITEMS, CONDITIONS).frame) == 1
    plain["rows"].append([(good | change)[column] for column in table.COLUMNS])
    (tmp_path / "m.json").write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(AnalysisError, match=r"m\.json: ") as caught:
        numbers.of_file(tmp_path / "m.json", study.stimuli_id, ITEMS, CONDITIONS)
    assert said in str(caught.value)


def test_musevals_own_results_are_named_and_the_way_for_them_is_shown(tmp_path: Path) -> None:
    frame = {"time": 0.0, "duration": 1.0, "metrics": {"SDR": 5.0, "SIR": 9.0, "SAR": 6.0, "ISR": 8.0}}
    track = {"targets": [{"name": "vocals", "frames": [frame]}], "museval_version": "0.4.1"}
    (tmp_path / "Song 0.json").write_text(json.dumps(track), encoding="utf-8")
    with pytest.raises(AnalysisError, match=r"is museval's results of one track.*mushra metrics DIR --read-museval"):
        numbers.of_file(tmp_path / "Song 0.json", "", ITEMS, CONDITIONS)


MAPPING = """
title = "Another tool's test"
[columns]
listener = "who"
item = "song"
condition = "system"
rating = "score"
[roles]
reference = "ref"
anchors = ["low"]
"""


def other_tool(folder: Path) -> list[str]:
    """Ratings of another tool with their mapping, as arguments."""
    draw = np.random.default_rng(2)
    levels = {"ref": 100, "a": 80, "b": 60, "c": 40, "low": 20}
    lines = [
        f"L{who},s{song},{name},{100 if name == 'ref' else round(level + draw.normal(0, 4))}"
        for who in range(6)
        for song in range(3)
        for name, level in levels.items()
    ]
    (folder / "r.csv").write_text("\n".join(["who,song,system,score", *lines]) + "\n", encoding="utf-8")
    (folder / "m.toml").write_text(MAPPING, encoding="utf-8")
    return [str(folder / "r.csv"), "--mapping", str(folder / "m.toml")]


def given(values: dict[str, float], songs: Iterable[int] = range(3)) -> str:
    """Somebody's metric, as a wide table."""
    lines = [f"s{song},{name},{value + song / 10}" for song in songs for name, value in values.items()]
    return "\n".join(["item,condition,pesq", *lines]) + "\n"


def test_another_tools_ratings_stand_beside_somebodys_metrics(tmp_path: Path) -> None:
    arguments = other_tool(tmp_path)
    own = tmp_path / "own.csv"
    own.write_text(given({"ref": 99, "a": 4, "b": 3, "c": 2, "low": 1}), encoding="utf-8")
    out = tmp_path / "o.json"
    asked = [*arguments, "--metrics", str(own), "--format", "json", "--out", str(out)]
    assert CliRunner().invoke(command, asked, catch_exceptions=False).exit_code == 0
    data = json.loads(out.read_text(encoding="utf-8"))
    (one,) = data["sections"][0]["agreement"]["metrics"]
    assert (one["metric"], one["conditions"], one["cells"]) == ("pesq", 4, 12), "without the reference"
    assert "hidden reference is left out" in data["sections"][0]["agreement"]["problems"][0]
    assert one["pearson"] > 0.9 and data["metrics"]["known"][0]["basis"] == "given"
    assert data["metrics"]["notes"][0] == "The metrics were read from own.csv."
    assert "computed elsewhere, and read from a file: pesq." in data["methods"] and data["hashes"]["metrics"]
    assert "Kendall's tau-b" in data["methods"] and "Williams" not in data["methods"], "one metric"
    own.write_text(given({"a": 4, "bee": 3}), encoding="utf-8")
    with pytest.raises(HiddenReferenceError, match=r"own\.csv: line 3: the condition 'bee' is none of those rated"):
        CliRunner().invoke(command, asked, catch_exceptions=False)


def test_without_metrics_nothing_is_said_of_them(tmp_path: Path) -> None:
    ratings, _, mapping = other_tool(tmp_path)
    found = assemble.assemble(Source(Path(ratings), mapping=Path(mapping)))
    assert found.metrics is None and found.sections[0].agreement is None and "metrics" not in found.hashes
    html = page.html(found)
    assert "Objective metrics" not in html and "What the metrics are" not in html and "metric" not in found.methods


def test_alike_metrics_stand_together_behind_the_ratings() -> None:
    names = ["rating", "a1", "b1", "a2", "b2", "none"]
    close = pd.DataFrame(0.1, index=names, columns=pd.Index(names))
    close.loc["rating", ["a1", "a2"]] = close.loc[["a1", "a2"], "rating"] = 0.8
    for first, second in (("a1", "a2"), ("b1", "b2")):
        close.loc[first, second] = close.loc[second, first] = 0.9
    close.loc["none"] = close["none"] = np.nan
    np.fill_diagonal(close.to_numpy(), 1)
    order = alike(close)
    assert order[0] == "rating" and sorted(order) == sorted(names)
    assert abs(order.index("a1") - order.index("a2")) == abs(order.index("b1") - order.index("b2")) == 1
    text = matrix(-close, {name: f"<{name}>" for name in names}).svg()
    assert "&lt;a1&gt;" in text and ">−.90<" in text and "nan" not in text
    assert text.count("var(--anchor") == 10, "a cell for each pair that has a number"


def test_of_many_metrics_the_matrix_shows_the_best_and_no_name_is_cut() -> None:
    names = [f"m{number}" for number in range(30)]
    values = np.linspace(1, 0, 30)
    means = np.array([[np.nan, *values], *[[value, *np.full(30, 0.5)] for value in values]])
    close = pd.DataFrame(means, index=["rating", *names], columns=pd.Index(["rating", *names]))
    shuffled = ["rating", *np.random.default_rng(1).permutation(names)]
    none = dict.fromkeys([field.name for field in dataclasses.fields(MetricRow)], 0.5)
    ranked = tuple(
        MetricRow(**{**none, "metric": name, "label": f"A metric with a long name, {name}"}) for name in names
    )
    cells = pd.DataFrame({"item": ["i"] * 3, "condition": list("abc"), "rating": [10.0, 50, 90]})
    cells = cells.assign(**dict.fromkeys(names, np.arange(3.0)))
    rows = Agreement("", "m0", 1.0, 0.9, ranked, (), (), (), (), (), (), 1000)
    known = {name: Metric(name, name, "", "higher", "") for name in names}
    study = SimpleNamespace(roles=dict.fromkeys("abc", "system"))
    beside = Compared(rows, cells, close.loc[shuffled, shuffled])
    drawn = of_metrics(beside, Numbers(pd.DataFrame(), known, ()), study)  # type: ignore[arg-type]
    assert len(drawn["scatters"]) == 6
    (shown,) = drawn["correlations"]
    axes = shown.figure.axes[0]
    texts = {text.get_text(): text for text in axes.texts if "metric" in text.get_text()}
    assert {text.split()[-1] for text in texts} == set(names[:24])
    shown.svg()
    right = shown.figure.bbox.x1
    assert max(text.get_window_extent().x1 for text in texts.values()) <= right


def test_means_of_a_metric_that_is_best_near_zero_are_of_its_magnitude() -> None:
    errors = {"ours": [-1.0, 1.0, 2.0], "theirs": [-6.0, 6.0, 6.0], "classic": [9.0, -9.0, 9.0]}
    heard = pd.DataFrame([{"item": f"i{k}", "condition": name} for k in range(3) for name in errors])
    rated = heard.assign(listener="L", replicate=0, rating=np.arange(9.0) * 7 % 11)
    found = [row(f"i{k}", name, "lag", own[k]) for name, own in errors.items() for k in range(3)]
    lag = {"lag": Metric("lag", "Lag", "ms", "zero", "")}
    rows = compared(rated, Numbers(table.frame_of(found), lag, ()), None).rows.conditions
    assert {one.condition: one.value for one in rows} == pytest.approx({"ours": 4 / 3, "theirs": 6, "classic": 9})


LONG = "A system or a metric with a name that is too long for a figure, "


@pytest.mark.parametrize("count", [2, 24])
def test_names_of_any_length_leave_room_for_the_matrix(count: int) -> None:
    names = [f"{LONG}{number:02d}" for number in range(count)]
    index = ["rating", *names]
    close = pd.DataFrame(0.5, index=index, columns=pd.Index(index))
    drawing = matrix(close, {name: name for name in index})
    drawing.svg()
    texts = [text for text in drawing.figure.axes[0].texts if "…" in text.get_text()]
    assert len({text.get_text() for text in texts}) == count, "still different"
    assert max(text.get_window_extent().x1 for text in texts) <= drawing.figure.bbox.x1


def test_long_names_of_conditions_are_shortened_and_lines_end_at_them() -> None:
    conditions = [f"{LONG[:36]}{number:02d}" for number in range(12)]
    cells = pd.DataFrame({"item": "i", "condition": conditions, "rating": np.linspace(5, 9, 12), "m": np.full(12, 1.0)})
    (drawing,) = scatters(cells, [Metric("m", LONG, "dB", "higher", "")], dict.fromkeys(conditions, "system"))
    drawing.svg()
    axes = drawing.figure.axes[0]
    names = [text for text in axes.texts if isinstance(text, Annotation)]
    assert len({name.get_text() for name in names}) == 12
    for name in names:
        extent = Text.get_window_extent(name)
        assert len(name.get_text()) == 18 and extent.x1 <= drawing.figure.bbox.x1
        assert name.arrow_patch is not None and name.arrow_patch.get_window_extent().x1 <= extent.x0
    assert axes.bbox.width > drawing.figure.bbox.width / 3


@pytest.mark.parametrize("long", [LONG, "M" * 60])
def test_the_forest_holds_long_names_and_has_no_line_where_there_is_no_interval(long: str) -> None:
    half = dict.fromkeys([field.name for field in dataclasses.fields(MetricRow)], 0.5)
    none = {"spearman_low": None, "spearman_high": None}
    rows = [MetricRow(**{**half, **none, "label": f"{long}{number}"}) for number in range(3)]  # type: ignore[arg-type]
    drawing = forest(rows, 0.93)
    drawing.svg()
    axes = drawing.figure.axes[0]
    for text in (axes.xaxis.label, *axes.get_yticklabels()):
        extent = text.get_window_extent()
        assert extent.x0 >= 0 and extent.x1 <= drawing.figure.bbox.x1
    assert axes.bbox.width > drawing.figure.bbox.width / 7
    chance, ceiling, *of_metrics = axes.get_lines()
    assert [list(line.get_xdata()) for line in (chance, ceiling)] == [[0, 0], [0.93, 0.93]]
    assert all(np.isnan(np.asarray(line.get_xdata(), float)).all() for line in of_metrics[::3])


@pytest.mark.parametrize(("better", "rightmost"), [("higher", 3.0), ("lower", -4.0), ("zero", 1.0)])
def test_good_values_lie_to_the_right(better: Any, rightmost: float) -> None:
    cells = pd.DataFrame({"item": ["i"] * 3, "condition": list("abc"), "rating": [10, 50, 90], "m": [-4.0, 1.0, 3.0]})
    (drawing,) = scatters(cells, [Metric("m", "Metric", "dB", better, "")], dict.fromkeys("abc", "system"))
    axes = drawing.figure.axes[0]
    line = axes.get_lines()[0]
    xs = np.asarray(line.get_xdata())
    assert len(xs) == 3, "one item, one line"
    right = max(xs, key=lambda x: axes.transData.transform((x, 0))[0])
    assert right == rightmost and drawing.name == "m"
    assert axes.get_title(loc="left") == ("|Metric|" if better == "zero" else "Metric")


def test_sounds_that_lack_the_same_for_the_same_reason_stand_together() -> None:
    known = {name: Metric(name, name.upper(), "", "higher", "") for name in ("a", "b")}
    lacking = [
        ("i", "x", "a", "silent"),
        ("i", "x", "b", "silent"),
        ("j", "x", "a", "silent"),
        ("k", "x", "a", "silent"),
    ]
    frame = table.frame_of(row(i, c, m, None, reason=why, family="mine") for i, c, m, why in lacking)
    found = measured(Numbers(frame, known, ()))
    assert [(one.metrics, one.sounds) for one in found.missing] == [("", "i, x"), ("A", "j, x; k, x")]
    assert found.valid == {} and [one.family for one in found.known] == ["mine", "mine"]

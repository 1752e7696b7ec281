"""``mushra plan``: what it prints and writes, and what it says of what it can't use."""

from __future__ import annotations

import itertools
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from analysis.errors import AnalysisError
from analysis.planning.cli import plan
from analysis.planning.given import pilot
from analysis.statistics.planning import power
from analysis.statistics.planning.components import PRESETS, Components, of_pilot
from analysis.statistics.planning.monte_carlo import simulated_power
from analysis.statistics.planning.simulate import simulate
from analysis.statistics.planning.trials import Trials

EXPERIMENT = """
[experiment]
name = "planned"
title = "Planned"
[[attributes]]
name = "overall"
question = "How good?"
[songs]
layout = "pairs"
root = "."
[analysis]
inference = "items in general"
listeners = 20
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(plan, list(arguments), catch_exceptions=False)


def experiment(folder: Path, more: str = "", items: int = 5, systems: int = 2, item: str = "") -> Path:
    excerpt = "excerpt = { start_s = 1, length_s = 10 }"
    text = EXPERIMENT + more
    text += "".join(f'[[items]]\nsong = "s{n}"\n{excerpt}\n{item}\n' for n in range(items))
    text += "".join(f'[[systems]]\nname = "m{n}"\nkind = "files"\npath = "m{n}/{{song}}.wav"\n' for n in range(systems))
    path = folder / "experiment.toml"
    path.write_text(text)
    return path


def test_the_table_is_printed_and_the_better_paying_count_named() -> None:
    told = run("--components", "sisec08", "--listeners", "20,10", "--items", "5,8,12").output
    assert re.search(r"listeners +5 items +8 items +12 items\n +10 +20.8 +14.8 +11.7\n +20 +20.5 +14.4 +11.2\n", told)
    assert "With 20 listeners and 8 items the smallest difference found with 80 % power is 14.4 points" in told
    assert "half as many items again (12) 11.2: more items pay." in told
    assert "SEBASS-DB" in told
    for_these = run("--components", "moderate", "--inference", "these items").output
    assert "more listeners pay" in for_these and "exactly these items" in for_these


def test_a_file_gives_counts_claim_and_margin_and_hears_whether_they_suffice(tmp_path) -> None:
    path = experiment(tmp_path, "equivalence_margin = 6\n")
    told = run(str(path), "--components", "moderate").output
    assert "With 20 listeners and 5 items the smallest difference found with 80 % power is 11.0 points" in told
    assert "equivalent within 6 points with a power of" in told
    assert re.search(r" +5 items +8 items +10 items\n +20 ", told)
    enough = run(str(path), "--components", "moderate", "--difference", "11.1").output
    assert "A difference of 11.1 points is found with a power of 81 %: the plan suffices." in enough


def test_the_counts_that_would_do_are_the_smallest_that_do(tmp_path) -> None:
    told = run(str(experiment(tmp_path)), "--components", "moderate", "--difference", "8").output
    found = re.search(r"does not suffice; (\d+) items with 20 listeners would do", told)
    assert found
    components, enough = PRESETS["moderate"].components, int(found[1])
    assert power.power(components, Trials(20, enough), 8) >= 0.8 > power.power(components, Trials(20, enough - 1), 8)


def test_a_file_with_incomplete_pages_parts_of_items_and_many_contrasts(tmp_path) -> None:
    path = experiment(tmp_path, "[test]\nsystems_per_page = 3\nitems_per_listener = 4\n", items=8, systems=6)
    told = run(str(path), "--components", "moderate", "--out", str(tmp_path / "plan.json")).output
    assert "15 contrasts are tested together" in told and "Each page holds 3 of 6 systems" in told
    assert "Each listener hears 4 of the 8 items." in told
    found = json.loads((tmp_path / "plan.json").read_text())
    base = Trials(20, 8, systems=6, per_page=3, per_listener=4)
    least = power.smallest_difference(PRESETS["moderate"].components, base, claim=power.Claim(contrasts=15))
    own = [row for row in found["rows"] if (row["listeners"], row["items"]) == (20, 8)]
    assert [row["difference"] for row in own] == [pytest.approx(least)]


def test_a_contrast_on_one_target_rests_on_its_items_and_one_across_data_sets_is_left_out(tmp_path) -> None:
    excerpt = "excerpt = { start_s = 1, length_s = 10 }"
    contrasts = '["m0 - m1 on target=vocals", "m0 on dataset=a - m0 on dataset=b"]'
    text = experiment(tmp_path, f"contrasts = {contrasts}\n", items=0).read_text()
    where = [("vocals", "a"), ("vocals", "b"), ("vocals", "a"), ("drums", "a")]
    text += "".join(
        f'[[items]]\nsong = "s{n}"\n{excerpt}\ntarget = "{target}"\ndataset = "{dataset}"\n'
        for n, (target, dataset) in enumerate(where)
    )
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    told = run(str(path), "--components", "moderate").output
    assert "With 20 listeners and 3 items" in told
    assert "m0 on dataset=a - m0 on dataset=b compares different items or listeners and is not planned for" in told
    assert "contrasts are tested together" not in told


def test_all_forms_are_written_say_the_same_and_are_the_same_twice(tmp_path) -> None:
    wanted = (
        "--components",
        "moderate",
        "--margin",
        "8",
        "--difference",
        "9",
        "--listeners",
        "10,20",
        "--items",
        "5,8",
    )
    for form in ("html", "svg", "json", "csv"):
        first, second = (tmp_path / f"{name}.{form}" for name in ("first", "second"))
        for path in (first, second):
            assert f"wrote {path}" in run(*wanted, "--out", str(path)).output
        assert first.read_bytes() == second.read_bytes()
    rows = pd.read_csv(tmp_path / "first.csv")
    told = json.loads((tmp_path / "first.json").read_text())
    assert told["schema"] == 1 and told["claim"]["alpha"] == 0.05 and "equivalence_power" in rows
    assert rows["difference"].tolist() == pytest.approx([row["difference"] for row in told["rows"]], rel=1e-5)
    page = (tmp_path / "first.html").read_text()
    for row in told["rows"]:
        assert f"<td>{row['difference']:.1f}</td>" in page
    assert all(sentence in page for sentence in told["conclusion"])
    assert "http" not in re.sub(r'"http://www.w3.org[^"]*"', "", page)
    assert not list(tmp_path.glob(".*.part"))


def test_the_figures_lines_end_where_the_table_says(tmp_path) -> None:
    """Heights of the marks, from the axis' ticks: 5 and 8 items at 10 and 20 listeners."""
    run("--components", "sisec08", "--listeners", "10,20", "--items", "5,8", "--out", str(tmp_path / "plan.svg"))
    root = ET.fromstring((tmp_path / "plan.svg").read_text())
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"5 items", "8 items", "10", "20", "listeners"} <= set(texts)
    uses = [
        (float(use.get("x", 0)), float(use.get("y", 0)))
        for group in root.iter("{http://www.w3.org/2000/svg}g")
        if (group.get("id") or "").startswith("line2d")
        for use in group.iter("{http://www.w3.org/2000/svg}use")
    ]
    marks = [point for point in uses if point[1] < max(y for _, y in uses) - 1]
    components = PRESETS["sisec08"].components
    heights = {
        (people, items): power.smallest_difference(components, Trials(people, items))
        for people, items in itertools.product((10, 20), (5, 8))
    }
    top, bottom = min(y for _, y in marks), max(y for _, y in marks)
    scale = (bottom - top) / (max(heights.values()) - min(heights.values()))
    drawn = sorted((x, top + (max(heights.values()) - height) * scale) for x, height in zip(
        [min(x for x, _ in marks)] * 2 + [max(x for x, _ in marks)] * 2, heights.values(), strict=True))  # fmt: skip
    assert sorted({(round(x, 2), round(y, 2)) for x, y in drawn}) == sorted(
        {(round(x, 2), round(y, 2)) for x, y in marks}
    )


def test_a_simulation_stands_beside_the_table_and_hangs_on_its_seed_only(tmp_path) -> None:
    asked = ("--components", "moderate", "--listeners", "8", "--simulate", "12")
    both, alone = (tmp_path / name for name in ("both.csv", "alone.csv"))
    told = run(*asked, "--items", "4,5", "--seed", "3", "--out", str(both)).output
    assert "Share of 12 simulated tests that found that difference (seed 3)" in told
    run(*asked, "--items", "4", "--seed", "3", "--out", str(alone))
    shares = [pd.read_csv(path)["simulated_power"] for path in (both, alone)]
    assert shares[0].iloc[0] == shares[1].iloc[0] and shares[0].between(0.3, 1).all()


def test_a_pilot_gives_back_the_components_it_was_simulated_with(tmp_path) -> None:
    truth = Components(7, 5, 4, 6, 8, 9)
    means = dict.fromkeys("abcdef", 50.0)
    frame = simulate(truth, Trials(40, 30, systems=6), means, seed=9)
    path = tmp_path / "pilot.csv"
    frame.to_csv(path, index=False)
    found, source = pilot(path)
    assert found == of_pilot(frame) and source.startswith("estimated from 7200 ratings of pilot.csv (40 listeners")
    assert found.residual == pytest.approx(9, rel=0.03)
    assert found.listener_condition == pytest.approx(6, rel=0.2)
    assert found.item_condition == pytest.approx(8, rel=0.2)
    assert "estimated from" in run("--pilot", str(path)).output


def test_what_is_no_rating_of_a_system_is_no_part_of_a_pilot(tmp_path) -> None:
    frame = simulate(Components(7, 5, 4, 6, 8, 9), Trials(10, 6, systems=3), dict.fromkeys("abc", 50.0), seed=9)
    frame = frame.assign(role="system", training="false", finished="true")
    plain, mixed = tmp_path / "plain.csv", tmp_path / "mixed.csv"
    frame.to_csv(plain, index=False)
    others = [
        frame.assign(**{column: value, "rating": 100, "item": "other"})
        for column, value in (
            ("role", "anchor"),
            ("role", "hidden_reference"),
            ("training", "true"),
            ("finished", "false"),
        )
    ]
    empty = frame.assign(rating="", listener="nobody")
    pd.concat([frame, *others, empty]).to_csv(mixed, index=False)
    assert pilot(mixed)[0] == pilot(plain)[0]


@pytest.mark.parametrize(("preset", "name"), [("compressor2024", "s4_drc"), ("codec2024", "bvrnn_codec")])
def test_presets_of_published_ratings_are_their_mixed_models(shared: Path, preset: str, name: str) -> None:
    folder = shared / "data" / "ratings" / name
    ratings = pd.read_csv(folder / "ratings_long.csv", dtype={"listener": str, "item": str, "kept_by_publisher": str})
    if "kept_by_publisher" in ratings:
        systems = ~ratings["condition"].isin(["Reference", "Anchor"])
        ratings = ratings[systems & (ratings["kept_by_publisher"] == "True")]
    found, expected = of_pilot(ratings), PRESETS[preset].components
    for part in vars(expected):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), rel=0.005, abs=0.01), part


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("sisec08", "sisec08 9 systems"),
        ("ward2018-quality", "ward2018 quality systems"),
        ("ward2018-interferer", "ward2018 interferer systems"),
    ],
)
def test_presets_of_published_figures_are_these_figures(shared: Path, preset: str, name: str) -> None:
    expected = json.loads((shared / "data" / "ratings" / "variance_components.json").read_text())[name]["sd"]
    renamed = {"item_condition": "system_in_item"} if "system_in_item" in expected else {}
    for part, value in vars(PRESETS[preset].components).items():
        assert value == pytest.approx(expected.get(renamed.get(part, part), 0), rel=0.003), part


PLANS = {
    "complete": Trials(14, 6, systems=3),
    "incomplete blocks": Trials(24, 8, systems=6, per_page=3),
    "two targets": Trials(16, 12, targets=2),
    "half of the items each": Trials(20, 12, per_listener=6),
}


def closed_form_and_simulation(name: str, runs: int) -> tuple[float, float]:
    """Simulated power at the difference that the closed form gives, and its standard error were it 0.8."""
    components, trials = Components(7, 5, 5, 6, 8, 9), PLANS[name]
    least = power.smallest_difference(components, trials)
    found = simulated_power(components, trials, least, runs=runs, rng=np.random.default_rng(4))
    return found, (0.8 * 0.2 / runs) ** 0.5


@pytest.mark.parametrize("name", ["complete", "incomplete blocks"])
def test_the_closed_form_holds_in_small_simulations(name: str) -> None:
    """60 tests by the package's own contrast; the long version has 1,500."""
    found, error = closed_form_and_simulation(name, 60)
    assert abs(found - 0.8) < 3 * error + 0.02


@pytest.mark.proof
@pytest.mark.parametrize("name", PLANS)
def test_the_closed_form_holds_in_long_simulations(name: str) -> None:
    found, error = closed_form_and_simulation(name, 1500)
    assert abs(found - 0.8) < 3 * error + 0.02


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing says how far ratings scatter"),
        (("--components", "sisec"), "found 'sisec'; expected one of sisec08"),
        (("--components", "sisec08", "--pilot", "x.csv"), "expected one of them"),
        (("--sd", "residual=9"), "--sd: listener_condition, item_condition is missing"),
        (("--sd", "noise=9"), "--sd: found 'noise=9'; expected name=points"),
        (("--sd", "residual=many"), "--sd: found 'residual=many'"),
        (("--components", "moderate", "--listeners", "10;20"), "--listeners: found '10;20'; expected whole numbers"),
        (("--components", "moderate", "--items", "1"), "--items: found '1'"),
        (("--components", "moderate", "--systems-per-page", "3"), "say of how many with --systems"),
        (("--components", "moderate", "--systems", "3", "--systems-per-page", "4"), "found 4; expected 2 to 3"),
        (("--components", "moderate", "--targets", "4"), "items: found 5 for 4 targets"),
        (("--components", "moderate", "--power", "80"), "power: found 80.0"),
        (("--components", "moderate", "--out", "plan.pdf"), "expected a name that ends with .html"),
        (("--components", "moderate", "--out", "nowhere/plan.csv"), "nowhere/plan.csv: can't be written"),
        (("--pilot", "missing.csv"), "missing.csv: no such file"),
    ],
)
def test_what_can_not_be_used_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(AnalysisError, match=re.escape(message)):
        run(*arguments)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--margin", "-3"), ("--difference", "0"), ("--difference", "nan"), ("--contrasts", "0"), ("--seed", "-1")],
)
def test_a_number_that_is_none_is_refused_with_its_option(option: str, value: str) -> None:
    said = run("--components", "moderate", option, value)
    assert said.exit_code == 2 and f"Invalid value for '{option}'" in said.output and value in said.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="item"), "the columns item are missing"),
        (lambda frame: frame.assign(rating="good"), "line 2: rating: found 'good'; expected a number"),
        (lambda frame: frame.assign(attribute=["a", "b"] * (len(frame) // 2)), "several attributes (a, b)"),
        (lambda frame: frame[frame["condition"] == "a"], "1 condition in 24 ratings"),
        (lambda frame: frame.assign(rating=50), "all 48 ratings are equal"),
    ],
)
def test_what_is_no_pilot_is_said(tmp_path, change, message: str) -> None:
    frame = simulate(PRESETS["moderate"].components, Trials(6, 4), {"a": 50, "b": 60}, seed=1)
    path = tmp_path / "pilot.csv"
    change(frame).to_csv(path, index=False)
    with pytest.raises(AnalysisError, match=re.escape(message)):
        pilot(path)

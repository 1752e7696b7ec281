"""The README keeps up with the code: every command, every setting and every key of the experiment file is named."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path

import bench_systems
import pytest
from pydantic import BaseModel

from mushra_app.cli import table
from mushra_app.config import Settings
from mushra_app.study.recruiting import Recruiting
from mushra_app.study.study_cli import study
from stimuli.experiment import ExclusionRule, Experiment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def models(kind: object) -> list[type[BaseModel]]:
    """Every model inside a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind] + [model for field in kind.model_fields.values() for model in models(field.annotation)]
    return [model for argument in typing.get_args(kind) for model in models(argument)]


def test_every_command_is_named(readme) -> None:
    for name in table():
        assert f"mushra {name}" in readme, name


def test_every_setting_is_named(readme) -> None:
    for name in Settings.model_fields:
        assert f"`{name}`" in readme, name


def test_every_command_on_a_study_and_every_setting_of_its_recruiting_is_named(readme) -> None:
    rows = [line for line in readme.splitlines() if line.startswith("| `mushra study ")]
    for name, command in study.commands.items():
        row = next((row for row in rows if re.search(rf"(?:`|study ){name}\b", row)), "")
        assert row, name
        for option in command.params:
            flag = option.opts[-1]
            assert not flag.startswith("--") or flag == "--data" or f"`{flag}" in row or f"{flag} " in row, (name, flag)
    for name in Recruiting.model_fields:
        assert f"`{name}`" in readme, name


def test_every_key_of_the_experiment_file_is_named(readme) -> None:
    part = readme[readme.index("## The experiment file") :]
    for model in models(Experiment):
        for key in model.model_fields:
            assert f"`{key}`" in part or f"[{key}]" in part, (model.__name__, key)


def test_every_kind_of_system_and_anchor_is_named(readme) -> None:
    for model in models(Experiment):
        if "kind" in model.model_fields:
            (kind,) = typing.get_args(model.model_fields["kind"].annotation)
            assert kind in readme, kind


def test_the_benchs_table_is_the_last_result_and_its_limits_hold(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/stimuli.json").read_text())
    for ratio in result["ratios"].values():
        assert f"| {ratio} |" in readme
    assert all(result["ratios"][name] <= limit for name, limit in result["at_most"].items())
    assert all(result["ratios"][name] >= limit for name, limit in result["at_least"].items())
    assert result["song_s"] == 240 and result["machine"]["python"] in readme


def test_the_pages_table_is_the_last_result_and_its_limits_hold(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/page.json").read_text())
    ratios, limits = result["ratios"], result["at_most"]
    assert f"| {ratios['page / floor']} | {limits['page / floor']} |" in readme
    assert f"| {ratios['visit / floor']} | |" in readme
    assert f"| {ratios['requests']}, {ratios['bytes']} | {limits['requests']}, {limits['bytes']} |" in readme
    assert all(ratios[name] <= limit for name, limit in limits.items())
    assert (result["sounds"], result["sound_s"]) == (9, 12) and result["repeats"] >= 5


def test_pictures_are_there_and_the_workplace_is_not_named(readme) -> None:
    for picture in re.findall(r"\]\((docs/[^)]+)\)", readme):
        assert (ROOT / picture).is_file(), picture
    assert "shared/" not in readme


def test_every_rule_of_exclusion_is_named(readme) -> None:
    for rule in typing.get_args(ExclusionRule):
        assert f"`{rule}`" in readme, rule


def test_the_table_of_statistics_is_the_last_result_and_its_limits_hold(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/statistics.json").read_text())
    ratios = result["ratios"]
    assert f"| {ratios['statsmodels / ours']} times as fast |" in readme
    assert f"| {ratios['ours / lme4']} of its time |" in readme
    assert f"| {ratios['report, s']} s, {ratios['report, peak in GB']} GB |" in readme
    assert all(ratios[name] <= limit for name, limit in result["at_most"].items())
    assert all(ratios[name] >= limit for name, limit in result["at_least"].items())


def test_the_table_of_metrics_is_the_last_result_and_its_limits_hold(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/metrics.json").read_text())
    ratios = result["ratios"]
    for name, case in result["cases"].items():
        told = (ratios[f"{what}, {name}"] for what in ("museval / ours", "memory, ours / museval", "memory in GB"))
        assert "| {} | {} | {} GB |".format(*told) in readme
        assert case["repeats"] >= 3, name
    assert all(ratios[name] <= limit for name, limit in result["at_most"].items())
    assert all(ratios[name] >= limit for name, limit in result["at_least"].items())


def test_the_table_of_systems_is_the_last_results_and_their_limits_hold(readme) -> None:
    found = [json.loads((ROOT / f"tests/bench/results/{name}.json").read_text()) for name in ("separators", "low_rank")]
    (similar, ranks) = (one["ratios"] for one in found)
    earliest, nearest = (similar[f"librosa / ours, {kept}, 30 s"] for kept in ("earliest", "nearest"))
    assert f"| {earliest} (`nearest`: {nearest}) |" in readme and f"| {ranks['full SVD / RPCA, 60 s']} |" in readme
    for one in found:
        assert all(one["ratios"][name] >= limit for name, limit in one["at_least"].items())


def test_spleeters_network_is_as_fast_as_is_said(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/spleeter.json").read_text())
    ratios = result["ratios"]
    said = "takes {} of the CPU time and {} of the memory".format(*ratios.values())
    assert said in readme and list(ratios) == ["CPU time, ours / package", "memory, ours / package"]
    assert all(ratios[name] <= limit for name, limit in result["at_most"].items()) and result["repeats"] >= 5


def test_streaming_is_as_fast_as_is_said(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/streaming.json").read_text())
    factors, promised = result["real_time_factor"], result["ratios"]["real-time factor, blocks of 2048"]
    for said in (f"{promised} of real time on two cores in blocks of 2048", f"at {factors['512']} in blocks of 512"):
        assert said in " ".join(readme.split())
    assert promised < 1 and result["threads"] == 2 and result["repeats"] >= 5
    assert f"{result['parameters']:,} parameters" in readme
    assert all(error < 1e-5 for error in result["relative_error"].values())


@pytest.mark.parametrize(("name", "song"), [("training", "Escape"), ("training_feelings", "Feelings")])
def test_what_training_reached_is_the_last_result(readme, name, song) -> None:
    result = json.loads((ROOT / f"tests/bench/results/{name}.json").read_text())
    for heard, label in ((result["tested"], song), ("Falcon 69", f"Falcon 69, trained for {song}")):
        scores = [seed["si_sdr_db"][heard] for seed in result["seeds"]]
        cells = [scores[0][one] for one in ("mixture", "centre_cancellation", "static_wiener", "repet")]
        trained = ", ".join(f"{one['trained']:.2f}" for one in scores)
        assert f"| {label} | {' | '.join(f'{one:.2f}' for one in cells)} | {trained} |" in readme
    assert len(result["seeds"]) == 3 and result["passed"]


def test_the_table_of_every_system_is_the_last_result(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/systems.json").read_text())
    assert bench_systems.table(result) in readme
    runnable, left = bench_systems.chosen()
    assert list(result["systems"]) == runnable and result["not_run"].keys() == left.keys()


def test_what_is_said_of_validity_is_the_last_result(readme) -> None:
    result = json.loads((ROOT / "tests/bench/results/validity.json").read_text())
    found = [shares["primary"] for shares in result["patterns"].values()]
    assert f"at most {100 * max(own['false positives'] for own in found):.1f} % of them different" in readme
    coverage = [own["coverage"] for own in found]
    assert f"{100 * min(coverage):.1f} to {100 * max(coverage):.1f} %" in readme
    assert f"for each of {len(found)} patterns" in readme

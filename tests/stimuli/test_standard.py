"""Every rule of the standard, each with an experiment or a set that breaks just that one."""

from __future__ import annotations

import pytest
from small_world import ANCHORS, HEAD, SYSTEMS

from stimuli import experiment, standard
from stimuli.build import build


def items(count: int, length_s: float = 10.0, training: bool = True) -> str:
    entry = '[[items]]\nsong = "S"\nname = "item {n}"\nexcerpt = {{ start_s = 0, length_s = {length} }}\n{use}\n'
    return "".join(
        entry.format(n=n, length=length_s, use='use = "both"' if training and n == 0 else "") for n in range(count)
    )


GOOD = {"items": items(6), "systems": SYSTEMS, "anchors": ANCHORS, "more": "[test]\nreplicates = 1\n"}
MANY = "".join(f'[[systems]]\nname = "s{n}"\nkind = "repet"\n' for n in range(9))


def broken(tmp_path, **change: str) -> set[str]:
    parts = GOOD | change
    path = tmp_path / "experiment.toml"
    path.write_text(HEAD + parts["items"] + parts["systems"] + parts["anchors"] + parts["more"])
    return {result.rule for result in standard.check_experiment(experiment.load(path)) if not result.passed}


def test_a_good_experiment_breaks_none(tmp_path) -> None:
    assert broken(tmp_path) == set()


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("hidden-signals", {"systems": MANY, "items": items(14)}),
        (
            "lowpass-anchors",
            {"anchors": ANCHORS.replace("7000", "3500").replace("3500", "7000", 1).split("[[anchors]]")[0]},
        ),
        ("items", {"items": items(4)}),
        ("items-per-system", {"systems": MANY[: MANY.index('[[systems]]\nname = "s5"')], "items": items(7)}),
        ("excerpt-length", {"items": items(6, length_s=12.5)}),
        ("training", {"items": items(6, training=False)}),
        ("replicates", {"more": ""}),
    ],
)
def test_each_rule_is_broken_alone(tmp_path, rule, change) -> None:
    assert broken(tmp_path, **change) == {rule}


def test_twelve_hidden_signals_are_allowed_and_thirteen_are_not(tmp_path) -> None:
    eight = MANY[: MANY.index('[[systems]]\nname = "s8"')]
    assert "hidden-signals" not in broken(tmp_path, systems=eight, items=items(14))


def test_a_broken_rule_says_what_it_found_and_what_to_do(tmp_path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(HEAD + items(3) + SYSTEMS)
    results = {result.rule: result for result in standard.check_experiment(experiment.load(path))}
    assert results["items"].message == "3 items in the test; add items: at least 5"
    assert results["lowpass-anchors"].message.startswith("no low-pass anchor at 3.5 kHz and 7 kHz; add [[anchors]]")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("same-format", {"frames": 1}),
        ("true-peak", {"true_peak_dbtp": 0.3}),
        ("reference-loudness", {"lufs_after": -30.0}),
    ],
)
def test_each_rule_of_a_set(write_experiment, rule, change) -> None:
    made = build(write_experiment(), write_experiment().parent / "set", jobs=1, progress=False)
    assert all(result.passed for result in standard.check_set(made.clips))
    spoiled = (made.clips[0].model_copy(update=change), *made.clips[1:])
    assert [result.rule for result in standard.check_set(spoiled) if not result.passed] == [rule]
    assert {result.rule for result in made.rules} >= {rule, "lowpass-anchors"}

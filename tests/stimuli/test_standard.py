"""Every rule of the standard about an experiment, each with one that breaks just that rule."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from small_world import ANCHORS, HEAD, SYSTEMS

from stimuli import experiment
from stimuli.experiment import Experiment
from stimuli.manifest import RuleResult
from stimuli.standard.check import check_experiment
from stimuli.standard.design import EXPERIMENT_RULES
from stimuli.standard.rule import listed


def items(
    count: int, *, length_s: float = 10.0, use: str = "both", name: str = "item", found: str = "start_s = 0"
) -> str:
    """Entries called ``name 0``, ``name 1`` …; ``found`` is how their excerpts are."""
    excerpt = f"{{ {found}, length_s = {length_s} }}"
    return "".join(
        f'[[items]]\nsong = "S"\nname = "{name} {n}"\nexcerpt = {excerpt}\nuse = "{use}"\n' for n in range(count)
    )


def repets(count: int) -> str:
    return "".join(f'[[systems]]\nname = "s{n}"\nkind = "repet"\n' for n in range(count))


REPLICATES = "[test]\nreplicates = 1\n"
GOOD = {"head": HEAD, "items": items(6), "systems": SYSTEMS, "anchors": ANCHORS, "more": REPLICATES}
IN_TURN = "items_per_listener = {items}\nsystems_per_page = {systems}\n"
LOUD = '[[attributes]]\nname = "loud"\nquestion = "How loud?"\n\n'
OWN_LABELS = 'question = "How good?"\nlabels = ["a", "b", "c", "d", "e"]'
HIDDEN_ONLY = '[analysis]\nexclude = ["bs1534-hidden-reference"]\n'
UNTRAINED = items(7, use="test", found="start_s = 20", name="new")


def loaded(folder: Path, **change: str) -> Experiment:
    parts = GOOD | change
    path = folder / "experiment.toml"
    path.write_text("".join(parts[name] for name in ("head", "items", "systems", "anchors", "more")), encoding="utf-8")
    return experiment.load(path)


def broken(results: Iterable[RuleResult]) -> dict[str, RuleResult]:
    return {result.rule: result for result in results if not result.passed}


def test_a_good_experiment_breaks_none(tmp_path) -> None:
    results = check_experiment(loaded(tmp_path))
    assert broken(results) == {}
    assert [result.rule for result in results] == [rule.id for rule in EXPERIMENT_RULES]


EXPERIMENTS: list[tuple[str, dict[str, str], str]] = [
    (
        "hidden-signals",
        {"systems": repets(10), "items": items(15)},
        r"14 hidden signals per trial, room for 8 systems beside reference and anchors; set test\.systems_per_page",
    ),
    (
        "linked-systems",
        {"systems": repets(12), "items": items(18), "more": REPLICATES + IN_TURN.format(items=5, systems=2)},
        r"5 pages of 2 of 12 systems for each listener, at least 11 are needed to link them; give listeners more items",
    ),
    (
        "open-reference",
        {"more": '[test]\nreplicates = 1\nreferences = ["mixture"]\n'},
        r'heard openly: mixture, no reference; add "reference" to test\.references',
    ),
    (
        "switching",
        {"more": REPLICATES + 'switching = "crossfade"\n'},
        r'sounds are cross-faded into one another; set test\.switching = "bs1534", or call it',
    ),
    (
        "lowpass-anchors",
        {"anchors": ANCHORS.replace("7000", "10000")},
        r"no low-pass anchor at 7 kHz; add \[\[anchors\]\]",
    ),
    ("items", {"items": items(4)}, r"4 items in the test; add items: at least 5"),
    (
        "items-per-system",
        {"systems": repets(5), "items": items(7)},
        r"7 items for 5 systems, about 7\.5 are wanted; add items",
    ),
    (
        "excerpt-length",
        {"items": items(6) + items(1, length_s=12.5, name="long")},
        r"longer than 12 s: long 0 \(12\.5 s\); cut them to about 10 s",
    ),
    (
        "excerpts-by-outputs",
        {"items": items(6) + items(1, found='rule = "disagreement"', name="told")},
        r"chosen by where the systems' outputs disagree: told 0; such items can't speak for items in general",
    ),
    ("training", {"items": items(6, use="test")}, r'no item is used for training; give an item use = "training"'),
    (
        "training-covers",
        {"items": items(1) + UNTRAINED},
        r'rated, and not heard in training: new 0, new 1, new 2, new 3, new 4 and 2 more; give them use = "both"',
    ),
    ("replicates", {"more": ""}, r"no trial is presented twice; set test\.replicates = 1"),
    (
        "first-attribute",
        {"head": HEAD.replace("[[attributes]]", LOUD + "[[attributes]]")},
        r"of 2 attributes the first is loud; ask for overall quality first",
    ),
    (
        "scale-labels",
        {"head": HEAD.replace('question = "How good?"', OWN_LABELS)},
        r"labels of its own: overall \(a, b, c, d, e\); leave labels out",
    ),
    (
        "fixed-gain",
        {"more": REPLICATES + '[loudness]\nmatch = "each"\n'},
        r'every system gets a gain of its own.*; set loudness\.match = "item", or say so in the test report',
    ),
    (
        "post-screening",
        {"more": REPLICATES + HIDDEN_ONLY},
        r"the plan does not exclude by bs1534-mid-anchor; add it to analysis\.exclude",
    ),
]


@pytest.mark.parametrize(("rule", "change", "sentence"), EXPERIMENTS, ids=[case[0] for case in EXPERIMENTS])
def test_each_rule_of_an_experiment_is_broken_alone(tmp_path, rule, change, sentence) -> None:
    found = broken(check_experiment(loaded(tmp_path, **change)))
    assert set(found) == {rule}
    assert re.match(sentence, found[rule].message), found[rule].message


@pytest.mark.parametrize(
    "change",
    [
        {"systems": repets(8), "items": items(12)},  # 12 hidden signals
        {"systems": repets(12), "items": items(18), "more": REPLICATES + "systems_per_page = 8\n"},  # 12 on a page
        {"systems": repets(12), "items": items(18), "more": REPLICATES + IN_TURN.format(items=11, systems=2)},
        {"items": items(5)},
        {"systems": repets(4)},  # 1.5 items each
        {"items": items(6, length_s=12.0)},
        {"items": items(1, found='rule = "energy", count = 6')},  # one entry, six items
        {"items": items(6) + items(1, use="training", found='rule = "disagreement"', name="t")},
        {"items": items(6, use="test") + items(1, use="training", name="same excerpt")},
        {"head": HEAD + LOUD.replace("loud", "clear")},  # asked second
        {"more": REPLICATES + '[loudness]\nmatch = "none"\n'},
        {"more": '[test]\nreplicates = 1\nreferences = ["mixture", "reference"]\n'},
    ],
)
def test_an_experiment_at_the_edge_of_a_rule_breaks_none(tmp_path, change) -> None:
    assert broken(check_experiment(loaded(tmp_path, **change))) == {}


def test_an_item_found_by_a_rule_is_named_as_it_will_be(tmp_path) -> None:
    made = items(1) + items(1, use="test", found='rule = "energy", count = 5', name="S")
    message = broken(check_experiment(loaded(tmp_path, items=made)))["training-covers"].message
    assert message.startswith("rated, and not heard in training: S 0 (1), S 0 (2), S 0 (3), S 0 (4), S 0 (5); ")


def test_places_are_named_once_and_at_most_five() -> None:
    assert listed(["a", "a", "b"]) == "a, b"
    assert listed("abcdef") == "a, b, c, d, e and 1 more"


def test_the_rules_need_no_numpy() -> None:
    code = "import sys, stimuli.standard.check; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
